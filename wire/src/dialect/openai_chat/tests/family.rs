//! What servers of the family do differently.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::sse;
use super::streams::{calls, delta, last};
use crate::chat::{Block, Collected, Finish, Provenance};
use crate::dialect::Dialect;
use crate::dialect::tests::{collect, collect_answer};
use crate::fault::Fault;

fn read(chunks: &[Value]) -> Collected {
    collect(Dialect::OpenAiChat, &sse(chunks))
}

fn fragment(fields: &Value) -> Value {
    delta(&json!({"tool_calls": [fields]}))
}

// trap 3
#[test]
fn chunks_without_choices_or_deltas_are_passed_over() {
    let azure = read(&[
        json!({"id": "", "choices": [], "prompt_filter_results": []}),
        delta(&json!({"role": "assistant", "content": null})),
        delta(&json!({"content": "Hi"})),
        json!({"choices": [{"index": 0, "content_filter_results": {}}]}),
        last("stop"),
        json!({"choices": [], "usage": null}),
        json!({}),
    ]);
    assert_eq!(azure.id.as_deref(), Some("c"));
    assert_eq!(azure.choices[&0].text(), "Hi");
    assert_eq!(azure.fault, None);
}

// trap 14
#[test]
fn an_empty_list_of_calls_is_no_call() {
    let answer = read(&[
        delta(&json!({"content": "Hi", "tool_calls": []})),
        delta(&json!({"content": "!", "tool_calls": null})),
        last("stop"),
    ]);
    assert_eq!(answer.choices[&0].text(), "Hi!");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Stop));
}

// trap 15
#[test]
fn calls_are_told_apart_by_id_and_name_where_indices_lie() {
    let function = |name: &str, arguments: &str| json!({"name": name, "arguments": arguments});
    let expected = [
        ("f".to_owned(), "{\"a\":1}".to_owned()),
        ("g".to_owned(), "{}".to_owned()),
    ];
    let zero = read(&[
        fragment(&json!({"index": 0, "id": "x", "function": function("f", "{\"a\"")})),
        fragment(&json!({"index": 0, "function": {"arguments": ":1}"}})),
        fragment(&json!({"index": 0, "id": "y", "function": function("g", "{}")})),
        last("tool_calls"),
    ]);
    assert_eq!(calls(&zero), expected);
    let none = read(&[
        fragment(&json!({"id": "x", "function": function("f", "{\"a\"")})),
        fragment(&json!({"function": {"arguments": ":1}"}})),
        fragment(&json!({"id": "y", "function": function("g", "{}")})),
        last("tool_calls"),
    ]);
    assert_eq!(calls(&none), expected);
    let repeated = read(&[
        fragment(&json!({"index": 0, "id": "x", "function": function("f", "{\"a\"")})),
        fragment(&json!({"index": 0, "id": "x", "function": function("f", ":1}")})),
        fragment(&json!({"index": 1, "id": "y", "function": function("g", "{")})),
        fragment(&json!({"index": 1, "id": "", "function": function("g", "}")})),
        last("tool_calls"),
    ]);
    assert_eq!(calls(&repeated), expected);
}

