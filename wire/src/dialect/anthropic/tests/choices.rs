//! The choice among tools, and the schema that a tool may stand for.
#![expect(clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{chat, older};
use crate::chat::Traits;

fn with(rest: &Value) -> Value {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let mut request =
        json!({"messages": [{"role": "user", "content": "a"}], "tools": [tool("f"), tool("g")]});
    if let Some(rest) = rest.as_object() {
        for (name, value) in rest {
            request[name] = value.clone();
        }
    }
    request
}

fn schema() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "answer", "description": "An age.",
        "schema": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}}})
}

#[test]
fn every_choice_has_its_word() {
    let choice = |choice: Value| {
        let sent = chat(&with(&json!({"tool_choice": choice})), Traits::default());
        assert!(sent.dropped.is_empty());
        (sent.body["tool_choice"].clone(), sent.body["tools"].clone())
    };
    let unsaid = chat(&with(&json!({})), Traits::default());
    assert_eq!(unsaid.body.get("tool_choice"), None);
    assert_eq!(choice(json!("none")).0, json!({"type": "none"}));
    assert_eq!(choice(json!("auto")).0, json!({"type": "auto"}));
    assert_eq!(choice(json!("required")).0, json!({"type": "any"}));
    let named = choice(json!({"type": "function", "function": {"name": "g"}}));
    assert_eq!(named.0, json!({"type": "tool", "name": "g"}));
    for (mode, word) in [("auto", "auto"), ("required", "any")] {
        let (choice, tools) = choice(
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode,
            "tools": [{"type": "function", "function": {"name": "g"}}]}}),
        );
        assert_eq!(choice, json!({"type": word}));
        assert_eq!(tools.as_array().map(Vec::len), Some(1));
        assert_eq!(tools[0]["name"], "g");
    }
}

#[test]
fn one_call_at_a_time_is_said_beside_the_choice() {
    let choice = |rest: Value, traits| {
        let sent = chat(&with(&rest), traits);
        sent.body["tool_choice"].clone()
    };
    assert_eq!(
        choice(json!({"parallel_tool_calls": false}), Traits::default()),
        json!({"type": "auto", "disable_parallel_tool_use": true})
    );
    assert_eq!(
        choice(
            json!({"parallel_tool_calls": false, "tool_choice": "none"}),
            Traits::default()
        ),
        json!({"type": "none"})
    );
    assert_eq!(
        choice(
            json!({"parallel_tool_calls": false, "response_format": schema()}),
            older()
        ),
        json!({"type": "any", "disable_parallel_tool_use": true})
    );
}

#[test]
fn a_schema_is_a_format_where_the_model_keeps_to_it() {
    let sent = chat(
        &with(&json!({"response_format": schema()})),
        Traits::default(),
    );
    assert_eq!(
        sent.body["output_config"]["format"],
        json!({"type": "json_schema", "schema": {"type": "object", "description": "An age.", "additionalProperties": false,
            "properties": {"age": {"type": "integer", "description": "minimum: 0"}}}})
    );
    assert_eq!((sent.answer_tool, sent.dropped.len()), (None, 0));
    assert_eq!(sent.body.get("tool_choice"), None);
}

#[test]
fn an_older_model_answers_by_a_tool_that_is_none_of_the_callers() {
    let alone =
        json!({"messages": [{"role": "user", "content": "a"}], "response_format": schema()});
    let sent = chat(&alone, older());
    assert_eq!(sent.answer_tool, Some("json"));
    assert_eq!(sent.body["tools"][0]["description"], "An age.");
    assert_eq!(
        sent.body["tool_choice"],
        json!({"type": "tool", "name": "json"})
    );
    let beside = with(&json!({"response_format": schema(),
        "tools": [{"type": "function", "function": {"name": "json"}}]}));
    let sent = chat(&beside, older());
    assert_eq!(sent.answer_tool, Some("json_answer"));
    assert_eq!(sent.body["tools"][1]["name"], "json_answer");
    assert_eq!(sent.body["tool_choice"], json!({"type": "any"}));
}

#[test]
fn the_tool_for_a_schema_heeds_the_callers_choice() {
    let sent = |choice: Value| {
        let request = with(&json!({"response_format": schema(), "tool_choice": choice}));
        chat(&request, older())
    };
    let none = sent(json!("none"));
    assert_eq!(
        none.body["tool_choice"],
        json!({"type": "tool", "name": "json"})
    );
    assert_eq!(none.answer_tool, Some("json"));
    for (choice, word) in [
        (json!("required"), json!({"type": "any"})),
        (
            json!({"type": "function", "function": {"name": "g"}}),
            json!({"type": "tool", "name": "g"}),
        ),
    ] {
        let forced = sent(choice);
        assert_eq!(forced.body["tool_choice"], word);
        assert_eq!(forced.answer_tool, None);
        assert_eq!(forced.dropped, ["response_format"]);
    }
}

#[test]
fn an_object_without_a_schema_is_asked_for_in_words() {
    let request = json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}],
        "response_format": {"type": "json_object"}});
    let sent = chat(&request, Traits::default());
    let system = sent.body["system"].as_array();
    assert_eq!(system.map(Vec::len), Some(2));
    assert_eq!(sent.dropped, ["response_format"]);
    let text = json!({"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "text"}});
    let sent = chat(&text, Traits::default());
    assert_eq!((sent.body.get("system"), sent.dropped.len()), (None, 0));
}

// trap 20
#[test]
fn a_forced_call_goes_with_no_thinking() {
    for rest in [
        json!({"tool_choice": "required", "reasoning_effort": "high"}),
        json!({"response_format": schema(), "reasoning_effort": "high"}),
    ] {
        let sent = chat(&with(&rest), older());
        assert_eq!(sent.body.get("thinking"), None, "{rest}");
        assert_eq!(sent.dropped, ["reasoning_effort"]);
    }
}
