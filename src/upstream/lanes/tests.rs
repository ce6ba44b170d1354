//! Where calls go, and that places come back.

use std::cell::Cell;

use super::*;

#[test]
fn a_pool_is_filled_before_the_next_one_and_used_again_when_calls_end() {
    let made = Cell::new(0);
    let lanes = Lanes::new(|| made.replace(made.get() + 1));
    let pool_of = |(pool, place): (&usize, Place)| (*pool, place);
    // Pools are told apart by the order in which they were made.
    let first = *lanes.take().0;
    let mut full: Vec<_> = (0..CALLS_PER_LANE).map(|_| pool_of(lanes.take())).collect();
    assert!(full.iter().all(|(pool, _)| *pool == first));
    let (second, _beyond) = pool_of(lanes.take());
    assert_ne!(second, first);
    full.pop();
    assert_eq!(
        *lanes.take().0,
        first,
        "a place that is free is taken first"
    );
}

#[test]
fn when_every_pool_is_full_calls_are_spread() {
    let lanes = Lanes::new(|| ());
    let room = CALLS_PER_LANE * (MORE_LANES + 1);
    let _places: Vec<_> = (0..room + 2 * MORE_LANES).map(|_| lanes.take().1).collect();
    let (_, more) = &*lanes.0;
    assert!(more.iter().all(|lane| lane.count() == CALLS_PER_LANE + 2));
}
