//! The validating scanner: one pass over a whole JSON text.
//!
//! It accepts what RFC 8259 allows in UTF-8, minus what a gateway must not pass on:
//! duplicate keys at any level (in any spelling), lone surrogates, numbers outside the
//! range of a double, nesting over [`MAX_DEPTH`] and objects over [`MAX_KEYS`]. The stack
//! of open containers is explicit, so a hostile body cannot grow the thread's.

mod token;

use std::borrow::Cow;
use std::collections::HashSet;

use super::{DocumentError, MAX_DEPTH, MAX_KEYS, Member};

/// From this many keys on an object is checked with a hash set instead of comparisons.
const LINEAR_KEYS: usize = 24;

/// What the scan of an object yields: its top-level members and its opening brace.
pub(super) struct Scanned {
    pub(super) members: Vec<Member>,
    pub(super) open: usize,
}

/// Validates `body`, which must hold one object, and indexes its top level.
pub(super) fn scan(body: &[u8]) -> Result<Scanned, DocumentError> {
    let text = std::str::from_utf8(body).map_err(|error| DocumentError::Syntax {
        offset: error.valid_up_to(),
        expected: "valid UTF-8",
    })?;
    let mut scanner = Scanner {
        text,
        bytes: body,
        at: 0,
        frames: Vec::with_capacity(8),
        keys: Vec::with_capacity(32),
        members: Vec::with_capacity(16),
    };
    scanner.run()
}

enum Frame<'a> {
    Array {
        index: usize,
    },
    Object {
        first_key: usize,
        seen: Option<HashSet<Cow<'a, str>>>,
    },
}

