//! Both directions, over goldens that were written by hand.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod catalog;
mod requests;
mod streams;
mod writing;

use crate::chat::seal::tests::SEAL;
use serde_json::{Value, json};

use crate::chat::settle::Settler;
use crate::chat::{ChatEvent, EventSink, Names};
use crate::dialect::timing::Timing;
use crate::dialect::{Dialect, Echo};
use crate::document::Document;

fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

fn echo(request: &Document) -> Echo<'_> {
    Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        timing: Timing::default(),
        estimated_input: 42,
        seal: &SEAL,
        request,
    }
}

fn settler() -> Settler {
    Settler::new(Names::default(), None, Vec::new(), "seed")
}

/// An event in a word, with what it carries.
fn word(event: &ChatEvent<'_>) -> String {
    match event {
        ChatEvent::Start { .. } => "start".into(),
        ChatEvent::Text { text, .. } => format!("text {text}"),
        ChatEvent::Thinking { text, .. } => format!("thinking {text}"),
        ChatEvent::ToolCall { call, id, name, .. } => {
            format!("call {call} {name} {}", id.as_deref().unwrap_or("-"))
        }
        ChatEvent::Arguments { call, text, .. } => format!("arguments {call} {text}"),
        ChatEvent::ToolCallEnd { call, .. } => format!("end {call}"),
        ChatEvent::Logprobs { tokens, .. } => format!("logprobs {tokens}"),
        ChatEvent::Finish { finish, .. } => finish.word().into(),
        ChatEvent::Usage(usage) => format!("usage {} {}", usage.input, usage.output),
        ChatEvent::Fault(found) => format!(
            "{} {}",
            found.fault.code(),
            found.error.as_ref().map_or("-", |it| &it.message)
        ),
        ChatEvent::End => "end".into(),
        other => format!("{other:?}"),
    }
}

/// What a reader says about a body that is cut into pieces of `size` bytes.
fn read(body: &[u8], size: usize) -> Vec<String> {
    let mut words = Vec::new();
    let mut sink = |event: ChatEvent<'_>| {
        // How long it took has a test of its own.
        if !matches!(event, ChatEvent::Took(_)) {
            words.push(word(&event));
        }
    };
    let sink: &mut dyn EventSink = &mut sink;
    let mut reader = Dialect::Ollama.reader();
    for piece in body.chunks(size) {
        reader.push(bytes::Bytes::copy_from_slice(piece), sink);
    }
    reader.finish(sink);
    words
}

/// The objects of a stream of lines.
fn lines(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

fn nothing() -> Document {
    document(&json!({}))
}
