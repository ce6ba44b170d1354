//! Reports of several vendors, and reports that are not believed.

use super::*;

fn read(raw: &str) -> Result<Usage, UsageAnomaly> {
    Usage::from_openai(raw.as_bytes())
}

#[test]
fn an_openai_report_keeps_its_nesting() {
    let raw = r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
        "prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":10,"audio_tokens":5},
        "completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":7,"accepted_prediction_tokens":1}}"#;
    let expected = Usage {
        input: 100,
        cache_read: 60,
        cache_write: 10,
        audio_input: 5,
        output: 50,
        reasoning: 30,
        audio_output: 7,
        ..Usage::default()
    };
    assert_eq!(read(raw), Ok(expected.clone()));
    assert_eq!(expected.total(), 150);
}

#[test]
fn absent_and_null_parts_count_as_nothing() {
    let expected = Usage {
        input: 3,
        ..Usage::default()
    };
    assert_eq!(
        read(r#"{"prompt_tokens":3,"total_tokens":3}"#),
        Ok(expected.clone())
    );
    let nulls = r#"{"prompt_tokens":3,"completion_tokens":null,"prompt_tokens_details":null,
        "completion_tokens_details":{"reasoning_tokens":null},"cost":null}"#;
    assert_eq!(read(nulls), Ok(expected));
}

#[test]
fn deepseek_reports_hits_and_misses() {
    let raw =
        r#"{"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36,"completion_tokens":2}"#;
    let expected = Usage {
        input: 100,
        cache_read: 64,
        output: 2,
        ..Usage::default()
    };
    assert_eq!(read(raw), Ok(expected.clone()));
    let both = r#"{"prompt_tokens":100,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36,"completion_tokens":2}"#;
    assert_eq!(read(both), Ok(expected));
}

#[test]
fn reasoning_beside_the_completion_is_output_too() {
    let usage = |completion: u32, total: u32, reasoning: u32| {
        let raw = format!(
            r#"{{"prompt_tokens":307,"completion_tokens":{completion},"total_tokens":{total},
                "completion_tokens_details":{{"reasoning_tokens":{reasoning}}}}}"#
        );
        read(&raw).map(|it| (it.output, it.reasoning))
    };
    assert_eq!(usage(26, 560, 227), Ok((253, 227)));
    assert_eq!(usage(300, 834, 227), Ok((527, 227)));
    assert_eq!(usage(300, 607, 227), Ok((300, 227)));
    assert_eq!(usage(300, 607, 0), Ok((300, 0)));
    assert_eq!(
        usage(26, 333, 227),
        Err(UsageAnomaly::Part("reasoning_tokens"))
    );
}

