//! A gateway that has answered for long needs no more memory for a call than at first.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use serde_json::{Value, json};
use tollward::clock;
use tollward::pipeline::authenticate::Caller;
use tollward::pipeline::explain::Inquiry;
use tollward::pipeline::route::prospect;
use tollward::pipeline::route::survey::Question;
use tollward::policy::allowance::Allowance;
use tollward::policy::plan::Lineup;
use tollward::policy::routing::{Draw, Outlook, RoutingPolicy, mix, order, policy};
use tollward::snapshot::route::Group;
use tollward::upstream::affinity::Affinity;
use tollward::upstream::health::{Demand, Health};
use tollward_wire::fault::Fault;

use crate::week::snapshot;
use crate::world::{ALLOWANCE, BREAKER};

/// What the gateway keeps of some deployments.
struct Kept {
    policies: Vec<&'static dyn RoutingPolicy>,
    healths: Vec<Arc<Health>>,
    allowances: Vec<Allowance>,
    affinity: Affinity,
}

impl Kept {
    fn of(many: usize) -> Self {
        let names = ["sticky", "headroom", "fastest", "weighted"];
        Self {
            policies: names.iter().map(|it| policy(it).unwrap()).collect(),
            healths: (0..many).map(|_| Arc::default()).collect(),
            allowances: (0..many).map(|_| Allowance::new(clock::mono())).collect(),
            affinity: Affinity::default(),
        }
    }

    /// One call is put in order, asked and booked; every seventh attempt fails.
    fn call(&self, turn: u64) {
        let now = clock::mono() + Duration::from_millis(turn * 10);
        let known = self.affinity.find(mix(turn % 500));
        let outlook = |(health, identity): (&Arc<Health>, u64)| {
            let vitals = health.at(now, &BREAKER, Demand::chat(900, true));
            let outlook = Outlook {
                identity,
                weight: u64::from(vitals.share()),
                in_flight: vitals.in_flight,
                first_content_us: vitals.first_content_us,
                cost: None,
                headroom: None,
                is_warm: known == Some(identity),
            };
            (outlook, vitals.obstacle())
        };
        let surveyed = self.healths.iter().zip(1..).map(outlook);
        let (outlooks, obstacles): (Vec<Outlook>, Vec<_>) = surveyed.unzip();
        let mut lineup = Lineup::default();
        for place in order(&self.policies, &outlooks, Draw::of_turn(turn, mix(turn))) {
            lineup.add(place, obstacles[place].as_ref());
        }
        let place = lineup.in_order()[0];
        self.allowances[place].earn(ALLOWANCE);
        let mut flight = self.healths[place].begin(BREAKER, Demand::chat(900, true), now);
        if turn.is_multiple_of(7) {
            flight.failed(Fault::Server, None, now, 0.5);
            self.allowances[place].spend(ALLOWANCE, now);
        } else {
            flight.answered(now + Duration::from_millis(300));
        }
        self.affinity
            .remember(mix(turn % 500), outlooks[place].identity);
    }
}

#[test]
fn the_twenty_thousandth_call_allocates_no_more_than_the_first() {
    let kept = Kept::of(5);
    let calls = |from: u64, many: u64| -> AllocationInfo {
        measure(|| (from..from + many).for_each(|turn| kept.call(turn)))
    };
    let first = calls(0, 100);
    let all = calls(100, 20_000);
    let last = calls(20_100, 100);
    assert_eq!((all.count_current, all.bytes_current), (0, 0), "kept");
    // While somebody rests one list more is made.
    assert!(
        last.count_max <= first.count_max,
        "{last:?} after {first:?}"
    );
    assert!(
        last.count_total <= first.count_total + 100,
        "{last:?} after {first:?}"
    );
    assert!(
        last.count_total <= 100 * 12,
        "{} for 100 calls",
        last.count_total
    );
}

#[test]
fn twenty_thousand_whole_plans_keep_nothing() {
    let deployment = |place: u32| json!({"provider": "vendor", "model": format!("m-{place}"), "weight": 1 + place});
    let mut deployments: Vec<Value> = (0..5).map(deployment).collect();
    deployments[0]["when"] = "tokens < 5000".into();
    let vendor =
        json!({"kind": "openai-compatible", "base_url": "http://vendor.test/v1", "api_key": "sk"});
    let (snapshot, _) = snapshot(&json!({
        "engine": {"enabled": "off"},
        "providers": {"vendor": vendor},
        "models": {"chat": {"deployments": deployments, "policy": ["sticky", "fastest"]}},
    }));
    let asked = json!({"model": "chat", "body": {"messages": [{"role": "user", "content": "Hi"}]}});
    let inquiry = Inquiry::parse(asked.to_string().as_bytes()).unwrap();
    let (admitted, affinity) = (inquiry.admitted(Caller::Open).unwrap(), Affinity::default());
    let plan = || {
        let question = Question::new(&affinity, &admitted, clock::mono());
        let prospect = prospect(&snapshot, question, Group::next_turn);
        let plan = prospect.unwrap().plan().unwrap();
        assert!(plan.decision.unwrap().to_json().len() < 100);
    };
    let plans = |many: u32| -> AllocationInfo { measure(|| (0..many).for_each(|_| plan())) };
    let first = plans(100);
    let all = plans(20_000);
    assert_eq!((all.count_current, all.bytes_current), (0, 0), "kept");
    let last = plans(100);
    assert_eq!(last.count_total, first.count_total);
    assert!(
        last.bytes_max <= first.bytes_max,
        "{last:?} after {first:?}"
    );
}
