//! Answers that are relayed and never translated: images, recordings, transcripts, verdicts, files.
//!
//! They may be JSON, events, text or bytes of any kind, and large. [`MediaReader`] passes
//! them on and keeps nothing but what they used; what kind it reads is told by the content type.
//! An error inside an answer with a good status is a fault as long as nothing was passed on.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::answer::{Answer, AnswerFault};
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::reader::{Seen, StreamEnd, StreamFault, stream_fault};
use crate::segments::Segments;
use crate::skim::{EventSkim, Member, Skim, SkimmedEvent};
use crate::usage::{Things, Usage};

/// What an answer is, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// One JSON value.
    Json,
    /// Server-sent events.
    Events,
    /// Text that is no JSON, such as subtitles.
    Text,
    /// Anything else: the bytes of a recording or of a file.
    Bytes,
}

impl MediaKind {
    /// What a content type says; bytes if it says nothing.
    pub fn of(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let kind = kind.to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => Self::Json,
            "text/event-stream" => Self::Events,
            _ if kind.ends_with("+json") => Self::Json,
            _ if kind.starts_with("text/") || kind == "application/x-subrip" => Self::Text,
            _ => Self::Bytes,
        }
    }
}

/// Passes an answer on and notes what it used.
#[derive(Debug)]
pub struct MediaReader {
    looking: Looking,
    usage: Option<Usage>,
    usage_anomaly: bool,
    has_content: bool,
    /// An event said that the answer is complete.
    is_done: bool,
    /// An event said that it failed.
    failed: Option<Box<StreamFault>>,
}

#[derive(Debug)]
enum Looking {
    Json(Box<Skim>),
    Events(Box<EventSkim>),
    No,
}

impl MediaReader {
    /// A reader for an answer of `kind`.
    pub fn new(kind: MediaKind) -> Self {
        Self {
            looking: match kind {
                MediaKind::Json => Looking::Json(Box::default()),
                MediaKind::Events => Looking::Events(Box::default()),
                MediaKind::Text | MediaKind::Bytes => Looking::No,
            },
            usage: None,
            usage_anomaly: false,
            has_content: false,
            is_done: false,
            failed: None,
        }
    }

    /// Takes the next bytes and appends them to `out`.
    pub fn push(&mut self, chunk: Bytes, out: &mut Segments) -> Seen {
        match &mut self.looking {
            Looking::Json(skim) => {
                skim.push(&chunk);
                self.has_content |= !chunk.is_empty();
            }
            Looking::Events(skim) => {
                let mut events = Vec::new();
                skim.push(&chunk, |event| events.push(event));
                for event in &events {
                    self.note(event);
                }
                if let (false, Some(failed)) = (self.has_content, &self.failed) {
                    return Seen::Fault(StreamFault::clone(failed));
                }
            }
            Looking::No => self.has_content |= !chunk.is_empty(),
        }
        out.push(chunk);
        if self.has_content {
            Seen::Content
        } else {
            Seen::Nothing
        }
    }

    /// Takes note of the end.
    pub fn finish(&mut self) -> StreamEnd {
        if let Looking::Events(skim) = &mut self.looking {
            let mut events = Vec::new();
            skim.finish(|event| events.push(event));
            for event in &events {
                self.note(event);
            }
        }
        if let Some(failed) = &self.failed {
            return StreamEnd::Failed(StreamFault::clone(failed));
        }
        match &self.looking {
            Looking::Json(skim) if !skim.is_whole() => StreamEnd::Truncated,
            Looking::Json(skim) => {
                let (usage, is_bad) = usage_in(skim);
                (self.usage, self.usage_anomaly) = (usage, is_bad);
                StreamEnd::Complete
            }
            Looking::Events(_) if !self.is_done => StreamEnd::Incomplete,
            Looking::Events(_) | Looking::No => StreamEnd::Complete,
        }
    }

    /// The event that ends a stream with an error; `None` where there is no way to say it, and
    /// nothing where the vendor said it.
    pub fn error_event(&self, error: &ErrorBody) -> Option<Bytes> {
        match (&self.looking, &self.failed) {
            (Looking::Events(_), Some(_)) => Some(Bytes::new()),
            // SDKs raise on an event with an `error` (openai-python 3.57 `_streaming.py`).
            (Looking::Events(_), None) => Some(error.to_event()),
            (Looking::Json(_) | Looking::No, _) => None,
        }
    }

    /// The last usage report that could be believed, or what was counted instead.
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// Whether the last usage report could not be believed.
    pub fn usage_anomaly(&self) -> bool {
        self.usage_anomaly
    }

    /// Whether anything for the caller was met.
    pub fn content_seen(&self) -> bool {
        self.has_content
    }

    fn note(&mut self, event: &SkimmedEvent) {
        let SkimmedEvent::Data(data) = event else {
            self.is_done = true;
            return;
        };
        let kind = data.get(Member::Type).unwrap_or_default();
        let error = data.get(Member::Error);
        if error.is_some() || kind == b"\"error\"" {
            self.failed = Some(Box::new(stream_fault(error)));
            return;
        }
        self.has_content = true;
        // `image_generation.completed`, `transcript.text.done`, `speech.audio.done` and their like.
        self.is_done |= kind.ends_with(b".completed\"") || kind.ends_with(b".done\"");
        if let (Some(usage), is_bad) = usage_in(data) {
            (self.usage, self.usage_anomaly) = (Some(usage), is_bad);
        }
    }
}

/// Checks an answer in one piece.
///
/// # Errors
/// [`Fault::Protocol`] if it should be a JSON object and is not; the error's own fault if it
/// holds one; [`Fault::Empty`] if there is nothing in it.
pub fn read_media(kind: MediaKind, body: &Bytes) -> Result<Answer, AnswerFault> {
    let fault = |fault| AnswerFault::from(StreamFault { fault, error: None });
    if body.is_empty() {
        return Err(fault(Fault::Empty));
    }
    let (usage, usage_anomaly) = match kind {
        MediaKind::Json => {
            let mut skim = Skim::default();
            skim.push(body);
            // Some servers answer with a bare text in quotes.
            if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
                return Err(fault(Fault::Protocol));
            }
            if let Some(error) = skim.get(Member::Error) {
                return Err(stream_fault(Some(error)).into());
            }
            usage_in(&skim)
        }
        MediaKind::Events | MediaKind::Text | MediaKind::Bytes => (None, false),
    };
    Ok(Answer {
        usage,
        usage_anomaly,
        is_usage_partial: false,
        output_bytes: 0,
        named: None,
    })
}

/// What was used: the vendor's report, else the length of the recording or the number of images.
fn usage_in(skim: &Skim) -> (Option<Usage>, bool) {
    match skim.get(Member::Usage).map(Usage::from_media) {
        Some(Ok(usage)) => (Some(usage), false),
        Some(Err(_)) => (None, true),
        None => {
            let seconds = skim.get(Member::Duration);
            let usage = match seconds.and_then(Usage::of_seconds) {
                Some(usage) => Some(usage),
                None if skim.items() > 0 => Some(Usage {
                    things: Things {
                        images: skim.items(),
                        ..Things::default()
                    },
                    ..Usage::default()
                }),
                None => None,
            };
            (usage, false)
        }
    }
}
