//! The events of a `/v1/realtime` session, as far as a gateway acts on them.
//!
//! An event is one message and passes as it came. Of a vendor's events the counts are read, and of
//! responses that have begun how much has come, for the books of one that breaks off
//! ([`SessionReader`]). Of a caller's only `session.update` matters, which may name a model
//! ([`client_event`]). Sockets and their closing are the gateway's.
//!
//! Source: openai-python 3.57 `types/realtime` (read 2026-11).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::document::{Document, DocumentError, FieldError};
use crate::error_body::ErrorBody;
use crate::json::Json;
use crate::usage::{Usage, UsageAnomaly};

/// Responses of one session that are followed at once; callers have one, or a few beside it.
const MAX_OPEN: usize = 32;
/// Longest id or name of a vendor's that is held, in bytes of JSON; a longer one is none.
const MAX_NAME_BYTES: usize = 512;

/// A caller's event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientEvent {
    /// What is passed on instead, where it names the session's model: the same under the vendor's name.
    pub renamed: Option<Bytes>,
    /// What it adds to the conversation.
    pub sent: Sent,
    /// It asks for a response.
    pub asks: bool,
}

/// Why an event is not passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It is no JSON object that means one thing.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It names another model than the session was opened for.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// How much of a conversation an event adds, for an estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of text.
    pub text_bytes: u64,
    /// Bytes of base64 of sound.
    pub sound_bytes: u64,
}

impl Sent {
    /// Both together.
    fn add(&mut self, more: Sent) {
        self.text_bytes = self.text_bytes.saturating_add(more.text_bytes);
        self.sound_bytes = self.sound_bytes.saturating_add(more.sound_bytes);
    }

    /// What is in an item, a session or a response: its strings, sound by itself and pictures not at
    /// all, of whose size their bytes say nothing.
    fn of(value: &Json<'_>) -> Sent {
        let mut sent = Sent::default();
        match value {
            Json::String(text) => sent.text_bytes = text.len() as u64,
            Json::Array(items) => items.iter().for_each(|it| sent.add(Sent::of(it))),
            Json::Object(object) => {
                for (name, value) in object.members() {
                    match (name, value) {
                        ("audio", Json::String(sound)) => sent.sound_bytes += sound.len() as u64,
                        ("image_url", _) => {}
                        _ => sent.add(Sent::of(value)),
                    }
                }
            }
            _ => {}
        }
        sent
    }
}

/// Looks at an event of the caller, in a session of the model that is `public` to it and `upstream`
/// to the vendor.
///
/// A vendor that let the model be changed in the session would be a way around a key's list, so what
/// two parsers could read differently is not passed on.
///
/// # Errors
/// [`EventError`], for the caller to be told.
pub fn client_event(text: &Bytes, public: &str, upstream: &str) -> Result<ClientEvent, EventError> {
    let event = Document::parse(text.clone())?;
    let has = |field| {
        let value = event.raw(field).and_then(Json::trusted);
        value.map_or(Sent::default(), |it| Sent::of(&it))
    };
    let kind = event.get::<Cow<'_, str>>("type").ok().flatten();
    let mut looked = ClientEvent::default();
    match kind.as_deref() {
        Some("session.update") => {
            looked.renamed = session_update(&event, public, upstream)?;
            looked.sent = has("session");
        }
        // The most frequent one by far, and long.
        Some("input_audio_buffer.append") => {
            looked.sent.sound_bytes = event.raw("audio").map_or(0, |it| it.len() as u64);
        }
        Some("conversation.item.create") => looked.sent = has("item"),
        Some("response.create") => {
            looked.sent = has("response");
            looked.asks = true;
        }
        _ => {}
    }
    Ok(looked)
}

