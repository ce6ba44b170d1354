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
    /// `/v1/images/generations`
    ImageGenerations,
    /// `/v1/images/edits`
    ImageEdits,
    /// `/v1/images/variations`
    ImageVariations,
    /// `/v1/audio/speech`
    Speech,
    /// `/v1/audio/transcriptions`
    Transcriptions,
    /// `/v1/audio/translations`
    Translations,
    /// `/v1/moderations`
    Moderations,
    /// `/v1/realtime`, a conversation over a websocket.
    Realtime,
    /// Files, batches and whatever else an account has: passed through, asked of no model.
    Passthrough,
}

impl Operation {
    /// Every operation that is asked of a model, in a stable order.
    pub const ALL: [Operation; 17] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Rerank,
        Self::Messages,
        Self::Responses,
        Self::OllamaChat,
        Self::OllamaGenerate,
        Self::GenerateContent,
        Self::ImageGenerations,
        Self::ImageEdits,
        Self::ImageVariations,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::Moderations,
        Self::Realtime,
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
            Self::ImageGenerations => "/v1/images/generations",
            Self::ImageEdits => "/v1/images/edits",
            Self::ImageVariations => "/v1/images/variations",
            Self::Speech => "/v1/audio/speech",
            Self::Transcriptions => "/v1/audio/transcriptions",
            Self::Translations => "/v1/audio/translations",
            Self::Moderations => "/v1/moderations",
            Self::Realtime => "/v1/realtime",
            Self::Passthrough => "/v1/{path}",
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
            Self::ImageGenerations => "image_generations",
            Self::ImageEdits => "image_edits",
            Self::ImageVariations => "image_variations",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Moderations => "moderations",
            Self::Realtime => "realtime",
            Self::Passthrough => "passthrough",
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
            Self::ImageGenerations
            | Self::ImageEdits
            | Self::ImageVariations
            | Self::Speech
            | Self::Transcriptions
            | Self::Translations
            | Self::Moderations
            | Self::Realtime
            | Self::Passthrough => None,
        }
    }

    /// Whether a caller may ask for a streamed answer.
    pub const fn streams(self) -> bool {
        match self {
            Self::Embeddings
            | Self::Rerank
            | Self::ImageVariations
            | Self::Translations
            | Self::Moderations
            | Self::Realtime => false,
            Self::Chat
            | Self::Completions
            | Self::Messages
            | Self::Responses
            | Self::OllamaChat
            | Self::OllamaGenerate
            | Self::GenerateContent
            | Self::ImageGenerations
            | Self::ImageEdits
            | Self::Speech
            | Self::Transcriptions
            | Self::Passthrough => true,
        }
    }

    /// Whether it is relayed or not served at all, and its answer may be media or text as well as JSON.
    pub const fn is_only_relayed(self) -> bool {
        match self {
            Self::ImageGenerations
            | Self::ImageEdits
            | Self::ImageVariations
            | Self::Speech
            | Self::Transcriptions
            | Self::Translations
            | Self::Moderations
            | Self::Realtime
            | Self::Passthrough => true,
            Self::Chat
            | Self::Completions
            | Self::Embeddings
            | Self::Rerank
            | Self::Messages
            | Self::Responses
            | Self::OllamaChat
            | Self::OllamaGenerate
            | Self::GenerateContent => false,
        }
    }

    /// Whether the request may be a form with files in it (`multipart/form-data`).
    pub const fn takes_forms(self) -> bool {
        matches!(
            self,
            Self::ImageEdits | Self::ImageVariations | Self::Transcriptions | Self::Translations
        )
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
