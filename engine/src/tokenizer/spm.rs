//! `SentencePiece` by scores: characters merge into the best-scored token they can form.
//!
//! Spaces are spelled U+2581. A character without a token falls back to its bytes
//! (`<0x0A>`). There are no merges in the file; the score of the merged token decides.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::vocabulary::{TokenKind, Vocabulary};
use crate::{
    error::LoadError,
    gguf::{Metadata, Value},
};

const SPACE: &str = "\u{2581}";

#[derive(Debug)]
pub(super) struct Spm {
    scores: Vec<f32>,
    adds_space_prefix: bool,
}

impl Spm {
    pub(super) fn read(metadata: &Metadata) -> Result<Self, LoadError> {
        let scores = metadata
            .array("tokenizer.ggml.scores")?
            .ok_or_else(|| LoadError::Unusable("the file has no token scores".to_owned()))?;
        Ok(Self {
            scores: scores
                .iter()
                .map(|score| match score {
                    #[expect(clippy::cast_possible_truncation, reason = "stored as f32")]
                    Value::Float(score) => *score as f32,
                    _ => 0.0,
                })
                .collect(),
            adds_space_prefix: metadata
                .bool("tokenizer.ggml.add_space_prefix")?
                .unwrap_or(true),
        })
    }

    pub(super) fn encode(
        &self,
        text: &str,
        follows_special: bool,
        vocabulary: &Vocabulary,
        ids: &mut Vec<u32>,
    ) {
        let prefix = if self.adds_space_prefix && follows_special {
            SPACE
        } else {
            ""
        };
        let escaped = format!("{prefix}{}", text.replace(' ', SPACE));
        let mut symbols = Symbols::new(&escaped);
        let mut queue = BinaryHeap::new();
        for at in 0..symbols.spans.len() {
            self.offer(&symbols, at, vocabulary, &mut queue);
        }
        while let Some(best) = queue.pop() {
            if symbols.pair(best.at) != Some((best.length, best.whole_length)) {
                continue;
            }
            let before = symbols.join(best.at);
            self.offer(&symbols, best.at, vocabulary, &mut queue);
            if let Some(before) = before {
                self.offer(&symbols, before, vocabulary, &mut queue);
            }
        }
        for symbol in symbols.texts() {
            match vocabulary.id(symbol) {
                Some(id) => ids.push(id),
                None => ids.extend(
                    symbol
                        .bytes()
                        .filter_map(|byte| vocabulary.id(&format!("<0x{byte:02X}>"))),
                ),
            }
        }
    }

    fn offer(
        &self,
        symbols: &Symbols<'_>,
        at: usize,
        vocabulary: &Vocabulary,
        queue: &mut BinaryHeap<Bigram>,
    ) {
        let Some((length, whole_length)) = symbols.pair(at) else {
            return;
        };
        let id = symbols
            .text(at, whole_length)
            .and_then(|text| vocabulary.id(text));
        if let Some(score) = id.and_then(|id| self.scores.get(id as usize)) {
            queue.push(Bigram {
                score: *score,
                at,
                length,
                whole_length,
            });
        }
    }
}

/// Two neighbours that would form a token. Lengths are in bytes and tell when the entry
/// is stale.
struct Bigram {
    score: f32,
    at: usize,
    length: usize,
    whole_length: usize,
}

impl Ord for Bigram {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| other.at.cmp(&self.at))
    }
}

impl PartialOrd for Bigram {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bigram {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bigram {}

/// The text as spans that grow to the right.
struct Symbols<'t> {
    text: &'t str,
    spans: Vec<Span>,
}

struct Span {
    start: usize,
    /// In bytes; 0 once this span was joined into its left neighbour.
    length: usize,
    before: Option<usize>,
    after: Option<usize>,
}

impl<'t> Symbols<'t> {
    fn new(text: &'t str) -> Self {
        let mut spans: Vec<Span> = text
            .char_indices()
            .enumerate()
            .map(|(at, (start, c))| Span {
                start,
                length: c.len_utf8(),
                before: at.checked_sub(1),
                after: Some(at + 1),
            })
            .collect();
        if let Some(last) = spans.last_mut() {
            last.after = None;
        }
        Self { text, spans }
    }

    /// Byte lengths of the span at `at` and of it together with the next one.
    fn pair(&self, at: usize) -> Option<(usize, usize)> {
        let left = self.spans.get(at).filter(|span| span.length > 0)?;
        let right = self.spans.get(left.after?)?;
        Some((left.length, left.length + right.length))
    }

    fn text(&self, at: usize, length: usize) -> Option<&'t str> {
        let start = self.spans.get(at)?.start;
        self.text.get(start..start + length)
    }

    fn join(&mut self, at: usize) -> Option<usize> {
        let right = self.spans.get(at)?.after?;
        let (length, after) = {
            let right = self.spans.get_mut(right)?;
            (std::mem::take(&mut right.length), right.after)
        };
        if let Some(after) = after.and_then(|after| self.spans.get_mut(after)) {
            after.before = Some(at);
        }
        let left = self.spans.get_mut(at)?;
        left.length += length;
        left.after = after;
        left.before
    }

    fn texts(&self) -> impl Iterator<Item = &'t str> {
        self.spans
            .iter()
            .filter(|span| span.length > 0)
            .filter_map(|span| self.text.get(span.start..span.start + span.length))
    }
}

/// The bytes that a spelling stands for.
pub(super) fn token_bytes(spelling: &str, kind: TokenKind) -> Vec<u8> {
    if kind == TokenKind::Byte {
        let digits = spelling
            .strip_prefix("<0x")
            .and_then(|rest| rest.strip_suffix('>'));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            return vec![byte];
        }
    }
    spelling.replace(SPACE, " ").into_bytes()
}
