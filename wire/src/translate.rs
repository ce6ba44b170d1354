//! From a vendor's dialect to the caller's: answers, streamed or whole.
//!
//! A reader turns bytes into events, a settler puts them right, a writer turns them into
//! the caller's bytes. [`AnswerReader`] is what the gateway holds: a relay or a
//! translation, with the same questions to ask of both.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use bytes::Bytes;

use crate::answer::{Answer, AnswerFault, answered, put_together};
use crate::chat::settle::Settler;
use crate::chat::{ChatEvent, Collected, EventSink};
use crate::dialect::{Dialect, Echo, EventReader, EventWriter};
use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::media::MediaReader;
use crate::reader::{Farewell, Named, Observed, Seen, StreamEnd, StreamFault, StreamReader};
use crate::segments::Segments;
use crate::usage::Usage;

/// Largest answer that is put together while it is streamed, in bytes of memory.
const MAX_COLLECTED: u64 = 16 << 20;

/// Most that a settler holds back, in bytes of memory.
const MAX_HELD: u64 = 16 << 20;

/// Reads a streamed answer, relayed or translated.
#[derive(Debug)]
pub enum AnswerReader {
    /// The bytes go on as they are.
    Relay(StreamReader),
    /// The same, of what is no chat.
    Media(MediaReader),
    /// They are written anew.
    Translate(Box<Translation>),
}

impl AnswerReader {
    /// Takes the next bytes and appends to `out` what may go to the caller.
    pub fn push(&mut self, chunk: Bytes, out: &mut Segments) -> Seen {
        match self {
            Self::Relay(reader) => reader.push(chunk, out),
            Self::Media(reader) => reader.push(chunk, out),
            Self::Translate(translation) => translation.push(chunk, out),
        }
    }

    /// Takes note of the end of the stream.
    pub fn finish(&mut self, out: &mut Segments) -> StreamEnd {
        match self {
            Self::Relay(reader) => reader.finish(out),
            Self::Media(reader) => reader.finish(),
            Self::Translate(translation) => translation.finish(out),
        }
    }

    /// The event that ends the stream with an error, in the caller's words; `None` where what
    /// passes has no place for one.
    pub fn error_event(&self, fault: Fault, error: &ErrorBody) -> Option<Bytes> {
        match self {
            Self::Relay(reader) => Some(reader.error_event(fault, error)),
            Self::Media(reader) => reader.error_event(error),
            Self::Translate(translation) => {
                let written = translation.writer.fail(fault, error);
                Some(written.unwrap_or_else(|| translation.to.error_event(fault, error, 0)))
            }
        }
    }

    /// What tells the caller that the stream is alive while it says nothing. It may stand between
    /// any two pieces that were appended.
    pub fn keep_alive(&self) -> Bytes {
        match self {
            Self::Relay(reader) => reader.keep_alive(),
            // What passes is not cut where something could stand in between.
            Self::Media(_) => Bytes::new(),
            Self::Translate(translation) => {
                let written = translation.writer.keep_alive();
                written.unwrap_or_else(|| Bytes::from_static(translation.to.keep_alive()))
            }
        }
    }

