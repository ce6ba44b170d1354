//! What callers of Messages send, in the words of `OpenAI`'s vendors.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use crate::chat::Traits;
use crate::dialect::Dialect;
use crate::dialect::tests::{Sent, check, document, unreadable, write};

const WAY: (Dialect, Dialect) = (Dialect::Anthropic, Dialect::OpenAiChat);

fn sent(rest: &Value) -> Sent {
    let mut request = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "a"}]});
    for (name, value) in rest.as_object().unwrap() {
        request[name] = value.clone();
    }
    write(WAY, &request, Traits::default())
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../testdata/openai_chat/requests/",
            $name,
            ".json"
        ))
    };
}

// traps 34, 35
#[test]
fn a_request_of_claude_code_is_understood_and_its_nonce_is_gone() {
    check(WAY, sample!("claude_code"), Traits::default());
}

#[test]
fn blocks_become_parts_and_a_result_of_pictures_shows_them_afterwards() {
    check(WAY, sample!("from_blocks"), Traits::default());
}

#[test]
fn a_nonce_is_taken_off_wherever_it_leads_and_nothing_else_is() {
    let system = |system: Value| sent(&json!({"system": system})).body["messages"][0].clone();
    let nonce = "x-anthropic-billing-header: cch=00000;";
    assert_eq!(system(json!(nonce))["role"], "user");
    assert_eq!(
        system(json!(format!("{nonce}\nYou code.")))["content"],
        "You code."
    );
    let quoted = format!("Never print {nonce}");
    assert_eq!(system(json!(quoted))["content"], quoted);
    let blocks = json!([{"type": "text", "text": nonce}, {"type": "text", "text": "You code."}]);
    assert_eq!(system(blocks)["content"], "You code.");
}

#[test]
fn tools_that_the_caller_runs_get_their_schema() {
    let tools = json!([{"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728", "name": "edit"},
        {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1},
        {"type": "custom", "name": "own", "description": "d", "input_schema": {"type": "object"}, "strict": true}]);
    let body = sent(&json!({"tools": tools})).body;
    let function = |at: usize| &body["tools"][at]["function"];
    assert_eq!(
        function(0)["parameters"]["properties"]["command"]["type"],
        "string"
    );
    assert_eq!(function(1)["parameters"]["required"], json!(["command"]));
    assert_eq!(function(2)["parameters"]["required"], json!(["action"]));
    assert_eq!(
        *function(3),
        json!({"name": "own", "description": "d", "parameters": {"type": "object"}, "strict": true})
    );
}

#[test]
fn what_no_other_vendor_has_is_named() {
    let sent = sent(&json!({
        "thinking": {"type": "adaptive", "later": 1}, "output_config": {"task_budget": 9}, "inference_geo": "us",
        "betas": ["b"], "context_management": {"edits": []}, "metadata": {"user_id": "u", "team": "t"},
        "tool_choice": {"type": "auto", "later": true},
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "defer_loading": true, "eager_input_streaming": false,
            "input_examples": [{}]}, {"type": "memory_20250818", "name": "memory", "max_characters": 5}],
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "a", "citations": null},
            {"type": "document", "source": {"type": "text", "data": "d"}, "citations": {"enabled": true}},
            {"type": "document", "source": {"type": "content", "content": "d"}, "context": "c"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
                {"type": "tool_use", "id": "u", "name": "f", "input": {}, "caller": {"type": "code_execution_20250825"}}]}]
    }));
    assert_eq!(
        sent.dropped,
        [
            "messages[].content[].citations",
            "messages[].content[].context",
            "messages[].content[].caller",
            "thinking.later",
            "tools[].defer_loading",
            "tools[].input_examples",
            "tools[].max_characters",
            "tool_choice.later",
            "output_config.task_budget",
            "metadata.team",
            "inference_geo",
            "context_management"
        ]
    );
}

#[test]
fn what_anthropics_own_tools_left_behind_is_left_out_and_named() {
    let sent = sent(&json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "x"}]},
            {"type": "text", "text": "It rains.", "citations": [{"type": "web_search_result_location",
                "url": "https://a", "title": "A", "cited_text": "rain", "encrypted_index": "x"}]}]},
        {"role": "assistant", "content": [{"type": "mcp_tool_use", "id": "m", "name": "n", "input": {}}]},
        {"role": "user", "content": "b"}]}));
    assert_eq!(
        sent.body["messages"],
        json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "It rains."},
            {"role": "user", "content": "b"}])
    );
    assert_eq!(
        sent.dropped,
        [
            "messages[].content[]:server_tool_use",
            "messages[].content[]:web_search_tool_result",
            "messages[].content[].citations",
            "messages[].content[]:mcp_tool_use"
        ]
    );
}

