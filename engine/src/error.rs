//! What can go wrong, by the moment it goes wrong.
//!
//! [`LoadError`] is about the model file and ends the engine. [`SubmitError`] refuses a
//! request before it is queued. [`EngineError`] ends one request and nothing else.
//! Messages are fragments that a caller may show to whoever sent the request; none of
//! them quotes a prompt.

use std::{io, sync::Arc};

/// Why a model file cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// The file could not be opened or read.
    #[error("cannot read the model file: {0}")]
    Io(#[source] Arc<io::Error>),
    /// The bytes are not a GGUF file, or not a sound one.
    #[error("not a valid GGUF file: {0}")]
    Malformed(String),
    /// A sound file that lacks or misstates something the decoder needs.
    #[error("the model cannot be used: {0}")]
    Unusable(String),
    /// A sound file of a kind this engine does not implement.
    #[error("{what} `{found}` is not supported; known: {known}")]
    Unsupported {
        /// What is unknown: `architecture`, `tokenizer`, `pre-tokenizer`, `tensor type`.
        what: &'static str,
        /// The value in the file.
        found: String,
        /// The values that would have worked, separated by commas.
        known: &'static str,
    },
    /// The operating system refused a thread.
    #[error("cannot start the inference threads: {0}")]
    Threads(String),
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// Why a request that was accepted did not finish.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The prompt leaves no room for even one output token.
    #[error(
        "the prompt has {prompt_tokens} tokens but the model's context holds {context_tokens}, \
         and one token of it is kept for the answer"
    )]
    PromptTooLong {
        /// Tokens of the rendered prompt, specials included.
        prompt_tokens: u32,
        /// Tokens the model may see at once.
        context_tokens: u32,
    },
    /// The prompt was empty and the model has no start token to begin from.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The model file has no chat template.
    #[error("`{model}` is a base model without a chat template: it completes text but cannot chat")]
    NoChatTemplate {
        /// The model's name as its file states it.
        model: String,
    },
    /// The chat template refused these messages, or broke its limits.
    #[error("the model's chat template failed: {0}")]
    Template(String),
    /// A `logit_bias` key is not a token of this model.
    #[error("token {token} of the logit bias is not in the vocabulary of {vocabulary} tokens")]
    UnknownToken {
        /// The offending token id.
        token: u32,
        /// Number of tokens; ids run from 0 to one less.
        vocabulary: u32,
    },
    /// The model could not be loaded; every queued request ends this way.
    #[error("the model failed to load: {0}")]
    Load(#[from] LoadError),
    /// A defect in the engine. It serves no further request.
    #[error("the inference thread failed: {0}")]
    Crashed(String),
}

/// Why a request was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// The queue is full; a later attempt may succeed.
    #[error("the engine's queue of {max_queue} requests is full")]
    Busy {
        /// Length of the queue.
        max_queue: usize,
    },
    /// The model did not load or the engine failed; no attempt will succeed.
    #[error("the engine is not running: {0}")]
    Failed(String),
    /// A parameter is out of its range.
    #[error("{param}: {reason}")]
    Invalid {
        /// The field of the request, as spelled in [`GenerateRequest`](crate::GenerateRequest)
        /// or [`Sampling`](crate::Sampling).
        param: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}
