#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use super::*;

/// A candidate like any other.
const PLAIN: Outlook = Outlook {
    identity: 0,
    weight: 1,
    in_flight: 0,
    first_content_us: None,
    cost: None,
    headroom: None,
    is_warm: false,
};

fn ordered_by(names: &[&str], outlooks: &[Outlook], draw: Draw) -> Vec<usize> {
    let policies: Vec<_> = names.iter().map(|name| policy(name).unwrap()).collect();
    order(&policies, outlooks, draw)
}

fn plain<const N: usize>() -> [Outlook; N] {
    std::array::from_fn(|place| Outlook {
        identity: place as u64,
        ..PLAIN
    })
}

fn draw(turn: u64) -> Draw {
    Draw::of_turn(turn, mix(turn))
}

#[test]
fn every_policy_has_a_name_of_its_own_and_is_found_by_it() {
    for row in POLICIES {
        assert_eq!(policy(row.name()).unwrap().name(), row.name());
    }
    let mut names: Vec<_> = POLICIES.iter().map(|it| it.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), POLICIES.len());
    assert!(policy("random").is_none());
}

#[test]
fn every_policy_keeps_every_candidate_whatever_is_known_of_it() {
    let mut dice = 7;
    let mut next = || {
        dice = mix(dice);
        dice
    };
    for _ in 0..2_000 {
        let many = usize::try_from(next() % 6).unwrap();
        let outlooks: Vec<_> = (0..many)
            .map(|_| Outlook {
                identity: next(),
                weight: next() % 3,
                in_flight: u32::try_from(next() % 100).unwrap(),
                first_content_us: (next() % 2 == 0).then(|| next() % 1_000_000),
                cost: (next() % 2 == 0).then(|| NanoUsd(i64::try_from(next() % 1_000).unwrap())),
                headroom: (next() % 2 == 0).then(|| u32::try_from(next() % 2_000).unwrap()),
                is_warm: next() % 2 == 0,
            })
            .collect();
        for row in POLICIES {
            let mut places = order(&[row], &outlooks, draw(next()));
            places.sort_unstable();
            let all: Vec<usize> = (0..many).collect();
            assert_eq!(places, all, "{}", row.name());
        }
    }
}

/// The order by its definition: the last policy sorts first, and what it finds alike stays.
fn defined(policies: &[&dyn RoutingPolicy], outlooks: &[Outlook], draw: Draw) -> Vec<usize> {
    let mut places: Vec<usize> = (0..outlooks.len()).collect();
    for policy in policies.iter().rev() {
        let mut ranks = vec![0; outlooks.len()];
        policy.rank(outlooks, draw, &mut ranks);
        places.sort_by_key(|place| ranks[*place]);
    }
    places
}

/// Ranks of all sizes, of which some are the same.
struct Any;

impl RoutingPolicy for Any {
    fn name(&self) -> &'static str {
        "any"
    }

    fn rank(&self, outlooks: &[Outlook], draw: Draw, ranks: &mut [u64]) {
        for (rank, outlook) in ranks.iter_mut().zip(outlooks) {
            let dice = mix(draw.seed ^ outlook.weight);
            *rank = [dice % 3, dice, u64::MAX, u64::MAX - dice % 2]
                [usize::try_from(dice >> 62).unwrap()];
        }
    }
}

#[test]
fn the_order_is_that_of_sorting_by_one_policy_after_the_other() {
    let mut dice = 3;
    let mut next = |most| {
        dice = mix(dice);
        dice % most
    };
    for round in 0..600 {
        let many = if round % 20 == 0 { 1_500 } else { next(12) };
        let outlooks: Vec<_> = (0..many)
            .map(|_| Outlook {
                identity: next(u64::MAX),
                weight: next(5),
                in_flight: u32::try_from(next(4)).unwrap(),
                first_content_us: (next(2) == 0).then(|| next(3) << next(60)),
                cost: (next(2) == 0).then(|| NanoUsd(next(4).cast_signed() << next(60))),
                headroom: Some(u32::try_from(next(200)).unwrap()),
                is_warm: next(3) == 0,
            })
            .collect();
        let mut policies: Vec<&dyn RoutingPolicy> = Vec::new();
        for _ in 0..=next(3) {
            let place = usize::try_from(next(9)).unwrap();
            policies.push(POLICIES.get(place).copied().unwrap_or(&Any));
        }
        let draw = Draw::of_turn(next(u64::MAX), next(u64::MAX));
        let names: Vec<_> = policies.iter().map(|it| it.name()).collect();
        let expected = defined(&policies, &outlooks, draw);
        assert_eq!(order(&policies, &outlooks, draw), expected, "{names:?}");
    }
}

#[test]
fn shares_follow_the_weights_over_few_calls_already() {
    let mut outlooks = plain::<3>();
    for (outlook, weight) in outlooks.iter_mut().zip([70, 20, 10]) {
        outlook.weight = weight;
    }
    for calls in [100, 1_000, 100_000_u64] {
        let mut firsts = [0_u64; 3];
        for turn in 0..calls {
            firsts[ordered_by(&["weighted"], &outlooks, draw(turn))[0]] += 1;
        }
        for (first, weight) in firsts.iter().zip([70, 20, 10]) {
            let error = (first * 100).abs_diff(calls * weight);
            assert!(error <= 400, "{firsts:?} of {calls}");
        }
    }
}

