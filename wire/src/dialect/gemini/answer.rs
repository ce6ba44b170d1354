//! Whole answers, in and out.

use bytes::Bytes;

use super::carrier::Carrier;
use super::emit::call_part;
use super::events::Candidates;
use super::{ending, usage};
use crate::chat::seal::Seal;
use crate::chat::{Block, Choice, Collected, EventSink, Finish};
use crate::dialect::Echo;
use crate::dialect::sse_events::SseDialect;
use crate::dialect::stream::{fault, protocol_fault};
use crate::fault::Fault;
use crate::json::{Json, Object};

/// What an answer has at least one of.
const MARKS: [&str; 5] = [
    "candidates",
    "promptFeedback",
    "usageMetadata",
    "responseId",
    "error",
];

/// Reads the answer: one chunk that holds everything, or an array of chunks.
pub(crate) fn read_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    let chunks = match value {
        Json::Array(chunks) => chunks,
        one => std::slice::from_ref(one),
    };
    let is_chunk = |it: &Json<'_>| MARKS.iter().any(|mark| it.get(mark).is_some());
    if !chunks.iter().any(is_chunk) {
        return sink.take(protocol_fault());
    }
    let mut candidates = Candidates::default();
    candidates.read(value, body, sink);
    if candidates.is_over() {
        return;
    }
    if candidates.has_nothing() {
        return sink.take(fault(Fault::Empty));
    }
    candidates.end(sink);
}

/// Writes a caller's whole answer.
pub(crate) fn write_answer(answer: &Collected, echo: &Echo<'_>) -> Bytes {
    let choices: Vec<_> = answer
        .choices
        .iter()
        .map(|(number, choice)| (*number, choice, choice.text()))
        .collect();
    let candidates = choices.iter().map(|(number, choice, said)| {
        let finish = choice.finish.clone().unwrap_or(Finish::Stop);
        let parts = parts(choice, echo.seal);
        if parts.is_empty() && ending::is_refusal(&finish) {
            return Err(finish);
        }
        Ok(ending::Candidate {
            number: *number,
            parts,
            finish,
            said,
            annotations: &choice.annotations,
            logprobs: &choice.logprobs,
        })
    });
    let candidates: Vec<_> = candidates.collect();
    let body = ending::body(&candidates, answer.usage.as_ref().map(usage::object));
    let body = body
        .with("modelVersion", echo.model)
        .with("responseId", echo.id);
    Json::from(body).to_bytes()
}

/// What is said, in order; what thoughts' vendors want back rides on the part that follows.
fn parts<'c>(choice: &'c Choice, seal: &Seal) -> Vec<Json<'c>> {
    let mut parts = Vec::with_capacity(choice.blocks.len());
    let mut carrier = Carrier::new(seal.clone());
    for block in &choice.blocks {
        let part = match block {
            Block::Text(text) | Block::Refusal(text) if text.is_empty() => continue,
            Block::Text(text) | Block::Refusal(text) => Object::new()
                .with("text", text.as_str())
                .with_some("thoughtSignature", carrier.unload()),
            Block::Thought(thought) => {
                carrier.load(thought.text.len(), thought);
                if thought.text.is_empty() {
                    continue;
                }
                let words = Object::new().with("text", &*thought.text);
                words.with("thought", true)
            }
            Block::Call {
                id,
                name,
                arguments,
                signature,
                ..
            } => {
                let proof = signature.clone().or(carrier.unload());
                call_part((id, name), arguments, proof)
            }
        };
        parts.push(part.into());
    }
    let rest = carrier.unload();
    parts.extend(rest.map(|it| {
        let part = Object::new().with("text", "");
        Json::from(part.with("thoughtSignature", it))
    }));
    parts
}
