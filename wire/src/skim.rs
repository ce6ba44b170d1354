//! A few top-level members of JSON that passes by, without holding the rest.
//!
//! An image is megabytes of base64 in one string, whole or as an event of a stream, with the usage
//! somewhere around it. [`Skim`] reads one JSON text, [`EventSkim`] the JSON of each event; both are
//! fed chunks cut at any byte. Neither checks more than where strings, objects and arrays end:
//! what is read passes on as it is, and a wrong byte must not stop it.

#[cfg(test)]
mod tests;

use memchr::memchr2;

/// Longest value that is kept, in bytes; a longer one is taken for absent.
const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Longest key that is looked at, in bytes.
const MAX_KEY_BYTES: usize = 32;

/// The members that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// What the answer used.
    Usage,
    /// What went wrong.
    Error,
    /// What kind of event it is.
    Type,
    /// How long a recording is, in seconds.
    Duration,
}

const MEMBERS: [(&[u8], Member); 4] = [
    (b"usage", Member::Usage),
    (b"error", Member::Error),
    (b"type", Member::Type),
    (b"duration", Member::Duration),
];

/// Reads one JSON text.
#[derive(Debug, Default)]
pub(crate) struct Skim {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    /// At the top level: whether a key is next, or a value.
    expects: Expects,
    key: Vec<u8>,
    /// The member whose value is passing.
    open: Option<Member>,
    kept: [Vec<u8>; MEMBERS.len()],
    /// The value of `data` is passing.
    is_in_data: bool,
    items: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Inside,
    Whole,
    /// No object, or something after it.
    Broken,
}

impl Skim {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, mut chunk: &[u8]) {
        while let Some(byte) = chunk.first().copied() {
            let length = if self.is_in_string && !self.is_escaped {
                // Whatever is long is the inside of a string.
                memchr2(b'"', b'\\', chunk).unwrap_or(chunk.len()).max(1)
            } else {
                1
            };
            let (passed, rest) = chunk.split_at(length.min(chunk.len()));
            chunk = rest;
            if passed.len() > 1 || (self.is_in_string && !matches!(byte, b'"' | b'\\')) {
                self.is_escaped = false;
                self.keep(passed);
            } else {
                self.take(byte);
            }
        }
    }

    /// Whether it was one object and nothing else.
    pub(crate) fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// Objects in the array `data`.
    pub(crate) fn items(&self) -> u64 {
        self.items
    }

    /// A member's value as it was written; `None` if it is absent, `null` or too long.
    pub(crate) fn get(&self, member: Member) -> Option<&[u8]> {
        let index = MEMBERS.iter().position(|(_, it)| *it == member)?;
        let value = self.kept.get(index)?.trim_ascii();
        let is_there = !value.is_empty() && value != b"null" && value.len() < MAX_VALUE_BYTES;
        is_there.then_some(value)
    }

    /// Takes one byte that may mean something.
    fn take(&mut self, byte: u8) {
        if self.is_in_string {
            self.keep(&[byte]);
            if self.is_escaped {
                self.is_escaped = false;
            } else if byte == b'\\' {
                self.is_escaped = true;
            } else {
                self.is_in_string = false;
            }
            return;
        }
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Before, b'{') => {
                self.state = State::Inside;
                self.depth = 1;
            }
            (State::Before | State::Whole | State::Broken, _) => self.state = State::Broken,
            (State::Inside, _) => self.inside(byte),
        }
    }

    fn inside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                if self.depth == 1 && self.expects == Expects::Key {
                    self.key.clear();
                }
                self.keep(b"\"");
                self.is_in_string = true;
            }
            b'{' | b'[' => {
                self.items += u64::from(self.is_in_data && self.depth == 2 && byte == b'{');
                self.depth += 1;
                self.keep(&[byte]);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.open = None;
                    self.state = State::Whole;
                } else {
                    self.keep(&[byte]);
                }
            }
            b':' if self.depth == 1 && self.expects == Expects::Key => self.begin_value(),
            b',' if self.depth == 1 => {
                self.open = None;
                self.is_in_data = false;
                self.expects = Expects::Key;
            }
            _ => self.keep(&[byte]),
        }
    }

    fn begin_value(&mut self) {
        self.expects = Expects::Value;
        let name = self
            .key
            .strip_prefix(b"\"")
            .and_then(|it| it.strip_suffix(b"\""));
        let index = MEMBERS.iter().position(|(key, _)| Some(*key) == name);
        self.open = index
            .and_then(|it| MEMBERS.get(it))
            .map(|(_, member)| *member);
        self.is_in_data = name == Some(b"data");
        if let Some(value) = index.and_then(|it| self.kept.get_mut(it)) {
            value.clear();
        }
    }

    /// Keeps bytes of a key or of a value that is wanted.
    fn keep(&mut self, bytes: &[u8]) {
        let (to, limit) = match (self.expects, self.open) {
            (Expects::Key, _) => (Some(&mut self.key), MAX_KEY_BYTES),
            (Expects::Value, None) => return,
            (Expects::Value, Some(member)) => {
                let index = MEMBERS.iter().position(|(_, it)| *it == member);
                let value = index.and_then(|it| self.kept.get_mut(it));
                (value, MAX_VALUE_BYTES)
            }
        };
        if let Some(to) = to {
            let room = limit.saturating_sub(to.len());
            to.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        }
    }
}

