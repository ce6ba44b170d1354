//! The headers of each vendor, as they were recorded or are documented.

#![expect(clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::*;

type Sample = &'static [(&'static str, &'static str)];

#[track_caller]
fn read(sample: Sample) -> Option<Headroom> {
    let header = |(name, value): &(&'static str, &'static str)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    };
    Headroom::read(&sample.iter().map(header).collect())
}

fn after(delay: Duration) -> RetryAfter {
    RetryAfter::After(delay)
}

fn ms(count: u64) -> RetryAfter {
    after(Duration::from_millis(count))
}

fn of(limit: u64, remaining: u64, reset: Option<RetryAfter>) -> Limit {
    Limit {
        limit: Some(limit),
        remaining: Some(remaining),
        reset,
    }
}

const OPENAI: Sample = &[
    ("x-ratelimit-limit-requests", "30000"),
    ("x-ratelimit-limit-tokens", "150000000"),
    ("x-ratelimit-limit-tokens_usage_based", "7"),
    ("x-ratelimit-remaining-requests", "29999"),
    ("x-ratelimit-remaining-tokens", "149999976"),
    ("x-ratelimit-reset-requests", "2ms"),
    ("x-ratelimit-reset-tokens", "6m0s"),
];
/// Requests of a day, tokens of a minute.
const GROQ: Sample = &[
    ("x-ratelimit-limit-requests", "14400"),
    ("x-ratelimit-limit-tokens", "18000"),
    ("x-ratelimit-remaining-requests", "14370"),
    ("x-ratelimit-remaining-tokens", "17997"),
    ("x-ratelimit-reset-requests", "2m59.56s"),
    ("x-ratelimit-reset-tokens", "7.66s"),
];
/// What is not known is -1 or 0.
const AZURE: Sample = &[
    ("x-ratelimit-limit-requests", "-1"),
    ("x-ratelimit-remaining-requests", "-1"),
    ("x-ratelimit-reset-requests", "-1"),
    ("x-ratelimit-limit-tokens", "10000"),
    ("x-ratelimit-remaining-tokens", "9000"),
    ("x-ratelimit-reset-tokens", "0"),
];
const TOGETHER: Sample = &[
    ("x-ratelimit-limit", "10"),
    ("x-ratelimit-remaining", "9"),
    ("x-ratelimit-reset", "1"),
    ("x-tokenlimit-limit", "3000"),
    ("x-tokenlimit-remaining", "2900"),
];
const FIREWORKS: Sample = &[
    ("x-ratelimit-limit-requests", "600"),
    ("x-ratelimit-remaining-requests", "599"),
    ("x-ratelimit-limit-tokens-prompt", "7200000"),
    ("x-ratelimit-remaining-tokens-prompt", "7193993"),
    ("x-ratelimit-limit-tokens-cache-adjusted-prompt", "60000"),
    ("x-ratelimit-limit-tokens-generated", "72000"),
    ("x-ratelimit-remaining-tokens-generated", "69338"),
    ("x-ratelimit-over-limit", "no"),
];
const ANTHROPIC: Sample = &[
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2026-11-24T12:00:01Z"),
    ("anthropic-ratelimit-input-tokens-limit", "2000000"),
    ("anthropic-ratelimit-input-tokens-remaining", "1999000"),
    (
        "anthropic-ratelimit-input-tokens-reset",
        "2026-11-24T12:00:00Z",
    ),
    ("anthropic-ratelimit-output-tokens-limit", "400000"),
    ("anthropic-ratelimit-output-tokens-remaining", "0"),
    (
        "anthropic-ratelimit-output-tokens-reset",
        "2026-11-24T12:01:00Z",
    ),
    ("anthropic-ratelimit-tokens-limit", "2400000"),
    ("anthropic-ratelimit-tokens-remaining", "2399000"),
    ("anthropic-ratelimit-tokens-reset", "2026-11-24T12:00:00Z"),
    ("anthropic-priority-input-tokens-limit", "1"),
    ("anthropic-ratelimit-unified-status", "allowed"),
];
const OPENROUTER: Sample = &[
    ("x-ratelimit-limit", "50"),
    ("x-ratelimit-remaining", "0"),
    ("x-ratelimit-reset", "1795521600000"),
];
const CEREBRAS: Sample = &[
    ("x-ratelimit-limit-requests-day", "14400"),
    ("x-ratelimit-limit-tokens-minute", "60000"),
    ("x-ratelimit-remaining-requests-day", "14399"),
    ("x-ratelimit-remaining-tokens-minute", "59900"),
    ("x-ratelimit-reset-requests-day", "33011.382867"),
    ("x-ratelimit-reset-tokens-minute", "11.382867"),
];
/// Two windows of tokens: the minute's is the tighter one.
const MISTRAL: Sample = &[
    ("x-ratelimit-limit-req-minute", "60"),
    ("x-ratelimit-limit-tokens-minute", "50000"),
    ("x-ratelimit-limit-tokens-month", "4000000"),
    ("x-ratelimit-remaining-req-minute", "59"),
    ("x-ratelimit-remaining-tokens-minute", "47196"),
    ("x-ratelimit-remaining-tokens-month", "3950246"),
    ("x-ratelimit-tokens-query-cost", "2804"),
];
const MISTRAL_BEFORE: Sample = &[
    ("ratelimitbysize-limit", "500000"),
    ("ratelimitbysize-remaining", "499000"),
    ("ratelimitbysize-reset", "20"),
    ("ratelimitbysize-query-cost", "1000"),
    ("x-ratelimitbysize-limit-month", "1000000000"),
    ("x-ratelimitbysize-remaining-month", "1000"),
];
const UNLIMITED: Sample = &[
    ("content-type", "application/json"),
    ("x-ratelimit-limit-requests", "many"),
    ("x-ratelimit-bucket", "7"),
];

