//! Thoughts of earlier turns, and how much to think.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::request::{CLAUDE, chat, check, sample, write};
use crate::chat::Traits;
use crate::dialect::Dialect;

fn by_budget() -> Traits {
    Traits {
        thinks_by_effort: false,
        ..Traits::default()
    }
}

fn asking(part: &Value) -> Value {
    let mut request = json!({"messages": [{"role": "user", "content": "a"}]});
    for (name, value) in part.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// `additionalModelRequestFields` of a request with this effort, and what was left out.
fn extras(model: &str, effort: &str, traits: Traits) -> (Value, Vec<String>) {
    let request = asking(&json!({"reasoning_effort": effort}));
    let sent = write(Dialect::OpenAiChat, &request, model, traits);
    (
        sent.body["additionalModelRequestFields"].clone(),
        sent.dropped,
    )
}

// traps 21, 22, 23
#[test]
fn thoughts_come_back_verbatim_and_first_and_those_of_others_do_not() {
    check(
        Dialect::Anthropic,
        sample!("thoughts_replayed"),
        by_budget(),
    );
}

// trap 23
#[test]
fn a_model_of_another_family_gets_no_thoughts_of_claude() {
    let sample: Value = serde_json::from_str(sample!("thoughts_replayed")).unwrap();
    let sent = write(
        Dialect::Anthropic,
        &sample["request"],
        "us.meta.llama4-x",
        Traits::default(),
    );
    assert!(!sent.body.to_string().contains("reasoningContent"));
    assert!(sent.dropped.contains(&"messages[].reasoning".to_owned()));
}

// trap 24
#[test]
fn thinking_gives_way_where_the_last_calls_were_made_without_it() {
    let request = json!({"reasoning_effort": "high", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "x"}]});
    let sent = chat(&request);
    assert_eq!(sent.body.get("additionalModelRequestFields"), None);
    assert_eq!(sent.dropped, ["reasoning_effort"]);
    // Told in words they are no calls any more.
    let mut flat = request;
    flat["tool_choice"] = json!("none");
    let sent = chat(&flat);
    assert_eq!(
        sent.body["additionalModelRequestFields"]["thinking"]["type"],
        "adaptive"
    );
}

// trap 20
#[test]
fn thinking_gives_way_to_a_forced_choice() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let request =
        asking(&json!({"reasoning_effort": "low", "tools": [tool], "tool_choice": "required"}));
    let sent = chat(&request);
    assert_eq!(sent.body.get("additionalModelRequestFields"), None);
    assert_eq!(sent.dropped, ["reasoning_effort"]);
}

#[test]
fn effort_is_told_in_the_words_of_each_family() {
    let all = Traits::default();
    let claude = |effort: &str| extras(CLAUDE, effort, all).0;
    assert_eq!(
        claude("xhigh"),
        json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}})
    );
    assert_eq!(claude("minimal")["output_config"]["effort"], "low");
    assert_eq!(claude("none"), json!({"thinking": {"type": "disabled"}}));
    let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc";
    assert_eq!(
        extras(profile, "high", all).0["output_config"]["effort"],
        "high"
    );
    let gpt = |effort: &str| extras("openai.gpt-oss-20b-1:0", effort, all);
    assert_eq!(gpt("max"), (json!({"reasoning_effort": "high"}), vec![]));
    assert_eq!(
        gpt("none"),
        (
            json!({"reasoning_effort": "low"}),
            vec!["reasoning_effort".to_owned()]
        )
    );
    let nova = |effort: &str| extras("us.amazon.nova-2-lite-v1:0", effort, all).0;
    assert_eq!(
        nova("medium"),
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}})
    );
    assert_eq!(
        nova("none"),
        json!({"reasoningConfig": {"type": "disabled"}})
    );
    let llama = |effort: &str| extras("us.meta.llama4-x", effort, all);
    assert_eq!(
        llama("high"),
        (Value::Null, vec!["reasoning_effort".to_owned()])
    );
    assert_eq!(llama("none"), (Value::Null, vec![]));
}

