//! What a dialect can say comes back from its own words.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::document;
use crate::chat::{
    ChatRequest, Format, Message, Part, Role, Sampling, Schema, Target, Tool, ToolCall, ToolChoice,
    ToolResult, Traits,
};
use crate::dialect::Dialect;
use crate::json::Json;

type Request = ChatRequest<'static>;

fn words() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-zé배\"\\\\\n{}]{0,8}[a-z]".prop_map(Cow::Owned)
}

fn name() -> impl Strategy<Value = Cow<'static, str>> {
    "[a-z][a-z_-]{0,12}".prop_map(Cow::Owned)
}

fn object() -> impl Strategy<Value = Json<'static>> {
    btree_map("[a-z]{1,4}", 0_u64..99, 0..3).prop_map(|members| {
        let mut object = crate::json::Object::new();
        for (key, value) in members {
            object.push(key.into(), value.into());
        }
        object.into()
    })
}

/// A turn of the person, and the assistant's with calls and their results.
fn exchange(at: usize) -> impl Strategy<Value = Vec<Message<'static>>> {
    let call = (name(), object(), words());
    (words(), words(), vec(call, 0..3)).prop_map(move |(asked, said, calls)| {
        let mut parts = vec![Part::from(said)];
        let mut results = Vec::new();
        for (number, (name, arguments, result)) in calls.into_iter().enumerate() {
            let id: Cow<'static, str> = format!("call_{at}_{number}").into();
            parts.push(Part::ToolCall(ToolCall {
                id: id.clone(),
                name: name.clone(),
                arguments: arguments.to_string().into(),
                is_custom: false,
                signature: None,
            }));
            results.push(Part::ToolResult(ToolResult {
                call: id,
                name: Some(name),
                parts: vec![Part::from(result)],
                is_error: false,
                cache: None,
            }));
        }
        let mut messages = vec![
            Message::new(Role::User, vec![Part::from(asked)]),
            Message::new(Role::Assistant, parts),
        ];
        messages.extend(
            results
                .into_iter()
                .map(|it| Message::new(Role::User, vec![it])),
        );
        messages
    })
}

fn conversation() -> impl Strategy<Value = Vec<Message<'static>>> {
    (option::of(words()), exchange(0), exchange(1), words()).prop_map(|(system, one, two, last)| {
        let system = system.map(|it| Message::new(Role::System, vec![Part::from(it)]));
        let last = Message::new(Role::User, vec![Part::from(last)]);
        system
            .into_iter()
            .chain(one)
            .chain(two)
            .chain([last])
            .collect()
    })
}

fn tool() -> impl Strategy<Value = Tool<'static>> {
    (name(), option::of(words())).prop_map(|(name, description)| Tool {
        name,
        description,
        parameters: Json::parse(
            br#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
        ),
        strict: None,
        custom: None,
        cache: None,
    })
}

fn format() -> impl Strategy<Value = Format<'static>> {
    let schema =
        br#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    let schema = Format::JsonSchema(Schema {
        name: None,
        description: None,
        schema: Json::parse(schema).unwrap(),
        strict: Some(true),
    });
    prop_oneof![Just(Format::Text), Just(schema)]
}

fn request() -> impl Strategy<Value = Request> {
    let choice = prop_oneof![Just(None), Just(Some(ToolChoice::Auto))];
    let numbers = (option::of(0_u64..=1), option::of(1_u64..500), 1_u64..9_999);
    (
        conversation(),
        vec(tool(), 1..3),
        choice,
        format(),
        numbers,
        vec(name(), 0..3),
        any::<bool>(),
    )
        .prop_map(
            |(
                messages,
                tools,
                tool_choice,
                format,
                (temperature, top_k, bound),
                stop,
                is_stream,
            )| ChatRequest {
                messages,
                tools,
                tool_choice,
                format,
                sampling: Sampling {
                    temperature: temperature.map(Json::from),
                    top_k: top_k.map(Json::from),
                    ..Sampling::default()
                },
                max_output: Some(bound),
                stop,
                is_stream,
                choices: 1,
                ..ChatRequest::default()
            },
        )
}

/// What must survive: who said what in which order, whatever the messages are cut into.
fn said(request: &ChatRequest<'_>, has_ids: bool) -> Vec<String> {
    let mut said = Vec::new();
    for message in &request.messages {
        for part in &message.parts {
            let role = message.role;
            said.push(match part {
                Part::Text(text) => format!("{role:?} {}", text.text),
                Part::ToolCall(call) => {
                    let id = if has_ids { &*call.id } else { "" };
                    format!("call {id} {} {}", call.name, call.arguments)
                }
                Part::ToolResult(result) => {
                    let id = if has_ids { &*result.call } else { "" };
                    format!("result {id} {:?}", result.parts)
                }
                other => format!("{other:?}"),
            });
        }
    }
    said
}

fn survives(dialect: Dialect, request: &Request) -> Result<(), TestCaseError> {
    let traits = Traits {
        takes_call_ids: true,
        // Else a call of Gemini's must have a proof.
        thinks_by_effort: dialect != Dialect::Gemini,
        ..Traits::default()
    };
    let target = Target { model: "m", traits };
    let written = dialect.write_request(request, &target).unwrap();
    prop_assert!(written.dropped.is_empty(), "{:?}", written.dropped);
    let body: serde_json::Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    let body = document(&body);
    let back = dialect.read_request(&body).unwrap();
    prop_assert_eq!(said(&back, true), said(request, true));
    prop_assert_eq!(back.tools.len(), request.tools.len());
    for (back, tool) in back.tools.iter().zip(&request.tools) {
        prop_assert_eq!(
            (&back.name, &back.description),
            (&tool.name, &tool.description)
        );
        prop_assert_eq!(&back.parameters, &tool.parameters);
    }
    match (&back.format, &request.format) {
        (Format::JsonSchema(back), Format::JsonSchema(schema)) => {
            prop_assert_eq!(&back.schema, &schema.schema);
        }
        (back, format) => prop_assert_eq!(back, format),
    }
    prop_assert_eq!(&back.sampling, &request.sampling);
    prop_assert_eq!(&back.stop, &request.stop);
    prop_assert_eq!(back.max_output, request.max_output);
    // Google has it in the address.
    if dialect != Dialect::Gemini {
        prop_assert_eq!(back.is_stream, request.is_stream);
    }
    if dialect != Dialect::Ollama {
        prop_assert_eq!(&back.tool_choice, &request.tool_choice);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_openai_can_say_comes_back(request in request()) {
        survives(Dialect::OpenAiChat, &request)?;
    }

    #[test]
    fn what_anthropic_can_say_comes_back(request in request()) {
        survives(Dialect::Anthropic, &request)?;
    }

    #[test]
    fn what_ollama_can_say_comes_back(request in request()) {
        survives(Dialect::Ollama, &request)?;
    }

    #[test]
    fn what_gemini_can_say_comes_back(request in request()) {
        survives(Dialect::Gemini, &request)?;
    }
}
