//! What callers of chat completions send, as it is understood and as other vendors get it.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use crate::chat::{ChatRequest, Effort, Part, Role, Source, ToolChoice};
use crate::dialect::Dialect;
use crate::dialect::tests::{document, unreadable};

fn read<T>(request: &Value, look: impl FnOnce(&ChatRequest<'_>) -> T) -> T {
    let request = document(request);
    look(&Dialect::OpenAiChat.read_request(&request).unwrap())
}

fn part<T>(part: &Value, look: impl FnOnce(&Part<'_>) -> T) -> T {
    let request = json!({"messages": [{"role": "user", "content": [part]}]});
    read(&request, |it| look(&it.messages[0].parts[0]))
}

#[test]
fn a_picture_is_read_in_all_its_spellings() {
    for url in [
        json!({"url": "https://a/b.png", "detail": "low"}),
        json!("https://a/b.png"),
    ] {
        part(&json!({"type": "image_url", "image_url": url}), |it| {
            let Part::Image(image) = it else {
                unreachable!("{it:?}");
            };
            assert_eq!(image.source, Source::Url("https://a/b.png".into()));
        });
    }
    let data = json!({"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}});
    part(&data, |it| {
        let Part::Image(image) = it else {
            unreachable!("{it:?}");
        };
        assert_eq!(image.media_type.as_deref(), Some("image/jpeg"));
        assert_eq!(image.source, Source::Base64("AAAA".into()));
    });
}

#[test]
fn a_file_is_read_by_id_as_a_data_url_and_bare() {
    for (file, source) in [
        (json!({"file_id": "f"}), Source::Id("f".into())),
        (
            json!({"file_data": "data:application/pdf;base64,JVBE", "filename": "a"}),
            Source::Base64("JVBE".into()),
        ),
        (json!({"file_data": "JVBE"}), Source::Base64("JVBE".into())),
        (
            json!({"file_data": "https://a/b.pdf"}),
            Source::Url("https://a/b.pdf".into()),
        ),
    ] {
        part(&json!({"type": "file", "file": file}), |it| {
            let Part::File(file) = it else {
                unreachable!("{it:?}");
            };
            assert_eq!(file.source, source);
        });
    }
}

#[test]
fn the_older_words_for_tools_are_understood() {
    let request = json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"}],
        "functions": [{"name": "f"}], "function_call": {"name": "f"}});
    read(&request, |it| {
        assert_eq!(it.tools[0].name, "f");
        assert_eq!(it.tool_choice, Some(ToolChoice::Named("f".into())));
        let (Part::ToolCall(call), Part::ToolResult(result)) =
            (&it.messages[1].parts[0], &it.messages[2].parts[0])
        else {
            unreachable!("{it:?}");
        };
        assert_eq!(call.id, result.call);
        assert_eq!(it.messages[2].role, Role::User);
    });
}

#[test]
fn both_words_for_a_bound_and_both_for_an_effort_are_understood() {
    let request = |rest: Value| {
        let mut request = json!({"messages": []});
        for (name, value) in rest.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    let old = request(json!({"max_tokens": 5, "reasoning": {"effort": "xhigh"}}));
    read(&old, |it| {
        assert_eq!(
            (it.max_output, it.thinking.effort),
            (Some(5), Some(Effort::XHigh))
        );
    });
    let both = request(
        json!({"max_tokens": 5, "max_completion_tokens": 6, "reasoning_effort": "minimal",
        "reasoning": {"effort": "high", "max_tokens": 100}}),
    );
    read(&both, |it| {
        assert_eq!(
            (it.max_output, it.thinking.effort),
            (Some(6), Some(Effort::Minimal))
        );
        assert_eq!(it.thinking.budget, Some(100));
    });
    let off = request(json!({"reasoning": {"enabled": false}}));
    read(&off, |it| {
        assert_eq!(it.thinking.effort, Some(Effort::None));
    });
}

#[test]
fn a_thought_is_read_once_though_it_stands_in_two_places() {
    let message = |fields: Value| {
        let mut message = json!({"role": "assistant", "content": "a"});
        for (name, value) in fields.as_object().unwrap() {
            message[name] = value.clone();
        }
        json!({"messages": [message]})
    };
    let texts = |request: &Value| {
        read(request, |it| {
            let thoughts = it.messages[0].parts.iter().filter_map(|part| match part {
                Part::Thought(thought) => Some(thought.text.to_string()),
                _ => None,
            });
            thoughts.collect::<Vec<_>>()
        })
    };
    let detail = json!([{"type": "reasoning.text", "text": "hm", "signature": "s"}]);
    let twice =
        message(json!({"reasoning_content": "hm", "reasoning": "hm", "reasoning_details": detail}));
    assert_eq!(texts(&twice), ["hm"]);
    let cipher = json!([{"type": "reasoning.encrypted", "data": "d"}]);
    let beside = message(json!({"reasoning": "hm", "reasoning_details": cipher}));
    assert_eq!(texts(&beside), ["hm", ""]);
}

#[test]
fn what_cannot_be_understood_is_named_by_its_path() {
    let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    let request = |rest: Value| {
        let mut request = json!({"messages": []});
        for (name, value) in rest.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    for (request, path) in [
        (json!({"messages": [{"content": "a"}]}), "messages[0].role"),
        (
            json!({"messages": [{"role": "king", "content": "a"}]}),
            "messages[0].role",
        ),
        (
            user(json!([{"type": "video"}])),
            "messages[0].content[0].type",
        ),
        (
            user(json!([{"type": "image_url"}])),
            "messages[0].content[0].image_url",
        ),
        (
            user(json!([{"type": "image_url", "image_url": {}}])),
            "messages[0].content[0].image_url.url",
        ),
        (
            user(json!([{"type": "input_audio", "input_audio": {}}])),
            "messages[0].content[0].input_audio.data",
        ),
        (user(json!(1)), "messages[0].content"),
        (request(json!({"n": -1})), "n"),
        (request(json!({"temperature": "hot"})), "temperature"),
        (request(json!({"stop": 3})), "stop"),
        (request(json!({"stop": ["a", 3]})), "stop[1]"),
        (
            request(json!({"tools": [{"type": "function"}]})),
            "tools[0].function",
        ),
        (
            request(json!({"tools": [{"type": "function", "function": {}}]})),
            "tools[0].function.name",
        ),
        (request(json!({"tool_choice": "some"})), "tool_choice"),
        (
            request(json!({"tool_choice": {"type": "function", "function": {}}})),
            "tool_choice.function.name",
        ),
        (
            request(json!({"response_format": {"type": "xml"}})),
            "response_format.type",
        ),
        (
            request(json!({"response_format": {"type": "json_schema"}})),
            "response_format.json_schema",
        ),
        (
            request(json!({"reasoning_effort": "heroic"})),
            "reasoning_effort",
        ),
        (
            json!({"messages": [{"role": "tool", "content": "a"}]}),
            "messages[0].tool_call_id",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}),
            "messages[0].tool_calls[0].function",
        ),
    ] {
        assert_eq!(unreadable(Dialect::OpenAiChat, &request), path, "{request}");
    }
}

#[test]
fn a_user_who_says_nothing_is_refused_instead_of_answered_from_nothing() {
    for message in [
        json!({"role": "user"}),
        json!({"role": "user", "content": null}),
    ] {
        let request = document(&json!({"messages": [message]}));
        let error = Dialect::OpenAiChat.read_request(&request).unwrap_err();
        assert_eq!(error.field, "messages[0].content");
    }
}
