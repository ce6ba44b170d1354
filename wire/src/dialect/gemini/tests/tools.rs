//! The choice among tools, and what hangs together with it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{body, refused, traits, written};
use crate::chat::Traits;

fn chat(fields: &Value) -> Value {
    let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "a"}},
            {"type": "function", "function": {"name": "b.c/d"}}]});
    for (name, value) in fields.as_object().unwrap() {
        chat[name] = value.clone();
    }
    chat
}

fn calling(choice: &Value) -> Value {
    let (mut body, _) = body(&chat(&json!({"tool_choice": choice})), traits());
    body["toolConfig"]["functionCallingConfig"].take()
}

#[test]
fn every_choice_has_a_mode() {
    assert_eq!(calling(&Value::Null), Value::Null);
    assert_eq!(calling(&json!("auto")), json!({"mode": "AUTO"}));
    assert_eq!(calling(&json!("none")), json!({"mode": "NONE"}));
    assert_eq!(calling(&json!("required")), json!({"mode": "ANY"}));
    let named = json!({"type": "function", "function": {"name": "a"}});
    assert_eq!(
        calling(&named),
        json!({"mode": "ANY", "allowedFunctionNames": ["a"]})
    );
}

// trap 18
#[test]
fn a_choice_names_tools_as_the_vendor_knows_them() {
    let choice = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "b.c/d"}}]}});
    let (body, _) = body(&chat(&json!({"tool_choice": choice})), traits());
    let functions = &body["tools"][0]["functionDeclarations"];
    let config = &body["toolConfig"]["functionCallingConfig"];
    assert_eq!(functions.as_array().unwrap().len(), 2);
    assert_eq!(config["mode"], "ANY");
    assert_eq!(
        config["allowedFunctionNames"],
        json!([functions[1]["name"]])
    );
    assert!(functions[1]["name"].as_str().unwrap().starts_with("b.c_d_"));
}

#[test]
fn tools_that_are_not_allowed_are_left_out_where_none_must_be_called() {
    let choice = json!({"type": "allowed_tools", "mode": "auto",
        "tools": [{"type": "function", "name": "a"}]});
    let (body, _) = body(&chat(&json!({"tool_choice": choice})), traits());
    assert_eq!(
        body["tools"],
        json!([{"functionDeclarations": [{"name": "a"}]}])
    );
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"],
        json!({"mode": "AUTO"})
    );
}

#[test]
fn a_strict_tool_holds_all_of_them_to_their_schemas() {
    let tools = json!([{"type": "function", "function": {"name": "a", "strict": true}}]);
    let chat = chat(&json!({"tools": tools}));
    let (strict, dropped) = body(&chat, traits());
    let mode = &strict["toolConfig"]["functionCallingConfig"]["mode"];
    assert_eq!((mode, dropped.len()), (&json!("VALIDATED"), 0));
    let loose = Traits {
        takes_strict_tools: false,
        ..traits()
    };
    let (loose, dropped) = body(&chat, loose);
    assert_eq!(loose.get("toolConfig"), None);
    assert_eq!(dropped, ["tools[].function.strict"]);
}

#[test]
fn a_custom_tool_is_a_function_of_one_text() {
    let tools = json!([{"type": "custom", "custom": {"name": "patch", "description": "Edits.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}}}]);
    let messages = json!([{"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "*** \"x\""}}]},
        {"role": "tool", "tool_call_id": "c", "content": "done"}]);
    let chat = chat(&json!({"tools": tools, "messages": messages}));
    written(&chat, traits(), |it| {
        let it = it.unwrap();
        let body: Value = serde_json::from_slice(&it.body.to_bytes()).unwrap();
        let function = &body["tools"][0]["functionDeclarations"][0];
        assert_eq!(
            function["parametersJsonSchema"]["required"],
            json!(["input"])
        );
        let call = &body["contents"][1]["parts"][0]["functionCall"];
        assert_eq!(call["args"], json!({"input": "*** \"x\""}));
        assert_eq!(it.wrapped_tools, [Box::from("patch")]);
        assert!(it.dropped.contains(&"tools[].custom.format".into()));
    });
}

fn person() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "person", "schema": {"type": "object"}}})
}

#[test]
fn a_schema_beside_tools_needs_a_model_that_takes_both() {
    let older = Traits {
        takes_schema_with_tools: false,
        ..traits()
    };
    let both = chat(&json!({"response_format": person()}));
    let (taken, _) = body(&both, traits());
    assert_eq!(
        taken["generationConfig"]["responseMimeType"],
        "application/json"
    );
    assert_eq!(refused(&both, older).unwrap(), "response_format");

    let object = chat(&json!({"response_format": {"type": "json_object"}}));
    let (told, dropped) = body(&object, older);
    assert_eq!(told.get("generationConfig"), None);
    assert_eq!(
        told["systemInstruction"]["parts"][0]["text"],
        "Answer with one JSON object and nothing else."
    );
    assert_eq!(dropped, ["response_format"]);

    let uncalled = chat(&json!({"response_format": person(), "tool_choice": "none"}));
    let (withheld, _) = body(&uncalled, older);
    assert_eq!(withheld.get("tools"), None);
    assert!(withheld["generationConfig"]["responseJsonSchema"].is_object());
}

#[test]
fn a_tool_stands_for_a_schema_that_the_model_does_not_take() {
    let plain = Traits {
        takes_schema: false,
        ..traits()
    };
    let chat = chat(&json!({"tools": [], "response_format": person()}));
    written(&chat, plain, |it| {
        let it = it.unwrap();
        let body: Value = serde_json::from_slice(&it.body.to_bytes()).unwrap();
        assert_eq!(it.answer_tool, Some("json"));
        assert_eq!(
            body["toolConfig"]["functionCallingConfig"],
            json!({"mode": "ANY", "allowedFunctionNames": ["json"]})
        );
        let function = &body["tools"][0]["functionDeclarations"][0];
        assert_eq!(function["parametersJsonSchema"], json!({"type": "object"}));
    });
}
