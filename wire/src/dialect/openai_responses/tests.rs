//! What a vendor sends and a caller gets, in both directions.

mod caller;
mod history;
mod listing;
mod request;
mod vendor;
mod vendor_request;

use crate::chat::seal::tests::SEAL;
use serde_json::Value;

use crate::chat::{ChatEvent, Target, Traits};
use crate::dialect::{Dialect, Echo};
use crate::document::Document;
use crate::json::Json;

const DIALECT: Dialect = Dialect::OpenAiResponses;

/// A request body; one that cannot be parsed is an empty one, which no test expects.
fn document(body: &Value) -> Document {
    let empty = || Document::parse("{}".into());
    Document::parse(body.to_string().into())
        .or_else(|_| empty())
        .unwrap_or_else(|error| unreachable!("{error}"))
}

fn echo(request: &Document) -> Echo<'_> {
    Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        estimated_input: 42,
        seal: &SEAL,
        timing: crate::dialect::timing::Timing::default(),
        request,
    }
}

fn target() -> Target<'static> {
    Target {
        model: "gpt",
        traits: Traits {
            takes_custom_tools: true,
            ..Traits::default()
        },
    }
}

fn value(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).unwrap_or_default()
}

/// An event that owns its texts.
fn owned(event: ChatEvent<'_>) -> ChatEvent<'static> {
    let own = |it: std::borrow::Cow<'_, str>| it.into_owned().into();
    match event {
        ChatEvent::Start { id } => ChatEvent::Start { id: id.map(own) },
        ChatEvent::Item { id, is_hosted } => ChatEvent::Item {
            id: own(id),
            is_hosted,
        },
        ChatEvent::Text { choice, text } => ChatEvent::Text {
            choice,
            text: own(text),
        },
        ChatEvent::Refusal { choice, text } => ChatEvent::Refusal {
            choice,
            text: own(text),
        },
        ChatEvent::Thinking { choice, text } => ChatEvent::Thinking {
            choice,
            text: own(text),
        },
        ChatEvent::Thought { choice, thought } => ChatEvent::Thought {
            choice,
            thought: thought.into_owned(),
        },
        ChatEvent::ToolCall {
            choice,
            call,
            id,
            name,
            kind,
            signature,
        } => ChatEvent::ToolCall {
            choice,
            call,
            id: id.map(own),
            name: own(name),
            kind,
            signature: signature.map(own),
        },
        ChatEvent::Arguments { choice, call, text } => ChatEvent::Arguments {
            choice,
            call,
            text: own(text),
        },
        ChatEvent::Logprobs { choice, tokens } => ChatEvent::Logprobs {
            choice,
            tokens: tokens.into_owned(),
        },
        ChatEvent::Annotation { choice, annotation } => ChatEvent::Annotation {
            choice,
            annotation: annotation.into_owned(),
        },
        ChatEvent::ToolCallEnd { choice, call } => ChatEvent::ToolCallEnd { choice, call },
        ChatEvent::Finish { choice, finish } => ChatEvent::Finish { choice, finish },
        ChatEvent::Usage(usage) => ChatEvent::Usage(usage),
        ChatEvent::BadUsage => ChatEvent::BadUsage,
        ChatEvent::Fault(fault) => ChatEvent::Fault(fault),
        ChatEvent::End => ChatEvent::End,
    }
}
