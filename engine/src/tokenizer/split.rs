//! The pre-tokenizers: how a family cuts text into words before merging.
//!
//! Each is a list of patterns, applied one after the other to the pieces that the
//! pattern before left; text between matches is a piece of its own. The patterns are
//! ours, never the file's: a file can only name one.
//! Source: llama.cpp `llama-vocab.cpp`, `llm_tokenizer_bpe` (read 2026-11).

use fancy_regex::Regex;

use crate::error::LoadError;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Names of `tokenizer.ggml.pre` and what they stand for.
const TABLE: [(&str, Family); 11] = [
    (
        "default",
        Family::new(&[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
    ),
    ("gpt-2", Family::new(&[GPT2])),
    ("gpt2", Family::new(&[GPT2])),
    ("phi-2", Family::new(&[GPT2])),
    ("smollm", Family::new(&[r"\p{N}", GPT2])),
    ("starcoder", Family::new(&[r"\p{N}", GPT2])),
    ("llama-bpe", Family::new(&[LLAMA3]).whole_words().with_bos()),
    ("llama3", Family::new(&[LLAMA3]).whole_words().with_bos()),
    ("llama-v3", Family::new(&[LLAMA3]).whole_words().with_bos()),
    ("smaug-bpe", Family::new(&[LLAMA3])),
    ("qwen2", Family::new(&[QWEN2])),
];
const KNOWN: &str = "default, gpt-2, phi-2, smollm, starcoder, llama-bpe, llama3, smaug-bpe, qwen2";

#[derive(Debug, Clone, Copy)]
struct Family {
    patterns: &'static [&'static str],
    takes_whole_words: bool,
    adds_bos: bool,
}

impl Family {
    const fn new(patterns: &'static [&'static str]) -> Self {
        Self {
            patterns,
            takes_whole_words: false,
            adds_bos: false,
        }
    }

    const fn whole_words(mut self) -> Self {
        self.takes_whole_words = true;
        self
    }

    const fn with_bos(mut self) -> Self {
        self.adds_bos = true;
        self
    }
}

fn find(name: &str) -> Result<Family, LoadError> {
    TABLE
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, words)| *words)
        .ok_or_else(|| LoadError::Unsupported {
            what: "pre-tokenizer",
            found: name.to_owned(),
            known: KNOWN,
        })
}

/// Whether prompts of this family begin with the start token unless the file says so.
pub(super) fn adds_bos(name: &str) -> Result<bool, LoadError> {
    find(name).map(|words| words.adds_bos)
}

#[derive(Debug)]
pub(super) struct Splitter {
    patterns: Vec<Regex>,
    /// A word that is a token as a whole is not merged from its bytes.
    pub(super) takes_whole_words: bool,
}

impl Splitter {
    pub(super) fn named(name: &str) -> Result<Self, LoadError> {
        let words = find(name)?;
        let patterns = words
            .patterns
            .iter()
            .map(|pattern| Regex::new(pattern))
            .collect::<Result<_, _>>()
            .map_err(|error| LoadError::Unusable(format!("pre-tokenizer `{name}`: {error}")))?;
        Ok(Self {
            patterns,
            takes_whole_words: words.takes_whole_words,
        })
    }

    pub(super) fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut pieces = vec![text];
        for pattern in &self.patterns {
            pieces = pieces
                .into_iter()
                .flat_map(|piece| split_by(pattern, piece))
                .collect();
        }
        pieces
    }
}

fn split_by<'t>(pattern: &Regex, piece: &'t str) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    let mut done = 0;
    // A match fails only beyond the backtracking limit; the rest is then one piece.
    for found in pattern.find_iter(piece).map_while(Result::ok) {
        pieces.extend(piece.get(done..found.start()).filter(|gap| !gap.is_empty()));
        pieces.extend(Some(found.as_str()).filter(|word| !word.is_empty()));
        done = found.end();
    }
    pieces.extend(piece.get(done..).filter(|rest| !rest.is_empty()));
    pieces
}