#[test]
fn a_model_that_cannot_do_as_told_is_not_told_and_the_caller_is() {
    let never = Traits {
        thinks: false,
        ..Traits::default()
    };
    let always = Traits {
        may_not_think: false,
        ..Traits::default()
    };
    let named = vec!["reasoning_effort".to_owned()];
    for model in [CLAUDE, "amazon.nova-pro-v1:0"] {
        assert_eq!(extras(model, "high", never), (Value::Null, named.clone()));
        assert_eq!(extras(model, "none", never), (Value::Null, vec![]));
    }
    assert_eq!(extras(CLAUDE, "none", always), (Value::Null, named));
}

#[test]
fn a_budget_fits_into_the_bound_on_output() {
    let budget = |part: Value, traits: Traits| {
        let sent = write(Dialect::OpenAiChat, &asking(&part), CLAUDE, traits);
        let thinking = &sent.body["additionalModelRequestFields"]["thinking"];
        (
            thinking["budget_tokens"].as_u64(),
            sent.body["inferenceConfig"]["maxTokens"].as_u64(),
            sent.dropped,
        )
    };
    let bounded = Traits {
        max_output: Some(32_000),
        ..by_budget()
    };
    let none = Vec::<String>::new();
    // Nobody bounds the output: there is room for words beside the thoughts.
    assert_eq!(
        budget(json!({"reasoning_effort": "high"}), by_budget()),
        (Some(16_384), Some(20_480), none.clone())
    );
    assert_eq!(
        budget(json!({"reasoning_effort": "max"}), bounded),
        (Some(31_999), Some(32_000), none.clone())
    );
    assert_eq!(
        budget(
            json!({"reasoning": {"max_tokens": 2000}, "max_tokens": 1500}),
            by_budget()
        ),
        (Some(1_499), Some(1_500), none)
    );
    assert_eq!(
        budget(
            json!({"reasoning_effort": "high", "max_tokens": 1024}),
            by_budget()
        ),
        (None, Some(1_024), vec!["reasoning_effort".to_owned()])
    );
}

#[test]
fn thinking_rules_out_sampling() {
    let request =
        asking(&json!({"reasoning_effort": "high", "temperature": 0.1, "top_p": 0.1, "top_k": 1}));
    let sent = chat(&request);
    assert_eq!(sent.body.get("inferenceConfig"), None);
    assert_eq!(sent.dropped, ["temperature", "top_p", "top_k"]);
}

#[test]
fn thoughts_are_hidden_where_that_can_be_said_and_else_it_is_named() {
    let with = |exclude: bool, model: &str, traits: Traits| {
        let request = asking(&json!({"reasoning": {"effort": "high", "exclude": exclude}}));
        let sent = write(Dialect::OpenAiChat, &request, model, traits);
        let thinking = sent.body["additionalModelRequestFields"]["thinking"].clone();
        (thinking["display"].clone(), sent.dropped)
    };
    let all = Traits::default();
    let named = vec!["reasoning.exclude".to_owned()];
    assert_eq!(with(true, CLAUDE, all), (json!("omitted"), vec![]));
    assert_eq!(with(false, CLAUDE, all), (json!("summarized"), vec![]));
    assert_eq!(
        with(true, CLAUDE, by_budget()),
        (Value::Null, named.clone())
    );
    assert_eq!(
        with(true, "openai.gpt-oss-20b-1:0", all),
        (Value::Null, named)
    );
    assert_eq!(
        with(false, "openai.gpt-oss-20b-1:0", all),
        (Value::Null, vec![])
    );
}

#[test]
fn a_claude_may_think_as_it_sees_fit_and_a_bound_that_becomes_a_word_is_named() {
    let sent = |thinking: Value| {
        let request = json!({"max_tokens": 9_000, "thinking": thinking,
            "messages": [{"role": "user", "content": "a"}]});
        write(Dialect::Anthropic, &request, CLAUDE, Traits::default())
    };
    let adaptive = sent(json!({"type": "adaptive"}));
    let fields = &adaptive.body["additionalModelRequestFields"];
    assert_eq!(*fields, json!({"thinking": {"type": "adaptive"}}));
    assert!(adaptive.dropped.is_empty());
    let bound = sent(json!({"type": "enabled", "budget_tokens": 3_000}));
    let fields = &bound.body["additionalModelRequestFields"];
    assert_eq!(fields["output_config"], json!({"effort": "medium"}));
    assert_eq!(bound.dropped, ["reasoning.max_tokens"]);
}
