//! Whole answers, and their counts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{collect, collect_answer, document, echo};
use crate::chat::settle::Settler;
use crate::chat::{Finish, Names};
use crate::dialect::Dialect;
use crate::fault::Fault;
use crate::translate::tests::translate_answer;
use crate::usage::Usage;

fn answer(parts: &Value, reason: &str, usage: &Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason}],
        "usageMetadata": usage, "responseId": "r"})
}

fn usage(report: &Value) -> Option<Usage> {
    let collected = collect_answer(&answer(&json!([{"text": "a"}]), "STOP", report));
    assert_eq!(collected.is_usage_bad, collected.usage.is_none());
    collected.usage
}

#[test]
fn a_whole_answer_is_the_same_as_its_stream() {
    let stream = include_str!("../../../../testdata/gemini/thought_and_tools.sse");
    let chunks: Vec<Value> = stream
        .lines()
        .filter_map(|it| it.strip_prefix("data: "))
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(collect_answer(&json!(chunks)), collect(stream));
}

#[test]
fn an_openai_client_gets_a_completion() {
    let gemini = answer(
        &json!([{"text": "hm", "thought": true}, {"text": "Hi "}, {"text": "there"}]),
        "STOP",
        &json!({"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4}),
    );
    let request = document(&json!({}));
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let (body, seen) = translate_answer(
        (Dialect::Gemini, Dialect::OpenAiChat),
        &mut settler,
        &echo(&request),
        gemini.to_string().as_bytes(),
    )
    .unwrap();
    assert_eq!(seen.usage.unwrap().total(), 9);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let message = &body["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("Hi there"), &json!("hm"))
    );
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["model"], "public");
}

#[test]
fn several_candidates_are_several_choices() {
    let body = json!({"candidates": [
        {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"},
        {"index": 1, "content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}]});
    let collected = collect_answer(&body);
    assert_eq!(collected.choices[&0].finish, Some(Finish::Stop));
    assert_eq!(collected.choices[&1].finish, Some(Finish::ToolCalls));
}

#[test]
fn log_probabilities_have_openais_shape() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "안"}]}, "finishReason": "STOP",
        "logprobsResult": {
            "chosenCandidates": [{"token": "안", "tokenId": 7, "logProbability": -0.50}, {"token": "!"}],
            "topCandidates": [{"candidates": [{"token": "안", "logProbability": -0.50}, {"token": "a", "logProbability": "-Infinity"}]}]}}]});
    let collected = collect_answer(&body);
    let tokens: Vec<String> = collected.choices[&0]
        .logprobs
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        tokens,
        [
            r#"{"token":"안","logprob":-0.5,"bytes":[236,149,136],"top_logprobs":[{"token":"안","logprob":-0.5,"bytes":[236,149,136]},{"token":"a","logprob":-9999.0,"bytes":[97]}]}"#,
            r#"{"token":"!","logprob":0,"bytes":[33],"top_logprobs":[]}"#
        ]
    );
}

#[test]
fn every_finish_reason_has_a_meaning() {
    let of = |reason: &str| collect_answer(&answer(&json!([{"text": "a"}]), reason, &json!({})));
    for reason in [
        "STOP",
        "OTHER",
        "NO_IMAGE",
        "IMAGE_OTHER",
        "ESCALATION",
        "CONTINUATION",
        "NEW",
    ] {
        assert_eq!(
            of(reason).choices[&0].finish,
            Some(Finish::Stop),
            "{reason}"
        );
    }
    assert_eq!(of("MAX_TOKENS").choices[&0].finish, Some(Finish::Length));
    for reason in [
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    ] {
        let finish = of(reason).choices[&0].finish.clone();
        assert_eq!(finish, Some(Finish::ContentFilter), "{reason}");
    }
    for reason in [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    ] {
        let fault = of(reason).fault.unwrap();
        assert_eq!(fault.fault, Fault::Server, "{reason}");
        assert_eq!(fault.error.unwrap().code.as_deref(), Some(reason));
    }
    let limited = of("PUP_LIMITED_DISABLED").fault.unwrap();
    assert_eq!(limited.fault, Fault::Auth);
}

