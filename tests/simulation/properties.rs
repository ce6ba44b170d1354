//! What holds whatever befalls, over many small worlds: each seed is one.
//!
//! A seed that breaks something is named by the test that fails, and belongs into [`SEEDS`] then.

use std::panic::catch_unwind;
use std::time::Duration;

use tollward_wire::fault::Fault;

use crate::chance::Dice;
use crate::site::{Nature, PATIENCE, Spell, Trouble};
use crate::world::{BREAKER, Clients, Ordering, World};

/// Seeds that found something once.
const SEEDS: [u64; 0] = [];

const LISTS: [&[&str]; 9] = [
    &["ordered"],
    &["weighted"],
    &["round_robin"],
    &["least_busy"],
    &["fastest"],
    &["cheapest"],
    &["headroom"],
    &["headroom", "fastest"],
    &["cheapest", "least_busy"],
];

const EVERYTHING: u32 = 1_000;

/// Checks a property for each of the seeds, and names those for which it does not hold.
fn for_seeds(seeds: impl Iterator<Item = u64>, holds: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let broken: Vec<u64> = seeds
        .filter(|seed| catch_unwind(|| holds(*seed)).is_err())
        .collect();
    assert!(broken.is_empty(), "seeds that break it: {broken:?}");
}

fn trouble(dice: &mut Dice) -> Trouble {
    let wait = dice
        .happens(500)
        .then(|| Duration::from_secs(1 + dice.below(20)));
    let share = *dice.pick(&[200, 500, EVERYTHING]);
    match dice.below(5) {
        0 => Trouble::Down,
        1 => Trouble::Frozen,
        2 => Trouble::Slow(2 + u32::try_from(dice.below(30)).unwrap()),
        3 => Trouble::Failing(Fault::RateLimited, wait, share),
        _ => {
            let fault = *dice.pick(&[
                Fault::Server,
                Fault::Overloaded,
                Fault::Auth,
                Fault::Quota,
                Fault::NotFound,
                Fault::Protocol,
            ]);
            Trouble::Failing(fault, None, share)
        }
    }
}

fn nature(dice: &mut Dice) -> Nature {
    let weight = u32::try_from(1 + dice.below(10)).unwrap();
    let mut nature = Nature::like(weight, 50 + dice.below(1_000));
    nature.price = i64::try_from(dice.below(2_000)).unwrap();
    nature.errors = *dice.pick(&[0, 0, 20, 200]);
    if dice.happens(200) {
        nature.capacity = u32::try_from(1 + dice.below(20)).unwrap();
    }
    nature.per_minute = dice
        .happens(200)
        .then(|| u32::try_from(1 + dice.below(60)).unwrap());
    for _ in 0..dice.below(4) {
        let from = dice.below(40);
        let until = from + 1 + dice.below(40);
        nature.spells.push(Spell::of(trouble(dice), from, until));
    }
    nature
}

fn clients(dice: &mut Dice, calls: usize) -> Clients {
    Clients {
        calls,
        between: Duration::from_millis(20 + dice.below(1_000)),
        bad: 30,
        impatient: 50,
    }
}

#[test]
fn whatever_befalls_every_call_ends_once_and_nothing_stays_behind() {
    // The world itself asserts more: that each candidate is in each plan, that no call is given up
    // while somebody may still be asked, and that what was refused for good is not tried again.
    for_seeds(SEEDS.into_iter().chain(0..2_500), |seed| {
        let mut dice = Dice::new(seed);
        let natures = (0..=dice.below(6)).map(|_| nature(&mut dice)).collect();
        let ordering = Ordering::by(dice.pick::<&[&str]>(&LISTS));
        let world = World::new(natures, &ordering, &clients(&mut dice, 50), seed).play();
        world.is_settled();
        world.is_open_again();
    });
}

#[test]
fn while_one_of_three_is_well_no_call_fails() {
    for_seeds(SEEDS.into_iter().chain(0..1_000), |seed| {
        let mut dice = Dice::new(seed);
        let mut natures: Vec<_> = (0..=dice.below(2)).map(|_| nature(&mut dice)).collect();
        natures.push(Nature::like(1, 200));
        let ordering = Ordering::by(dice.pick::<&[&str]>(&LISTS));
        let world = World::new(natures, &ordering, &clients(&mut dice, 50), seed).play();
        world.is_settled();
        let tally = &world.tally;
        assert_eq!((tally.failed, tally.rested), (0, 0), "calls that failed");
    });
}

