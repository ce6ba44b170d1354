//! From what a caller asks to the tokens that the model reads.
//!
//! The tokenizer and the template are read before the weights and are shared: the worker encodes
//! prompts with them, and anybody else may count on their own thread meanwhile.

use crate::{
    error::{EngineError, LoadError},
    gguf::Metadata,
    request::Input,
    template::ChatTemplate,
    tokenizer::{Text, Tokenizer},
};

/// A model's way to write prompts.
#[derive(Debug)]
pub(crate) struct Prompts {
    /// The name inside the file, or the file's stem.
    pub(crate) model: String,
    pub(crate) tokenizer: Tokenizer,
    /// `Err` says why a template that exists cannot be used; `Ok(None)` that there is none.
    template: Result<Option<ChatTemplate>, String>,
}

impl Prompts {
    pub(crate) fn read(metadata: &Metadata, stem: &str) -> Result<Self, LoadError> {
        let source = metadata.text("tokenizer.chat_template")?;
        Ok(Self {
            model: metadata.text("general.name")?.unwrap_or(stem).to_owned(),
            tokenizer: Tokenizer::from_metadata(metadata)?,
            template: source.map(ChatTemplate::parse).transpose(),
        })
    }

    /// Whether there is a template that can be used.
    pub(crate) fn chats(&self) -> bool {
        matches!(self.template, Ok(Some(_)))
    }

    /// The tokens of a prompt, however many.
    pub(crate) fn encode(&self, input: &Input) -> Result<Vec<u32>, EngineError> {
        match (input, &self.template) {
            (Input::Text(text), _) => Ok(self.tokenizer.encode(Text::Plain(text))),
            (Input::Chat(messages), Ok(Some(template))) => {
                template.encode(messages, &self.tokenizer)
            }
            (Input::Chat(_), Ok(None)) => Err(EngineError::NoChatTemplate {
                model: self.model.clone(),
            }),
            (Input::Chat(_), Err(reason)) => Err(EngineError::Template(reason.clone())),
        }
    }
}