#[test]
fn what_a_failed_one_leaves_is_shared_by_weight() {
    let mut outlooks = plain::<3>();
    for (outlook, weight) in outlooks.iter_mut().zip([60, 30, 10]) {
        outlook.weight = weight;
    }
    let mut seconds = [0_u64; 3];
    for turn in 0..40_000 {
        let places = ordered_by(&["weighted"], &outlooks, draw(turn));
        if places[0] == 0 {
            seconds[places[1]] += 1;
        }
    }
    let share = seconds[1] * 100 / (seconds[1] + seconds[2]);
    assert!((73..=77).contains(&share), "{seconds:?}");
}

#[test]
fn calls_of_one_unit_stay_together_and_units_are_shared_by_weight() {
    let mut outlooks = plain::<2>();
    outlooks[0].weight = 95;
    outlooks[1].weight = 5;
    let mut canaries = 0;
    for unit in 0..4_000 {
        let first = |turn| ordered_by(&["weighted"], &outlooks, draw(turn).together(unit))[0];
        assert_eq!(first(1), first(2));
        canaries += first(3);
    }
    assert!((160..=240).contains(&canaries), "{canaries} of 4000");
}

#[test]
fn without_weight_one_is_asked_last() {
    let mut outlooks = plain::<3>();
    outlooks[0].weight = 0;
    for turn in 0..100 {
        assert_eq!(ordered_by(&["weighted"], &outlooks, draw(turn))[2], 0);
        assert_eq!(ordered_by(&["least_busy"], &outlooks, draw(turn))[2], 0);
    }
}

#[test]
fn one_after_the_other_goes_round() {
    let outlooks = plain::<3>();
    let orders: Vec<_> = (0..4)
        .map(|turn| ordered_by(&["round_robin"], &outlooks, draw(turn)))
        .collect();
    assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
}

#[test]
fn the_least_busy_for_its_weight_is_first() {
    let mut outlooks = plain::<3>();
    for (outlook, (weight, busy)) in outlooks.iter_mut().zip([(1, 2), (4, 4), (1, 0)]) {
        outlook.weight = weight;
        outlook.in_flight = busy;
    }
    assert_eq!(ordered_by(&["least_busy"], &outlooks, draw(0)), [2, 1, 0]);
}

#[test]
fn of_two_the_faster_is_always_first_and_of_many_the_slowest_never() {
    let mut outlooks = plain::<5>();
    for (outlook, time) in outlooks.iter_mut().zip([500, 400, 300, 200, 100]) {
        outlook.first_content_us = Some(time);
    }
    let mut firsts = [0; 5];
    for turn in 0..10_000 {
        assert_eq!(ordered_by(&["fastest"], &outlooks[3..], draw(turn))[0], 1);
        firsts[ordered_by(&["fastest"], &outlooks, draw(turn))[0]] += 1;
    }
    // The better of two of five: 4, 3, 2, 1 and 0 of the ten pairs.
    assert_eq!(firsts[0], 0);
    for (first, pairs) in firsts.iter().zip([0, 1, 2, 3, 4]) {
        assert!(i64::abs(first - pairs * 1_000) < 150, "{firsts:?}");
    }
}

#[test]
fn who_is_busy_is_slower_and_who_was_not_asked_is_tried() {
    let mut outlooks = plain::<2>();
    outlooks[0].first_content_us = Some(100);
    outlooks[0].in_flight = 9;
    outlooks[1].first_content_us = Some(900);
    assert_eq!(ordered_by(&["fastest"], &outlooks, draw(1))[0], 1);
    outlooks[0].first_content_us = None;
    outlooks[0].in_flight = 0;
    assert_eq!(ordered_by(&["fastest"], &outlooks, draw(1))[0], 0);
    // One call tries it. The others do not follow before that has an answer.
    outlooks[0].in_flight = 1;
    assert_eq!(ordered_by(&["fastest"], &outlooks, draw(1))[0], 1);
}

#[test]
fn the_cheapest_is_first_and_an_unknown_price_last() {
    let mut outlooks = plain::<3>();
    outlooks[1].cost = Some(NanoUsd(200));
    outlooks[2].cost = Some(NanoUsd(100));
    assert_eq!(ordered_by(&["cheapest"], &outlooks, draw(0)), [2, 1, 0]);
}

#[test]
fn most_headroom_is_first_and_small_differences_are_left_to_the_next_policy() {
    let mut outlooks = plain::<3>();
    for (outlook, left) in outlooks.iter_mut().zip([Some(310), Some(940), Some(930)]) {
        outlook.headroom = left;
    }
    assert_eq!(ordered_by(&["headroom"], &outlooks, draw(0)), [1, 2, 0]);
    outlooks[2].cost = Some(NanoUsd(1));
    let both = ordered_by(&["headroom", "cheapest"], &outlooks, draw(0));
    assert_eq!(both, [2, 1, 0]);
}

#[test]
fn a_conversation_stays_and_the_next_policy_places_new_ones() {
    let mut outlooks = plain::<3>();
    let policies = ["sticky", "round_robin"];
    assert_eq!(ordered_by(&policies, &outlooks, draw(1)), [1, 2, 0]);
    outlooks[2].is_warm = true;
    assert_eq!(ordered_by(&policies, &outlooks, draw(1)), [2, 1, 0]);
}
