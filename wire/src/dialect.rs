//! The dialects: how each API writes a request, a stream and a whole answer.
//!
//! A dialect is how bytes look, a provider is where they go. Each has a file of its own
//! with the directions it is needed in: a caller's dialect reads requests and writes
//! answers, a vendor's writes requests and reads answers. All meet in [`crate::chat`];
//! there is no converter for a pair. Where caller and vendor speak the same dialect
//! nothing here runs: the bytes are relayed. A dialect that only vendors speak has no
//! caller's side: no operation names it, and what is asked of that side all the same is
//! refused or answered in `OpenAI`'s words.

pub mod anthropic;
pub mod converse;
pub mod gemini;
pub mod ollama;
pub mod openai_chat;
pub(crate) mod openai_completions;
pub mod openai_responses;
mod spelling;
pub mod sse_events;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod timing;

use bytes::Bytes;

use self::ollama::Endpoint;
use self::timing::Timing;
use crate::chat::seal::Seal;
use crate::chat::{ChatEvent, ChatRequest, Collected, EventSink, Target, Unsupported, Written};
use crate::document::{Document, FieldError};
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::Json;

/// Most parts of all messages together: calls are looked up among each other's results.
const MAX_PARTS: usize = 16_384;

/// A chat API's way to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI`'s `/v1/chat/completions`.
    OpenAiChat,
    /// `OpenAI`'s older `/v1/completions`, which only callers use.
    OpenAiCompletions,
    /// Anthropic's `/v1/messages`.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Ollama's `/api/chat`.
    Ollama,
    /// Ollama's `/api/generate`, which only callers use.
    OllamaGenerate,
    /// Bedrock's `/model/{id}/converse`, for vendors only. Where a caller's words are asked for
    /// nevertheless, they are those of [`Self::OpenAiChat`].
    Converse,
    /// `OpenAI`'s `/v1/responses`.
    OpenAiResponses,
}

/// Reads a streamed answer, cut anywhere, into events.
pub trait EventReader: Send {
    /// Takes the next bytes.
    fn push(&mut self, chunk: Bytes, sink: &mut dyn EventSink);

    /// Takes note of the end of the body: an answer that is not complete by then ends in a fault.
    fn finish(&mut self, sink: &mut dyn EventSink);
}

/// Writes a streamed answer.
pub trait EventWriter: Send {
    /// Appends to `out` what stands for `event`. Events come as a `Settler` passes them.
    fn write(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>);

    /// The event that ends the stream as it stands with an error; `None` where it does not
    /// depend on what was written, see [`Dialect::error_event`].
    fn fail(&self, fault: Fault, error: &ErrorBody) -> Option<Bytes> {
        let _ = (fault, error);
        None
    }

    /// What tells the caller that the stream is alive while it says nothing; `None` where it is
    /// always the same, see [`Dialect::keep_alive`].
    fn keep_alive(&self) -> Option<Bytes> {
        None
    }
}

/// What an answer repeats of its request, and what the gateway knows besides.
#[derive(Clone, Copy, Debug)]
pub struct Echo<'c> {
    /// The public name of the model, as the caller wrote it.
    pub model: &'c str,
    /// A word that is unique to the answer: letters and digits.
    pub id: &'c str,
    /// When the request came, in Unix seconds.
    pub created: u64,
    /// Whether the caller asked for the usage chunk at the end of a stream.
    pub asks_usage: bool,
    /// When the request came, and what time it is, where an answer says how long it took.
    pub timing: Timing,
    /// How many tokens the request has, about.
    pub estimated_input: u64,
    /// The seal on thoughts that the caller keeps.
    pub seal: &'c Seal,
    /// The request.
    pub request: &'c Document,
}