/// One event of a stream, as far as it was looked at.
#[derive(Debug)]
pub(crate) enum SkimmedEvent {
    /// Its data is JSON, or was taken for it.
    Data(Skim),
    /// The end mark `[DONE]`.
    Done,
}

/// Reads the events of a stream (`text/event-stream`); memory is bounded by what [`Skim`] keeps.
#[derive(Debug, Default)]
pub(crate) struct EventSkim {
    line: Line,
    /// The name of the line's field, as far as it is needed.
    field: Vec<u8>,
    data: Option<Skim>,
    /// The first bytes of the data.
    opening: Vec<u8>,
    was_cr: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    /// In the field's name.
    #[default]
    Field,
    /// Behind the colon, where one blank is skipped.
    Colon,
    /// In the data.
    Data,
    /// In something else.
    Other,
}

/// What ends a stream in `OpenAI`'s dialects.
const DONE: &[u8] = b"[DONE]";

impl EventSkim {
    /// Takes the next bytes and hands over the events that end in them.
    pub(crate) fn push(&mut self, mut chunk: &[u8], mut seen: impl FnMut(SkimmedEvent)) {
        while !chunk.is_empty() {
            if self.was_cr && chunk.starts_with(b"\n") {
                chunk = chunk.get(1..).unwrap_or_default();
            }
            self.was_cr = false;
            let end = memchr2(b'\n', b'\r', chunk);
            let (text, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
            self.text(text);
            chunk = rest;
            if end.is_some() {
                self.was_cr = chunk.starts_with(b"\r");
                chunk = chunk.get(1..).unwrap_or_default();
                self.end_line(&mut seen);
            }
        }
    }

    /// Hands over an event that lacks its blank line.
    pub(crate) fn finish(&mut self, mut seen: impl FnMut(SkimmedEvent)) {
        self.end_line(&mut seen);
        self.end_event(&mut seen);
    }

    fn text(&mut self, mut text: &[u8]) {
        if self.line == Line::Field {
            let colon = memchr::memchr(b':', text);
            let (name, rest) = text.split_at(colon.unwrap_or(text.len()));
            let room = MAX_KEY_BYTES.saturating_sub(self.field.len());
            self.field
                .extend_from_slice(name.get(..room.min(name.len())).unwrap_or_default());
            let Some(_) = colon else { return };
            text = rest.get(1..).unwrap_or_default();
            self.line = if self.field == b"data" {
                // Lines of data are joined by a line end, which JSON does not mind.
                self.data.get_or_insert_default();
                Line::Colon
            } else {
                Line::Other
            };
        }
        if self.line == Line::Colon && !text.is_empty() {
            text = text.strip_prefix(b" ").unwrap_or(text);
            self.line = Line::Data;
        }
        if self.line == Line::Data {
            let room = DONE.len().saturating_sub(self.opening.len());
            self.opening
                .extend_from_slice(text.get(..room.min(text.len())).unwrap_or_default());
            if let Some(data) = &mut self.data {
                data.push(text);
            }
        }
    }

    fn end_line(&mut self, seen: &mut impl FnMut(SkimmedEvent)) {
        let is_blank = self.line == Line::Field && self.field.is_empty();
        self.line = Line::Field;
        self.field.clear();
        if is_blank {
            self.end_event(seen);
        }
    }

    fn end_event(&mut self, seen: &mut impl FnMut(SkimmedEvent)) {
        let is_done = self.opening == DONE;
        self.opening.clear();
        if let Some(data) = self.data.take() {
            seen(if is_done {
                SkimmedEvent::Done
            } else {
                SkimmedEvent::Data(data)
            });
        }
    }
}