    /// The last usage report that could be believed.
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Relay(reader) => reader.usage(),
            Self::Media(reader) => reader.usage(),
            Self::Translate(translation) => translation.seen.usage.as_ref(),
        }
    }

    /// Whether the last usage report could not be believed.
    pub fn usage_anomaly(&self) -> bool {
        match self {
            Self::Relay(reader) => reader.usage_anomaly(),
            Self::Media(reader) => reader.usage_anomaly(),
            Self::Translate(translation) => translation.seen.is_usage_bad,
        }
    }

    /// Whether the usage is the vendor's last word, and not a count from before the last words.
    pub fn usage_is_final(&self) -> bool {
        match self {
            Self::Relay(reader) => reader.usage_is_final(),
            // There is no count before the last one.
            Self::Media(_) => true,
            Self::Translate(translation) => translation.seen.usage_is_final(),
        }
    }

    /// Whether the vendor has said why the answer ended, so that only its count may still come.
    pub fn finish_seen(&self) -> bool {
        match self {
            Self::Relay(reader) => reader.finish_seen(),
            Self::Media(_) => false,
            Self::Translate(translation) => {
                translation.seen.is_finished || translation.seen.is_ended
            }
        }
    }

    /// Bytes of text observed: the base of an estimate without usage.
    pub fn output_bytes(&self) -> u64 {
        match self {
            Self::Relay(reader) => reader.output_bytes(),
            // Tokens cannot be told from the bytes of an image.
            Self::Media(_) => 0,
            Self::Translate(translation) => translation.seen.output_bytes,
        }
    }

    /// Bytes of text observed that are certainly no thoughts.
    pub fn words_bytes(&self) -> u64 {
        match self {
            Self::Relay(reader) => reader.words_bytes(),
            Self::Media(_) => 0,
            Self::Translate(translation) => translation.seen.words_bytes(),
        }
    }

    /// Ends a stream that goes on beyond the caller's bound on output, as that bound would have: with
    /// the finish reason for it. `false` where it has ended or has a dialect in which that cannot be
    /// said; then nothing has happened.
    pub fn cut(&mut self, farewell: &Farewell<'_>, out: &mut Segments) -> bool {
        match self {
            Self::Relay(reader) => reader.cut(farewell, out),
            Self::Media(_) => false,
            Self::Translate(translation) => translation.cut(out),
        }
    }

    /// The answer put together, if it was to be and is complete.
    pub fn take_collected(&mut self) -> Option<Collected> {
        match self {
            Self::Relay(_) | Self::Media(_) => None,
            Self::Translate(translation) if translation.seen.is_ended => {
                translation.collected.take().map(|it| *it)
            }
            Self::Translate(_) => None,
        }
    }

    /// What the vendor calls an answer that stays in its dialect; `None` where nobody listens for it.
    pub fn named(&self) -> Option<&Named> {
        match self {
            Self::Relay(reader) => reader.named(),
            Self::Translate(translation) if translation.from == translation.to => {
                Some(&translation.seen.named)
            }
            Self::Media(_) | Self::Translate(_) => None,
        }
    }

    /// Whether anything for the caller was met: from here on nothing may be retried.
    pub fn content_seen(&self) -> bool {
        match self {
            Self::Relay(reader) => reader.content_seen(),
            Self::Media(reader) => reader.content_seen(),
            Self::Translate(translation) => translation.seen.has_content,
        }
    }
}

/// A stream that is written anew.
pub struct Translation {
    reader: Box<dyn EventReader>,
    settler: Settler,
    writer: Box<dyn EventWriter>,
    from: Dialect,
    to: Dialect,
    seen: Observed,
    collected: Option<Box<Collected>>,
}

impl Translation {
    /// From a vendor's dialect to a caller's.
    pub fn new(from: Dialect, to: Dialect, settler: Settler, echo: &Echo<'_>) -> Self {
        Self {
            reader: from.reader(),
            settler,
            writer: to.writer(echo),
            from,
            to,
            seen: Observed::default(),
            collected: None,
        }
    }

    /// Puts the answer together besides, for whoever stores it.
    #[must_use]
    pub fn collecting(self) -> Self {
        Self {
            collected: Some(Box::default()),
            ..self
        }
    }

    /// Writes a vendor's whole answer, all that there is, as a stream.
    pub fn replay(&mut self, body: &[u8], out: &mut Segments) -> Seen {
        let from = self.from;
        self.take(out, |_, sink| from.read_answer(body, sink))
    }

    fn push(&mut self, chunk: Bytes, out: &mut Segments) -> Seen {
        self.take(out, |reader, sink| reader.push(chunk, sink))
    }

    fn take(
        &mut self,
        out: &mut Segments,
        read: impl FnOnce(&mut dyn EventReader, &mut dyn EventSink),
    ) -> Seen {
        let had_ended = self.seen.is_ended;
        let bytes = self.run(out, read);
        if self.settler.held_bytes() > MAX_HELD {
            let (fault, error) = (Fault::EventTooLarge, None);
            self.seen.fault.get_or_insert(StreamFault { fault, error });
        }
        match self.seen.fault.take() {
            Some(fault) => Seen::Fault(fault),
            None if self.seen.is_ended && !had_ended => Seen::End,
            None if bytes > 0 && self.seen.has_content => Seen::Content,
            None => Seen::Nothing,
        }
    }

