//! A vendor's whole answer.

use super::events::Candidates;
use crate::chat::EventSink;
use crate::dialect::sse_events::SseDialect;
use crate::dialect::stream::{fault, protocol_fault};
use crate::fault::Fault;
use crate::json::Json;

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
