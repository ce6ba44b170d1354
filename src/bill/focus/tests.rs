use std::collections::HashMap;

use tollward_store::{NanoUsd, ThingCounts, TokenCounts};

use super::super::csv::read;
use super::*;

/// 2026-02-28T00:00:00Z.
const DAY: i64 = 1_772_236_800_000;

fn fields(row: &RollupRow) -> HashMap<String, String> {
    let text = heading() + &charge(row, &Owners::default()).unwrap_or_default();
    let mut rows = read(&text).unwrap_or_default().into_iter();
    let (names, values) = (rows.next(), rows.next());
    let names = names.map(|(_, it)| it).unwrap_or_default();
    names
        .into_iter()
        .zip(values.map(|(_, it)| it).unwrap_or_default())
        .collect()
}

fn row() -> RollupRow {
    RollupRow {
        start_ms: DAY,
        model: "chat".to_owned(),
        provider: "openai".to_owned(),
        deployment: "openai/gpt".to_owned(),
        upstream_model: "gpt".to_owned(),
        operation: "chat".to_owned(),
        sums: Sums {
            requests: 2,
            tokens: TokenCounts {
                input: 10,
                output: 5,
                ..TokenCounts::default()
            },
            cost: NanoUsd(1_234_567_890_123_456_789),
            ..Sums::default()
        },
        ..RollupRow::default()
    }
}

#[test]
fn a_charge_has_its_day_its_month_and_every_digit_of_its_cost() {
    let found = fields(&row());
    let field = |name: &str| found.get(name).map_or("absent", String::as_str);
    for (name, value) in [
        ("BilledCost", "1234567890.123456789"),
        ("ListCost", "1234567890.123456789"),
        ("ChargePeriodStart", "2026-02-28T00:00:00Z"),
        ("ChargePeriodEnd", "2026-03-01T00:00:00Z"),
        ("BillingPeriodStart", "2026-02-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-03-01T00:00:00Z"),
        ("ProviderName", "openai"),
        ("ResourceId", "openai/gpt"),
        ("ConsumedQuantity", "15.0"),
        ("ConsumedUnit", "Tokens"),
        ("RegionId", ""),
        ("Tags", r#"{"model":"chat","operation":"chat"}"#),
    ] {
        assert_eq!(field(name), value, "{name}");
    }
    assert_eq!(found.len(), COLUMNS.len());
}

#[test]
fn what_is_not_tokens_has_its_own_unit_and_what_cost_nothing_is_still_money() {
    let spoken = RollupRow {
        sums: Sums {
            things: ThingCounts {
                characters: 9,
                ..ThingCounts::default()
            },
            ..Sums::default()
        },
        ..row()
    };
    let found = fields(&spoken);
    let field = |name: &str| found.get(name).map(String::as_str);
    assert_eq!(field("ConsumedUnit"), Some("Characters"));
    assert_eq!(field("BilledCost"), Some("0.0"));
}

#[test]
fn a_call_that_nobody_was_asked_for_is_no_charge() {
    let refused = RollupRow {
        provider: String::new(),
        ..row()
    };
    assert_eq!(charge(&refused, &Owners::default()), None);
}