#[test]
fn what_is_no_answer_is_a_fault() {
    let fault = |body: &Value| collect_answer(body).fault.unwrap().fault;
    assert_eq!(fault(&json!({"hello": 1})), Fault::Protocol);
    assert_eq!(fault(&json!([])), Fault::Protocol);
    assert_eq!(
        fault(&json!({"candidates": [], "usageMetadata": {}})),
        Fault::Empty
    );
    let unfinished = json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}]});
    assert_eq!(fault(&unfinished), Fault::Incomplete);
    let error = json!({"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}});
    assert_eq!(fault(&error), Fault::BadRequest);
    assert_eq!(fault(&json!([error])), Fault::BadRequest);
}

#[test]
fn content_may_be_missing_and_a_prompt_refused() {
    let silent = json!({"candidates": [{"finishReason": "MAX_TOKENS"}]});
    assert_eq!(
        collect_answer(&silent).choices[&0].finish,
        Some(Finish::Length)
    );
    let blocked =
        json!({"promptFeedback": {"blockReason": "SAFETY"}, "candidates": [{"index": 0}]});
    assert_eq!(
        collect_answer(&blocked).choices[&0].finish,
        Some(Finish::ContentFilter)
    );
}

#[test]
fn quotations_and_sources_without_a_place_are_told() {
    let mut body = answer(&json!([{"text": "né à Oslo"}]), "STOP", &json!({}));
    body["candidates"][0]["citationMetadata"] =
        json!({"citationSources": [{"startIndex": 3, "endIndex": 5, "uri": "https://q.example/"}]});
    let told = |body: &Value| collect_answer(body).choices[&0].annotations.clone();
    let quoted = told(&body);
    assert_eq!(quoted.len(), 1);
    assert!(
        quoted[0]
            .to_string()
            .contains("\"start_index\":2,\"end_index\":4")
    );

    body["candidates"][0]["citationMetadata"] = Value::Null;
    body["candidates"][0]["groundingMetadata"] =
        json!({"groundingChunks": [{"web": {"uri": "https://w.example/", "title": "W"}}]});
    let whole = told(&body);
    assert_eq!(whole.len(), 1);
    assert!(
        whole[0]
            .to_string()
            .contains("\"start_index\":0,\"end_index\":9")
    );
}

// traps 28, 31
#[test]
fn counts_nest_as_ours_do() {
    let counted = usage(&json!({
        "promptTokenCount": 100, "cachedContentTokenCount": 60, "toolUsePromptTokenCount": 10,
        "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 160,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 70}, {"modality": "AUDIO", "tokenCount": 30}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}, {"modality": "TEXT"}]
    }))
    .unwrap();
    assert_eq!(
        counted,
        Usage {
            input: 110,
            cache_read: 60,
            audio_input: 30,
            output: 50,
            reasoning: 30,
            audio_output: 5,
            ..Usage::default()
        }
    );
}

// trap 31
#[test]
fn thoughts_that_are_counted_inside_are_not_counted_twice() {
    let inside = json!({"promptTokenCount": 10, "candidatesTokenCount": 25, "thoughtsTokenCount": 20, "totalTokenCount": 35});
    let counted = usage(&inside).unwrap();
    assert_eq!((counted.output, counted.reasoning), (25, 20));
    let beside = json!({"promptTokenCount": 10, "candidatesTokenCount": 25, "thoughtsTokenCount": 20, "totalTokenCount": 55});
    assert_eq!(usage(&beside).unwrap().output, 45);
}

#[test]
fn a_count_that_cannot_be_true_is_not_believed() {
    for report in [
        json!({"promptTokenCount": -1}),
        json!({"promptTokenCount": 1.5}),
        json!({"promptTokenCount": "7"}),
        json!({"promptTokenCount": 2_000_000_000_u64}),
        json!({"promptTokenCount": 5, "cachedContentTokenCount": 6}),
        json!({"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}]}),
        json!({"promptTokenCount": 5, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": -6}]}),
    ] {
        assert_eq!(usage(&report), None, "{report}");
    }
}

// trap 29
#[test]
fn a_report_replaces_what_it_repeats_and_an_empty_one_nothing() {
    let report =
        |usage: Value| json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage});
    let full = json!({"promptTokenCount": 7, "candidatesTokenCount": 5});
    let bad = json!({"promptTokenCount": -7});
    let chunks = json!([
        report(bad),
        report(full.clone()),
        report(full),
        report(json!({"trafficType": "ON_DEMAND"}))
    ]);
    let counted = collect_answer(&chunks).usage.unwrap();
    assert_eq!((counted.input, counted.output), (7, 5));
}