// trap 17
#[test]
fn a_call_without_an_id_gets_one_and_a_strange_id_stays() {
    let answer = json!({"choices": [{"message": {"content": null, "tool_calls": [
        {"function": {"name": "f", "arguments": {"a": 1}}},
        {"id": "functions.f:1", "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": "stop"}]});
    let answer = collect_answer(Dialect::OpenAiChat, &answer);
    let ids: Vec<String> = answer.choices[&0]
        .blocks
        .iter()
        .filter_map(|block| match block {
            crate::chat::Block::Call { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["call_seed000", "functions.f:1"]);
    assert_eq!(calls(&answer)[0].1, "{\"a\":1}");
}

// trap 16
#[test]
fn a_reason_that_denies_the_calls_is_put_right() {
    let call =
        fragment(&json!({"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}));
    let answer = read(&[call.clone(), last("stop")]);
    assert_eq!(answer.choices[&0].finish, Some(Finish::ToolCalls));
    let silent = read(&[call]);
    assert_eq!(silent.choices[&0].finish, Some(Finish::ToolCalls));
}

#[test]
fn an_empty_reason_is_none_yet() {
    let answer = read(&[
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": ""}]}),
        delta(&json!({"role": "assistant", "content": "b"})),
        last("length"),
    ]);
    assert_eq!(answer.choices[&0].text(), "ab");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Length));
}

#[test]
fn thoughts_are_found_under_each_of_their_names_once() {
    for words in [
        json!({"reasoning_content": "hm"}),
        json!({"reasoning": "hm"}),
        json!({"reasoning_content": "hm", "reasoning": "hm"}),
        json!({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}),
        json!({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": true}]}),
    ] {
        let answer = read(&[delta(&words), delta(&json!({"content": "a"})), last("stop")]);
        let texts: Vec<&str> = answer.choices[&0].thoughts().map(|it| &*it.text).collect();
        assert_eq!(texts, ["hm"], "{words}");
        assert_eq!(answer.choices[&0].text(), "a");
    }
}

#[test]
fn a_proof_in_openrouters_container_is_kept_with_its_words() {
    let detail = json!([{"type": "reasoning.text", "text": "", "signature": "s", "format": "anthropic-claude-v1", "id": "r"}]);
    let answer = read(&[
        delta(&json!({"reasoning": "hm"})),
        delta(&json!({"reasoning_details": detail})),
        delta(&json!({"content": "a"})),
        last("stop"),
    ]);
    let thought = answer.choices[&0].thoughts().next().unwrap();
    assert_eq!(
        (&*thought.text, thought.signature.as_deref()),
        ("hm", Some("s"))
    );
    assert_eq!(thought.provenance, Provenance::Anthropic);
}

// trap 15
#[test]
fn calls_that_share_an_id_or_have_neither_id_nor_index_stay_apart() {
    let call = |fields: Value| delta(&json!({"tool_calls": [fields]}));
    let f = |text: &str| json!({"function": {"name": "f", "arguments": text}});
    for stream in [
        vec![
            call(
                json!({"index": 0, "id": "x", "function": {"name": "f", "arguments": "{\"a\":1}"}}),
            ),
            call(
                json!({"index": 1, "id": "x", "function": {"name": "g", "arguments": "{\"a\":2}"}}),
            ),
        ],
        vec![call(f("{\"a\":1}")), call(f("{\"a\":2}"))],
        vec![delta(
            &json!({"tool_calls": [f("{\"a\":1}"), f("{\"a\":2}")]}),
        )],
        vec![
            call(
                json!({"index": "0", "id": "x", "function": {"name": "f", "arguments": "{\"a\":"}}),
            ),
            call(
                json!({"index": "1", "id": "y", "function": {"name": "f", "arguments": "{\"a\":2}"}}),
            ),
            call(json!({"index": "0", "function": {"arguments": "1}"}})),
        ],
    ] {
        let mut stream = stream;
        stream.push(last("tool_calls"));
        let answer = read(&stream);
        let calls: Vec<(&str, &str)> = answer.choices[&0]
            .blocks
            .iter()
            .filter_map(|block| match block {
                Block::Call { id, arguments, .. } => Some((id.as_str(), arguments.as_str())),
                _ => None,
            })
            .collect();
        let arguments: Vec<&str> = calls.iter().map(|(_, it)| *it).collect();
        assert_eq!(arguments, ["{\"a\":1}", "{\"a\":2}"], "{stream:?}");
        assert_ne!(calls[0].0, calls[1].0);
    }
}

// trap 21
#[test]
fn each_of_two_signed_thoughts_keeps_its_own_words() {
    let details = json!([
        {"type": "reasoning.text", "text": "A", "signature": "s1", "format": "anthropic-claude-v1"},
        {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1"},
        {"type": "reasoning.text", "text": "B", "signature": "s2", "format": "anthropic-claude-v1"}]);
    let answer = json!({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
        "content": "Hi", "reasoning": "AB", "reasoning_details": details}}]});
    let answer = collect_answer(Dialect::OpenAiChat, &answer);
    let thoughts = answer.choices[&0].thoughts();
    let thoughts: Vec<_> = thoughts
        .map(|it| (&*it.text, it.signature.as_deref(), it.encrypted.as_deref()))
        .collect();
    assert_eq!(
        thoughts,
        [
            ("A", Some("s1"), None),
            ("", None, Some("d")),
            ("B", Some("s2"), None)
        ]
    );
}

#[test]
fn mistrals_content_may_be_a_list() {
    let answer = json!({"choices": [{"index": 0, "finish_reason": "model_length", "message": {"role": "assistant", "content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]},
        {"type": "text", "text": "Hi"}, {"type": "reference", "reference_ids": [1]}]}}]});
    let answer = collect_answer(Dialect::OpenAiChat, &answer);
    assert_eq!(answer.choices[&0].text(), "Hi");
    assert_eq!(answer.choices[&0].thoughts().next().unwrap().text, "hm");
    assert_eq!(answer.choices[&0].finish, Some(Finish::Length));
}

// traps 4, 7
#[test]
fn groqs_count_and_error_stand_in_a_place_of_their_own() {
    let counted = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "queue_time": 0.1}}});
    let answer = read(&[delta(&json!({"content": "a"})), counted]);
    assert_eq!(answer.usage.unwrap().total(), 5);
    let failed = read(&[
        delta(&json!({"content": "a"})),
        json!({"choices": [], "x_groq": {"error": "over capacity"}}),
    ]);
    assert!(failed.fault.is_some());
}

// trap 7
#[test]
fn a_reason_that_is_an_error_is_one() {
    for (reason, fault) in [
        ("error", Fault::Server),
        ("abort", Fault::Server),
        ("insufficient_system_resource", Fault::Overloaded),
    ] {
        let answer = read(&[delta(&json!({"content": "a"})), last(reason)]);
        assert_eq!(answer.fault.unwrap().fault, fault);
        assert_eq!(answer.choices[&0].finish, None);
    }
    let openrouter = json!({"error": {"code": 502, "message": "gone", "metadata": {"error_type": "provider_unavailable"}},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]});
    let answer = read(&[delta(&json!({"content": "a"})), openrouter]);
    let fault = answer.fault.unwrap();
    assert_eq!(
        (fault.fault, fault.error.unwrap().message.as_str()),
        (Fault::Overloaded, "gone")
    );
}

