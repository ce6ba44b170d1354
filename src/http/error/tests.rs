use tollward_wire::fault::Phase;

use super::*;
use crate::http::ingress::IngressError;
use crate::pipeline::ServeError;
use crate::pipeline::attempt::Trail;

fn failed(fault: Fault) -> AttemptError {
    AttemptError {
        is_ours: false,
        model: "fast".into(),
        trail: Trail {
            attempts: vec![("alpha/large".into(), fault)],
            skipped: Vec::new(),
            ..Trail::default()
        },
        fault,
        error: None,
        status: None,
        retry_after: None,
        way: None,
        upload: None,
    }
}

/// Status, code, `Retry-After` and `x-should-retry` of the answer.
fn told(error: AttemptError) -> (u16, String, Option<String>, Option<String>) {
    let problem = Problem::from(error);
    let response = respond(&problem, &HeaderValue::from_static("id"));
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    (
        response.status().as_u16(),
        problem.code().to_owned(),
        header("retry-after"),
        header("x-should-retry"),
    )
}

// U-01, U-03 to U-06, U-13 to U-20, U-22, U-26
#[test]
fn every_fault_has_its_status_and_its_advice() {
    let never = Some("false");
    let table = [
        (Fault::BadRequest, 400, None, None),
        (Fault::ContextLength, 400, None, None),
        (Fault::ContentFilter, 400, None, None),
        (Fault::ForeignCipher, 400, None, None),
        (Fault::Misgenerated, 400, None, None),
        (Fault::NotFound, 404, None, never),
        (Fault::Auth, 502, None, never),
        (Fault::Quota, 429, None, never),
        (Fault::RateLimited, 429, None, None),
        (Fault::Overloaded, 503, Some("5"), None),
        (Fault::Server, 502, None, None),
        (Fault::Timeout(Phase::Connect), 504, None, None),
        (Fault::Timeout(Phase::FirstByte), 504, None, None),
        (Fault::Timeout(Phase::Total), 504, None, None),
        (Fault::Unreachable, 502, None, None),
        (Fault::Dns, 502, None, None),
        (Fault::Tls, 502, None, None),
        (Fault::ForbiddenAddress, 502, None, never),
        (Fault::Redirect, 502, None, None),
        (Fault::Protocol, 502, None, None),
        (Fault::Truncated, 502, None, None),
        (Fault::Incomplete, 502, None, None),
        (Fault::Empty, 502, None, None),
        (Fault::EventTooLarge, 502, None, None),
    ];
    for (fault, status, retry_after, should_retry) in table {
        let expected = (
            status,
            fault.code().to_owned(),
            retry_after.map(str::to_owned),
            should_retry.map(str::to_owned),
        );
        assert_eq!(told(failed(fault)), expected, "{fault:?}");
    }
}

// U-09, U-11
#[test]
fn a_vendors_wait_is_passed_on_in_whole_seconds_and_in_milliseconds() {
    for (millis, seconds) in [
        (350, "1"),
        (1_000, "1"),
        (7_000, "7"),
        (0, "0"),
        (300_000, "300"),
    ] {
        let problem = Problem::from(AttemptError {
            retry_after: Some(Duration::from_millis(millis)),
            ..failed(Fault::RateLimited)
        });
        let response = respond(&problem, &HeaderValue::from_static("id"));
        let head = response.headers();
        assert_eq!(
            head.get("retry-after"),
            Some(&HeaderValue::from_static(seconds))
        );
        assert_eq!(head.get("retry-after-ms"), Some(&HeaderValue::from(millis)));
    }
}

#[test]
fn nobody_is_sent_away_for_longer_than_a_deployment_rests() {
    let problem = Problem::from(AttemptError {
        retry_after: Some(Duration::from_secs(86_400)),
        ..failed(Fault::RateLimited)
    });
    let response = respond(&problem, &HeaderValue::from_static("id"));
    let wait = response.headers().get("retry-after");
    assert_eq!(wait, Some(&HeaderValue::from_static("300")));
}

fn said(message: &str) -> ErrorBody {
    ErrorBody {
        message: message.into(),
        kind: "vendor_type".into(),
        param: Some("max_tokens".into()),
        code: Some("vendor_code".into()),
        filtered: None,
    }
}

fn speaks(fault: Fault) -> Problem {
    Problem::from(AttemptError {
        error: Some(said("too long")),
        status: Some(StatusCode::UNPROCESSABLE_ENTITY),
        ..failed(fault)
    })
}