impl Dialect {
    /// The word used in logs and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::OpenAiCompletions => "openai_completions",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::OllamaGenerate => "ollama_generate",
            Self::Converse => "converse",
            Self::OpenAiResponses => "openai_responses",
        }
    }

    /// The media type of a streamed answer.
    pub const fn stream_type(self) -> &'static str {
        match self {
            Self::OpenAiChat
            | Self::OpenAiCompletions
            | Self::OpenAiResponses
            | Self::Anthropic
            | Self::Gemini => "text/event-stream",
            Self::Ollama | Self::OllamaGenerate => "application/x-ndjson",
            Self::Converse => "application/vnd.amazon.eventstream",
        }
    }

    /// Reads a caller's request.
    ///
    /// # Errors
    /// [`FieldError`] naming the first field that cannot be understood, or none in particular
    /// for a dialect that only vendors speak.
    pub fn read_request(self, request: &Document) -> Result<ChatRequest<'_>, FieldError> {
        let value = Json::trusted(request.bytes())
            .ok_or_else(|| FieldError::new("", "JSON whose strings are valid Unicode"))?;
        let read = match self {
            Self::OpenAiChat => openai_chat::read_request(value),
            Self::OpenAiCompletions => openai_completions::read_request(value),
            Self::Anthropic => anthropic::read_request(value),
            Self::Gemini => gemini::read_request(value),
            Self::Ollama => ollama::read_chat(value),
            Self::OllamaGenerate => ollama::read_generate(value),
            Self::Converse => Err(FieldError::new("", "a request in a dialect of callers")),
            Self::OpenAiResponses => openai_responses::read_request(value),
        }?;
        let parts: usize = read.messages.iter().map(|it| it.parts.len()).sum();
        if parts > MAX_PARTS {
            let expected = format!("a conversation of at most {MAX_PARTS} parts");
            return Err(FieldError::new("messages", expected));
        }
        Ok(read)
    }

    /// Writes a request for a vendor.
    ///
    /// # Errors
    /// [`Unsupported`] if the vendor cannot do what the caller would miss.
    pub fn write_request<'a>(
        self,
        request: &ChatRequest<'a>,
        target: &Target<'_>,
    ) -> Result<Written<'a>, Unsupported> {
        match self {
            Self::OpenAiChat => openai_chat::write_request(request, target),
            Self::Anthropic => anthropic::write_request(request, target),
            Self::Gemini => gemini::write_request(request, target),
            Self::Ollama => ollama::write_request(request, target),
            Self::OpenAiCompletions | Self::OllamaGenerate => {
                Err(Unsupported::new("model", "a vendor is asked for a chat"))
            }
            Self::Converse => converse::write_request(request, target),
            Self::OpenAiResponses => openai_responses::write_request(request, target),
        }
    }

    /// A reader for a vendor's stream.
    pub fn reader(self) -> Box<dyn EventReader> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::reader()),
            Self::OpenAiCompletions => Box::new(openai_chat::text_reader()),
            Self::Anthropic => Box::new(anthropic::reader()),
            Self::Gemini => Box::new(gemini::reader()),
            Self::Ollama | Self::OllamaGenerate => Box::new(ollama::reader()),
            Self::Converse => Box::new(converse::reader()),
            Self::OpenAiResponses => Box::new(openai_responses::reader()),
        }
    }

    /// The part of the reader that takes whole events, for a relay that only looks; `None` for
    /// `OpenAI`'s, which has a quicker way, and for Ollama's, whose events are lines: to relay
    /// those, a scanner for lines would have to stand beside the one for server-sent events.
    pub(crate) fn sse_reader(self) -> Option<Box<dyn sse_events::SseDialect>> {
        match self {
            Self::OpenAiChat
            | Self::OpenAiCompletions
            | Self::Ollama
            | Self::OllamaGenerate
            | Self::Converse => None,
            Self::Anthropic => Some(Box::new(anthropic::Blocks::default())),
            Self::Gemini => Some(Box::new(gemini::Candidates::default())),
            Self::OpenAiResponses => Some(Box::new(openai_responses::Items::default())),
        }
    }

    /// The event that ends a broken stream, after `passed` others.
    pub fn error_event(self, fault: Fault, error: &ErrorBody, passed: u64) -> Bytes {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::Converse => error.to_event(),
            Self::Gemini => gemini::error::event(fault, error),
            Self::Anthropic => anthropic::error::event(fault, error),
            Self::Ollama | Self::OllamaGenerate => ollama::error::line(&error.message),
            Self::OpenAiResponses => openai_responses::error_event(fault, error, passed),
        }
    }

    /// What tells a caller that its stream is alive while it says nothing. Clients pass over it:
    /// a comment, Anthropic's own event, and for Google's SDKs, which take a comment for the
    /// start of an error, an empty event (google-genai 3.6.1 `_api_client`, @google/genai 2.32.0).
    /// Empty for dialects of lines: those are [written](EventWriter::keep_alive).
    pub const fn keep_alive(self) -> &'static [u8] {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses | Self::Converse => {
                b": keep-alive\n\n"
            }
            Self::Anthropic => b"event: ping\ndata: {\"type\":\"ping\"}\n\n",
            Self::Gemini => b"\r\n\r\n",
            Self::Ollama | Self::OllamaGenerate => b"",
        }
    }

    /// The body of an error answer with this HTTP status.
    pub fn error_body(self, status: u16, error: &ErrorBody) -> Bytes {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::OpenAiResponses | Self::Converse => {
                error.to_json()
            }
            Self::Gemini => gemini::error::answer(status, error),
            Self::Anthropic => anthropic::error::answer(status, error),
            Self::Ollama | Self::OllamaGenerate => ollama::error::body(&error.message),
        }
    }

    /// Reads a vendor's whole answer. What is no answer of the dialect ends in a fault.
    pub fn read_answer(self, body: &[u8], sink: &mut dyn EventSink) {
        let Some(value) = Json::parse(body) else {
            return sink.take(stream::protocol_fault());
        };
        match self {
            Self::OpenAiChat => openai_chat::read_answer(&value, body, sink),
            Self::OpenAiCompletions => openai_chat::read_text_answer(&value, body, sink),
            Self::Anthropic => anthropic::read_answer(&value, body, sink),
            Self::Gemini => gemini::read_answer(&value, body, sink),
            Self::Ollama | Self::OllamaGenerate => ollama::read_answer(&value, body, sink),
            Self::Converse => converse::read_answer(&value, body, sink),
            Self::OpenAiResponses => openai_responses::read_answer(&value, body, sink),
        }
    }

    /// A writer for a caller's stream.
    pub fn writer(self, echo: &Echo<'_>) -> Box<dyn EventWriter> {
        match self {
            Self::OpenAiChat | Self::Converse => Box::new(openai_chat::writer(echo)),
            Self::Gemini => Box::new(gemini::writer(echo)),
            Self::OpenAiCompletions => Box::new(openai_completions::writer(echo)),
            Self::Anthropic => Box::new(anthropic::writer(echo)),
            Self::Ollama => Box::new(ollama::writer(Endpoint::Chat, echo)),
            Self::OllamaGenerate => Box::new(ollama::writer(Endpoint::Generate, echo)),
            Self::OpenAiResponses => Box::new(openai_responses::writer(echo)),
        }
    }

    /// A whole answer for a caller.
    pub fn write_answer(self, answer: &Collected, echo: &Echo<'_>) -> Bytes {
        match self {
            Self::OpenAiCompletions => openai_completions::write_answer(answer, echo),
            Self::OpenAiChat | Self::Converse => openai_chat::write_answer(answer, echo),
            Self::Gemini => gemini::write_answer(answer, echo),
            Self::Anthropic => anthropic::write_answer(answer, echo),
            Self::Ollama => ollama::write_answer(Endpoint::Chat, answer, echo),
            Self::OllamaGenerate => ollama::write_answer(Endpoint::Generate, answer, echo),
            Self::OpenAiResponses => openai_responses::write_answer(answer, echo),
        }
    }
}
