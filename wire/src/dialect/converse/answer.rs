//! A whole answer.

use super::blocks::Blocks;
use super::error;
use crate::chat::{ChatEvent, EventSink};
use crate::dialect::stream::protocol_fault;
use crate::json::Json;

/// Reads a vendor's whole answer.
pub(crate) fn read_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    let message = value.get("output").and_then(|it| it.get("message"));
    let Some(content) = message
        .and_then(|it| it.get("content"))
        .and_then(Json::as_array)
    else {
        return sink.take(if error::is_exception(value) {
            ChatEvent::Fault(error::fault("", body))
        } else {
            protocol_fault()
        });
    };
    let mut blocks = Blocks::default();
    sink.take(ChatEvent::Start { id: None });
    for (index, block) in content.iter().enumerate() {
        blocks.whole(index as u64, block, sink);
    }
    blocks.stop_message(value, sink);
    blocks.count(value, sink);
    blocks.end(sink);
}
