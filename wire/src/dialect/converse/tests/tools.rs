//! Tools, choices among them, and the tool that stands for a schema.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::request::{CLAUDE, chat, check, sample, write};
use crate::chat::Traits;
use crate::dialect::Dialect;

fn with(part: &Value) -> Value {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let mut request =
        json!({"messages": [{"role": "user", "content": "a"}], "tools": [tool("f"), tool("g")]});
    for (name, value) in part.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn without_schemas() -> Traits {
    Traits {
        takes_schema: false,
        takes_strict_tools: false,
        ..Traits::default()
    }
}

#[test]
fn a_tool_gets_a_legal_name_and_a_schema_of_an_object() {
    let sent = check(Dialect::OpenAiChat, sample!("one_tool"), Traits::default());
    assert_eq!(sent.wrapped, ["shell".into()]);
}

// trap 11
#[test]
fn results_of_parallel_calls_are_one_turn_and_none_is_missing() {
    check(
        Dialect::OpenAiChat,
        sample!("parallel_tools"),
        Traits::default(),
    );
}

// trap 12
#[test]
fn a_history_with_calls_offers_its_tools_again() {
    check(
        Dialect::OpenAiChat,
        sample!("history_without_tools"),
        Traits::default(),
    );
}

// trap 12
#[test]
fn no_tool_means_no_offer_and_a_history_in_words() {
    check(
        Dialect::OpenAiChat,
        sample!("tool_choice_none"),
        Traits::default(),
    );
    let sent = chat(&with(&json!({"tool_choice": "none"})));
    assert_eq!(sent.body.get("toolConfig"), None);
}

#[test]
fn every_choice_has_its_word() {
    let choice = |choice: Value| {
        let sent = chat(&with(&json!({"tool_choice": choice})));
        assert!(sent.dropped.is_empty());
        sent.body["toolConfig"].clone()
    };
    assert_eq!(
        chat(&with(&json!({}))).body["toolConfig"].get("toolChoice"),
        None
    );
    assert_eq!(choice(json!("auto"))["toolChoice"], json!({"auto": {}}));
    assert_eq!(choice(json!("required"))["toolChoice"], json!({"any": {}}));
    let named = choice(json!({"type": "function", "function": {"name": "g"}}));
    assert_eq!(named["toolChoice"], json!({"tool": {"name": "g"}}));
    let allowed = choice(
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "g"}}]}}),
    );
    assert_eq!(allowed["toolChoice"], json!({"any": {}}));
    assert_eq!(allowed["tools"].as_array().unwrap().len(), 1);
    assert_eq!(allowed["tools"][0]["toolSpec"]["name"], "g");
}

#[test]
fn one_call_at_a_time_is_asked_in_the_words_of_claude_or_named() {
    let request = with(&json!({"parallel_tool_calls": false, "tool_choice": "required"}));
    let sent = chat(&request);
    assert_eq!(
        sent.body["additionalModelRequestFields"]["tool_choice"],
        json!({"type": "any", "disable_parallel_tool_use": true})
    );
    assert_eq!(sent.body["toolConfig"].get("toolChoice"), None);
    assert!(sent.dropped.is_empty());
    let sent = write(
        Dialect::OpenAiChat,
        &request,
        "amazon.nova-pro-v1:0",
        Traits::default(),
    );
    assert_eq!(sent.body["toolConfig"]["toolChoice"], json!({"any": {}}));
    assert_eq!(sent.body.get("additionalModelRequestFields"), None);
    assert_eq!(sent.dropped, ["parallel_tool_calls"]);
}

#[test]
fn a_schema_is_a_text_in_the_output_config() {
    check(
        Dialect::OpenAiChat,
        sample!("json_schema"),
        Traits::default(),
    );
}

// trap 20
#[test]
fn a_schema_becomes_a_forced_tool_and_thinking_gives_way() {
    let sent = check(
        Dialect::OpenAiChat,
        sample!("json_schema_by_tool"),
        without_schemas(),
    );
    assert_eq!(sent.answer_tool, Some("json_answer"));
}

#[test]
fn a_schema_without_tools_names_its_tool_and_a_forced_tool_outweighs_it() {
    let format = json!({"type": "json_schema", "json_schema": {"schema": {"type": "object"}}});
    let request =
        json!({"messages": [{"role": "user", "content": "a"}], "response_format": format});
    let sent = write(Dialect::OpenAiChat, &request, CLAUDE, without_schemas());
    assert_eq!(
        sent.body["toolConfig"]["toolChoice"],
        json!({"tool": {"name": "json"}})
    );
    assert_eq!(sent.answer_tool, Some("json"));
    // No tool but the answer's may be called.
    let request = with(&json!({"response_format": format, "tool_choice": "none"}));
    let sent = write(Dialect::OpenAiChat, &request, CLAUDE, without_schemas());
    assert_eq!(
        sent.body["toolConfig"]["tools"].as_array().unwrap().len(),
        1
    );
    // The caller wants a call, so there are no words to be of the schema.
    let request = with(&json!({"response_format": format, "tool_choice": "required"}));
    let sent = write(Dialect::OpenAiChat, &request, CLAUDE, without_schemas());
    assert_eq!(
        sent.body["toolConfig"]["tools"].as_array().unwrap().len(),
        2
    );
    assert_eq!(
        (sent.answer_tool, sent.dropped),
        (None, vec!["response_format".to_owned()])
    );
}

#[test]
fn a_strict_tool_is_named_where_the_model_has_no_such_thing() {
    let tool = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object"}}});
    let request = json!({"messages": [{"role": "user", "content": "a"}], "tools": [tool]});
    let sent = write(Dialect::OpenAiChat, &request, CLAUDE, without_schemas());
    let spec = &sent.body["toolConfig"]["tools"][0]["toolSpec"];
    assert_eq!(
        spec,
        &json!({"name": "f", "inputSchema": {"json": {"type": "object"}}})
    );
    assert_eq!(sent.dropped, ["tools[].function.strict"]);
}

// trap 17
#[test]
fn ids_fit_the_family_and_results_still_meet_their_calls() {
    let request = json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_abcdefghijk", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_abcdefghijk", "content": "x"}]});
    let sent = write(
        Dialect::OpenAiChat,
        &request,
        "mistral.mistral-large-2402-v1:0",
        Traits::default(),
    );
    let id = sent.body["messages"][1]["content"][0]["toolUse"]["toolUseId"].clone();
    assert_eq!(id.as_str().unwrap().len(), 9);
    assert_eq!(
        sent.body["messages"][2]["content"][0]["toolResult"]["toolUseId"],
        id
    );
}

#[test]
fn a_failure_is_told_in_words_where_there_is_no_status() {
    let request = json!({"max_tokens": 5, "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": true, "content": "no"}]}]});
    let sent = write(
        Dialect::Anthropic,
        &request,
        "us.meta.llama4-x",
        Traits::default(),
    );
    assert_eq!(
        sent.body["messages"][2]["content"][0]["toolResult"],
        json!({"toolUseId": "t", "content": [{"text": "(the tool failed)"}, {"text": "no"}]})
    );
}
