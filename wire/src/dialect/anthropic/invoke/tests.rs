//! What goes to Bedrock as it is, what goes without something, and what does not go this way.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::*;

fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

#[test]
fn what_only_anthropics_own_servers_do_is_beyond_invoke_model_and_nothing_else_is() {
    let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let url = json!({"type": "url", "url": "https://x/a.png"});
    let data = json!({"type": "base64", "media_type": "image/png", "data": "aGk="});
    let image = |source: &Value| json!({"type": "image", "source": source});
    let nested = |source: &Value| json!([{"type": "tool_result", "tool_use_id": "t", "content": [image(source)]}]);
    for (request, expected) in [
        (user(json!("hi")), false),
        (user(json!("say \"url\", \"file\" and \"system\"")), false),
        (user(json!([image(&data)])), false),
        (user(json!([image(&url)])), true),
        (user(nested(&data)), false),
        (user(nested(&url)), true),
        (
            user(json!([{"type": "document", "source": {"type": "file", "file_id": "f"}}])),
            true,
        ),
        (
            json!({"messages": [{"role": "system", "content": "be brief"}]}),
            true,
        ),
        (json!({"system": "be brief", "messages": []}), false),
        (json!({"tools": [{"name": "f", "input_schema": {}}]}), false),
        (
            json!({"tools": [{"type": "custom", "name": "f"}, {"type": "bash_20250124", "name": "bash"}]}),
            false,
        ),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            true,
        ),
        (json!({"output_config": {"effort": "low"}}), false),
        (
            json!({"output_config": {"format": {"type": "json_schema", "schema": {}}}}),
            true,
        ),
    ] {
        assert_eq!(is_beyond(&document(&request)), expected, "{request}");
    }
}

fn changed(request: &Value, takes_strict: bool) -> (Value, Vec<Cow<'static, str>>) {
    let trimmed = trimmed(&document(request), takes_strict);
    let fields = trimmed.fields.iter().map(|(name, value)| {
        let value: Value = serde_json::from_slice(value).unwrap();
        ((*name).to_owned(), value)
    });
    (Value::Object(fields.collect()), trimmed.dropped)
}

#[test]
fn fields_that_bedrocks_schema_lacks_are_taken_out_and_named_once() {
    let scoped = json!({"type": "ephemeral", "scope": "global"});
    let plain = json!({"type": "ephemeral"});
    let request = json!({
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cch=1;"},
            {"type": "text", "text": "You code.", "cache_control": scoped},
        ],
        "tools": [
            {"name": "f", "input_schema": {"properties": {"scope": {}}}, "strict": true, "defer_loading": true},
            {"name": "g", "input_schema": {}, "eager_input_streaming": true, "defer_loading": true},
            {"type": "computer_20250124", "name": "computer", "display_width_px": 9},
        ],
        "messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a", "cache_control": scoped}]},
        ]}],
    });
    let expected = |strict: bool| {
        let mut first = json!({"name": "f", "input_schema": {"properties": {"scope": {}}}});
        if strict {
            first["strict"] = json!(true);
        }
        json!({
            "system": [{"type": "text", "text": "You code.", "cache_control": plain}],
            "tools": [
                first,
                {"name": "g", "input_schema": {}},
                {"type": "computer_20250124", "name": "computer", "display_width_px": 9},
            ],
            "messages": [{"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a", "cache_control": plain}]},
            ]}],
        })
    };
    let (fields, dropped) = changed(&request, true);
    assert_eq!(fields, expected(true));
    assert_eq!(
        dropped,
        [
            "system[].cache_control.scope",
            "tools[].defer_loading",
            "tools[].eager_input_streaming",
            "messages[].content[].cache_control.scope",
        ]
    );
    let (fields, dropped) = changed(&request, false);
    assert_eq!(fields, expected(false));
    assert!(dropped.contains(&Cow::Borrowed("tools[].strict")));
}

#[test]
fn a_request_that_bedrock_takes_is_left_as_it_was_written() {
    let request = json!({
        "system": "You code.",
        "tools": [{"name": "f", "input_schema": {}, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": "of \"scope\""}],
    });
    assert_eq!(changed(&request, true), (json!({}), Vec::new()));
}