fn session_update(
    event: &Document,
    public: &str,
    upstream: &str,
) -> Result<Option<Bytes>, FieldError> {
    // `session` is an object there; vLLM's servers have the model beside the type.
    let session = event.object("session");
    let inside = session.as_ref().and_then(|it| it.raw(event, "model"));
    let named = [event.raw("model"), inside];
    let mut is_public = [false; 2];
    for (is_public, raw) in is_public.iter_mut().zip(named) {
        let Some(raw) = raw else { continue };
        match serde_json::from_slice::<Cow<'_, str>>(raw).as_deref() {
            Ok(model) if model == upstream => {}
            Ok(model) if model == public => *is_public = true,
            _ => {
                let expected = "the model that the session was opened for";
                return Err(FieldError::new("session.model", expected));
            }
        }
    }
    if is_public == [false; 2] {
        return Ok(None);
    }
    let [is_beside, is_inside] = is_public;
    let mut edit = event.edit();
    if is_beside {
        edit.set("model", upstream);
    }
    if let Some(session) = session.as_ref().filter(|_| is_inside) {
        edit.set_in(session, "model", upstream);
    }
    Ok(Some(edit.finish().to_bytes()))
}

/// The event that tells a caller what was wrong with `event`, one of its own
/// (`types/realtime/realtime_error_event.py`). `id` is that of the event that tells it.
pub fn error_event(error: &ErrorBody, id: &str, event: &Bytes) -> String {
    let event = Document::parse(event.clone()).ok();
    let named = event.and_then(|it| it.get::<String>("event_id").ok().flatten());
    serde_json::json!({
        "type": "error",
        "event_id": id,
        "error": {
            "type": error.kind,
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "event_id": named,
        },
    })
    .to_string()
}

/// What an event of the vendor says for the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Nothing.
    Nothing,
    /// A response ended.
    Done(Turn),
    /// What the caller said was written down, by the session's model or another one, which is
    /// billed at its own price.
    Transcribed(Turn, Transcriber),
}

/// Who writes down what the caller says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transcriber {
    /// The model of the session.
    Model,
    /// A model that the caller named beside it.
    Other,
}

/// A response, or what there is of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The vendor's count, if there is one that makes sense.
    pub usage: Option<Usage>,
    /// The vendor's count could not be true.
    pub is_usage_anomalous: bool,
    /// What the conversation had before it, as the vendor counted; for an estimate.
    pub context_tokens: u64,
    /// What the caller sent since then.
    pub sent: Sent,
    /// What came of it.
    pub came: Sent,
}

/// Follows the vendor's events of one session.
#[derive(Debug, Default)]
pub struct SessionReader {
    open: Vec<Open>,
    context_tokens: u64,
    sent: Sent,
    /// The caller asked for a response that has not begun.
    is_asked: bool,
    /// The response that ended last.
    ended: Option<Box<str>>,
    transcriber: Option<Box<str>>,
}

/// A response that has begun.
#[derive(Debug)]
struct Open {
    id: Box<str>,
    came: Sent,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    response_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    session: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

impl SessionReader {
    /// The caller sent this.
    pub fn sent(&mut self, event: &ClientEvent) {
        self.sent.add(event.sent);
        self.is_asked |= event.asks;
    }

    /// Whether a response was asked for or has begun, and has not ended.
    pub fn is_responding(&self) -> bool {
        self.is_asked || !self.open.is_empty()
    }

    /// Reads one event; what is none is passed over.
    pub fn push(&mut self, text: &[u8], model: &str) -> Noticed {
        let Ok(event) = serde_json::from_slice::<Event<'_>>(text) else {
            return Noticed::Nothing;
        };
        match &*event.kind {
            "response.created" => {
                self.is_asked = false;
                if let Some(id) = parsed(event.response).and_then(|it| it.id) {
                    self.begin(id.get());
                }
                Noticed::Nothing
            }
            "response.done" => self
                .done(parsed(event.response))
                .map_or(Noticed::Nothing, Noticed::Done),
            // It may be what becomes of the caller's question.
            "error" => {
                self.is_asked = false;
                Noticed::Nothing
            }
            "session.created" | "session.updated" => {
                self.transcriber = event.session.and_then(transcriber);
                Noticed::Nothing
            }
            "conversation.item.input_audio_transcription.completed" if event.usage.is_some() => {
                let by = match &self.transcriber {
                    Some(other) if **other != *model => Transcriber::Other,
                    _ => Transcriber::Model,
                };
                Noticed::Transcribed(counted(event.usage), by)
            }
            // vLLM's servers only write down what they hear (`TranscriptionDone` in vLLM's
            // `entrypoints/openai/realtime/protocol.py`, read 2026-11).
            "transcription.done" if event.usage.is_some() => {
                Noticed::Transcribed(counted(event.usage), Transcriber::Model)
            }
            kind => {
                self.grow(kind, &event);
                Noticed::Nothing
            }
        }
    }

