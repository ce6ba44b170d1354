//! Generation events → the bytes of an OpenAI-shaped answer.
//!
//! The order of chunks follows the API reference for chat completions and
//! completions (read 2026-11); what they look like is in `shape`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_openai::types::chat::{CompletionUsage, FinishReason};
use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body, Frame};
use tollward_engine::{Event, Generation, TokenLogprob};
use tollward_wire::operation::Operation;

use crate::clock;
use crate::upstream::exchange::LocalBody;
use crate::upstream::local::shape::{
    Choice, Delta, Envelope, Message, chat_logprobs, crashed, failure, finish, text_logprobs, usage,
};

/// What every chunk of an answer repeats.
pub(super) struct Head {
    id: String,
    created: i64,
    model: String,
    operation: Operation,
    echo: Option<String>,
}

impl Head {
    pub(super) fn new(operation: Operation, model: &str, echo: Option<String>) -> Self {
        let prefix = if operation == Operation::Chat {
            "chatcmpl"
        } else {
            "cmpl"
        };
        let id = clock::id_bytes()
            .iter()
            .fold(format!("{prefix}-"), |id, byte| format!("{id}{byte:02x}"));
        Self {
            id,
            created: clock::unix_ms() / 1_000,
            model: model.to_owned(),
            operation,
            echo,
        }
    }

    fn object(&self, is_stream: bool) -> &'static str {
        match (self.operation, is_stream) {
            (Operation::Chat, true) => "chat.completion.chunk",
            (Operation::Chat, false) => "chat.completion",
            _ => "text_completion",
        }
    }
}

/// The answer's body: a stream of events, or one JSON object at the end.
pub(super) fn body(generation: Generation, head: Head, is_stream: bool) -> LocalBody {
    if is_stream {
        Box::pin(Streamed {
            generation,
            head,
            begun: 0,
            is_ended: false,
        })
    } else {
        Box::pin(Whole {
            generation,
            head,
            choices: BTreeMap::new(),
            is_ended: false,
        })
    }
}

/// An answer that is sent as it is written.
struct Streamed {
    generation: Generation,
    head: Head,
    /// Choices below this have had their first chunk.
    begun: u32,
    is_ended: bool,
}

impl Streamed {
    fn encode(&mut self, event: Event, out: &mut BytesMut) {
        match event {
            Event::Started { .. } => {}
            Event::Token {
                choice,
                text,
                logprobs,
            } => {
                self.begin(choice, out);
                self.grown(choice, &text, &logprobs, out);
            }
            Event::Finished { choice, reason } => {
                self.begin(choice, out);
                self.ended(choice, finish(reason), out);
            }
            Event::Done {
                prompt_tokens,
                output_tokens,
            } => {
                let usage = Some(usage(prompt_tokens, output_tokens));
                send(&self.envelope(Vec::new(), usage), out);
                out.put_slice(b"data: [DONE]\n\n");
            }
            Event::Failed(error) => out.put_slice(&failure(&error).to_event()),
        }
    }

    /// The first chunk of a choice names the role; a completion that echoes begins with its prompt.
    fn begin(&mut self, choice: u32, out: &mut BytesMut) {
        while self.begun <= choice {
            let index = self.begun;
            self.begun += 1;
            let first = match (self.head.operation, &self.head.echo) {
                (Operation::Chat, _) => {
                    let delta = Delta {
                        role: Some("assistant"),
                        content: Some(""),
                    };
                    Choice::Delta {
                        index,
                        delta,
                        logprobs: None,
                        finish_reason: None,
                    }
                }
                (_, Some(prompt)) => Choice::Text {
                    index,
                    text: prompt,
                    logprobs: None,
                    finish_reason: None,
                },
                (_, None) => continue,
            };
            send(&self.envelope(vec![first], None), out);
        }
    }

    fn grown(&self, index: u32, text: &str, tokens: &[TokenLogprob], out: &mut BytesMut) {
        let choice = if self.head.operation == Operation::Chat {
            let content = Some(text);
            Choice::Delta {
                index,
                delta: Delta {
                    role: None,
                    content,
                },
                logprobs: chat_logprobs(tokens),
                finish_reason: None,
            }
        } else {
            Choice::Text {
                index,
                text,
                logprobs: text_logprobs(tokens, 0),
                finish_reason: None,
            }
        };
        send(&self.envelope(vec![choice], None), out);
    }

