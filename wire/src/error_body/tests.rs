//! The shapes in which errors arrive.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

fn parse(body: &str) -> Option<ErrorBody> {
    ErrorBody::parse(body.as_bytes())
}

fn error(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> ErrorBody {
    ErrorBody {
        message: message.to_owned(),
        kind: kind.to_owned(),
        param: param.map(str::to_owned),
        code: code.map(str::to_owned),
        filtered: None,
    }
}

fn check(cases: &[(&str, ErrorBody)]) {
    for (body, expected) in cases {
        assert_eq!(parse(body).as_ref(), Some(expected), "{body}");
    }
}

#[test]
fn errors_of_model_servers_become_one_error() {
    check(&[
        (
            r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#,
            error("m", "t", Some("p"), Some("c")),
        ),
        // vLLM, older and Mistral: no wrapper, numeric or text code.
        (
            r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#,
            error("m", "BadRequestError", None, Some("400")),
        ),
        (
            r#"{"object":"error","message":{"detail":[{"loc":["body","user"],"msg":"Extra inputs","type":"extra_forbidden"}]},"type":"invalid_request_error","code":"3051"}"#,
            error(
                "Extra inputs",
                "invalid_request_error",
                Some("user"),
                Some("3051"),
            ),
        ),
        // TGI, Ollama.
        (
            r#"{"error":"m","error_type":"overloaded"}"#,
            error("m", "overloaded", None, None),
        ),
        (
            r#"{"error":"model \"x\" not found"}"#,
            error("model \"x\" not found", "upstream_error", None, None),
        ),
    ]);
}

// faults U-55
#[test]
fn what_azures_filters_found_is_kept_and_nothing_else_of_the_inner_error() {
    let found = json!({"violence": {"filtered": true, "severity": "high"}});
    let inner = json!({"code": "ResponsibleAIPolicyViolation", "content_filter_result": found});
    let told = |inner: &Value| {
        let error = json!({"error": {"message": "m", "code": "content_filter", "status": 400, "innererror": inner}});
        let error = parse(&error.to_string()).unwrap();
        let written: Value = serde_json::from_slice(&error.to_json()).unwrap();
        written["error"].clone()
    };
    let mut more = inner.clone();
    more["revised_prompt"] = "secret".into();
    let expected = json!({"message": "m", "type": "upstream_error", "param": null, "code": "content_filter", "innererror": inner});
    assert_eq!(told(&more), expected);
    let mut long = inner.clone();
    long["content_filter_result"]["more"] = "x".repeat(MAX_FILTERED_BYTES).into();
    for other in [json!({"code": "other"}), json!("text"), long] {
        assert_eq!(told(&other).get("innererror"), None, "{other}");
    }
}

#[test]
fn errors_of_frameworks_and_front_ends_become_one_error() {
    check(&[
        // FastAPI.
        (
            r#"{"detail":"Not Found"}"#,
            error("Not Found", "upstream_error", None, None),
        ),
        (
            r#"{"detail":[{"loc":["body","messages",0,"role"],"msg":"field required","type":"missing"}]}"#,
            error(
                "field required",
                "invalid_request_error",
                Some("messages.0.role"),
                Some("missing"),
            ),
        ),
        (
            r#"{"detail":"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":\"c\"}}"}"#,
            error("m", "t", None, Some("c")),
        ),
        // Google wraps in a list and says `status`.
        (
            r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
            error("m", "INVALID_ARGUMENT", None, Some("400")),
        ),
        // OpenRouter: the class is in the metadata.
        (
            r#"{"error":{"code":400,"message":"m","metadata":{"error_type":"context_length_exceeded"}}}"#,
            error(
                "m",
                "context_length_exceeded",
                None,
                Some("context_length_exceeded"),
            ),
        ),
        (
            r#"{"error":{"message":"m","type":"exceed_context_size_error","code":400,"n_ctx":512}}"#,
            error("m", "exceed_context_size_error", None, Some("400")),
        ),
        (
            r#"{"error":{"nothing":"known"}}"#,
            error("upstream error", "upstream_error", None, None),
        ),
    ]);
}

#[test]
fn what_is_no_error_is_none() {
    for body in [
        "",
        "<html>429</html>",
        "null",
        "5",
        "[]",
        "{}",
        r#"{"error":null}"#,
        r#"{"error":""}"#,
        r#"{"error":false}"#,
        r#"{"choices":[]}"#,
        r#"{"detail":[]}"#,
        "\"  \"",
    ] {
        assert_eq!(parse(body), None, "{body}");
    }
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let body = format!(
        r#"{{"error":{{"message":"{}","type":"t"}}}}"#,
        "é".repeat(600) + "x"
    );
    let message = parse(&body).unwrap().message;
    assert_eq!(message, "é".repeat(512));
}

#[test]
fn wrappers_are_followed_only_so_deep() {
    let deep = format!("{}1{}", r#"{"error":"#.repeat(50), "}".repeat(50));
    assert_eq!(parse(&deep).unwrap().message, "upstream error");
    let lists = format!("{}{}", "[".repeat(50), "]".repeat(50));
    assert_eq!(parse(&lists), None);
}

#[test]
fn an_error_is_written_the_way_it_is_read() {
    let body = parse(r#"{"error":{"message":"a\nb","type":"t"}}"#).unwrap();
    let json = r#"{"error":{"message":"a\nb","type":"t","param":null,"code":null}}"#;
    assert_eq!(body.to_json(), json);
    assert_eq!(body.to_event(), format!("data: {json}\n\n"));
    assert_eq!(ErrorBody::parse(&body.to_json()), Some(body));
}