struct Key<'a> {
    text: Cow<'a, str>,
    /// Length and first bytes: settles nearly every comparison without touching the text.
    prefix: u64,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    frames: Vec<Frame<'a>>,
    keys: Vec<Key<'a>>,
    members: Vec<Member>,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<Scanned, DocumentError> {
        self.skip_space();
        let open = self.at;
        self.literal(b'{', "an object")?;
        self.open_object()?;
        let mut is_first = true;
        // Each turn reads one member or element, or closes the innermost container.
        while let Some(frame) = self.frames.last() {
            let is_object = matches!(frame, Frame::Object { .. });
            let closing = if is_object { b'}' } else { b']' };
            self.skip_space();
            if self.peek() == Some(closing) {
                self.at += 1;
                self.close();
                is_first = false;
                continue;
            }
            if !is_first {
                self.literal(
                    b',',
                    if is_object {
                        "`,` or `}`"
                    } else {
                        "`,` or `]`"
                    },
                )?;
                self.skip_space();
            }
            if is_object {
                self.key()?;
            } else if let Some(Frame::Array { index }) = self.frames.last_mut() {
                *index += 1;
            }
            is_first = self.value()?;
        }
        self.skip_space();
        if self.at < self.bytes.len() {
            return Err(self.error("the end of the document"));
        }
        Ok(Scanned {
            members: std::mem::take(&mut self.members),
            open,
        })
    }

    /// Reads a scalar or opens a container; true when one was opened.
    fn value(&mut self) -> Result<bool, DocumentError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string()?;
            }
            Some(b'{') => {
                self.at += 1;
                self.open_object()?;
                return Ok(true);
            }
            Some(b'[') => {
                self.at += 1;
                self.push(Frame::Array { index: 0 })?;
                return Ok(true);
            }
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            Some(b'-' | b'0'..=b'9') => self.number(start)?,
            _ => return Err(self.error("a value")),
        }
        self.end_value();
        Ok(false)
    }

    /// Notes the end of a value that belongs to the top-level object.
    fn end_value(&mut self) {
        if self.frames.len() == 1
            && let Some(member) = self.members.last_mut()
        {
            member.value.end = self.at;
        }
    }

    fn open_object(&mut self) -> Result<(), DocumentError> {
        let first_key = self.keys.len();
        self.push(Frame::Object {
            first_key,
            seen: None,
        })
    }

    fn push(&mut self, frame: Frame<'a>) -> Result<(), DocumentError> {
        if self.frames.len() == MAX_DEPTH {
            return Err(DocumentError::TooDeep {
                offset: self.at - 1,
            });
        }
        self.frames.push(frame);
        Ok(())
    }

    fn close(&mut self) {
        if let Some(Frame::Object { first_key, .. }) = self.frames.pop() {
            self.keys.truncate(first_key);
        }
        self.end_value();
    }

    fn key(&mut self) -> Result<(), DocumentError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.error("a quoted key"));
        }
        self.at += 1;
        let is_escaped = self.string()?;
        let end = self.at;
        let text = self.key_text(start, end, is_escaped)?;
        let key = Key {
            prefix: prefix(text.as_bytes()),
            text,
        };
        self.refuse_duplicate(&key, start)?;
        self.skip_space();
        self.literal(b':', "`:`")?;
        self.skip_space();
        if self.frames.len() == 1 {
            self.members.push(Member {
                key: start..end,
                unescaped: is_escaped.then(|| key.text.as_ref().into()),
                value: self.at..self.at,
            });
        }
        self.keys.push(key);
        Ok(())
    }

    fn key_text(
        &self,
        start: usize,
        end: usize,
        is_escaped: bool,
    ) -> Result<Cow<'a, str>, DocumentError> {
        let span = if is_escaped {
            start..end
        } else {
            start + 1..end - 1
        };
        let raw = self.text.get(span).unwrap_or_default();
        if !is_escaped {
            return Ok(Cow::Borrowed(raw));
        }
        serde_json::from_str(raw)
            .map(Cow::Owned)
            .map_err(|_| DocumentError::Syntax {
                offset: start,
                expected: "a valid key",
            })
    }

    fn refuse_duplicate(&mut self, key: &Key<'a>, offset: usize) -> Result<(), DocumentError> {
        let Some(Frame::Object { first_key, seen }) = self.frames.last_mut() else {
            return Ok(());
        };
        let siblings = self.keys.get(*first_key..).unwrap_or_default();
        if siblings.len() >= MAX_KEYS {
            return Err(DocumentError::TooManyKeys { offset });
        }
        let is_duplicate = if siblings.len() < LINEAR_KEYS {
            siblings
                .iter()
                .any(|it| it.prefix == key.prefix && it.text == key.text)
        } else {
            let seen =
                seen.get_or_insert_with(|| siblings.iter().map(|it| it.text.clone()).collect());
            !seen.insert(key.text.clone())
        };
        if is_duplicate {
            return Err(DocumentError::DuplicateKey {
                path: self.path(&key.text),
                offset,
            });
        }
        Ok(())
    }

    /// Where `key` sits, such as `messages[2].role`.
    fn path(&self, key: &str) -> String {
        let mut path = String::new();
        for (depth, frame) in self.frames.iter().enumerate() {
            let next_first = self
                .frames
                .get(depth + 1..)
                .unwrap_or_default()
                .iter()
                .find_map(|it| match it {
                    Frame::Object { first_key, .. } => Some(*first_key),
                    Frame::Array { .. } => None,
                });
            match frame {
                Frame::Array { index } => {
                    path.push('[');
                    path.push_str(&index.saturating_sub(1).to_string());
                    path.push(']');
                }
                Frame::Object { .. } if depth + 1 == self.frames.len() => {
                    append_key(&mut path, key);
                }
                Frame::Object { .. } => {
                    // The open member of this object is the last key before its child's keys.
                    let last = next_first.unwrap_or(self.keys.len());
                    if let Some(open) = last.checked_sub(1).and_then(|at| self.keys.get(at)) {
                        append_key(&mut path, &open.text);
                    }
                }
            }
        }
        path
    }

    fn literal(&mut self, byte: u8, expected: &'static str) -> Result<(), DocumentError> {
        if self.peek() != Some(byte) {
            return Err(self.error(expected));
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn error(&self, expected: &'static str) -> DocumentError {
        DocumentError::Syntax {
            offset: self.at,
            expected,
        }
    }
}

fn append_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.extend(key.chars().take(64));
}

fn prefix(text: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(text) {
        *to = *from;
    }
    u64::from_le_bytes(word) ^ ((text.len() as u64) << 56)
}
