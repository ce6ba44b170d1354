#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn wanted(budget: i64, limit: i64) -> Wanted {
    let id = format!("00000000-0000-7000-8000-{budget:012}");
    Wanted {
        window: Window {
            budget: id.parse().unwrap(),
            start_ms: 1_000,
            subject: 0,
        },
        limit: NanoUsd(limit),
    }
}

// K-03
#[test]
fn a_reservation_is_made_on_all_windows_or_on_none() {
    let mut purses = Purses::default();
    let (key, team) = (wanted(1, 100), wanted(2, 50));
    purses.reserve(&[key, team], NanoUsd(40)).unwrap();
    let full = purses.reserve(&[key, team], NanoUsd(11)).unwrap_err();
    let purse = Purse {
        held: 40,
        ..Purse::default()
    };
    assert_eq!(full, Full { place: 1, purse });
    assert_eq!(purses.purse(&key.window), purse);
    purses.settle(&[key.window, team.window], NanoUsd(40), NanoUsd(15));
    let purse = Purse {
        spent: 15,
        ..Purse::default()
    };
    assert_eq!(
        [purses.purse(&key.window), purses.purse(&team.window)],
        [purse; 2]
    );
    purses.reserve(&[key, team], NanoUsd(35)).unwrap();
}

// K-08
#[test]
fn a_limit_below_what_is_spent_lets_only_what_is_free_through() {
    let mut purses = Purses::default();
    let before = wanted(1, 100);
    purses.reserve(&[before], NanoUsd(60)).unwrap();
    purses.settle(&[before.window], NanoUsd(60), NanoUsd(60));
    let lowered = Wanted {
        limit: NanoUsd(10),
        ..before
    };
    assert!(purses.reserve(&[lowered], NanoUsd(1)).is_err());
    purses.reserve(&[lowered], NanoUsd(0)).unwrap();
    assert_eq!(purses.purse(&before.window).room(lowered.limit), -50);
}

// K-02
#[test]
fn what_costs_more_than_was_held_is_charged_whole() {
    let mut purses = Purses::default();
    let budget = wanted(1, 100);
    purses.reserve(&[budget], NanoUsd(100)).unwrap();
    purses.settle(&[budget.window], NanoUsd(100), NanoUsd(120));
    assert_eq!(
        purses.purse(&budget.window),
        Purse {
            spent: 120,
            ..Purse::default()
        }
    );
}

// K-09
#[test]
fn what_was_reserved_yesterday_is_charged_to_yesterday() {
    let mut purses = Purses::default();
    let today = wanted(1, 100);
    let tomorrow = Wanted {
        window: Window {
            start_ms: 2_000,
            ..today.window
        },
        ..today
    };
    purses.reserve(&[today], NanoUsd(30)).unwrap();
    purses.reserve(&[tomorrow], NanoUsd(5)).unwrap();
    let is_new = |it: &Window| it.start_ms == 2_000;
    purses.prune(is_new);
    purses.settle(&[today.window], NanoUsd(30), NanoUsd(20));
    assert_eq!(purses.purse(&today.window).spent, 20);
    assert_eq!(
        purses.purse(&tomorrow.window),
        Purse {
            held: 5,
            ..Purse::default()
        }
    );
    purses.prune(is_new);
    assert_eq!(purses.purse(&today.window), Purse::default());
    purses.recall(tomorrow.window, NanoUsd(70));
    assert_eq!(
        purses.purse(&tomorrow.window),
        Purse {
            held: 5,
            ..Purse::default()
        }
    );
}

proptest! {
    // K-01
    #[test]
    fn nothing_is_overspent_and_nothing_stays_held(
        calls in prop::collection::vec((0..400_i64, 0..=100_i64, 0..8_usize), 1..200),
    ) {
        let mut purses = Purses::default();
        let budgets = [wanted(1, 5_000), wanted(2, 3_000), wanted(3, 2_000)];
        let mut running = VecDeque::new();
        for (hold, percent, place) in calls {
            let some: Vec<Wanted> = budgets.iter().enumerate()
                .filter(|(bit, _)| place & (1 << bit) != 0).map(|(_, it)| *it).collect();
            let full = some.iter().any(|it| purses.purse(&it.window).room(it.limit) < hold) && hold > 0;
            let reserved = purses.reserve(&some, NanoUsd(hold));
            prop_assert_eq!(reserved.is_err(), full);
            if reserved.is_ok() {
                running.push_back((some, hold, hold * percent / 100));
            }
            if running.len() > 5 {
                let (some, hold, cost) = running.pop_front().unwrap();
                let windows: Vec<Window> = some.iter().map(|it| it.window).collect();
                purses.settle(&windows, NanoUsd(hold), NanoUsd(cost));
            }
            for it in &budgets {
                let purse = purses.purse(&it.window);
                prop_assert!(purse.held >= 0 && purse.room(it.limit) >= 0);
            }
        }
        for (some, hold, cost) in running {
            let windows: Vec<Window> = some.iter().map(|it| it.window).collect();
            purses.settle(&windows, NanoUsd(hold), NanoUsd(cost));
        }
        for it in &budgets {
            prop_assert_eq!(purses.purse(&it.window).held, 0);
        }
    }
}

