//! The table of operations: every endpoint that carries model traffic.
//!
//! An operation is what a caller asks for, whatever vendor serves it. Listing
//! models, health and administration are not operations: they never reach a vendor.

use std::fmt;

use crate::dialect::Dialect;

/// One endpoint of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`, the legacy text endpoint.
    Completions,
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/rerank`, in the words of Cohere and Jina.
    Rerank,
    /// `/v1/messages`, Anthropic's chat.
    Messages,
    /// `/v1/responses`, `OpenAI`'s newer chat.
    Responses,
    /// `/api/chat`, Ollama's chat.
    OllamaChat,
    /// `/api/generate`, Ollama's chat of one turn.
    OllamaGenerate,
    /// `/v1beta/models/{model}:generateContent`, Google's chat; `streamGenerateContent` is the same, streamed.
    GenerateContent,
}

impl Operation {
    /// Every operation, in a stable order.
    pub const ALL: [Operation; 9] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Rerank,
        Self::Messages,
        Self::Responses,
        Self::OllamaChat,
        Self::OllamaGenerate,
        Self::GenerateContent,
    ];

    /// The public path; a model in it stands in braces.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Rerank => "/v1/rerank",
            Self::Messages => "/v1/messages",
            Self::Responses => "/v1/responses",
            Self::OllamaChat => "/api/chat",
            Self::OllamaGenerate => "/api/generate",
            Self::GenerateContent => "/v1beta/models/{model}:generateContent",
        }
    }

    /// The word used in logs, metrics and the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::OllamaChat => "ollama_chat",
            Self::OllamaGenerate => "ollama_generate",
            Self::GenerateContent => "generate_content",
        }
    }

    /// The chat dialect in which the caller writes; `None` where it is no chat.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Chat => Some(Dialect::OpenAiChat),
            Self::Messages => Some(Dialect::Anthropic),
            Self::Responses => Some(Dialect::OpenAiResponses),
            Self::OllamaChat => Some(Dialect::Ollama),
            Self::OllamaGenerate => Some(Dialect::OllamaGenerate),
            Self::GenerateContent => Some(Dialect::Gemini),
            Self::Completions => Some(Dialect::OpenAiCompletions),
            Self::Embeddings | Self::Rerank => None,
        }
    }

    /// Whether a caller may ask for a streamed answer.
    pub const fn streams(self) -> bool {
        !matches!(self, Self::Embeddings | Self::Rerank)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
