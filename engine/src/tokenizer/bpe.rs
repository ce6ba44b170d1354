//! Byte-level BPE: words become bytes, and the best-ranked neighbours merge.
//!
//! The file spells bytes as printable characters (GPT-2's table); here they are bytes
//! again. Merging uses a heap over a linked list, so a word of n bytes costs n log n
//! even when the whole prompt is one word.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{
    split::{Splitter, adds_bos as family_adds_bos},
    vocabulary::{TokenKind, Vocabulary},
};
use crate::{
    error::LoadError,
    gguf::{Metadata, Value},
};

#[derive(Debug)]
pub(super) struct Bpe {
    splitter: Splitter,
    /// Two neighbours → rank (lower merges first) and what they become.
    merges: HashMap<(u32, u32), (u32, u32)>,
    /// The token of each single byte, where the vocabulary has one.
    byte_tokens: [Option<u32>; 256],
    /// Whole words, for families that look a word up before merging it.
    words: HashMap<Box<[u8]>, u32>,
}

/// The pre-tokenizer's name; files from before the key existed mean `default`.
fn pre_tokenizer(metadata: &Metadata) -> Result<&str, LoadError> {
    Ok(metadata.text("tokenizer.ggml.pre")?.unwrap_or("default"))
}

/// Whether prompts begin with the start token unless the file says otherwise.
pub(super) fn adds_bos(metadata: &Metadata) -> Result<bool, LoadError> {
    family_adds_bos(pre_tokenizer(metadata)?)
}

impl Bpe {
    pub(super) fn read(metadata: &Metadata, vocabulary: &Vocabulary) -> Result<Self, LoadError> {
        let splitter = Splitter::named(pre_tokenizer(metadata)?)?;
        let lines = metadata
            .array("tokenizer.ggml.merges")?
            .ok_or_else(|| LoadError::Unusable("the file has no merges".to_owned()))?;
        let mut merges = HashMap::with_capacity(lines.len());
        for (rank, line) in (0_u32..).zip(lines) {
            let Value::Text(line) = line else { continue };
            let Some((left, right)) = std::str::from_utf8(line).ok().and_then(split_merge) else {
                return Err(LoadError::Unusable(format!("merge {rank} is not a pair")));
            };
            let whole = vocabulary.id(&format!("{left}{right}"));
            // A merge over spellings that are no tokens can never apply.
            if let (Some(left), Some(right), Some(whole)) =
                (vocabulary.id(left), vocabulary.id(right), whole)
            {
                merges.entry((left, right)).or_insert((rank, whole));
            }
        }
        let mut byte_tokens = [None; 256];
        for (byte, token) in (0_u8..=255).zip(&mut byte_tokens) {
            *token = vocabulary.id(spell(byte).encode_utf8(&mut [0; 4]));
        }
        let mut words = HashMap::new();
        if splitter.takes_whole_words {
            for (id, _, kind) in vocabulary.iter() {
                if kind == TokenKind::Normal {
                    words.insert(vocabulary.bytes(id).into(), id);
                }
            }
        }
        Ok(Self {
            splitter,
            merges,
            byte_tokens,
            words,
        })
    }

    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        for word in self.splitter.split(text) {
            match self.words.get(word.as_bytes()) {
                Some(&id) => ids.push(id),
                None => self.merge(word, ids),
            }
        }
    }

    fn merge(&self, word: &str, ids: &mut Vec<u32>) {
        // Bytes without a token are skipped, as llama.cpp does.
        let tokens = word
            .bytes()
            .filter_map(|byte| self.byte_tokens.get(usize::from(byte)).copied().flatten());
        let mut chain = Chain::new(tokens);
        let mut queue = BinaryHeap::new();
        for at in 0..chain.links.len() {
            self.offer(&chain, at, &mut queue);
        }
        while let Some(Reverse((_, at, left, right))) = queue.pop() {
            // An entry is stale when either side was merged since it was queued.
            if chain.pair(at) != Some((left, right)) {
                continue;
            }
            if let Some(&(_, whole)) = self.merges.get(&(left, right)) {
                let before = chain.join(at, whole);
                self.offer(&chain, at, &mut queue);
                if let Some(before) = before {
                    self.offer(&chain, before, &mut queue);
                }
            }
        }
        ids.extend(chain.tokens());
    }

    fn offer(&self, chain: &Chain, at: usize, queue: &mut BinaryHeap<Candidate>) {
        if let Some((left, right)) = chain.pair(at)
            && let Some(&(rank, _)) = self.merges.get(&(left, right))
        {
            queue.push(Reverse((rank, at, left, right)));
        }
    }
}

/// Rank, place, left and right token: lowest rank first, then leftmost.
type Candidate = Reverse<(u32, usize, u32, u32)>;

/// Tokens in order, joined in place.
pub(super) struct Chain {
    links: Vec<Link>,
}

struct Link {
    /// `None` once this link was joined into its left neighbour.
    token: Option<u32>,
    before: Option<usize>,
    after: Option<usize>,
}

impl Chain {
    fn new(tokens: impl Iterator<Item = u32>) -> Self {
        let mut links: Vec<Link> = tokens
            .enumerate()
            .map(|(at, token)| Link {
                token: Some(token),
                before: at.checked_sub(1),
                after: Some(at + 1),
            })
            .collect();
        if let Some(last) = links.last_mut() {
            last.after = None;
        }
        Self { links }
    }

    fn pair(&self, at: usize) -> Option<(u32, u32)> {
        let left = self.links.get(at)?;
        let right = self.links.get(left.after?)?;
        Some((left.token?, right.token?))
    }

    /// Replaces the token at `at` and the one after it by `whole`; returns the neighbour
    /// before them.
    fn join(&mut self, at: usize, whole: u32) -> Option<usize> {
        let right = self.links.get(at).and_then(|link| link.after);
        let after = right.and_then(|right| {
            let link = self.links.get_mut(right)?;
            link.token = None;
            link.after
        });
        if let Some(after) = after.and_then(|after| self.links.get_mut(after)) {
            after.before = Some(at);
        }
        let link = self.links.get_mut(at)?;
        link.token = Some(whole);
        link.after = after;
        link.before
    }

    fn tokens(&self) -> impl Iterator<Item = u32> {
        self.links.iter().filter_map(|link| link.token)
    }
}

/// The two sides of a merge; a side may itself begin with a space character.
fn split_merge(line: &str) -> Option<(&str, &str)> {
    let at = line.char_indices().skip(1).find(|(_, c)| *c == ' ')?.0;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

/// GPT-2's printable character for a byte: itself when printable, else from U+0100 up.
/// Source: openai/gpt-2 `encoder.py`, `bytes_to_unicode` (read 2026-11).
fn spell(byte: u8) -> char {
    let is_printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    if is_printable(byte) {
        return char::from(byte);
    }
    let place = (0..byte).filter(|&below| !is_printable(below)).count();
    u32::try_from(place)
        .ok()
        .and_then(|place| char::from_u32(0x100 + place))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes that a spelling stands for. Characters outside the table are kept as UTF-8.
pub(super) fn token_bytes(spelling: &str, _kind: TokenKind) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(spelling.len());
    for c in spelling.chars() {
        match unspell(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

fn unspell(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ (0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF) => u8::try_from(code).ok(),
        // The 68 unprintable bytes in ascending order: 0..=0x20, 0x7F..=0xA0, 0xAD.
        code @ 0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        code @ 0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}