    fn cut(&mut self, out: &mut Segments) -> bool {
        if self.seen.is_ended {
            return false;
        }
        let mut text = Vec::new();
        let (writer, seen) = (&mut *self.writer, &mut self.seen);
        let mut collected = self.collected.as_deref_mut();
        let is_cut = self.settler.cut(&mut |event: ChatEvent<'_>| {
            seen.note(&event);
            if let Some(collected) = &mut collected {
                collected.take(event.clone());
            }
            writer.write(event, &mut text);
        });
        out.push(text.into());
        is_cut
    }

    fn finish(&mut self, out: &mut Segments) -> StreamEnd {
        if self.seen.is_ended {
            return StreamEnd::Complete;
        }
        self.run(out, |reader, sink| reader.finish(sink));
        match self.seen.fault.take() {
            Some(StreamFault {
                fault: Fault::Truncated,
                ..
            }) => StreamEnd::Truncated,
            Some(StreamFault {
                fault: Fault::Incomplete,
                ..
            }) => StreamEnd::Incomplete,
            Some(fault) => StreamEnd::Failed(fault),
            None if self.seen.is_ended => StreamEnd::Complete,
            None => StreamEnd::Incomplete,
        }
    }

    /// Reads and writes; returns how many bytes were written. Nothing is written after the end or a fault.
    fn run(
        &mut self,
        out: &mut Segments,
        read: impl FnOnce(&mut dyn EventReader, &mut dyn EventSink),
    ) -> usize {
        let mut text = Vec::new();
        let mut pass = Pass {
            settler: &mut self.settler,
            writer: &mut *self.writer,
            seen: &mut self.seen,
            text: &mut text,
            collected: self.collected.as_deref_mut(),
        };
        read(&mut *self.reader, &mut pass);
        let held = self.collected.as_ref().map_or(0, |it| it.held_bytes());
        if held > MAX_COLLECTED {
            self.collected = None;
        }
        let written = text.len();
        out.push(text.into());
        written
    }
}

impl fmt::Debug for Translation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Translation")
            .field("to", &self.to)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// The way of one event from the reader to the writer.
struct Pass<'p> {
    settler: &'p mut Settler,
    writer: &'p mut dyn EventWriter,
    seen: &'p mut Observed,
    text: &'p mut Vec<u8>,
    collected: Option<&'p mut Collected>,
}

impl EventSink for Pass<'_> {
    fn take(&mut self, event: ChatEvent<'_>) {
        let is_over = self.seen.is_ended || self.seen.fault.is_some();
        self.seen.note(&event);
        if is_over {
            return;
        }
        let (writer, text) = (&mut *self.writer, &mut *self.text);
        let mut collected = self.collected.as_deref_mut();
        self.settler.pass(event, &mut |event: ChatEvent<'_>| {
            if let Some(collected) = &mut collected {
                collected.take(event.clone());
            }
            writer.write(event, text);
        });
    }
}

/// Reads a vendor's whole answer and puts it right.
///
/// # Errors
/// The vendor's fault inside it, or [`Fault::Protocol`] for what is no answer,
/// [`Fault::Empty`] for one with nothing in it.
pub fn collect_answer(
    from: Dialect,
    settler: &mut Settler,
    body: &[u8],
) -> Result<(Collected, Answer), AnswerFault> {
    let mut seen = Observed::default();
    let mut collected = Collected::default();
    from.read_answer(body, &mut |event: ChatEvent<'_>| {
        seen.note(&event);
        if seen.fault.is_none() {
            settler.pass(event, &mut collected);
        }
    });
    Ok((collected, answered(from, body, seen)?))
}

/// Reads a vendor's stream, all of it, and puts it together.
///
/// # Errors
/// The vendor's fault inside it, or the one that it broke off with.
pub fn collect_stream(
    from: Dialect,
    settler: &mut Settler,
    body: Bytes,
) -> Result<(Collected, Answer), AnswerFault> {
    let mut seen = Observed::default();
    let mut collected = Collected::default();
    let mut reader = from.reader();
    let mut sink = |event: ChatEvent<'_>| {
        // After the end only a late count is listened to.
        let is_over = seen.is_ended || seen.fault.is_some();
        if is_over && !matches!(event, ChatEvent::Usage(_) | ChatEvent::BadUsage) {
            return;
        }
        seen.note(&event);
        if !is_over {
            settler.pass(event, &mut collected);
        }
    };
    reader.push(body, &mut sink);
    reader.finish(&mut sink);
    Ok((collected, put_together(seen)?))
}
