//! The end of a relayed stream that its vendor does not end.

use bytes::Bytes;

use super::{State, StreamReader};
use crate::dialect::Dialect;
use crate::json::{Json, Object};
use crate::segments::Segments;
use crate::sse::DONE;

/// What the last chunk of a stream says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Farewell<'a> {
    /// A word that is unique to the answer.
    pub id: &'a str,
    /// When it was written, in Unix seconds.
    pub created: u64,
    /// The model that was asked for.
    pub model: &'a str,
}

impl StreamReader {
    /// Ends the stream as the bound on output does: every choice that is open gets `length`, and
    /// nothing is read any more. Whether there was one; and streams of other dialects than chats and
    /// completions of `OpenAI` are left alone, because their blocks would have to be closed.
    pub(crate) fn cut(&mut self, farewell: &Farewell<'_>, out: &mut Segments) -> bool {
        let is_chat = match (self.operation.dialect(), &self.tap) {
            (Some(Dialect::OpenAiChat), None) => true,
            (Some(Dialect::OpenAiCompletions), None) => false,
            _ => return false,
        };
        let open = self.seen & !self.finished;
        if open == 0 || self.state != State::Open {
            return false;
        }
        let (prefix, object) = if is_chat {
            ("chatcmpl-", "chat.completion.chunk")
        } else {
            ("cmpl-", "text_completion")
        };
        let ended = |index: u32| {
            let choice = Object::new().with("index", index);
            let choice = if is_chat {
                choice.with("delta", Object::new())
            } else {
                choice.with("text", "")
            };
            Json::from(choice.with("finish_reason", "length"))
        };
        let open = (0..u128::BITS).filter(|it| open >> it & 1 == 1);
        let chunk = Object::new()
            .with("id", format!("{prefix}{}", farewell.id))
            .with("object", object)
            .with("created", farewell.created)
            .with("model", farewell.model)
            .with("choices", open.map(ended).collect::<Vec<_>>());
        let mut event = b"data: ".to_vec();
        Json::from(chunk).write(&mut event);
        event.extend_from_slice(b"\n\n");
        out.push(event.into());
        out.push(Bytes::from_static(DONE));
        self.state = State::Failed;
        true
    }

    /// Bytes of text in all choices that are certainly no thoughts.
    pub(crate) fn words_bytes(&self) -> u64 {
        match &self.tap {
            Some(tap) => tap.observed().words_bytes(),
            None => self.output_bytes - self.thought_bytes,
        }
    }
}
