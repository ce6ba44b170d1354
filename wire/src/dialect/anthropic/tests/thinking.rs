//! How much to think: read from callers and told to Claudes.
#![expect(clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::older;
use crate::chat::Traits;
use crate::dialect::Dialect;
use crate::dialect::tests::{Sent, write};

fn openai(rest: &Value, traits: Traits) -> Sent {
    said((Dialect::OpenAiChat, Dialect::Anthropic), rest, traits)
}

fn said(way: (Dialect, Dialect), rest: &Value, traits: Traits) -> Sent {
    let mut request = json!({"messages": [{"role": "user", "content": "a"}], "max_tokens": 10_000});
    if let Some(rest) = rest.as_object() {
        for (name, value) in rest {
            request[name] = value.clone();
        }
    }
    write(way, &request, traits)
}

#[test]
fn an_effort_is_a_word_for_newer_models_and_a_budget_for_older_ones() {
    for (effort, word, budget) in [
        ("minimal", "low", 1_024),
        ("low", "low", 1_024),
        ("medium", "medium", 8_192),
        ("high", "high", 9_999),
        ("xhigh", "xhigh", 9_999),
        ("max", "max", 9_999),
    ] {
        let effort = json!({"reasoning_effort": effort, "temperature": 0.2});
        let sent = openai(&effort, Traits::default());
        assert_eq!(sent.body["thinking"], json!({"type": "adaptive"}));
        assert_eq!(sent.body["output_config"], json!({"effort": word}));
        assert_eq!(sent.dropped, ["temperature"]);
        let sent = openai(&effort, older());
        assert_eq!(
            sent.body["thinking"],
            json!({"type": "enabled", "budget_tokens": budget})
        );
    }
    let off = openai(&json!({"reasoning_effort": "none"}), Traits::default());
    assert_eq!(off.body["thinking"], json!({"type": "disabled"}));
}

#[test]
fn a_budget_becomes_a_word_by_name_and_stays_one_for_older_models() {
    let wish = json!({"reasoning": {"max_tokens": 3_000, "exclude": true}});
    let sent = openai(&wish, Traits::default());
    assert_eq!(
        sent.body["thinking"],
        json!({"type": "adaptive", "display": "omitted"})
    );
    assert_eq!(sent.body["output_config"]["effort"], "medium");
    assert_eq!(sent.dropped, ["reasoning.max_tokens"]);
    let sent = openai(&wish, older());
    assert_eq!(sent.body["thinking"]["budget_tokens"], 3_000);
    assert_eq!(sent.dropped, ["reasoning.exclude"]);
    let shown = json!({"reasoning": {"effort": "low", "exclude": false}});
    let sent = openai(&shown, Traits::default());
    assert_eq!(sent.body["thinking"]["display"], "summarized");
}

#[test]
fn too_little_room_for_a_thought_is_no_thought() {
    let wish = json!({"reasoning_effort": "high", "max_tokens": 1_024});
    let sent = openai(&wish, older());
    assert_eq!(sent.body.get("thinking"), None);
    assert_eq!(sent.dropped, ["reasoning_effort"]);
}

#[test]
fn thinking_without_an_effort_stays_on_everywhere() {
    let adaptive = json!({"thinking": {"type": "adaptive", "display": "summarized"}});
    let way = |vendor| (Dialect::Anthropic, vendor);
    let sent = said(way(Dialect::Anthropic), &adaptive, Traits::default());
    assert_eq!(
        sent.body["thinking"],
        json!({"type": "adaptive", "display": "summarized"})
    );
    assert_eq!(sent.body.get("output_config"), None);
    let sent = said(way(Dialect::Anthropic), &adaptive, older());
    assert_eq!(
        sent.body["thinking"],
        json!({"type": "enabled", "budget_tokens": 8_192})
    );
    let sent = said(way(Dialect::OpenAiChat), &adaptive, Traits::default());
    assert_eq!(sent.body.get("reasoning_effort"), None);
    assert!(sent.dropped.is_empty());
    let sent = said(way(Dialect::Ollama), &adaptive, Traits::default());
    assert_eq!(sent.body["think"], true);
    let sent = said(way(Dialect::Gemini), &adaptive, Traits::default());
    assert_eq!(
        sent.body["generationConfig"]["thinkingConfig"],
        json!({"includeThoughts": true})
    );
    let enabled = json!({"reasoning": {"enabled": true}});
    let sent = openai(&enabled, Traits::default());
    assert_eq!(sent.body["thinking"], json!({"type": "adaptive"}));
}

#[test]
fn the_effort_weighs_more_than_the_budget() {
    let both = json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}, "output_config": {"effort": "max"}});
    let sent = said(
        (Dialect::Anthropic, Dialect::OpenAiChat),
        &both,
        Traits::default(),
    );
    assert_eq!(sent.body["reasoning_effort"], "max");
    assert!(sent.dropped.is_empty());
    let off = json!({"thinking": {"type": "disabled"}});
    let sent = said(
        (Dialect::Anthropic, Dialect::OpenAiChat),
        &off,
        Traits::default(),
    );
    assert_eq!(sent.body["reasoning_effort"], "none");
}

// trap 24
#[test]
fn a_last_turn_with_calls_and_no_thought_stops_thinking_for_this_request_only() {
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "1"});
    let request = json!({"reasoning_effort": "high", "messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call]}, result]});
    let sent = openai(&request, Traits::default());
    assert_eq!(sent.body.get("thinking"), None);
    assert_eq!(sent.dropped, ["reasoning_effort"]);
    let mut signed = request.clone();
    signed["messages"][1]["reasoning_details"] = json!([{"type": "reasoning.text", "text": "hm",
        "signature": "s", "format": "anthropic-claude-v1"}]);
    let sent = openai(&signed, Traits::default());
    assert_eq!(sent.body["thinking"], json!({"type": "adaptive"}));
}