// trap 40
#[test]
fn an_error_without_its_wrapper_is_one() {
    let vllm = json!({"object": "error", "message": "This model's maximum context length is 8 tokens.", "type": "BadRequestError", "code": 400});
    let answer = collect_answer(Dialect::OpenAiChat, &vllm);
    assert_eq!(answer.fault.unwrap().fault, Fault::ContextLength);
    let answer = read(&[delta(&json!({"content": "a"})), vllm]);
    assert_eq!(answer.fault.unwrap().fault, Fault::ContextLength);
}

#[test]
fn vllm_says_which_text_stopped_it() {
    let stopped = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "END"}]});
    let answer = read(&[delta(&json!({"content": "a"})), stopped]);
    assert_eq!(
        answer.choices[&0].finish,
        Some(Finish::StopText(Some("END".into())))
    );
}

// trap 28
#[test]
fn deepseeks_hits_and_misses_are_the_input() {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4,
        "completion_tokens": 3, "total_tokens": 13}});
    let answer = read(&[delta(&json!({"content": "a"})), last("stop"), usage]);
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (10, 6, 3));
}

#[test]
fn the_only_call_of_an_old_server_is_a_call() {
    let call = json!({"name": "f", "arguments": "{\"a\":1}"});
    let answer = json!({"choices": [{"index": 0, "finish_reason": "function_call",
        "message": {"role": "assistant", "content": null, "function_call": call}}]});
    let whole = collect_answer(Dialect::OpenAiChat, &answer);
    let piece = |call: Value| delta(&json!({ "function_call": call }));
    let streamed = read(&[
        piece(json!({"name": "f", "arguments": ""})),
        piece(json!({"arguments": "{\"a\":"})),
        piece(json!({"arguments": "1}"})),
        last("function_call"),
    ]);
    for answer in [whole, streamed] {
        let call = ("f".to_owned(), "{\"a\":1}".to_owned());
        assert_eq!(calls(&answer), [call]);
        assert_eq!(answer.choices[&0].finish, Some(Finish::ToolCalls));
    }
}

#[test]
fn an_empty_place_for_the_only_call_is_none() {
    for empty in [json!({}), json!({"name": "", "arguments": ""})] {
        let answer = json!({"choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Hi", "function_call": empty}}]});
        assert!(calls(&collect_answer(Dialect::OpenAiChat, &answer)).is_empty());
    }
}

#[test]
fn what_is_heard_in_a_spoken_answer_is_its_text() {
    let audio = json!({"id": "a", "data": "UklGRg==", "transcript": "Hello!", "expires_at": 1});
    let answer = json!({"choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": null, "audio": audio}}]});
    let answer = collect_answer(Dialect::OpenAiChat, &answer);
    assert_eq!(answer.choices[&0].text(), "Hello!");
}

// faults U-50; TGI up to 2.x, `DeltaToolCall` of its router, repeats the name with each piece.
#[test]
fn a_call_that_is_streamed_without_a_list_is_a_call() {
    let piece = |arguments: &str| {
        let function = json!({"name": "f", "arguments": arguments});
        let call = json!({"index": 0, "id": "", "type": "function", "function": function});
        delta(&json!({"role": "assistant", "tool_calls": call}))
    };
    let answer = read(&[piece("{\"a\""), piece(":1}"), last("stop")]);
    assert_eq!(calls(&answer), [("f".to_owned(), "{\"a\":1}".to_owned())]);
}

// faults U-51
#[test]
fn arguments_come_whole_however_they_are_written_and_cut() {
    let begun = |arguments: Value| {
        fragment(&json!({"index": 0, "id": "x", "function": {"name": "f", "arguments": arguments}}))
    };
    let more = |text: &str| fragment(&json!({"index": 0, "function": {"arguments": text}}));
    let cases = [
        (
            vec![begun(json!("{\"a\":\"\\u00")), more("e9\\"), more("\"\"}")],
            "{\"a\":\"\\u00e9\\\"\"}",
        ),
        (vec![begun(json!("")), more("{\"a\":1}")], "{\"a\":1}"),
        (vec![begun(json!({"a": {"b": [1]}}))], "{\"a\":{\"b\":[1]}}"),
        (vec![begun(Value::Null)], "{}"),
        (vec![begun(json!(""))], "{}"),
    ];
    for (mut chunks, arguments) in cases {
        chunks.push(last("tool_calls"));
        let answer = read(&chunks);
        assert_eq!(calls(&answer), [("f".to_owned(), arguments.to_owned())]);
    }
}

// faults U-57
#[test]
fn a_reason_that_nobody_knows_is_a_stop() {
    for reason in ["eos_token", "recitation_v2", "STOP"] {
        let answer = read(&[delta(&json!({"content": "a"})), last(reason)]);
        assert_eq!(answer.choices[&0].finish, Some(Finish::Stop), "{reason}");
        assert_eq!(answer.fault, None);
    }
}
