#![expect(
    clippy::indexing_slicing,
    reason = "a failed assumption is a failed test"
)]

use proptest::prelude::*;

use super::{Ask, grant};
use crate::{BudgetId, NanoUsd, Window};

fn ask(used: i64, need: i64) -> Ask {
    Ask {
        window: Window {
            budget: BudgetId::from_uuid(uuid::Uuid::nil()),
            start_ms: 0,
            subject: 0,
        },
        used: NanoUsd(used),
        need: NanoUsd(need),
    }
}

#[test]
fn far_from_the_limit_a_gateway_gets_half_of_its_even_part_ahead() {
    let granted = grant(&ask(0, 10), NanoUsd(0), NanoUsd(1_000), 3);
    assert_eq!(granted, NanoUsd(10 + 160));
}

#[test]
fn near_the_limit_a_gateway_gets_what_it_needs_and_no_more() {
    assert_eq!(
        grant(&ask(90, 10), NanoUsd(95), NanoUsd(20), 3),
        NanoUsd(100)
    );
}

#[test]
fn a_need_that_does_not_fit_leaves_what_is_left_to_others() {
    assert_eq!(grant(&ask(90, 10), NanoUsd(90), NanoUsd(9), 1), NanoUsd(90));
}

#[test]
fn who_needs_nothing_gives_back_what_it_does_not_use() {
    assert_eq!(grant(&ask(40, 0), NanoUsd(100), NanoUsd(0), 2), NanoUsd(40));
    // Who has spent more than it was granted has nothing to give back.
    assert_eq!(
        grant(&ask(120, 0), NanoUsd(100), NanoUsd(0), 2),
        NanoUsd(100)
    );
}

proptest! {
    /// Whatever gateways ask for, in whatever order, their parts fit into the limit.
    #[test]
    fn the_parts_of_all_gateways_never_pass_the_limit(
        asks in prop::collection::vec((0_usize..4, 0_i64..500, 0_i64..200), 1..200),
    ) {
        let limit = 10_000_i64;
        let mut parts = [0_i64; 4];
        for (of, used, need) in asks {
            let free = limit - parts.iter().sum::<i64>();
            let used = used.min(parts[of]);
            parts[of] = grant(&ask(used, need), NanoUsd(parts[of]), NanoUsd(free), 4).0;
            prop_assert!(parts.iter().sum::<i64>() <= limit);
            prop_assert!(parts[of] >= used);
        }
    }
}
