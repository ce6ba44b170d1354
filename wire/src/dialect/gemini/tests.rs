//! What is asked of Gemini, and what it answers.
#![expect(clippy::unwrap_used, reason = "tests")]

mod answer;
mod caller_answers;
mod caller_requests;
mod carried;
mod partial;
mod request;
mod stream;
mod thinking;
mod thoughts;
mod tools;

use crate::chat::seal::tests::SEAL;
use bytes::Bytes;
use serde_json::Value;

use crate::chat::settle::Settler;
use crate::chat::{ChatEvent, Collected, EventSink, Names, Target, Traits, Unsupported, Written};
use crate::dialect::{Dialect, Echo};
use crate::document::Document;

/// A model that thinks by level, on the Gemini API.
fn traits() -> Traits {
    Traits::default()
}

fn target(traits: Traits) -> Target<'static> {
    Target {
        model: "gemini-x",
        traits,
    }
}

/// The events of a stream in words, cut into pieces of `size` bytes.
fn events(stream: &str, size: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut sink = |event: ChatEvent<'_>| said.push(format!("{event:?}"));
    let mut reader = Dialect::Gemini.reader();
    for piece in stream.as_bytes().chunks(size) {
        reader.push(Bytes::copy_from_slice(piece), &mut sink);
    }
    reader.finish(&mut sink);
    said
}

/// A stream, settled and put together.
fn collect(stream: &str) -> Collected {
    let mut reader = Dialect::Gemini.reader();
    settled(|sink| {
        reader.push(Bytes::copy_from_slice(stream.as_bytes()), sink);
        reader.finish(sink);
    })
}

/// A whole answer, settled and put together.
fn collect_answer(body: &Value) -> Collected {
    settled(|sink| Dialect::Gemini.read_answer(body.to_string().as_bytes(), sink))
}

fn settled(read: impl FnOnce(&mut dyn EventSink)) -> Collected {
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let mut collected = Collected::default();
    read(&mut |event: ChatEvent<'_>| settler.pass(event, &mut collected));
    collected
}

/// Writes an `OpenAI` request for Gemini and hands the outcome to `look`.
fn written<T>(
    chat: &Value,
    traits: Traits,
    look: impl FnOnce(Result<Written<'_>, Unsupported>) -> T,
) -> T {
    let document = document(chat);
    let request = Dialect::OpenAiChat.read_request(&document).unwrap();
    look(Dialect::Gemini.write_request(&request, &target(traits)))
}

/// The body and what was left out.
fn body(chat: &Value, traits: Traits) -> (Value, Vec<String>) {
    written(chat, traits, |it| {
        let it = it.unwrap();
        let body = serde_json::from_slice(&it.body.to_bytes()).unwrap();
        (body, it.dropped.iter().map(ToString::to_string).collect())
    })
}

/// The field that is refused.
fn refused(chat: &Value, traits: Traits) -> Option<String> {
    written(chat, traits, |it| it.err().map(|it| it.param.into_owned()))
}

fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
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