    fn ended(&self, index: u32, reason: FinishReason, out: &mut BytesMut) {
        let (logprobs, finish_reason) = (None, Some(reason));
        let choice = if self.head.operation == Operation::Chat {
            let delta = Delta::default();
            Choice::Delta {
                index,
                delta,
                logprobs,
                finish_reason,
            }
        } else {
            Choice::Text {
                index,
                text: "",
                logprobs: None,
                finish_reason,
            }
        };
        send(&self.envelope(vec![choice], None), out);
    }

    fn envelope<'a>(
        &'a self,
        choices: Vec<Choice<'a>>,
        usage: Option<CompletionUsage>,
    ) -> Envelope<'a, Choice<'a>> {
        let Head {
            id, created, model, ..
        } = &self.head;
        Envelope {
            id,
            object: self.head.object(true),
            created: *created,
            model,
            choices,
            usage,
        }
    }
}

/// Writes a chunk as a server-sent event.
fn send(envelope: &Envelope<'_, Choice<'_>>, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    // Every field has a JSON form and memory does not fail.
    let _ = serde_json::to_writer((&mut *out).writer(), envelope);
    out.put_slice(b"\n\n");
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.is_ended {
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        // Started and the like make no bytes; go on to the next event then.
        while out.is_empty() {
            match self.generation.poll_recv(context) {
                Poll::Ready(Some(event)) => {
                    self.is_ended |= matches!(event, Event::Done { .. } | Event::Failed(_));
                    self.encode(event, &mut out);
                }
                Poll::Ready(None) => {
                    self.is_ended = true;
                    out.put_slice(&crashed().to_event());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Some(Ok(Frame::data(out.freeze()))))
    }
}

/// An answer that is sent when it is complete.
struct Whole {
    generation: Generation,
    head: Head,
    choices: BTreeMap<u32, Written>,
    is_ended: bool,
}

#[derive(Default)]
struct Written {
    text: String,
    tokens: Vec<TokenLogprob>,
    finish_reason: Option<FinishReason>,
}

impl Whole {
    /// What was written of a choice so far.
    fn choice(&mut self, choice: u32) -> &mut Written {
        self.choices.entry(choice).or_default()
    }

    fn take(&mut self, event: Event) -> Option<Bytes> {
        match event {
            Event::Started { .. } => None,
            Event::Token {
                choice,
                text,
                logprobs,
            } => {
                let written = self.choice(choice);
                written.text.push_str(&text);
                written.tokens.extend(logprobs);
                None
            }
            Event::Finished { choice, reason } => {
                self.choice(choice).finish_reason = Some(finish(reason));
                None
            }
            Event::Done {
                prompt_tokens,
                output_tokens,
            } => Some(self.encode(usage(prompt_tokens, output_tokens))),
            Event::Failed(error) => Some(failure(&error).to_json()),
        }
    }

    fn encode(&mut self, usage: CompletionUsage) -> Bytes {
        if let Some(prompt) = &self.head.echo {
            for written in self.choices.values_mut() {
                written.text.insert_str(0, prompt);
            }
        }
        let envelope = Envelope {
            id: &self.head.id,
            object: self.head.object(false),
            created: self.head.created,
            model: &self.head.model,
            choices: self
                .choices
                .iter()
                .map(|(index, written)| written.shape(*index, &self.head))
                .collect(),
            usage: Some(usage),
        };
        // Every field has a JSON form and memory does not fail.
        serde_json::to_vec(&envelope)
            .map(Bytes::from)
            .unwrap_or_default()
    }
}

impl Written {
    fn shape(&self, index: u32, head: &Head) -> Choice<'_> {
        let finish_reason = self.finish_reason;
        if head.operation == Operation::Chat {
            let message = Message {
                role: "assistant",
                content: &self.text,
                refusal: None,
            };
            return Choice::Message {
                index,
                message,
                logprobs: chat_logprobs(&self.tokens),
                finish_reason,
            };
        }
        let offset = head.echo.as_deref().map_or(0, str::len);
        Choice::Text {
            index,
            text: &self.text,
            logprobs: text_logprobs(&self.tokens, offset),
            finish_reason,
        }
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        while !self.is_ended {
            let done = match self.generation.poll_recv(context) {
                Poll::Ready(Some(event)) => self.take(event),
                Poll::Ready(None) => Some(crashed().to_json()),
                Poll::Pending => return Poll::Pending,
            };
            if let Some(bytes) = done {
                self.is_ended = true;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }
}
