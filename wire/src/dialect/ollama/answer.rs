//! Whole answers, in and out.

use bytes::Bytes;

use super::Endpoint;
use super::emit::{Words, created_at, end_into, open_into, tool_call, words_into};
use super::error;
use super::events::Events;
use crate::chat::{Block, ChatEvent, Choice, Collected, EventSink, Finish, Took};
use crate::dialect::Echo;
use crate::dialect::stream::protocol_fault;
use crate::json::Json;

/// Reads a vendor's whole answer, from either endpoint: one line that holds everything.
pub(crate) fn read_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    if error::is_in(value) {
        return sink.take(ChatEvent::Fault(error::fault_in(body)));
    }
    if value.get("message").is_none() && value.get("response").is_none() {
        return sink.take(protocol_fault());
    }
    let mut events = Events::default();
    events.object(value, body, sink);
    events.end(sink);
}

/// Writes a caller's whole answer.
pub(crate) fn write_answer(endpoint: Endpoint, answer: &Collected, echo: &Echo<'_>) -> Bytes {
    let nothing = Choice::default();
    let choice = answer.choices.get(&0).unwrap_or(&nothing);
    let finish = choice.finish.as_ref().unwrap_or(&Finish::Stop);
    let content = content(choice, finish);
    let thinking: Vec<&str> = choice.thoughts().map(|it| &*it.text).collect();
    let thinking = thinking.concat();
    let calls: Vec<Json<'_>> = choice.blocks.iter().filter_map(call).collect();
    let words = Words {
        content: &content,
        thinking: &thinking,
        calls: &calls,
        logprobs: &choice.logprobs,
    };
    let mut out = Vec::new();
    open_into(echo.model, &created_at(echo), &mut out);
    words_into(endpoint, &words, &mut out);
    let took = answer.took.unwrap_or_else(|| {
        // When the first word came is not known; clients divide by the time of what follows it.
        let total = echo.timing.since(echo.timing.now());
        Took {
            total,
            output: total,
            ..Took::default()
        }
    });
    end_into(finish, answer.usage.as_ref(), took, &mut out);
    out.into()
}

/// The words, a refusal's among them.
fn content(choice: &Choice, finish: &Finish) -> String {
    let texts = choice.blocks.iter().filter_map(|block| match block {
        Block::Text(text) | Block::Refusal(text) => Some(text.as_str()),
        Block::Thought(_) | Block::Call { .. } => None,
    });
    let text: String = texts.collect();
    match finish {
        Finish::Refusal(Some(why)) if text.is_empty() => why.to_string(),
        _ => text,
    }
}

fn call(block: &Block) -> Option<Json<'_>> {
    match block {
        Block::Call {
            call,
            id,
            name,
            arguments,
            kind,
            ..
        } => Some(tool_call(*call, (id, name), arguments, *kind)),
        Block::Text(_) | Block::Refusal(_) | Block::Thought(_) => None,
    }
}
