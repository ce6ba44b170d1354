//! A caller's answers. Thoughts have no place in them and are left out.

use bytes::Bytes;

use crate::chat::{ChatEvent, Collected, Finish};
use crate::dialect::openai_chat::{chunk_head, usage_object};
use crate::dialect::{Echo, EventWriter};
use crate::json::{Json, Object};
use crate::sse::DONE;
use crate::usage::Usage;

/// A writer for a stream.
pub(crate) fn writer(echo: &Echo<'_>) -> Chunks {
    let head = chunk_head("cmpl-", "text_completion", echo);
    Chunks {
        head,
        asks_usage: echo.asks_usage,
        usage: None,
    }
}

/// Writes chunks.
pub(crate) struct Chunks {
    /// The start of every chunk, up to the model.
    head: Vec<u8>,
    asks_usage: bool,
    usage: Option<Usage>,
}

impl EventWriter for Chunks {
    fn write(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        match event {
            ChatEvent::Text { choice, text } | ChatEvent::Refusal { choice, text } => {
                self.chunk(choice, &text, None, out);
            }
            ChatEvent::Finish { choice, finish } => self.chunk(choice, "", Some(&finish), out),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::End => {
                if let Some(usage) = self.usage.take().filter(|_| self.asks_usage) {
                    out.extend_from_slice(&self.head);
                    out.extend_from_slice(b",\"choices\":[],\"usage\":");
                    Json::from(usage_object(&usage)).write(out);
                    out.extend_from_slice(b"}\n\n");
                }
                out.extend_from_slice(DONE);
            }
            // Nothing was asked for that could call tools, report tokens or cite.
            _ => {}
        }
    }
}

impl Chunks {
    fn chunk(&self, choice: u32, text: &str, finish: Option<&Finish>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b",\"choices\":[");
        Json::from(one(choice, text, finish)).write(out);
        out.push(b']');
        if self.asks_usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }
}

fn one<'t>(choice: u32, text: &'t str, finish: Option<&Finish>) -> Object<'t> {
    let mut it = Object::new().with("text", text).with("index", choice);
    it.push("logprobs".into(), Json::Null);
    let word = finish.map_or(Json::Null, |it| Json::from(it.word()));
    it.push("finish_reason".into(), word);
    it
}

/// Writes a caller's whole answer.
pub(crate) fn write_answer(answer: &Collected, echo: &Echo<'_>) -> Bytes {
    let texts: Vec<(u32, String, &Finish)> = answer
        .choices
        .iter()
        .map(|(number, choice)| {
            let text = choice.text() + &choice.refusal().unwrap_or_default();
            let finish = choice.finish.as_ref().unwrap_or(&Finish::Stop);
            (*number, text, finish)
        })
        .collect();
    let choices: Vec<Json<'_>> = texts
        .iter()
        .map(|(number, text, finish)| one(*number, text, Some(finish)).into())
        .collect();
    let body = Object::new()
        .with("id", format!("cmpl-{}", echo.id))
        .with("object", "text_completion")
        .with("created", echo.created)
        .with("model", echo.model)
        .with("choices", choices)
        .with_some("usage", answer.usage.as_ref().map(usage_object));
    Json::from(body).to_bytes()
}
