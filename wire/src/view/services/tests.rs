#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::operation::Operation::{Chat, GenerateContent, Messages, Responses};

fn asks(operation: Operation, body: &'static str) -> bool {
    asks_for_services(operation, &Document::parse(body.into()).unwrap())
}

#[test]
fn tools_of_the_caller_cost_nothing_extra() {
    for (operation, body) in [
        (Chat, r#"{"messages":[]}"#),
        (Chat, r#"{"tools":null}"#),
        (Chat, r#"{"tools":[],"enable_search":false}"#),
        (
            Chat,
            r#"{"tools":[{"type":"function","function":{"name":"f"}}]}"#,
        ),
        (Responses, r#"{"tools":[{"type":"custom","name":"f"}]}"#),
        (Messages, r#"{"tools":[{"name":"f","input_schema":{}}]}"#),
        (
            Messages,
            r#"{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}}"#,
        ),
        (
            GenerateContent,
            r#"{"tools":[{"functionDeclarations":[]}]}"#,
        ),
        (
            GenerateContent,
            r#"{"tools":[{"function_declarations":[]}]}"#,
        ),
    ] {
        assert!(!asks(operation, body), "{body}");
    }
}

// S-26
#[test]
fn what_the_vendor_runs_costs_extra_and_so_does_what_cannot_be_read() {
    for (operation, body) in [
        (Chat, r#"{"web_search_options":{}}"#),
        (Chat, r#"{"search_parameters":{"mode":"on"}}"#),
        (Chat, r#"{"enable_search":true}"#),
        (Chat, r#"{"models":["dear"]}"#),
        (Chat, r#"{"prediction":{"type":"content","content":"x"}}"#),
        (Chat, r#"{"tools":[{"googleSearch":{}}]}"#),
        (Chat, r#"{"tools":{"type":"function"}}"#),
        (Messages, r#"{"mcp_servers":[]}"#),
        (Messages, r#"{"tools":[{"type":"web_search_20250305"}]}"#),
        (
            Messages,
            r#"{"tools":[{"type":"web_search_20250305"},null]}"#,
        ),
        (
            Messages,
            r#"{"tools":[{"t\u0079pe":"web_search_20250305","name":"f"}]}"#,
        ),
        (
            Messages,
            r#"{"context_management":{"edits":[{"type":"compact_20260112"}]}}"#,
        ),
        (
            Responses,
            r#"{"context_management":[{"type":"compaction"}]}"#,
        ),
        (Responses, r#"{"prompt":{"id":"pmpt_1"}}"#),
        (
            Responses,
            r#"{"tools":[{"type":"custom","name":"f"},{"type":"web_search"}]}"#,
        ),
        (GenerateContent, r#"{"tools":[{"googleSearch":{}}]}"#),
        (GenerateContent, r#"{"tools":["functionDeclarations"]}"#),
    ] {
        assert!(asks(operation, body), "{body}");
    }
}
