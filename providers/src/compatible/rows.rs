//! The table: one row per vendor.
//!
//! Facts come from the vendors' API references and SDKs; the link is on each row, read
//! 2026-11. To add a vendor, add a row to `hosted` or `servers`, and its files under `testdata/`.

mod hosted;
mod openai;
mod servers;

use tollward_wire::operation::Operation;

pub(crate) use self::hosted::{BEDROCK, TEXT_WITHOUT_SEARCH, VERTEX};
use self::hosted::{
    CEREBRAS, DEEPSEEK, FIREWORKS, GROQ, HUGGINGFACE, MISTRAL, OPENROUTER, PERPLEXITY, TOGETHER,
    XAI,
};
pub(crate) use self::openai::AZURE;
use self::openai::OPENAI;
use self::servers::{LLAMACPP, LMSTUDIO, OLLAMA, SGLANG, TEI, TGI, VLLM};
use super::row::{Quirks, Row, ThinkingModels};
use crate::credentials::Access;
use crate::kind::Kind;

const SETTINGS: &[&str] = &["base_url", "api_key", "credentials", "headers"];
const CHAT: &[Operation] = &[Operation::Chat];
const CHAT_COMPLETIONS: &[Operation] = &[Operation::Chat, Operation::Completions];
const ALL: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
];
/// What `OpenAI` has beside chats.
const EVERYTHING: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Rerank,
    Operation::ImageGenerations,
    Operation::ImageEdits,
    Operation::ImageVariations,
    Operation::Speech,
    Operation::Transcriptions,
    Operation::Translations,
    Operation::Moderations,
    Operation::Realtime,
];
const ALL_AND_RERANK: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Rerank,
];

/// Every vendor: hosted ones first, then servers people run themselves, then the rest.
pub(crate) const ROWS: &[Row] = &[
    OPENAI,
    GROQ,
    OPENROUTER,
    MISTRAL,
    DEEPSEEK,
    XAI,
    TOGETHER,
    FIREWORKS,
    CEREBRAS,
    PERPLEXITY,
    HUGGINGFACE,
    OLLAMA,
    VLLM,
    SGLANG,
    LLAMACPP,
    LMSTUDIO,
    TGI,
    TEI,
    GENERIC,
];

/// Servers of the family behind an endpoint of Azure ML, which has credentials of its own.
pub(crate) const AZURE_ML: Row = Row {
    facts: crate::azure::ml::KIND,
    operations: ALL,
    counting: None,
    quirks: GENERIC.quirks,
};

/// Any other server of the family; the operator says where it is.
const GENERIC: Row = Row {
    facts: Kind {
        kind: "openai-compatible",
        display_name: "OpenAI-compatible server",
        base_url: None,
        key_variable: None,
        price_provider: None,
        needs_key: false,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    },
    operations: EVERYTHING,
    counting: None,
    quirks: Quirks {
        thinking: ThinkingModels::Unknown,
        ..Quirks::NONE
    },
};
