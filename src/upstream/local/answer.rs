//! Generation events → the bytes of an OpenAI-shaped answer.
//!
//! Shapes follow the API reference for chat completions and completions (read
//! 2026-11). Parts that `async-openai` types completely are its types; the
//! envelopes are ours, because its own leave out fields that must be `null`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_openai::types::chat::{
    ChatChoiceLogprobs, ChatCompletionTokenLogprob, CompletionUsage, FinishReason, TopLogprobs,
};
use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body, Frame};
use serde::Serialize;
use tollward_engine::{Candidate, EngineError, Event, Generation, StopReason, TokenLogprob};
use tollward_wire::error_body::ErrorBody;
use tollward_wire::operation::Operation;

use crate::clock;
use crate::upstream::exchange::LocalBody;

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
            choices: Vec::new(),
            is_ended: false,
        })
    }
}

#[derive(Serialize)]
struct Envelope<'a, C> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<CompletionUsage>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Delta {
        index: u32,
        delta: Delta<'a>,
        logprobs: Option<ChatChoiceLogprobs>,
        finish_reason: Option<FinishReason>,
    },
    Message {
        index: u32,
        message: Message<'a>,
        logprobs: Option<ChatChoiceLogprobs>,
        finish_reason: Option<FinishReason>,
    },
    Text {
        index: u32,
        text: &'a str,
        logprobs: Option<TextLogprobs>,
        finish_reason: Option<FinishReason>,
    },
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    refusal: Option<&'static str>,
}

/// Log-probabilities in the shape of the older completions API.
#[derive(Default, Serialize)]
struct TextLogprobs {
    tokens: Vec<String>,
    token_logprobs: Vec<f32>,
    top_logprobs: Vec<BTreeMap<String, f32>>,
    text_offset: Vec<usize>,
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
                self.chunk(choice, &text, &logprobs, None, out);
            }
            Event::Finished { choice, reason } => {
                self.begin(choice, out);
                self.chunk(choice, "", &[], Some(finish(reason)), out);
            }
            Event::Done {
                prompt_tokens,
                output_tokens,
            } => {
                let usage = Some(usage(prompt_tokens, output_tokens));
                self.send(&self.envelope(Vec::new(), usage), out);
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
            self.send(&self.envelope(vec![first], None), out);
        }
    }

    fn chunk(
        &self,
        index: u32,
        text: &str,
        tokens: &[TokenLogprob],
        finish_reason: Option<FinishReason>,
        out: &mut BytesMut,
    ) {
        let choice = if self.head.operation == Operation::Chat {
            let content = finish_reason.is_none().then_some(text);
            Choice::Delta {
                index,
                delta: Delta {
                    role: None,
                    content,
                },
                logprobs: chat_logprobs(tokens),
                finish_reason,
            }
        } else {
            Choice::Text {
                index,
                text,
                logprobs: text_logprobs(tokens, 0),
                finish_reason,
            }
        };
        self.send(&self.envelope(vec![choice], None), out);
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

    fn send(&self, envelope: &Envelope<'_, Choice<'_>>, out: &mut BytesMut) {
        out.put_slice(b"data: ");
        // Every field has a JSON form and memory does not fail.
        let _ = serde_json::to_writer((&mut *out).writer(), envelope);
        out.put_slice(b"\n\n");
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
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
    choices: Vec<Written>,
    is_ended: bool,
}

#[derive(Default)]
struct Written {
    text: String,
    tokens: Vec<TokenLogprob>,
    finish_reason: Option<FinishReason>,
}

impl Whole {
    fn choice(&mut self, choice: u32) -> &mut Written {
        let index = choice as usize;
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Written::default);
        }
        // The vector was just made long enough.
        let last = self.choices.len() - 1;
        &mut self.choices[index.min(last)]
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
        let is_chat = self.head.operation == Operation::Chat;
        let echoed = self.head.echo.as_deref().unwrap_or_default();
        for written in &mut self.choices {
            written.text.insert_str(0, echoed);
        }
        let choice = |(index, written): (usize, &Written)| {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let finish_reason = written.finish_reason;
            if is_chat {
                let message = Message {
                    role: "assistant",
                    content: &written.text,
                    refusal: None,
                };
                Choice::Message {
                    index,
                    message,
                    logprobs: chat_logprobs(&written.tokens),
                    finish_reason,
                }
            } else {
                Choice::Text {
                    index,
                    text: &written.text,
                    logprobs: text_logprobs(&written.tokens, echoed.len()),
                    finish_reason,
                }
            }
        };
        let Head {
            id, created, model, ..
        } = &self.head;
        let choices = self.choices.iter().enumerate().map(choice).collect();
        let envelope = Envelope {
            id,
            object: self.head.object(false),
            created: *created,
            model,
            choices,
            usage: Some(usage),
        };
        serde_json::to_vec(&envelope)
            .map(Bytes::from)
            .unwrap_or_default()
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
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

fn finish(reason: StopReason) -> FinishReason {
    match reason {
        StopReason::Stop => FinishReason::Stop,
        StopReason::Length => FinishReason::Length,
    }
}

fn usage(prompt_tokens: u32, completion_tokens: u32) -> CompletionUsage {
    let total_tokens = prompt_tokens.saturating_add(completion_tokens);
    CompletionUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens,
        ..CompletionUsage::default()
    }
}

fn chat_logprobs(tokens: &[TokenLogprob]) -> Option<ChatChoiceLogprobs> {
    if tokens.is_empty() {
        return None;
    }
    let top = |candidate: &Candidate| TopLogprobs {
        token: candidate.text.clone(),
        logprob: candidate.logprob,
        bytes: Some(candidate.bytes.clone()),
    };
    let one = |token: &TokenLogprob| ChatCompletionTokenLogprob {
        token: token.token.text.clone(),
        logprob: token.token.logprob,
        bytes: Some(token.token.bytes.clone()),
        top_logprobs: token.top.iter().map(top).collect(),
    };
    Some(ChatChoiceLogprobs {
        content: Some(tokens.iter().map(one).collect()),
        refusal: None,
    })
}

fn text_logprobs(tokens: &[TokenLogprob], offset: usize) -> Option<TextLogprobs> {
    if tokens.is_empty() {
        return None;
    }
    let mut shaped = TextLogprobs::default();
    let mut at = offset;
    for token in tokens {
        shaped.text_offset.push(at);
        at += token.token.text.len();
        shaped.tokens.push(token.token.text.clone());
        shaped.token_logprobs.push(token.token.logprob);
        shaped.top_logprobs.push(
            token
                .top
                .iter()
                .map(|top| (top.text.clone(), top.logprob))
                .collect(),
        );
    }
    Some(shaped)
}

fn failure(error: &EngineError) -> ErrorBody {
    let (kind, code) = match error {
        EngineError::PromptTooLong { .. } => ("invalid_request_error", "context_length_exceeded"),
        EngineError::EmptyPrompt | EngineError::NoChatTemplate | EngineError::Template(_) => {
            ("invalid_request_error", "invalid_value")
        }
        _ => ("server_error", "engine_failed"),
    };
    ErrorBody {
        message: error.to_string(),
        kind: kind.into(),
        param: None,
        code: Some(code.into()),
    }
}

fn crashed() -> ErrorBody {
    ErrorBody {
        message: "the embedded engine stopped".into(),
        kind: "server_error".into(),
        param: None,
        code: Some("engine_failed".into()),
    }
}