// U-17, U-18
#[test]
fn a_vendor_speaks_about_the_request_and_not_about_itself() {
    let about_the_request = speaks(Fault::BadRequest);
    assert_eq!(about_the_request.body, said("too long"));
    assert_eq!(about_the_request.status, StatusCode::UNPROCESSABLE_ENTITY);
    for fault in [Fault::Auth, Fault::Server, Fault::NotFound] {
        let ours = speaks(fault);
        assert!(!ours.body.message.contains("too long"), "{fault:?}");
        assert!(ours.body.message.contains("alpha/large"), "{fault:?}");
    }
}

// U-09, U-13
#[test]
fn of_what_a_vendor_says_about_our_account_only_its_class_is_passed_on() {
    for fault in [Fault::RateLimited, Fault::Quota] {
        let own = Problem::from(failed(fault)).body;
        let classed = ErrorBody {
            kind: "vendor_type".into(),
            ..own.clone()
        };
        assert_eq!(speaks(fault).body, classed, "{fault:?}");
        let without_code = Problem::from(AttemptError {
            error: Some(ErrorBody {
                code: None,
                ..said("too long")
            }),
            ..failed(fault)
        });
        assert_eq!(without_code.body.code, own.code, "{fault:?}");
        let event = stream_error(fault, Some(said("too long")));
        let event = String::from_utf8_lossy(&event.to_json()).into_owned();
        assert!(event.contains(fault.code()) && !event.contains("too long"));
    }
    for fault in [Fault::Auth, Fault::NotFound] {
        let event = stream_error(fault, Some(said("too long")));
        let event = String::from_utf8_lossy(&event.to_json()).into_owned();
        assert!(event.contains(fault.code()) && !event.contains("vendor_code"));
        assert!(!event.contains("too long"), "{fault:?}");
    }
    let busy = Problem::from(AttemptError {
        is_ours: true,
        error: Some(said("the engine is busy")),
        ..failed(Fault::RateLimited)
    });
    assert_eq!(busy.body, said("the engine is busy"));
    let source = |problem: &Problem| {
        let response = respond(problem, &HeaderValue::from_static("id"));
        response.headers().get("x-tollward-error-source").cloned()
    };
    let broken = Problem::from(failed(Fault::Server));
    assert_eq!(
        [busy, broken].map(|it| source(&it)),
        ["gateway", "upstream"].map(|it| Some(HeaderValue::from_static(it)))
    );
}

// Each vendor numbers its refusals in its own way; programs know OpenAI's words.
#[test]
fn what_programs_act_upon_has_openais_code_and_other_refusals_have_the_vendors() {
    for fault in [Fault::ContextLength, Fault::ContentFilter] {
        let body = speaks(fault).body;
        assert_eq!(body.code.as_deref(), Some(fault.code()));
        assert_eq!(body.message, "too long");
        let event = stream_error(fault, Some(said("too long")));
        assert_eq!(event.code.as_deref(), Some(fault.code()));
    }
    let code = |fault, code: &str| {
        let error = ErrorBody {
            code: Some(code.to_owned()),
            ..said("no")
        };
        let error = Some(error);
        Problem::from(AttemptError {
            error,
            ..failed(fault)
        })
        .body
        .code
    };
    let kept = code(Fault::ContentFilter, "content_policy_violation");
    assert_eq!(kept.as_deref(), Some("content_policy_violation"));
    assert_eq!(
        code(Fault::Quota, "1300").as_deref(),
        Some("insufficient_quota")
    );
    assert_eq!(code(Fault::BadRequest, "3051").as_deref(), Some("3051"));
}

// C-10
#[test]
fn a_body_that_is_not_read_ends_its_connection() {
    let problem = Problem::from(IngressError::TooLarge { limit: 10 });
    let response = respond(&problem, &HeaderValue::from_static("id"));
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        response.headers().get("connection"),
        Some(&HeaderValue::from_static("close"))
    );
}

// P-02
#[test]
fn a_call_that_the_shutdown_cut_may_be_tried_elsewhere() {
    let problem = Problem::from(ServeError::Draining);
    let response = respond(&problem, &HeaderValue::from_static("id"));
    assert_eq!(
        (response.status().as_u16(), problem.code()),
        (503, "server_draining")
    );
    assert!(response.headers().contains_key("retry-after"));
    assert!(!ServeError::Draining.is_refusal());
}
