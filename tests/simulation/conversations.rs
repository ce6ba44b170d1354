//! Conversations stay where the vendor has their beginning in its cache.

use std::collections::BTreeMap;

use bytes::Bytes;
use tollward::policy::routing::{Draw, Outlook, order, policy};
use tollward::upstream::affinity::Affinity;
use tollward_wire::conversation::beginnings;
use tollward_wire::document::Document;

use crate::chance::Dice;

const CONVERSATIONS: u64 = 200;
const TARGETS: usize = 4;
const TURNS: usize = 8_000;

/// A conversation, as its client sends it.
struct Conversation {
    said: Vec<String>,
    /// Who answered the last turn.
    last: Option<usize>,
}

impl Conversation {
    fn new(number: u64) -> Self {
        Self {
            said: vec![format!(r#"{{"role":"system","content":"Agent {number}"}}"#)],
            last: None,
        }
    }

    fn asks(&mut self, turn: usize) -> Document {
        self.said
            .push(format!(r#"{{"role":"user","content":"Step {turn}"}}"#));
        let body = format!(r#"{{"model":"chat","messages":[{}]}}"#, self.said.join(","));
        Document::parse(Bytes::from(body)).unwrap()
    }

    fn is_answered(&mut self, turn: usize, target: usize) {
        self.said
            .push(format!(r#"{{"role":"assistant","content":"Done {turn}"}}"#));
        self.last = Some(target);
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn turns_go_where_the_cache_is_and_the_load_is_even() {
    let policies: Vec<_> = ["sticky", "weighted"]
        .iter()
        .map(|it| policy(it).unwrap())
        .collect();
    let (affinity, mut dice) = (Affinity::default(), Dice::new(1));
    let mut conversations: BTreeMap<u64, Conversation> = BTreeMap::new();
    let (mut warm, mut later, mut calls) = (0_u32, 0_u32, [0_u32; TARGETS]);
    for turn in 0..TURNS {
        let number = dice.below(CONVERSATIONS);
        let conversation = conversations
            .entry(number)
            .or_insert_with(|| Conversation::new(number));
        let found = beginnings(&conversation.asks(turn)).unwrap();
        let known = found.known().find_map(|it| affinity.find(it));
        let outlooks: Vec<Outlook> = (1..=TARGETS as u64).map(|it| outlook(it, known)).collect();
        let places = order(
            &policies,
            &outlooks,
            Draw::of_turn(turn as u64, dice.bits()),
        );
        // One of five hundred attempts fails, and the next candidate answers.
        let target = places[usize::from(dice.happens(2))];
        if let Some(last) = conversation.last {
            later += 1;
            warm += u32::from(last == target);
        }
        calls[target] += 1;
        conversation.is_answered(turn, target);
        affinity.remember(found.whole, outlooks[target].identity);
    }
    let share = 100.0 * f64::from(warm) / f64::from(later);
    let mean = f64::from(calls.iter().sum::<u32>()) / f64::from(u32::try_from(TARGETS).unwrap());
    let busiest = f64::from(*calls.iter().max().unwrap()) / mean;
    println!(
        "{share:.1} % of {later} turns where the cache is; the busiest has {busiest:.2} of the mean"
    );
    assert!(share >= 98.0, "{share} % where the cache is");
    assert!(busiest < 1.25, "{calls:?}");
}

fn outlook(identity: u64, known: Option<u64>) -> Outlook {
    Outlook {
        identity,
        weight: 1_000,
        in_flight: 0,
        first_content_us: None,
        cost: None,
        headroom: None,
        is_warm: known == Some(identity),
    }
}
