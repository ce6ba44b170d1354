//! The table of tokens: spelling, bytes, kind, and the ids with a role.

use std::collections::{HashMap, HashSet};

use crate::{
    error::LoadError,
    gguf::{Metadata, Value},
};

/// Spellings that end a turn in some family, whatever the file's `eos` says.
/// Source: llama.cpp `llama-vocab.cpp`, end-of-generation tokens (read 2026-11).
const END_SPELLINGS: [&str; 14] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<EOT>",
    "_<EOT>",
    "<|end_of_turn|>",
    "<|fim_pad|>",
    "<end_of_utterance>",
];

/// What a token is for, as the file's `token_type` numbers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// Spelling in the file; ids count from 0.
    spellings: Vec<Box<str>>,
    /// What the token adds to the text.
    bytes: Vec<Box<[u8]>>,
    kinds: Vec<TokenKind>,
    ids: HashMap<Box<str>, u32>,
    ends: HashSet<u32>,
    bos: Option<u32>,
    eos: Option<u32>,
    adds_bos: bool,
}

impl Vocabulary {
    /// Reads the table; `to_bytes` is how the family spells a normal token's bytes.
    pub(super) fn read(
        metadata: &Metadata,
        to_bytes: fn(&str, TokenKind) -> Vec<u8>,
        adds_bos_by_default: bool,
    ) -> Result<Self, LoadError> {
        let tokens = metadata
            .array("tokenizer.ggml.tokens")?
            .filter(|tokens| !tokens.is_empty())
            .ok_or_else(|| LoadError::Unusable("the file has no vocabulary".to_owned()))?;
        let kinds = metadata.array("tokenizer.ggml.token_type")?.unwrap_or(&[]);
        let mut vocabulary = Self {
            spellings: Vec::with_capacity(tokens.len()),
            bytes: Vec::with_capacity(tokens.len()),
            kinds: Vec::with_capacity(tokens.len()),
            ids: HashMap::with_capacity(tokens.len()),
            ends: HashSet::new(),
            bos: metadata.token_id("tokenizer.ggml.bos_token_id", tokens.len())?,
            eos: metadata.token_id("tokenizer.ggml.eos_token_id", tokens.len())?,
            adds_bos: metadata
                .bool("tokenizer.ggml.add_bos_token")?
                .unwrap_or(adds_bos_by_default),
        };
        for (id, token) in (0_u32..).zip(tokens) {
            let spelling = match token {
                Value::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => return Err(LoadError::Unusable("a token is not text".to_owned())),
            };
            let kind = parse_kind(kinds.get(id as usize));
            vocabulary.push(id, spelling, kind, to_bytes);
        }
        vocabulary.ends.extend(vocabulary.eos);
        for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
            vocabulary
                .ends
                .extend(metadata.token_id(key, tokens.len())?);
        }
        Ok(vocabulary)
    }

    fn push(
        &mut self,
        id: u32,
        spelling: String,
        mut kind: TokenKind,
        to_bytes: fn(&str, TokenKind) -> Vec<u8>,
    ) {
        if END_SPELLINGS.contains(&spelling.as_str()) {
            // Some files mark these as user-defined; they are control tokens all the same.
            kind = TokenKind::Control;
            self.ends.insert(id);
        }
        let bytes = match kind {
            TokenKind::Control | TokenKind::Unknown | TokenKind::Unused => Vec::new(),
            TokenKind::UserDefined => spelling.clone().into_bytes(),
            TokenKind::Normal | TokenKind::Byte => to_bytes(&spelling, kind),
        };
        self.bytes.push(bytes.into_boxed_slice());
        self.kinds.push(kind);
        let spelling = spelling.into_boxed_str();
        self.spellings.push(spelling.clone());
        self.ids.entry(spelling).or_insert(id);
    }

    pub(crate) fn len(&self) -> usize {
        self.spellings.len()
    }

    pub(crate) fn id(&self, spelling: &str) -> Option<u32> {
        self.ids.get(spelling).copied()
    }

    pub(crate) fn spelling(&self, id: u32) -> &str {
        self.spellings.get(id as usize).map_or("", |text| text)
    }

    /// What the token adds to the text; empty for control tokens and unknown ids.
    pub(crate) fn bytes(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], |bytes| bytes)
    }

    /// Whether this token ends the model's turn.
    pub(crate) fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// The start token's id, whether or not prompts begin with it.
    pub(crate) fn bos(&self) -> Option<u32> {
        self.bos
    }

    pub(crate) fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// The start token, when prompts must begin with it.
    pub(super) fn bos_to_add(&self) -> Option<u32> {
        self.bos.filter(|_| self.adds_bos)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &str, TokenKind)> {
        (0_u32..)
            .zip(&self.spellings)
            .zip(&self.kinds)
            .map(|((id, spelling), &kind)| (id, spelling.as_ref(), kind))
    }
}

/// Source: GGUF `tokenizer.ggml.token_type` (ggml docs/gguf.md, read 2026-11).
fn parse_kind(value: Option<&Value>) -> TokenKind {
    let number = match value {
        Some(Value::Signed(n)) => u64::try_from(*n).unwrap_or(0),
        Some(Value::Unsigned(n)) => *n,
        _ => 1,
    };
    match number {
        2 => TokenKind::Unknown,
        3 => TokenKind::Control,
        4 => TokenKind::UserDefined,
        5 => TokenKind::Unused,
        6 => TokenKind::Byte,
        _ => TokenKind::Normal,
    }
}

impl Metadata {
    /// A token id, refused when the vocabulary is too small for it.
    fn token_id(&self, key: &str, tokens: usize) -> Result<Option<u32>, LoadError> {
        let Some(id) = self.u64(key)? else {
            return Ok(None);
        };
        u32::try_from(id)
            .ok()
            .filter(|&id| (id as usize) < tokens)
            .map(Some)
            .ok_or_else(|| LoadError::Unusable(format!("`{key}` {id} is not in the vocabulary")))
    }
}
