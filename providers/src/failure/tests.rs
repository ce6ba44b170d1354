//! Delays as vendors write them, and classes that need care.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use http::HeaderName;

use super::*;

fn retry_after(pairs: &[(&str, &str)]) -> Option<RetryAfter> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    Failure::read(StatusCode::TOO_MANY_REQUESTS, &headers, b"").retry_after
}

/// The delay of a 429 with these headers, in milliseconds.
fn delay_ms(pairs: &[(&str, &str)]) -> Option<u128> {
    match retry_after(pairs)? {
        RetryAfter::After(delay) => Some(delay.as_millis()),
        RetryAfter::At(_) => None,
    }
}

#[test]
fn seconds_and_milliseconds_are_read_and_milliseconds_win() {
    // U-09, U-11
    assert_eq!(delay_ms(&[("retry-after", "7")]), Some(7000));
    assert_eq!(delay_ms(&[("retry-after", " 0.35 ")]), Some(350));
    assert_eq!(
        delay_ms(&[("retry-after", "7"), ("retry-after-ms", "350")]),
        Some(350)
    );
    assert_eq!(
        delay_ms(&[("retry-after", "7"), ("retry-after-ms", "soon")]),
        Some(7000)
    );
}

#[test]
fn a_date_stays_a_date() {
    // U-10
    for (text, seconds) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
        ("Tue, 24 Nov 2026 12:00:00 GMT", 1_795_521_600),
        ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
    ] {
        assert_eq!(
            retry_after(&[("retry-after", text)]),
            Some(RetryAfter::At(seconds)),
            "{text}"
        );
    }
    for text in [
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
    ] {
        assert_eq!(
            retry_after(&[("retry-after", text)]),
            Some(RetryAfter::After(Duration::from_secs(1))),
            "{text}"
        );
        let reset = [("retry-after", text), ("x-ratelimit-reset-tokens", "9s")];
        assert_eq!(delay_ms(&reset), Some(9000), "{text}");
    }
}

#[test]
fn a_date_is_counted_from_the_vendors_own_clock() {
    // U-10
    const NOON: &str = "Tue, 24 Nov 2026 12:00:00 GMT";
    for (at, seconds) in [
        ("Tue, 24 Nov 2026 12:00:07 GMT", 7),
        ("Tue, 24 Nov 2026 12:00:00 GMT", 1),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 1),
        ("Tue, 24 Nov 2026 13:00:00 GMT", 300),
    ] {
        let said = [("retry-after", at), ("date", NOON)];
        assert_eq!(delay_ms(&said), Some(seconds * 1000), "{at}");
        let noon = retry_after(&[("retry-after", NOON)]).unwrap();
        let delay = retry_after(&said[..1]).unwrap().delay(1_795_521_600);
        assert_eq!(delay.as_millis(), seconds * 1000, "{at}");
        assert_eq!(noon.delay(i64::MIN), Duration::from_secs(300));
    }
    let odd = [("retry-after", NOON), ("date", "today")];
    assert_eq!(retry_after(&odd), retry_after(&odd[..1]));
}

#[test]
fn the_limit_that_is_used_up_says_how_long() {
    // U-12
    let reset = |text: &str| delay_ms(&[("x-ratelimit-reset-tokens", text)]);
    assert_eq!(reset("6m0s"), Some(360_000));
    assert_eq!(reset("120ms"), Some(120));
    assert_eq!(reset("1h2m3.5s"), Some(3_723_500));
    assert_eq!(reset("7.66s"), Some(7660));
    assert_eq!(reset("20"), Some(20_000));
    let both = [
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-tokens", "9s"),
        ("x-ratelimit-remaining-tokens", "5"),
    ];
    assert_eq!(delay_ms(&both), Some(1000));
    let neither = [
        ("x-ratelimit-reset-requests", "8s"),
        ("x-ratelimit-remaining-requests", "3"),
        ("x-ratelimit-reset-tokens", "9s"),
        ("x-ratelimit-remaining-tokens", "5"),
    ];
    assert_eq!(delay_ms(&neither), Some(8000));
    let day = [
        ("x-ratelimit-remaining-requests-day", "0"),
        ("x-ratelimit-reset-requests-day", "3301.5"),
        ("x-ratelimit-remaining-tokens-minute", "100"),
        ("x-ratelimit-reset-tokens-minute", "11.5"),
    ];
    assert_eq!(delay_ms(&day), Some(3_301_500));
}

#[test]
fn a_reset_that_is_a_time_counts_from_the_vendors_own_clock() {
    // U-12
    const NOON: (&str, &str) = ("date", "Tue, 24 Nov 2026 12:00:00 GMT");
    for (name, at) in [
        ("x-ratelimit-reset", "1795521607000"),
        ("x-ratelimit-reset", "1795521607"),
        (
            "anthropic-ratelimit-input-tokens-reset",
            "2026-11-24T12:00:07Z",
        ),
    ] {
        assert_eq!(delay_ms(&[(name, at), NOON]), Some(7000), "{at}");
        assert_eq!(delay_ms(&[(name, at)]), None, "{at}");
    }
}

#[test]
fn nonsense_counts_as_absent() {
    // U-12
    for text in [
        "",
        "-1",
        "0",
        "soon",
        "1e3",
        ".",
        "5.",
        ".5",
        "NaN",
        "99999999999999999999",
        "86401",
    ] {
        assert_eq!(retry_after(&[("retry-after", text)]), None, "{text}");
        assert_eq!(
            retry_after(&[("retry-after-ms", text)]).is_some(),
            text == "86401",
            "{text}"
        );
    }
    for text in [
        "-1",
        "0",
        "0s",
        "1764000000",
        "5x",
        "m",
        "1m-2s",
        "ms",
        "é",
        "9999999999h",
    ] {
        assert_eq!(
            retry_after(&[("x-ratelimit-reset-requests", text)]),
            None,
            "{text}"
        );
    }
}

#[test]
fn a_body_cannot_turn_a_final_refusal_into_a_passing_one() {
    let fault = |status: u16, code: &str| {
        let body = format!(r#"{{"error":{{"message":"m","code":"{code}"}}}}"#);
        let status = StatusCode::from_u16(status).unwrap();
        Failure::read(status, &HeaderMap::new(), body.as_bytes()).fault
    };
    assert_eq!(fault(302, "rate_limit_exceeded"), Fault::Redirect);
    assert_eq!(fault(401, "rate_limit_exceeded"), Fault::Auth);
    assert_eq!(fault(402, "server_error"), Fault::Quota);
    assert_eq!(fault(400, "server_error"), Fault::BadRequest);
    assert_eq!(fault(500, "invalid_request_error"), Fault::Server);
    assert_eq!(fault(429, "insufficient_quota"), Fault::Quota);
    assert_eq!(fault(101, "server_error"), Fault::Protocol);
}

#[test]
fn an_item_that_is_not_there_is_no_model_that_is_not_there() {
    let fault = |param: &str, code: &str| {
        let body = format!(
            r#"{{"error":{{"message":"m","type":"invalid_request_error","param":{param},"code":{code}}}}}"#
        );
        Failure::read(StatusCode::NOT_FOUND, &HeaderMap::new(), body.as_bytes()).fault
    };
    assert_eq!(fault("\"input\"", "null"), Fault::BadRequest);
    assert_eq!(fault("\"model\"", "null"), Fault::NotFound);
    assert_eq!(fault("\"input\"", "\"model_not_found\""), Fault::NotFound);
    assert_eq!(fault("null", "null"), Fault::NotFound);
}
