//! Where calls go, and that places come back.

use std::cell::Cell;

use super::*;

#[test]
fn a_pool_is_filled_before_the_next_one_and_used_again_when_calls_end() {
    let made = Cell::new(0);
    // Pools are told apart by the order in which they were made.
    let lanes = Lanes::new(|| made.replace(made.get() + 1));
    let first = *lanes.first();
    let mut full: Vec<_> = (0..CALLS_PER_LANE).map(|_| lanes.take()).collect();
    assert!(full.iter().all(|(pool, _)| **pool == first));
    let (second, _place) = lanes.take();
    assert_ne!(*second, first);
    full.pop();
    let (again, _place) = lanes.take();
    assert_eq!(*again, first, "a place that is free is taken first");
}

#[test]
fn when_every_pool_is_full_a_call_goes_on_without_a_place() {
    let lanes = Lanes::new(|| ());
    let room = CALLS_PER_LANE * LANES;
    let places: Vec<_> = (0..room).map(|_| lanes.take().1).collect();
    assert!(places.iter().all(Option::is_some));
    assert!(lanes.take().1.is_none());
}