/// What is granted of a window, and what others have of it.
fn share(granted: i64, spent_by_others: i64, left_to_others: i64) -> Share {
    Share {
        granted: NanoUsd(granted),
        spent_by_others: NanoUsd(spent_by_others),
        left_to_others: NanoUsd(left_to_others),
        ..Share::default()
    }
}

/// Purses that were granted a part of `budget`.
fn shared(budget: Wanted, part: Share, now: Instant) -> Purses {
    let mut purses = Purses::default();
    let [ask] = purses.asks(&[budget], NanoUsd(1), now)[..] else {
        panic!("nothing was asked for");
    };
    purses.share(&ask, part, now);
    purses
}

#[test]
fn of_a_shared_budget_only_the_part_is_spent_without_asking() {
    let (budget, now) = (wanted(1, 100), crate::clock::mono());
    let mut purses = shared(budget, share(30, 20, 10), now);
    purses.reserve(&[budget], NanoUsd(30)).unwrap();
    assert!(purses.reserve(&[budget], NanoUsd(1)).is_err());
    // There may be 40 more, if it is asked for; what others hold is theirs.
    assert_eq!(purses.hopeless(&[budget], NanoUsd(40)), None);
    assert!(purses.hopeless(&[budget], NanoUsd(41)).is_some());
    let [ask] = purses.asks(&[budget], NanoUsd(40), now)[..] else {
        panic!("nothing was asked for");
    };
    assert_eq!((ask.used, ask.need), (NanoUsd(30), NanoUsd(40)));
    purses.share(&ask, share(70, 20, 10), now);
    purses.reserve(&[budget], NanoUsd(40)).unwrap();
    assert_eq!(purses.purse(&budget.window).held, 70);
}

#[test]
fn what_was_not_granted_is_not_asked_for_again_at_once() {
    let (budget, now) = (wanted(1, 100), crate::clock::mono());
    let mut purses = shared(budget, share(0, 90, 0), now);
    let [ask] = purses.asks(&[budget], NanoUsd(20), now)[..] else {
        panic!("nothing was asked for");
    };
    purses.share(&ask, share(0, 90, 0), now);
    assert_eq!(purses.asks(&[budget], NanoUsd(20), now), []);
    assert_eq!(purses.asks(&[budget], NanoUsd(25), now), []);
    // Who needs less may be luckier, and so may who comes later.
    assert_eq!(purses.asks(&[budget], NanoUsd(10), now).len(), 1);
    let later = now + Duration::from_millis(201);
    assert_eq!(purses.asks(&[budget], NanoUsd(20), later).len(), 1);
}

#[test]
fn what_is_not_used_for_a_while_is_given_back_and_not_spent_meanwhile() {
    let (budget, now) = (wanted(1, 100), crate::clock::mono());
    let mut purses = shared(budget, share(50, 0, 0), now);
    purses.reserve(&[budget], NanoUsd(10)).unwrap();
    assert_eq!(purses.idle(false), []);
    let [back] = purses.idle(false)[..] else {
        panic!("nothing was given back");
    };
    assert_eq!((back.used, back.need), (NanoUsd(10), NanoUsd(0)));
    assert!(purses.reserve(&[budget], NanoUsd(1)).is_err());
    purses.share(&back, share(10, 0, 0), now);
    purses.settle(&[budget.window], NanoUsd(10), NanoUsd(4));
    // What cost less than was held is free again.
    purses.reserve(&[budget], NanoUsd(6)).unwrap();
    assert_eq!(purses.idle(true), []);
}

#[test]
fn a_lower_limit_holds_for_a_part_that_was_granted_before() {
    let (budget, now) = (wanted(1, 100), crate::clock::mono());
    let mut purses = shared(budget, share(50, 20, 0), now);
    let lowered = Wanted {
        limit: NanoUsd(40),
        ..budget
    };
    assert!(purses.reserve(&[lowered], NanoUsd(21)).is_err());
    purses.reserve(&[lowered], NanoUsd(20)).unwrap();
}