#[test]
fn every_choice_is_read() {
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let choice = |choice: Value| {
        let body = sent(&json!({"tools": tools, "tool_choice": choice})).body;
        (
            body["tool_choice"].clone(),
            body.get("parallel_tool_calls").cloned(),
        )
    };
    assert_eq!(choice(json!({"type": "auto"})), (json!("auto"), None));
    assert_eq!(choice(json!({"type": "none"})), (json!("none"), None));
    assert_eq!(
        choice(json!({"type": "any", "disable_parallel_tool_use": true})),
        (json!("required"), Some(json!(false)))
    );
    assert_eq!(
        choice(json!({"type": "tool", "name": "f"})).0,
        json!({"type": "function", "function": {"name": "f"}})
    );
}

#[test]
fn a_format_a_tier_and_stops_are_carried() {
    let body = sent(
        &json!({"stop_sequences": ["a", "b", "c", "d", "e"], "service_tier": "standard_only",
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "metadata": {"user_id": "x".repeat(70)}, "top_k": 5}),
    );
    assert_eq!(body.body["stop"], json!(["a", "b", "c", "d"]));
    assert_eq!(body.body["service_tier"], "default");
    assert_eq!(
        body.body["response_format"]["json_schema"],
        json!({"name": "answer", "schema": {"type": "object"}, "strict": true})
    );
    assert_eq!(body.body["user"], "x".repeat(64));
    assert_eq!(body.dropped, ["user[64..]", "stop[4..]"]);
}

#[test]
fn what_cannot_be_understood_is_named_by_its_path() {
    let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    for (request, path) in [
        (
            json!({"messages": [{"role": "tool", "content": "a"}]}),
            "messages[0].role",
        ),
        (
            user(json!([{"type": "text"}])),
            "messages[0].content[0].text",
        ),
        (
            user(json!([{"type": "image"}])),
            "messages[0].content[0].source",
        ),
        (
            user(json!([{"type": "image", "source": {"type": "ftp"}}])),
            "messages[0].content[0].source.type",
        ),
        (user(json!(3)), "messages[0].content"),
        (json!({"messages": [], "max_tokens": "many"}), "max_tokens"),
        (
            json!({"messages": [], "thinking": {"budget_tokens": -1}}),
            "thinking.budget_tokens",
        ),
        (
            json!({"messages": [], "output_config": {"effort": "heroic"}}),
            "output_config.effort",
        ),
        (
            json!({"messages": [], "tool_choice": {"type": "some"}}),
            "tool_choice.type",
        ),
    ] {
        assert_eq!(unreadable(Dialect::Anthropic, &request), path, "{request}");
    }
}

#[test]
fn what_only_anthropic_has_is_named() {
    let left = sent(
        &json!({"context_management": {"edits": []}, "container": "c", "inference_geo": "eu",
        "speed": "fast"}),
    );
    assert_eq!(
        left.dropped,
        ["context_management", "container", "inference_geo", "speed"]
    );
}

#[test]
fn a_picture_is_handed_on_as_a_slice_of_the_callers_bytes() {
    let data = "iVBORw0KGgo".to_owned() + &"A".repeat(10_000);
    let request = document(
        &json!({"max_tokens": 1, "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}]}]}),
    );
    let chat = Dialect::Anthropic.read_request(&request).unwrap();
    let target = crate::chat::Target {
        model: "m",
        traits: Traits::default(),
    };
    for vendor in [Dialect::OpenAiChat, Dialect::Anthropic] {
        let written = vendor.write_request(&chat, &target).unwrap();
        let segments = written.body.to_segments(request.bytes());
        let source = request.bytes().as_ptr_range();
        let is_slice = |it: &bytes::Bytes| it.len() == data.len() && source.contains(&it.as_ptr());
        assert!(segments.iter().any(is_slice), "{vendor:?}");
        assert!(String::from_utf8_lossy(&segments.to_bytes()).contains(&data));
    }
}
