//! Codes are stable, and a message cannot talk its way into a class.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn named(body: &str) -> Option<Fault> {
    Fault::from_error(&ErrorBody::parse(body.as_bytes()).unwrap())
}

#[test]
fn a_prompt_quoted_in_a_message_decides_nothing() {
    for text in [
        "429 Too Many Requests",
        "rate_limit_exceeded",
        "insufficient_quota",
        "503",
    ] {
        let body = format!(r#"{{"error":{{"message":"bad prompt: {text}","type":"x"}}}}"#);
        assert_eq!(named(&body), None, "{text}");
    }
}

#[test]
fn over_long_prompts_are_recognised_by_code_or_by_the_servers_own_words() {
    // U-17
    for body in [
        r#"{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        r#"{"error":{"message":"m","code":400,"metadata":{"error_type":"context_length_exceeded"}}}"#,
        r#"{"error":{"code":400,"message":"m","type":"exceed_context_size_error","n_ctx":512}}"#,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}"#,
        r#"{"error":{"message":"The input (9 tokens) is longer than the model's context length (8 tokens).","type":"invalid_request_error"}}"#,
        r#"{"error":"`inputs` tokens + `max_new_tokens` must be <= 4096","error_type":"validation"}"#,
        r#"{"object":"error","message":"Prompt contains 40 tokens, too large for model with 32 maximum context length","code":"3051"}"#,
    ] {
        assert_eq!(named(body), Some(Fault::ContextLength), "{body}");
    }
    let parameter = r#"{"error":{"message":"Invalid 'user': string too long.","type":"invalid_request_error","code":"string_above_max_length"}}"#;
    assert_eq!(named(parameter), Some(Fault::BadRequest));
}

// U-18, U-55
#[test]
fn refusals_whose_status_says_something_else_are_told_by_their_words() {
    for (body, fault) in [
        (
            r#"{"code":"invalid-argument","error":"Incorrect API key provided: xa***ey. You can obtain an API key from https://console.x.ai."}"#,
            Fault::Auth,
        ),
        (
            r#"{"code":"Some resource has been exhausted","error":"Your team t has either used all available credits or reached its monthly spending limit."}"#,
            Fault::Quota,
        ),
        (
            r#"{"error":{"code":403,"message":"m","metadata":{"reasons":["violence"],"flagged_input":"a","provider_name":"OpenAI"}}}"#,
            Fault::ContentFilter,
        ),
    ] {
        assert_eq!(named(body), Some(fault), "{body}");
    }
    let quoted = r#"{"error":{"message":"bad prompt: Incorrect API key provided","type":"x"}}"#;
    assert_eq!(named(quoted), None);
}

// trap 27
#[test]
fn a_thought_of_another_account_is_told_by_code_or_by_words() {
    for body in [
        r#"{"error":{"message":"m","type":"invalid_request_error","code":"invalid_encrypted_content"}}"#,
        r#"{"error":{"message":"The encrypted content gAAA...DQ== could not be verified.","type":"invalid_request_error"}}"#,
        r#"{"error":{"message":"Encrypted content could not be decrypted or parsed.","type":"invalid_request_error","code":"invalid_request_error"}}"#,
    ] {
        assert_eq!(named(body), Some(Fault::ForeignCipher), "{body}");
    }
    let other = r#"{"error":{"message":"The signature could not be verified.","type":"invalid_request_error"}}"#;
    assert_eq!(named(other), Some(Fault::BadRequest));
}

#[test]
fn over_long_prompts_are_recognised_where_only_the_text_says_so() {
    for text in [
        "the input length exceeds the context length",
        "the prompt is longer than the context length currently available to the model",
        "The input token count (2000000) exceeds the maximum number of tokens allowed (1048575).",
        "Input is too long for requested model.",
        "Too many input tokens",
        "The model returned: too many tokens: 250000",
        "Malformed input request: expected maxLength: 100000, actual: 200000",
        "prompt: length: 1..200000",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "prompt tokens (9000) exceed model maximum (8192)",
        "input length and `max_tokens` exceed context limit: 9 + 9 > 10",
    ] {
        let body = format!(r#"{{"message":"{text}"}}"#);
        assert_eq!(named(&body), Some(Fault::ContextLength), "{text}");
    }
}

// trap 38
#[test]
fn a_limit_on_the_rate_or_on_one_parameter_is_no_long_prompt() {
    let wait = r#"{"message":"Too many tokens, please wait before trying again."}"#;
    assert_eq!(named(wait), None);
    let quoted = r#"{"type":"error","error":{"type":"rate_limit_error","message":"this prompt is too long: it counts towards tokens per minute"}}"#;
    assert_eq!(named(quoted), Some(Fault::RateLimited));
    let parameter = r#"{"error":{"message":"Invalid 'user': string too long. Expected a string with maximum length 64, but got 'the prompt is too long'.","type":"invalid_request_error"}}"#;
    assert_eq!(named(parameter), Some(Fault::BadRequest));
    let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"429","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    assert_eq!(named(spent), Some(Fault::Quota));
}

#[test]
fn a_numeric_code_reads_like_a_status() {
    for (code, fault) in [
        (402, Fault::Quota),
        (429, Fault::RateLimited),
        (502, Fault::Server),
        (503, Fault::Overloaded),
        (529, Fault::Overloaded),
    ] {
        let body = format!(r#"{{"error":{{"message":"m","code":{code}}}}}"#);
        assert_eq!(named(&body), Some(fault));
    }
    assert_eq!(named(r#"{"error":{"message":"m","code":7}}"#), None);
}

#[test]
fn no_two_codes_of_different_meaning_are_equal() {
    for fault in Fault::ALL {
        assert_eq!(Fault::from_code(fault.code()), Some(fault));
    }
    let idle = Fault::Timeout(Phase::Idle);
    assert!(matches!(
        Fault::from_code(idle.code()),
        Some(Fault::Timeout(_))
    ));
    assert_eq!(Fault::from_code("ok"), None);
}

#[test]
fn what_a_model_wrote_wrongly_is_no_mistake_of_the_callers() {
    for code in ["tool_use_failed", "json_validate_failed"] {
        let body = format!(
            r#"{{"error":{{"message":"Failed to call a function.","type":"invalid_request_error","code":"{code}","failed_generation":"<f>"}}}}"#
        );
        assert_eq!(named(&body), Some(Fault::Misgenerated), "{code}");
    }
}
