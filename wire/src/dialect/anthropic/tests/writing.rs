//! Requests for Anthropic, against their samples.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{WAY, chat};
use crate::chat::Traits;
use crate::dialect::tests::{check, try_write};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../testdata/anthropic/requests/",
            $name,
            ".json"
        ))
    };
}

fn user(rest: &Value) -> Value {
    let mut request = json!({"messages": [{"role": "user", "content": "hi"}]});
    if let Some(rest) = rest.as_object() {
        for (name, value) in rest {
            request[name] = value.clone();
        }
    }
    request
}

#[test]
fn instructions_at_the_head_are_apart_and_later_ones_are_the_users() {
    check(WAY, sample!("system_and_late_system"), Traits::default());
}

// trap 33
#[test]
fn pictures_and_files_are_blocks_and_no_block_is_empty() {
    check(WAY, sample!("parts"), Traits::default());
}

// traps 11, 13, 18
#[test]
fn parallel_results_are_one_turn_and_names_are_legal() {
    let sent = check(WAY, sample!("parallel_tools"), Traits::default());
    assert_eq!(sent.wrapped, ["shell".into()]);
}

// traps 21, 23
#[test]
fn anthropics_own_thoughts_go_back_verbatim_and_first_and_foreign_ones_do_not() {
    check(WAY, sample!("thoughts"), Traits::default());
}

#[test]
fn what_has_no_place_is_named() {
    check(WAY, sample!("left_out"), Traits::default());
}

#[test]
fn what_the_caller_would_miss_is_refused() {
    let part = |part: Value| user(&json!({"messages": [{"role": "user", "content": [part]}]}));
    for (request, field) in [
        (user(&json!({"n": 2})), "n"),
        (user(&json!({"logprobs": true})), "logprobs"),
        (
            user(&json!({"modalities": ["text", "audio"]})),
            "modalities",
        ),
        (
            user(&json!({"audio": {"voice": "x", "format": "wav"}})),
            "audio",
        ),
        (
            user(&json!({"web_search_options": {}})),
            "web_search_options",
        ),
        (
            part(json!({"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}})),
            "messages[].content[].input_audio",
        ),
        (
            part(
                json!({"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}}),
            ),
            "messages[].content[].file",
        ),
    ] {
        let refused = try_write(WAY, &request, Traits::default());
        assert_eq!(refused.unwrap_err(), field);
    }
    let plain = user(&json!({"modalities": ["text"], "n": 1}));
    assert!(chat(&plain, Traits::default()).dropped.is_empty());
}

// trap 36
#[test]
fn sampling_is_what_the_model_takes() {
    let request = user(&json!({"temperature": 0.5, "top_p": 0.9, "top_k": 40}));
    let sent = chat(&request, Traits::default());
    let taken = ["temperature", "top_p", "top_k"].map(|it| sent.body[it].clone());
    assert_eq!(json!(taken), json!([0.5, 0.9, 40]));
    let either = Traits {
        takes_both_sampling: false,
        ..Traits::default()
    };
    let sent = chat(&request, either);
    assert_eq!(sent.body.get("top_p"), None);
    assert_eq!(sent.dropped, ["top_p"]);
    let none = Traits {
        takes_sampling: false,
        ..Traits::default()
    };
    let sent = chat(&request, none);
    assert_eq!(sent.body.get("temperature"), None);
    assert_eq!(sent.dropped, ["temperature", "top_p", "top_k"]);
}

#[test]
fn the_bound_on_output_is_always_sent_and_within_the_models() {
    let most = Traits {
        max_output: Some(64_000),
        ..Traits::default()
    };
    let bound = |rest: Value, traits| chat(&user(&rest), traits).body["max_tokens"].clone();
    assert_eq!(bound(json!({}), Traits::default()), 4_096);
    assert_eq!(bound(json!({}), most), 64_000);
    assert_eq!(bound(json!({"max_tokens": 99_000}), most), 64_000);
    assert_eq!(bound(json!({"max_completion_tokens": 9}), most), 9);
}

#[test]
fn a_prefill_is_trimmed_and_keeps_its_cache_point() {
    let request = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant",
        "content": [{"type": "text", "text": "So  \n", "cache_control": {"type": "ephemeral"}}]}]});
    let sent = chat(&request, Traits::default());
    assert_eq!(
        sent.body["messages"][1]["content"],
        json!([{"type": "text", "text": "So", "cache_control": {"type": "ephemeral"}}])
    );
    let without = Traits {
        takes_prefill: false,
        ..Traits::default()
    };
    let sent = chat(&request, without);
    assert_eq!(sent.body["messages"][2]["content"][0]["text"], "Continue.");
    assert_eq!(sent.dropped, ["messages[-1]:prefill"]);
}

#[test]
fn an_open_call_at_the_end_gets_a_result_and_is_no_prefill() {
    let request = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]});
    for takes_prefill in [true, false] {
        let traits = Traits {
            takes_prefill,
            ..Traits::default()
        };
        let sent = chat(&request, traits);
        let last = &sent.body["messages"][2]["content"];
        assert_eq!(
            *last,
            json!([{"type": "tool_result", "tool_use_id": "c", "is_error": true,
                "content": [{"type": "text", "text": "[no result recorded]"}]}])
        );
        assert!(sent.dropped.is_empty());
    }
}

#[test]
fn tiers_and_users_are_carried_or_named() {
    let sent = |rest: Value| chat(&user(&rest), Traits::default());
    for (theirs, ours) in [
        ("auto", "auto"),
        ("priority", "auto"),
        ("default", "standard_only"),
    ] {
        let sent = sent(json!({"service_tier": theirs}));
        assert_eq!(sent.body["service_tier"], ours);
        assert!(sent.dropped.is_empty());
    }
    let flex = sent(json!({"service_tier": "flex"}));
    assert_eq!(flex.body.get("service_tier"), None);
    assert_eq!(flex.dropped, ["service_tier"]);
    let one = sent(json!({"safety_identifier": "s"}));
    assert_eq!(one.body["metadata"], json!({"user_id": "s"}));
    assert!(one.dropped.is_empty());
    let both = sent(json!({"safety_identifier": "s", "user": "u"}));
    assert_eq!(both.body["metadata"], json!({"user_id": "u"}));
    assert_eq!(both.dropped, ["safety_identifier"]);
}

#[test]
fn no_more_than_four_cache_points_are_sent() {
    let part =
        json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    let request = json!({"messages": [{"role": "user", "content": vec![part; 5]}]});
    let sent = chat(&request, Traits::default());
    let content = sent.body["messages"][0]["content"].as_array();
    let points: Vec<_> = content
        .into_iter()
        .flatten()
        .map(|it| it.get("cache_control"))
        .collect();
    assert_eq!(points.iter().flatten().count(), 4);
    assert_eq!(points[0], Some(&json!({"type": "ephemeral", "ttl": "1h"})));
    assert_eq!(sent.dropped, ["cache_control"]);
}

// trap 17
#[test]
fn an_id_that_is_refused_is_spelt_the_same_in_call_and_result() {
    let request = json!({"messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [{"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "b"}]});
    let sent = chat(&request, Traits::default());
    let id = &sent.body["messages"][1]["content"][0]["id"];
    assert_eq!(*id, sent.body["messages"][2]["content"][0]["tool_use_id"]);
    assert!(id.as_str().is_some_and(|it| !it.contains(['.', ':'])));
}
