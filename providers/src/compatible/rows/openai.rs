//! `OpenAI`'s models, and who serves them.

use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;

use super::super::row::{
    Counting, ListingHabit, MaxTokens, Quirks, ResponsesModels, Row, SearchingModels,
    ThinkingModels, everywhere,
};
use crate::credentials::Access;
use crate::kind::Kind;
use crate::provider::Counter;

/// Counting in the words of `OpenAI`'s Responses: `responses.input_tokens` of openai-python 3.57
/// and `/v1/responses/input_tokens` of mistralai 3.7.
pub(super) const BY_RESPONSES: Counting = Counting {
    counter: Counter {
        dialect: Dialect::OpenAiResponses,
        answer: "input_tokens",
    },
    path: "/v1/responses/input_tokens",
};

/// <https://platform.openai.com/docs/api-reference>
pub(super) const OPENAI: Row = Row {
    facts: Kind {
        kind: "openai",
        display_name: "OpenAI",
        base_url: Some("https://api.openai.com/v1"),
        key_variable: Some("OPENAI_API_KEY"),
        price_provider: Some("openai"),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: &[
            "base_url",
            "api_key",
            "credentials",
            "headers",
            "organization",
            "project",
        ],
    },
    operations: &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Responses,
        Operation::ImageGenerations,
        Operation::ImageEdits,
        Operation::ImageVariations,
        Operation::Speech,
        Operation::Transcriptions,
        Operation::Translations,
        Operation::Moderations,
        Operation::Realtime,
    ],
    counting: Some(BY_RESPONSES),
    quirks: Quirks {
        // A restricted key may call models without the scope `api.model.read`.
        listing: ListingHabit {
            needs_right: true,
            ..ListingHabit::USUAL
        },
        ..OPENAI_MODELS
    },
};

/// `OpenAI`'s models as a part of Azure, whose addresses and key are in `azure`.
pub(crate) const AZURE: Row = Row {
    facts: crate::azure::KIND,
    // Without what Azure has no deployments of: openai-python 3.57 `lib/azure.py`.
    operations: &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Responses,
        Operation::ImageGenerations,
        Operation::ImageEdits,
        Operation::Speech,
        Operation::Transcriptions,
        Operation::Translations,
        Operation::Realtime,
    ],
    counting: Some(BY_RESPONSES),
    quirks: OPENAI_MODELS,
};

/// What `OpenAI`'s models take, whoever serves them.
const OPENAI_MODELS: Quirks = Quirks {
    max_tokens: MaxTokens::ByModel,
    thinking: ThinkingModels::ByName,
    responses: ResponsesModels::ByName,
    takes_custom_tools: true,
    web_search: SearchingModels::ByName,
    // Thoughts of other vendors, which chats with OpenAI have no place for.
    dropped_in_messages: &[
        everywhere("reasoning", "messages[].reasoning"),
        everywhere("reasoning_content", "messages[].reasoning_content"),
        everywhere("reasoning_details", "messages[].reasoning_details"),
    ],
    ..Quirks::NONE
};
