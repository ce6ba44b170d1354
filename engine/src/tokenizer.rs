//! Text to token ids and back, from the vocabulary inside the model file.
//!
//! Two families: byte-level BPE with merges (`gpt2`) and `SentencePiece` by scores
//! (`llama`). Special tokens are recognised only in [`Text::Template`]; in
//! [`Text::Plain`] their spelling is ordinary text, so that a user cannot end their own
//! turn by writing `<|im_end|>`. The ids equal llama.cpp's for the same file, with one
//! chosen difference: a start token spelled out by the template is not doubled.

mod bpe;
mod detokenizer;
mod partition;
mod split;
mod spm;
mod vocabulary;

use crate::{error::LoadError, gguf::Metadata};

use bpe::Bpe;
pub(crate) use detokenizer::Utf8Buffer;
use partition::{Fragment, Specials};
use spm::Spm;
pub(crate) use vocabulary::Vocabulary;

/// Whether the spelling of a special token means that token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// Text from the model's own template: special tokens are parsed. The character given
    /// marks places where a special token's spelling came from a message and must not be
    /// parsed; it is removed.
    Template(&'a str, Option<char>),
    /// Text from a person: special tokens are not parsed.
    Plain(&'a str),
}

#[derive(Debug)]
pub(crate) struct Tokenizer {
    vocabulary: Vocabulary,
    specials: Specials,
    model: Model,
}

#[derive(Debug)]
enum Model {
    Bpe(Box<Bpe>),
    Spm(Spm),
}

impl Tokenizer {
    /// Builds the tokenizer that the file describes.
    pub(crate) fn from_metadata(metadata: &Metadata) -> Result<Self, LoadError> {
        let kind = metadata.text("tokenizer.ggml.model")?.unwrap_or_default();
        let vocabulary = match kind {
            "gpt2" => Vocabulary::read(metadata, bpe::token_bytes, bpe::adds_bos(metadata)?)?,
            "llama" => Vocabulary::read(metadata, spm::token_bytes, true)?,
            other => {
                return Err(LoadError::Unsupported {
                    what: "tokenizer",
                    found: other.to_owned(),
                    known: "gpt2, llama",
                });
            }
        };
        let model = if kind == "gpt2" {
            Model::Bpe(Box::new(Bpe::read(metadata, &vocabulary)?))
        } else {
            Model::Spm(Spm::read(metadata)?)
        };
        Ok(Self {
            specials: Specials::new(&vocabulary),
            vocabulary,
            model,
        })
    }

    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The ids of a whole prompt, with the start token where the model wants one.
    pub(crate) fn encode(&self, text: Text<'_>) -> Vec<u32> {
        let mut ids = Vec::new();
        if let Some(bos) = self.vocabulary.bos_to_add() {
            ids.push(bos);
        }
        let fragments = match text {
            Text::Template(text, mark) => self.specials.split_template(text, mark),
            Text::Plain(text) => self.specials.split_plain(text),
        };
        // A template that spells out the start token itself must not double it.
        let mut fragments = fragments.into_iter().peekable();
        if matches!(fragments.peek(), Some(Fragment::Token(id)) if ids.first() == Some(id)) {
            fragments.next();
        }
        let mut follows_special = true;
        for fragment in fragments {
            match fragment {
                Fragment::Token(id) => {
                    ids.push(id);
                    follows_special = true;
                }
                Fragment::Raw(raw) => {
                    match &self.model {
                        Model::Bpe(bpe) => bpe.encode(&raw, &mut ids),
                        Model::Spm(spm) => {
                            spm.encode(&raw, follows_special, &self.vocabulary, &mut ids);
                        }
                    }
                    follows_special = false;
                }
            }
        }
        ids
    }

    /// Marks the places in a message where it could be read as a special token.
    pub(crate) fn protect(&self, content: &str, mark: char) -> String {
        self.specials.protect(content, mark)
    }
}

#[cfg(test)]
mod tests;