#[test]
fn a_reported_cost_stays_as_it_was_written() {
    for (written, kept) in [
        ("0.00014", Some("0.00014")),
        ("1.5e-05", Some("1.5e-05")),
        ("0", Some("0")),
        ("\"0.0001\"", Some("0.0001")),
        ("-1", None),
        ("1e999", None),
        ("\"free\"", None),
        ("{}", None),
        ("true", None),
    ] {
        let raw = format!(r#"{{"prompt_tokens":1,"completion_tokens":1,"cost":{written}}}"#);
        let cost = read(&raw).map(|it| it.reported_cost.map(|it| it.charged));
        assert_eq!(cost, Ok(kept.map(Into::into)), "{written}");
    }
}

#[test]
fn implausible_counts_are_anomalies() {
    // U-47
    for bad in [
        "-1",
        "1.5",
        "1000000001",
        "18446744073709551616",
        "\"5\"",
        "true",
        "[]",
        "1e3",
    ] {
        let raw = format!(r#"{{"prompt_tokens":{bad},"completion_tokens":1}}"#);
        assert_eq!(
            read(&raw),
            Err(UsageAnomaly::Count("prompt_tokens")),
            "{bad}"
        );
        let raw = format!(r#"{{"prompt_tokens":1,"completion_tokens":{bad}}}"#);
        assert_eq!(
            read(&raw),
            Err(UsageAnomaly::Count("completion_tokens")),
            "{bad}"
        );
    }
    for raw in [
        "null",
        "[]",
        "5",
        "",
        "{",
        "{}",
        r#"{"total_tokens":5}"#,
        r#"{"prompt_tokens":NaN}"#,
    ] {
        assert_eq!(read(raw), Err(UsageAnomaly::Missing), "{raw}");
    }
    assert_eq!(
        read(r#"{"prompt_tokens":12.0,"completion_tokens":0}"#).map(|it| it.input),
        Ok(12)
    );
}

#[test]
fn a_part_larger_than_its_whole_is_an_anomaly() {
    // U-47
    for (details, part) in [
        (
            r#""prompt_tokens_details":{"cached_tokens":11}"#,
            "cached_tokens",
        ),
        (
            r#""prompt_tokens_details":{"cache_write_tokens":11}"#,
            "cache_write_tokens",
        ),
        (
            r#""completion_tokens_details":{"reasoning_tokens":11}"#,
            "reasoning_tokens",
        ),
        (
            r#""completion_tokens_details":{"audio_tokens":11}"#,
            "audio_tokens",
        ),
    ] {
        let raw = format!(r#"{{"prompt_tokens":10,"completion_tokens":10,{details}}}"#);
        assert_eq!(read(&raw), Err(UsageAnomaly::Part(part)), "{details}");
    }
}

#[test]
fn a_token_is_not_both_written_to_the_cache_and_read_from_it() {
    let raw = r#"{"prompt_tokens":2168,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":2161,"cache_write_tokens":2161}}"#;
    let cache = read(raw).map(|it| (it.input, it.cache_read, it.cache_write));
    assert_eq!(cache, Ok((2168, 7, 2161)));
}

#[test]
fn a_cached_preamble_that_is_in_no_total_leaves_the_totals_standing() {
    // Azure's grok-4-1-fast, recordings of 2026-08.
    let usage = |prompt: u32, total: u32, text: u32, image: u32, cached: u32| {
        let raw = format!(
            r#"{{"prompt_tokens":{prompt},"completion_tokens":40,"total_tokens":{total},"audio_prompt_tokens":0,
                "prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0,"text_tokens":{text},"image_tokens":{image}}},
                "completion_tokens_details":{{"reasoning_tokens":0}}}}"#
        );
        read(&raw).map(|it| (it.input, it.output, it.cache_read))
    };
    assert_eq!(usage(371, 411, 371, 0, 493), Ok((371, 40, 0)));
    assert_eq!(usage(265, 305, 9, 256, 400), Ok((265, 40, 0)));
    assert_eq!(usage(241, 281, 241, 0, 178), Ok((241, 40, 178)));
    // Cached tokens that may lie beside the prompt are not dropped.
    let anomaly = Err(UsageAnomaly::Part("cached_tokens"));
    assert_eq!(usage(371, 904, 371, 0, 493), anomaly);
    assert_eq!(usage(371, 411, 864, 0, 493), anomaly);
}

#[test]
fn without_output_the_total_is_the_input() {
    let input = |raw: &str| Usage::from_openai_input(raw.as_bytes()).map(|it| it.input);
    assert_eq!(input(r#"{"total_tokens":18}"#), Ok(18));
    assert_eq!(input(r#"{"prompt_tokens":17,"total_tokens":18}"#), Ok(17));
    assert_eq!(input("{}"), Err(UsageAnomaly::Missing));
    assert_eq!(
        input(r#"{"total_tokens":-1}"#),
        Err(UsageAnomaly::Count("total_tokens"))
    );
    let chat = Usage::from_openai(br#"{"total_tokens":18}"#);
    assert_eq!(chat, Err(UsageAnomaly::Missing));
}

#[test]
fn vendors_tell_their_costs_in_their_own_ways() {
    let told = |raw: &str| Usage::from_openai(raw.as_bytes()).map(|it| it.reported_cost);
    let cost = |charged: &str, behind: Option<&str>| {
        Some(ReportedCost {
            charged: charged.into(),
            behind: behind.map(Into::into),
        })
    };
    let table = [
        ("OpenRouter", r#""cost":0.00014"#, cost("0.00014", None)),
        (
            "its own money at OpenRouter, which adds nothing",
            r#""cost":0.0014,"is_byok":false,"cost_details":{"upstream_inference_cost":0.0014}"#,
            cost("0.0014", None),
        ),
        (
            "a key of the caller's own at OpenRouter",
            r#""cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":0.0003253}"#,
            cost("0", Some("0.0003253")),
        ),
        (
            "xAI",
            r#""cost_in_usd_ticks":37756000"#,
            cost("37756000e-10", None),
        ),
        (
            "Perplexity",
            r#""cost":{"input_tokens_cost":5e-05,"request_cost":0.006,"total_cost":0.00619}"#,
            cost("0.00619", None),
        ),
        (
            "an object without a sum",
            r#""cost":{"input_tokens_cost":5e-05}"#,
            None,
        ),
        ("a word", r#""cost":"free""#, None),
    ];
    for (what, field, expected) in table {
        let raw = format!(r#"{{"prompt_tokens":1,"completion_tokens":1,{field}}}"#);
        assert_eq!(told(&raw), Ok(expected), "{what}");
    }
}

#[test]
fn seconds_of_sound_are_milliseconds_and_rounded_up() {
    let read = |seconds: &str| {
        let raw = format!(r#"{{"type":"duration","seconds":{seconds}}}"#);
        Usage::from_openai(raw.as_bytes()).map(|it| it.things.input_ms)
    };
    assert_eq!(read("37"), Ok(37_000));
    assert_eq!(read("36.7"), Ok(36_700));
    assert_eq!(read("36.709999084472656"), Ok(36_710));
    for nonsense in ["-1", "1e9", "\"9\"", "12345678901"] {
        assert_eq!(
            read(nonsense),
            Err(UsageAnomaly::Count("seconds")),
            "{nonsense}"
        );
    }
}

#[test]
fn the_tier_that_everybody_gets_is_none() {
    for usual in [
        "default",
        "standard",
        "auto",
        "scale",
        "on_demand",
        "reserved",
        "",
        "a b",
    ] {
        assert_eq!(tier(usual), None, "{usual}");
    }
    assert_eq!(tier("Priority").as_deref(), Some("priority"));
}
