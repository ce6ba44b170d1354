//! Whole answers, in and out.

use std::borrow::Cow;

use bytes::Bytes;

use super::emit::stopped;
use super::events::Blocks;
use super::{citation, thought, usage};
use crate::chat::seal::Seal;
use crate::chat::shape::arguments_object;
use crate::chat::{Block, ChatEvent, Choice, Collected, EventSink, Finish, Provenance};
use crate::dialect::Echo;
use crate::dialect::sse_events::SseDialect;
use crate::dialect::stream::protocol_fault;
use crate::json::{Json, Object};
use crate::reader::stream_fault;

/// Reads a vendor's whole answer.
pub(crate) fn read_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    if value.get("error").is_some() {
        return sink.take(ChatEvent::Fault(stream_fault(Some(body))));
    }
    let Some(content) = value.get("content").and_then(Json::as_array) else {
        return sink.take(protocol_fault());
    };
    let mut blocks = Blocks::default();
    sink.take(ChatEvent::Start {
        id: value.str("id").map(Cow::Borrowed),
    });
    for (index, block) in content.iter().enumerate() {
        blocks.start(index as u64, block, sink);
        blocks.stop(index as u64, sink);
    }
    blocks.note(value.get("usage"), sink);
    blocks.finish(value, sink);
    blocks.end(sink);
}

/// Writes a caller's whole answer.
pub(crate) fn write_answer(answer: &Collected, echo: &Echo<'_>) -> Bytes {
    let nothing = Choice::default();
    let choice = answer.choices.get(&0).unwrap_or(&nothing);
    let mut characters = 0;
    let mut content: Vec<Json<'_>> = Vec::with_capacity(choice.blocks.len());
    for it in &choice.blocks {
        let mut written = block(it, echo.seal);
        if let Block::Text(text) = it {
            let (start, length) = (characters, text.chars().count() as u64);
            characters += length;
            if let Some(Json::Object(block)) = &mut written {
                cite(block, choice, (start, length));
            }
        }
        content.extend(written);
    }
    let finish = choice.finish.as_ref().unwrap_or(&Finish::Stop);
    let body = Object::new()
        .with("id", format!("msg_{}", echo.id))
        .with("type", "message")
        .with("role", "assistant")
        .with("model", echo.model)
        .with("content", content);
    let body = stopped(body, finish);
    let counted = answer.usage.clone();
    let counted = counted.unwrap_or_else(|| usage::guessed(echo.estimated_input));
    let body = body.with("usage", usage::object(&counted));
    Json::from(body).to_bytes()
}

/// The citations that begin in a text, which is `length` characters from `start` on.
fn cite(block: &mut Object<'_>, choice: &Choice, (start, length): (u64, u64)) {
    let here = choice.annotations.iter();
    let here = here.filter(|it| citation::begins_in(it, start, length));
    let citations: Vec<Json<'_>> = here
        .filter_map(citation::of_annotation)
        .map(Json::from)
        .collect();
    if !citations.is_empty() {
        block.push(Cow::Borrowed("citations"), citations.into());
    }
}

fn block<'b>(block: &'b Block, seal: &Seal) -> Option<Json<'b>> {
    Some(match block {
        Block::Text(text) | Block::Refusal(text) if text.trim().is_empty() => return None,
        Block::Text(text) | Block::Refusal(text) => Object::new()
            .with("type", "text")
            .with("text", text.as_str())
            .into(),
        Block::Thought(it) if it.encrypted.is_some() && it.text.is_empty() => {
            let data = match (&it.provenance, &it.encrypted) {
                (Provenance::Anthropic, Some(data)) => data.clone().into_owned(),
                _ => thought::pack(it, seal),
            };
            Object::new()
                .with("type", "redacted_thinking")
                .with("data", data)
                .into()
        }
        Block::Thought(it) => {
            let signature = match (&it.provenance, &it.signature) {
                (Provenance::Anthropic, Some(signature)) => signature.clone().into_owned(),
                _ => thought::pack(it, seal),
            };
            Object::new()
                .with("type", "thinking")
                .with("thinking", &*it.text)
                .with("signature", signature)
                .into()
        }
        Block::Call {
            id,
            name,
            arguments,
            ..
        } => Object::new()
            .with("type", "tool_use")
            .with("id", id.as_str())
            .with("name", name.as_str())
            .with("input", arguments_object(arguments))
            .into(),
    })
}
