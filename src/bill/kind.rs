//! What can be asked for: the endpoints of `OpenAI`'s usage API, and which calls each counts.
//!
//! Source: `https://platform.openai.com/docs/api-reference/usage` and the official SDKs (read 2026-11).

use tollward_wire::operation::Operation;

use self::Kind::{
    AudioSpeeches, AudioTranscriptions, CodeInterpreterSessions, Completions, Costs, Embeddings,
    FileSearchCalls, Images, Moderations, VectorStores, WebSearchCalls,
};

/// One endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Chats and completions of every API.
    Completions,
    /// Embeddings.
    Embeddings,
    /// Verdicts.
    Moderations,
    /// Pictures made.
    Images,
    /// Texts read aloud.
    AudioSpeeches,
    /// Recordings written down.
    AudioTranscriptions,
    /// Bytes of vector stores; the ledger counts none.
    VectorStores,
    /// Sessions of the code interpreter; the ledger counts none.
    CodeInterpreterSessions,
    /// Searches in files; the ledger counts none.
    FileSearchCalls,
    /// Searches of the web; the ledger counts none.
    WebSearchCalls,
    /// What all of it cost.
    Costs,
}

/// What a group is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The team of the key, or its organisation if it has no team.
    Project,
    /// The virtual key.
    Key,
    /// The public model name.
    Model,
    /// The deployment: the provider and its own name of the model.
    LineItem,
    /// What the ledger does not tell apart: it is asked for without an error, and is null.
    Untold,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Completions,
        Embeddings,
        Moderations,
        Images,
        AudioSpeeches,
        AudioTranscriptions,
        VectorStores,
        CodeInterpreterSessions,
        FileSearchCalls,
        WebSearchCalls,
        Costs,
    ];

    /// Where it is asked for.
    pub const fn path(self) -> &'static str {
        match self {
            Completions => "/v1/organization/usage/completions",
            Embeddings => "/v1/organization/usage/embeddings",
            Moderations => "/v1/organization/usage/moderations",
            Images => "/v1/organization/usage/images",
            AudioSpeeches => "/v1/organization/usage/audio_speeches",
            AudioTranscriptions => "/v1/organization/usage/audio_transcriptions",
            VectorStores => "/v1/organization/usage/vector_stores",
            CodeInterpreterSessions => "/v1/organization/usage/code_interpreter_sessions",
            FileSearchCalls => "/v1/organization/usage/file_search_calls",
            WebSearchCalls => "/v1/organization/usage/web_search_calls",
            Costs => "/v1/organization/costs",
        }
    }

    /// The word in `object` of its results.
    pub(super) const fn object(self) -> &'static str {
        match self {
            Completions => "organization.usage.completions.result",
            Embeddings => "organization.usage.embeddings.result",
            Moderations => "organization.usage.moderations.result",
            Images => "organization.usage.images.result",
            AudioSpeeches => "organization.usage.audio_speeches.result",
            AudioTranscriptions => "organization.usage.audio_transcriptions.result",
            VectorStores => "organization.usage.vector_stores.result",
            CodeInterpreterSessions => "organization.usage.code_interpreter_sessions.result",
            FileSearchCalls => "organization.usage.file_searches.result",
            WebSearchCalls => "organization.usage.web_searches.result",
            Costs => "organization.costs.result",
        }
    }

    /// The operations that it counts; `None`: all of them.
    pub(super) const fn operations(self) -> Option<&'static [Operation]> {
        match self {
            Completions => Some(&[
                Operation::Chat,
                Operation::Completions,
                Operation::Messages,
                Operation::Responses,
                Operation::OllamaChat,
                Operation::OllamaGenerate,
                Operation::GenerateContent,
                Operation::Realtime,
            ]),
            Embeddings => Some(&[Operation::Embeddings]),
            Moderations => Some(&[Operation::Moderations]),
            Images => Some(&[
                Operation::ImageGenerations,
                Operation::ImageEdits,
                Operation::ImageVariations,
            ]),
            AudioSpeeches => Some(&[Operation::Speech]),
            AudioTranscriptions => Some(&[Operation::Transcriptions, Operation::Translations]),
            VectorStores | CodeInterpreterSessions | FileSearchCalls | WebSearchCalls => Some(&[]),
            Costs => None,
        }
    }

    /// What a group may be made of, as it is asked for.
    pub(super) const fn groups(self) -> &'static [(&'static str, Group)] {
        const PROJECT: (&str, Group) = ("project_id", Group::Project);
        const KEY: (&str, Group) = ("api_key_id", Group::Key);
        const MODEL: (&str, Group) = ("model", Group::Model);
        const USER: (&str, Group) = ("user_id", Group::Untold);
        const SOURCE: (&str, Group) = ("api_source", Group::Untold);
        match self {
            Completions => &[
                PROJECT,
                USER,
                KEY,
                MODEL,
                ("batch", Group::Untold),
                ("service_tier", Group::Untold),
                SOURCE,
            ],
            Embeddings | Moderations | AudioSpeeches | AudioTranscriptions => {
                &[PROJECT, USER, KEY, MODEL]
            }
            Images => &[
                PROJECT,
                USER,
                KEY,
                MODEL,
                ("size", Group::Untold),
                ("source", Group::Untold),
            ],
            VectorStores | CodeInterpreterSessions => &[PROJECT],
            FileSearchCalls => &[PROJECT, USER, KEY, ("vector_store_id", Group::Untold)],
            WebSearchCalls => &[
                PROJECT,
                USER,
                KEY,
                MODEL,
                ("context_level", Group::Untold),
                SOURCE,
            ],
            Costs => &[PROJECT, USER, ("line_item", Group::LineItem), KEY, SOURCE],
        }
    }
}