    /// What there is of responses that will not end any more.
    pub fn broken(&mut self) -> Vec<Turn> {
        let (context_tokens, sent) = (self.context_tokens, self.sent);
        let open = std::mem::take(&mut self.open);
        let came = open.into_iter().map(|it| it.came);
        // It is at work on what it was asked, as far as can be seen.
        let unheard = std::mem::take(&mut self.is_asked).then(Sent::default);
        came.chain(unheard)
            .map(|came| Turn {
                context_tokens,
                sent,
                came,
                ..Turn::default()
            })
            .collect()
    }

    fn begin(&mut self, id: &str) {
        if self.open.len() < MAX_OPEN && self.open.iter().all(|it| *it.id != *id) {
            self.open.push(Open {
                id: id.into(),
                came: Sent::default(),
            });
        }
    }

    /// `None` if it ended before.
    fn done(&mut self, response: Option<Response<'_>>) -> Option<Turn> {
        self.is_asked = false;
        let id = response.as_ref().and_then(|it| it.id).map(RawValue::get);
        let place = self.open.iter().position(|it| Some(&*it.id) == id);
        if place.is_none() && id.is_some() && self.ended.as_deref() == id {
            return None;
        }
        self.ended = id.map(Box::from);
        let came = place.map(|it| self.open.swap_remove(it).came);
        let turn = Turn {
            context_tokens: self.context_tokens,
            sent: std::mem::take(&mut self.sent),
            came: came.unwrap_or_default(),
            ..counted(response.and_then(|it| it.usage))
        };
        if let Some(usage) = &turn.usage {
            self.context_tokens = usage.total();
        }
        Some(turn)
    }

    /// A part of an answer came: text, sound as base64, its transcript, or a tool's arguments.
    fn grow(&mut self, kind: &str, event: &Event<'_>) {
        let (Some(id), Some(delta)) = (event.response_id, event.delta) else {
            return;
        };
        let Some(open) = self.open.iter_mut().find(|it| *it.id == *id.get()) else {
            return;
        };
        let length = delta.get().len() as u64;
        // The beta says `response.audio.delta`.
        let is_sound = matches!(kind, "response.output_audio.delta" | "response.audio.delta");
        open.came.add(Sent {
            text_bytes: if is_sound { 0 } else { length },
            sound_bytes: if is_sound { length } else { 0 },
        });
    }
}

fn parsed(response: Option<&RawValue>) -> Option<Response<'_>> {
    let response: Response<'_> = serde_json::from_str(response?.get()).ok()?;
    let id = response.id.filter(|it| it.get().len() <= MAX_NAME_BYTES);
    Some(Response { id, ..response })
}

fn counted(usage: Option<&RawValue>) -> Turn {
    let usage = usage.map(|it| Usage::from_openai(it.get().as_bytes()));
    let is_usage_anomalous = matches!(&usage, Some(Err(it)) if *it != UsageAnomaly::Missing);
    Turn {
        usage: usage.and_then(Result::ok),
        is_usage_anomalous,
        ..Turn::default()
    }
}

/// The model that writes down what the caller says, under the name of the API or of its beta.
fn transcriber(session: &RawValue) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Session {
        #[serde(default)]
        audio: Option<Audio>,
        #[serde(default)]
        input_audio_transcription: Option<Transcription>,
    }
    #[derive(Deserialize)]
    struct Audio {
        #[serde(default)]
        input: Option<Input>,
    }
    #[derive(Deserialize)]
    struct Input {
        #[serde(default)]
        transcription: Option<Transcription>,
    }
    #[derive(Deserialize)]
    struct Transcription {
        #[serde(default)]
        model: Option<Box<str>>,
    }
    let session: Session = serde_json::from_str(session.get()).ok()?;
    let input = session.audio.and_then(|it| it.input);
    let transcription = input.and_then(|it| it.transcription);
    transcription
        .or(session.input_audio_transcription)
        .and_then(|it| it.model)
        .filter(|it| it.len() <= MAX_NAME_BYTES)
}
