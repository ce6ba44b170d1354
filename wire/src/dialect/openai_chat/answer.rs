//! Whole answers, in and out.

use bytes::Bytes;

use super::emit::{extra_content, usage_object};
use super::events::Chunks;
use super::write::detail;
use crate::chat::{Block, ChatEvent, Choice, Collected, EventSink, Finish, ToolKind};
use crate::dialect::Echo;
use crate::dialect::sse_events::SseDialect;
use crate::dialect::stream::fault;
use crate::fault::Fault;
use crate::json::{Json, Object};

/// Reads a vendor's whole answer: one chunk that holds everything.
pub(crate) fn read_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    read(Chunks::whole(false), value, body, sink);
}

/// The same of the older API.
pub(crate) fn read_text_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    read(Chunks::whole(true), value, body, sink);
}

fn read(mut chunks: Chunks, value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    let mut failed = false;
    chunks.chunk(value, body, &mut |event: ChatEvent<'_>| {
        failed |= matches!(event, ChatEvent::Fault(_));
        sink.take(event);
    });
    if failed {
        return;
    }
    if !chunks.finish_rest(sink) {
        return sink.take(fault(Fault::Empty));
    }
    chunks.end(sink);
}

/// Writes a caller's whole answer.
pub(crate) fn write_answer(answer: &Collected, echo: &Echo<'_>) -> Bytes {
    let choices = answer.choices.iter().map(|(at, choice)| {
        let finish = choice.finish.as_ref().unwrap_or(&Finish::Stop);
        let mut it = Object::new().with("index", *at);
        it = it.with("message", message(choice, finish));
        let logprobs = match choice.logprobs.as_slice() {
            [] => Json::Null,
            tokens => {
                let mut logprobs = Object::new().with("content", tokens.to_vec());
                logprobs.push("refusal".into(), Json::Null);
                logprobs.into()
            }
        };
        it.push("logprobs".into(), logprobs);
        it.with("finish_reason", finish.word()).into()
    });
    let choices: Vec<Json<'_>> = choices.collect();
    let body = Object::new()
        .with("id", format!("chatcmpl-{}", echo.id))
        .with("object", "chat.completion")
        .with("created", echo.created)
        .with("model", echo.model)
        .with("choices", choices)
        .with_some("usage", answer.usage.as_ref().map(usage_object));
    Json::from(body).to_bytes()
}

fn message(choice: &Choice, finish: &Finish) -> Object<'static> {
    let text = choice.text();
    let calls: Vec<Json<'static>> = choice.blocks.iter().filter_map(call).collect();
    let refusal = choice.refusal().or_else(|| match finish {
        Finish::Refusal(why) => why.as_deref().map(str::to_owned),
        _ => None,
    });
    let mut it = Object::new().with("role", "assistant");
    let is_silent = text.is_empty() && (!calls.is_empty() || refusal.is_some());
    it.push(
        "content".into(),
        if is_silent { Json::Null } else { text.into() },
    );
    it.push("refusal".into(), refusal.map_or(Json::Null, Json::from));
    let thinking: Vec<&str> = choice.thoughts().map(|it| &*it.text).collect();
    let thinking = thinking.concat();
    if !thinking.is_empty() {
        it = it.with("reasoning_content", thinking);
    }
    let details: Vec<Json<'static>> = choice
        .thoughts()
        .filter(|it| it.signature.is_some() || it.encrypted.is_some() || it.id.is_some())
        .map(detail)
        .collect();
    if !details.is_empty() {
        it = it.with("reasoning_details", details);
    }
    it = it.with("annotations", choice.annotations.clone());
    if !calls.is_empty() {
        it = it.with("tool_calls", calls);
    }
    it
}

fn call(block: &Block) -> Option<Json<'static>> {
    let Block::Call {
        id,
        name,
        arguments,
        kind,
        signature,
        ..
    } = block
    else {
        return None;
    };
    let it = Object::new()
        .with("id", id.clone())
        .with_some("extra_content", signature.clone().map(extra_content));
    let it = match kind {
        ToolKind::Function => it.with("type", "function").with(
            "function",
            Object::new()
                .with("name", name.clone())
                .with("arguments", arguments.clone()),
        ),
        ToolKind::Custom => it.with("type", "custom").with(
            "custom",
            Object::new()
                .with("name", name.clone())
                .with("input", arguments.clone()),
        ),
    };
    Some(it.into())
}