#[test]
fn while_all_are_well_first_choices_follow_the_weights() {
    for_seeds(0..150, |seed| {
        let mut dice = Dice::new(seed);
        let natures: Vec<_> = (0..2 + dice.below(5))
            .map(|_| Nature::like(u32::try_from(1 + dice.below(50)).unwrap(), 300))
            .collect();
        let weights: Vec<u32> = natures.iter().map(|it| it.weight).collect();
        let clients = Clients::steady(500, 50);
        let world = World::new(natures, &Ordering::by(&["weighted"]), &clients, seed).play();
        let error = world.tally.share_error(&weights);
        assert!(error <= 1.0, "{weights:?}: {error} points off");
    });
}

#[test]
fn who_recovers_is_asked_again_within_its_pause_and_has_its_share_after_the_recovery() {
    const OTHERS_PAUSE: Duration = Duration::from_secs(2);
    for_seeds(0..40, |seed| {
        let mut dice = Dice::new(seed);
        let over = 10 + dice.below(80);
        let mut natures = vec![Nature::like(1, 300); 3];
        let kinds = [
            Trouble::Down,
            Trouble::Frozen,
            Trouble::Failing(Fault::Server, None, EVERYTHING),
            Trouble::Failing(Fault::RateLimited, None, EVERYTHING),
        ];
        natures[0].spells = vec![Spell::of(*dice.pick(&kinds), 5, over)];
        let longest = BREAKER.longest_pause.mul_f64(1.25) + OTHERS_PAUSE;
        let whole = Duration::from_secs(over) + longest + BREAKER.recovery;
        let seconds = usize::try_from(whole.as_secs()).unwrap() + 60;
        let clients = Clients::steady(seconds * 15, 15);
        let world = World::new(natures, &Ordering::by(&["weighted"]), &clients, seed).play();
        let asked = &world.tally.asked[0];
        let since = |from: Duration| asked.iter().filter(move |at| **at >= from);
        let first = since(Duration::from_secs(over)).next().unwrap();
        let waited = first.saturating_sub(Duration::from_secs(over));
        assert!(waited <= longest, "asked again after {waited:?}");
        let all: usize = world
            .tally
            .asked
            .iter()
            .map(|it| it.iter().filter(|at| **at >= whole).count())
            .sum();
        let share = since(whole).count() * 100 / all;
        assert!((31..=36).contains(&share), "{share} % when all is over");
    });
}

#[test]
fn who_waited_in_vain_is_not_sent_to_one_that_has_failed_meanwhile() {
    let mut natures = vec![Nature::like(1, 300); 3];
    for nature in &mut natures[..2] {
        nature.spells.push(Spell::of(Trouble::Frozen, 0, 60));
    }
    let clients = Clients::steady(6_000, 200);
    let world = World::new(natures, &Ordering::by(&["weighted"]), &clients, 1).play();
    world.is_settled();
    let tally = &world.tally;
    assert_eq!((tally.failed, tally.rested), (0, 0), "calls that failed");
    let twice = PATIENCE.mul_f64(1.5);
    let waited = tally.times.iter().filter(|it| **it > twice).count();
    assert!(waited <= 10, "{waited} calls waited twice");
}

#[test]
fn an_outage_of_everybody_for_a_minute_at_200_calls_a_second_is_not_multiplied() {
    let failing = |fault, wait| Trouble::Failing(fault, wait, EVERYTHING);
    for trouble in [
        Trouble::Down,
        Trouble::Frozen,
        failing(Fault::Server, None),
        failing(Fault::Overloaded, None),
        failing(Fault::RateLimited, None),
        failing(Fault::RateLimited, Some(Duration::from_secs(7))),
        failing(Fault::Quota, None),
        failing(Fault::NotFound, None),
    ] {
        for many in [1, 2, 5] {
            let mut nature = Nature::like(1, 300);
            nature.spells.push(Spell::of(trouble, 0, 70));
            let clients = Clients::steady(12_000, 200);
            let ordering = Ordering::by(&["weighted"]);
            let world = World::new(vec![nature; many], &ordering, &clients, 1).play();
            world.is_settled();
            let attempts = world.tally.amplification();
            assert!(
                attempts <= 1.12,
                "{many} × {trouble:?}: {attempts} attempts a call"
            );
        }
    }
}