#[track_caller]
fn expect<const N: usize>(sample: Sample, expected: [(Measure, Limit); N]) {
    let mut headroom = Headroom::default();
    for (measure, limit) in expected {
        headroom.limits[measure as usize] = Some(limit);
    }
    assert_eq!(read(sample), Some(headroom));
}

#[test]
fn the_headers_of_every_vendor_come_out_in_one_form() {
    use Measure::{InputTokens, OutputTokens, Requests, Tokens};
    let noon = 1_795_521_600;
    let at = |seconds: i64| Some(RetryAfter::At(noon + seconds));
    let micros = |count| Some(after(Duration::from_micros(count)));
    expect(
        OPENAI,
        [
            (Requests, of(30_000, 29_999, Some(ms(2)))),
            (Tokens, of(150_000_000, 149_999_976, Some(ms(360_000)))),
        ],
    );
    expect(
        GROQ,
        [
            (Requests, of(14_400, 14_370, Some(ms(179_560)))),
            (Tokens, of(18_000, 17_997, Some(ms(7_660)))),
        ],
    );
    expect(AZURE, [(Tokens, of(10_000, 9_000, None))]);
    expect(
        TOGETHER,
        [
            (Requests, of(10, 9, Some(ms(1_000)))),
            (Tokens, of(3_000, 2_900, None)),
        ],
    );
    expect(
        FIREWORKS,
        [
            (Requests, of(600, 599, None)),
            (InputTokens, of(7_200_000, 7_193_993, None)),
            (OutputTokens, of(72_000, 69_338, None)),
        ],
    );
    expect(
        ANTHROPIC,
        [
            (Requests, of(4_000, 3_999, at(1))),
            (Tokens, of(2_400_000, 2_399_000, at(0))),
            (InputTokens, of(2_000_000, 1_999_000, at(0))),
            (OutputTokens, of(400_000, 0, at(60))),
        ],
    );
    expect(OPENROUTER, [(Requests, of(50, 0, at(0)))]);
    expect(
        CEREBRAS,
        [
            (Requests, of(14_400, 14_399, micros(33_011_382_867))),
            (Tokens, of(60_000, 59_900, micros(11_382_867))),
        ],
    );
    expect(
        MISTRAL,
        [
            (Requests, of(60, 59, None)),
            (Tokens, of(50_000, 47_196, None)),
        ],
    );
    expect(MISTRAL_BEFORE, [(Tokens, of(1_000_000_000, 1_000, None))]);
    assert_eq!(read(UNLIMITED), None);
}

#[test]
fn what_a_vendor_tells_only_in_part_is_kept_in_part() {
    let found = read(&[("x-ratelimit-remaining-tokens", "5")]);
    let limit = Limit {
        remaining: Some(5),
        ..Limit::default()
    };
    assert_eq!(found.and_then(|it| it.of(Measure::Tokens)), Some(limit));
    assert_eq!(found.and_then(|it| it.of(Measure::Requests)), None);
}
