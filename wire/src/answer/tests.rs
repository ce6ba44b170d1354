//! Which whole answers are good, and what is read in them.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn chat(body: &str) -> Result<Answer, AnswerFault> {
    read_answer(Operation::Chat, &Bytes::copy_from_slice(body.as_bytes()))
}

fn fault_of(body: &str) -> Fault {
    chat(body).unwrap_err().found.fault
}

const GOOD: &str = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hé","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2},"error":null}"#;

#[test]
fn a_good_answer_is_measured() {
    let answer = chat(GOOD).unwrap();
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output, answer.output_bytes), (9, 2, 3));
    assert!(!answer.usage_anomaly);
    // Vendors under load send blank lines ahead of the answer to keep it alive.
    assert!(chat(&format!("\n\n\n{GOOD}\n")).is_ok());
}

#[test]
fn a_body_that_is_not_one_object_breaks_the_protocol() {
    // U-22, U-23, U-24
    for end in 0..GOOD.len() {
        let cut = Bytes::from_static(GOOD.as_bytes()).slice(..end);
        let fault = read_answer(Operation::Chat, &cut).unwrap_err().found.fault;
        assert_eq!(fault, Fault::Protocol, "cut at {end}");
    }
    for body in [
        "<html></html>",
        "[]",
        "null",
        "\"x\"",
        "{} {}",
        "data: {}\n\n",
    ] {
        assert_eq!(fault_of(body), Fault::Protocol, "{body}");
    }
    assert_eq!(fault_of(&format!("{GOOD}x")), Fault::Protocol);
}

#[test]
fn an_error_in_a_200_is_its_own_fault() {
    let fault = chat(r#"{"error":{"message":"slow down","code":429},"choices":[]}"#)
        .unwrap_err()
        .found;
    assert_eq!(fault.fault, Fault::RateLimited);
    assert_eq!(fault.error.unwrap().message, "slow down");
    assert_eq!(fault_of(r#"{"error":"boom"}"#), Fault::Server);
    let choice = r#"{"choices":[{"error":{"message":"m","code":502},"message":{"content":""}}]}"#;
    assert_eq!(fault_of(choice), Fault::Server);
    let failed = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"insufficient_system_resource"}]}"#;
    assert_eq!(fault_of(failed), Fault::Overloaded);
}

#[test]
fn an_answer_without_anything_in_it_is_empty() {
    // U-54, U-56
    for body in [
        "{}",
        r#"{"choices":null}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"message":{"content":null,"tool_calls":[]},"finish_reason":"stop"}]}"#,
    ] {
        assert_eq!(fault_of(body), Fault::Empty, "{body}");
    }
    for body in [
        r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"message":{"content":null},"finish_reason":"length"}]}"#,
        r#"{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}"#,
        r#"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]},"finish_reason":"tool_calls"}]}"#,
    ] {
        assert!(chat(body).is_ok(), "{body}");
    }
}

#[test]
fn a_report_that_cannot_be_true_is_flagged() {
    // U-45, U-47
    let bad = GOOD.replace('9', "-9");
    let answer = chat(&bad).unwrap();
    assert!(answer.usage_anomaly && answer.usage.is_none());
    let none = GOOD.replace("\"usage\"", "\"x\"");
    let answer = chat(&none).unwrap();
    assert!(!answer.usage_anomaly && answer.usage.is_none());
}

#[test]
fn the_other_operations_have_their_own_shape() {
    let embeddings = Bytes::from_static(
        br#"{"data":[{"index":0,"embedding":[0.1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#,
    );
    let answer = read_answer(Operation::Embeddings, &embeddings).unwrap();
    assert_eq!(answer.usage.map(|it| it.input), Some(4));
    let empty = Bytes::from_static(br#"{"data":[]}"#);
    assert_eq!(
        read_answer(Operation::Embeddings, &empty)
            .unwrap_err()
            .found
            .fault,
        Fault::Empty
    );
    let text = Bytes::from_static(br#"{"choices":[{"text":"abc","finish_reason":"stop"}]}"#);
    assert_eq!(
        read_answer(Operation::Completions, &text)
            .unwrap()
            .output_bytes,
        3
    );
}

#[test]
fn text_that_a_strict_decoder_rejects_still_passes() {
    // U-41, U-42
    let lone = GOOD.replace("Hé", "\\ud83d");
    assert!(chat(&lone).is_ok());
    let mut bytes = GOOD.as_bytes().to_vec();
    if let Some(byte) = bytes.iter_mut().find(|it| **it == b'H') {
        *byte = 0xff;
    }
    assert!(read_answer(Operation::Chat, &Bytes::from(bytes)).is_ok());
}

#[test]
fn a_fault_says_what_it_used_all_the_same() {
    let usage = |body: &str| {
        chat(body)
            .unwrap_err()
            .passed
            .usage
            .map(|it| (it.input, it.output))
    };
    let counted = r#""usage":{"prompt_tokens":9,"completion_tokens":2}"#;
    let failed = format!(
        r#"{{"choices":[{{"message":{{"content":"a"}},"finish_reason":"error"}}],{counted}}}"#
    );
    assert_eq!(usage(&failed), Some((9, 2)));
    assert_eq!(
        usage(&format!(r#"{{"choices":[],{counted}}}"#)),
        Some((9, 2))
    );
    assert_eq!(
        usage(&format!(r#"{{"error":"boom",{counted}}}"#)),
        Some((9, 2))
    );
    assert_eq!(usage(r#"{"error":"boom"}"#), None);
}

fn is_empty(operation: Operation, body: &str) -> bool {
    let answer = read_answer(operation, &Bytes::copy_from_slice(body.as_bytes()));
    match answer {
        Ok(_) => false,
        Err(it) => {
            assert_eq!(it.found.fault, Fault::Empty, "{body}");
            true
        }
    }
}

// U-54
#[test]
fn every_dialect_tells_silence_from_an_answer_that_was_lost() {
    let gemini = |candidate: &str| format!(r#"{{"candidates":[{candidate}]}}"#);
    let response = |output: &str| {
        format!(r#"{{"object":"response","status":"completed","output":[{output}]}}"#)
    };
    let lost = [
        (
            Operation::GenerateContent,
            gemini(r#"{"finishReason":"STOP"}"#),
        ),
        (
            Operation::GenerateContent,
            gemini(r#"{"content":{"role":"model"},"finishReason":"STOP"}"#),
        ),
        (Operation::Responses, response("")),
    ];
    for (operation, body) in lost {
        assert!(is_empty(operation, &body), "{body}");
    }
    let silent = [
        (
            Operation::Messages,
            r#"{"content":[],"stop_reason":"end_turn"}"#.to_owned(),
        ),
        (
            Operation::GenerateContent,
            gemini(r#"{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}"#),
        ),
        (
            Operation::GenerateContent,
            gemini(r#"{"finishReason":"MAX_TOKENS"}"#),
        ),
        (
            Operation::GenerateContent,
            gemini(r#"{"finishReason":"SAFETY"}"#),
        ),
        (
            Operation::Responses,
            response(r#"{"type":"message","id":"m","content":[{"type":"output_text","text":""}]}"#),
        ),
    ];
    for (operation, body) in silent {
        assert!(!is_empty(operation, &body), "{body}");
    }
}
