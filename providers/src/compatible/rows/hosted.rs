//! Vendors that are reached over the internet, with a key of theirs.

use tollward_wire::chat::Replay;
use tollward_wire::operation::Operation;

use super::super::row::{
    EffortHabit, ListingHabit, MaxTokens, MessageField, Proof, Quirks, Row, SearchingModels,
    StreamUsage, ThinkingModels, empty, everywhere,
};
use super::openai::BY_RESPONSES;
use super::{ALL, CHAT, CHAT_COMPLETIONS, SETTINGS};
use crate::credentials::Access;
use crate::kind::Kind;

/// Models of others that Vertex AI serves by `OpenAI`'s API: its addresses are in `vertex`.
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/maas/use-open-models>
pub(crate) const VERTEX: Row = Row {
    facts: crate::vertex::KIND,
    operations: CHAT,
    counting: None,
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        has_no_developer_role: true,
        ..Quirks::NONE
    },
};

/// Bedrock's API in `OpenAI`'s form, as a part of `bedrock`.
///
/// Source: "Invoke a model with the `OpenAI` Chat Completions API" in the Bedrock user guide (read
/// 2026-11).
pub(crate) const BEDROCK: Row = Row {
    facts: crate::bedrock::KIND,
    operations: CHAT,
    counting: None,
    quirks: Quirks {
        // Of a guardrail that only the operator chooses, it would say what is not to be looked at.
        dropped: &["amazon-bedrock-guardrailConfig"],
        thinking: ThinkingModels::Unknown,
        ..Quirks::NONE
    },
};

/// <https://console.groq.com/docs/openai>
pub(super) const GROQ: Row = Row {
    facts: hosted(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
    ),
    // Of speech and recordings: groq 1.7 `resources/audio`.
    operations: &[
        Operation::Chat,
        Operation::Embeddings,
        Operation::Speech,
        Operation::Transcriptions,
        Operation::Translations,
    ],
    counting: None,
    quirks: Quirks {
        dropped: &[
            "logprobs",
            "top_logprobs",
            "logit_bias",
            "frequency_penalty",
            "presence_penalty",
            "metadata",
            "store",
            // OpenAI's own, which groq 1.7 does not know: eigent-ai/eigent issue 1827 and others.
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
            "verbosity",
            "safety_identifier",
            "moderation",
            "prediction",
            "modalities",
        ],
        refused: &[
            ("audio", "the model answers in text only"),
            ("web_search_options", "there is no built-in web search"),
            ("dimensions", "the vectors have one length"),
        ],
        dropped_in_messages: &[
            everywhere("name", "messages[].name"),
            everywhere("reasoning_content", "messages[].reasoning_content"),
            everywhere("reasoning_details", "messages[].reasoning_details"),
            everywhere("audio", "messages[].audio"),
            everywhere("annotations", "messages[].annotations"),
            everywhere("refusal", "messages[].refusal"),
        ],
        is_single_choice: true,
        thinking: ThinkingModels::No,
        ..Quirks::NONE
    },
};

/// <https://openrouter.ai/docs/api-reference/overview>
pub(super) const OPENROUTER: Row = Row {
    facts: hosted(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
    ),
    // Of speech and recordings: openrouter 1.3.84 `tts.py`, `stt.py`; its images have a form of their own.
    operations: &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Rerank,
        Operation::Speech,
        Operation::Transcriptions,
    ],
    counting: None,
    quirks: Quirks {
        // openrouter 1.3.84 `components/chatcontentfile.py`: `file_data` may be an address.
        fetches_files: true,
        thinking: ThinkingModels::All,
        thoughts: Replay::AsDetails,
        takes_more_sampling: true,
        web_search: SearchingModels::ByTool,
        // The list is public; `components/apikeys.py` has the key's own page.
        listing: ListingHabit {
            proof: Some(Proof::Path("/v1/key")),
            ..ListingHabit::USUAL
        },
        ..Quirks::NONE
    },
};

/// <https://docs.mistral.ai/api/>
pub(super) const MISTRAL: Row = Row {
    facts: hosted(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
    ),
    // Its speech has fields and an answer of its own (mistralai 3.7 `models/speechrequest.py`).
    operations: &[
        Operation::Chat,
        Operation::Embeddings,
        Operation::Transcriptions,
        Operation::Moderations,
    ],
    counting: Some(BY_RESPONSES),
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        stream_usage: StreamUsage::Unasked,
        renamed: &[
            (Operation::Chat, "seed", "random_seed"),
            (Operation::Embeddings, "dimensions", "output_dimension"),
        ],
        // Its schema answers 422 to any field it does not know; these are OpenAI's own.
        dropped: &[
            "user",
            "store",
            "logit_bias",
            "stream_options",
            "verbosity",
            "modalities",
            "safety_identifier",
            "moderation",
            "prompt_cache_options",
            "service_tier",
            "prompt_cache_retention",
        ],
        dropped_in_messages: &[
            MessageField {
                name: "name",
                path: "messages[].name",
                known_in: Some("tool"),
                is_empty_only: false,
            },
            everywhere("reasoning_content", "messages[].reasoning_content"),
            everywhere("reasoning_details", "messages[].reasoning_details"),
            everywhere("reasoning", "messages[].reasoning"),
            everywhere("audio", "messages[].audio"),
            everywhere("annotations", "messages[].annotations"),
            everywhere("refusal", "messages[].refusal"),
            empty("function_call"),
        ],
        refused: &[
            ("audio", "the model answers in text only"),
            ("web_search_options", "there is no built-in web search"),
            ("functions", "use `tools`"),
            ("function_call", "use `tool_choice`"),
        ],
        has_no_developer_role: true,
        has_short_tool_ids: true,
        spells_required_any: true,
        ..Quirks::NONE
    },
};

/// <https://api-docs.deepseek.com/api/create-chat-completion>
pub(super) const DEEPSEEK: Row = Row {
    facts: hosted(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
    ),
    operations: CHAT,
    counting: None,
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        has_no_developer_role: true,
        thinking: ThinkingModels::All,
        // The words that @ai-sdk/deepseek 3.0.56 sends, read 2026-11.
        efforts: &[
            ("none", EffortHabit::Disabled),
            ("minimal", EffortHabit::Word("low")),
            ("medium", EffortHabit::Word("high")),
            ("xhigh", EffortHabit::Word("max")),
        ],
        cannot_force_while_thinking: true,
        thoughts: Replay::AlwaysAsText,
        refused: TEXT_WITHOUT_SEARCH,
        ..Quirks::NONE
    },
};

/// <https://docs.x.ai/docs/api-reference>; what it refuses is that of @ai-sdk/xai 3.0.138.
pub(super) const XAI: Row = Row {
    facts: hosted("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY"),
    operations: CHAT,
    counting: None,
    quirks: Quirks {
        // Every Grok answers 400 to penalties: mnfst/modelparams.dev pull request 20.
        dropped: &["presence_penalty", "frequency_penalty", "logit_bias"],
        // Which models take an effort only their pages tell, and the others answer 400.
        thinking: ThinkingModels::No,
        efforts: &[
            ("minimal", EffortHabit::Word("low")),
            ("max", EffortHabit::Word("xhigh")),
        ],
        ..Quirks::NONE
    },
};

/// <https://docs.together.ai/reference/chat-completions-1>, together 3.1.1.
pub(super) const TOGETHER: Row = Row {
    facts: hosted(
        "together",
        "Together AI",
        "https://api.together.ai/v1",
        "TOGETHER_API_KEY",
    ),
    // Of pictures and recordings: `resources/images.py`, `resources/audio`.
    operations: &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Rerank,
        Operation::ImageGenerations,
        Operation::Speech,
        Operation::Transcriptions,
        Operation::Translations,
    ],
    counting: None,
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        has_no_developer_role: true,
        efforts: LOW_TO_HIGH,
        takes_more_sampling: true,
        ..Quirks::NONE
    },
};

/// <https://docs.fireworks.ai/api-reference/post-chatcompletions>, fireworks-ai 1.2.30.
pub(super) const FIREWORKS: Row = Row {
    facts: hosted(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
    ),
    operations: ALL,
    counting: None,
    quirks: Quirks {
        has_no_developer_role: true,
        efforts: LOW_TO_HIGH,
        thoughts: Replay::AsText,
        takes_more_sampling: true,
        // It refuses what it does not know: web-infra-dev/midscene issue 1322.
        dropped: &[
            "store",
            "verbosity",
            "safety_identifier",
            "moderation",
            "modalities",
            "prompt_cache_retention",
            "prompt_cache_options",
        ],
        refused: TEXT_WITHOUT_SEARCH,
        dropped_in_messages: &[
            everywhere("name", "messages[].name"),
            everywhere("reasoning", "messages[].reasoning"),
            everywhere("reasoning_details", "messages[].reasoning_details"),
            everywhere("audio", "messages[].audio"),
            everywhere("annotations", "messages[].annotations"),
            everywhere("refusal", "messages[].refusal"),
            empty("function_call"),
        ],
        ..Quirks::NONE
    },
};

/// <https://inference-docs.cerebras.ai/api-reference/chat-completions>, cerebras-cloud-sdk 1.91.0.
pub(super) const CEREBRAS: Row = Row {
    facts: hosted(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
    ),
    operations: CHAT_COMPLETIONS,
    counting: None,
    quirks: Quirks {
        efforts: LOW_TO_HIGH,
        // It refuses what it does not know: livekit/agents issue 1274, Gitlawb/openclaude issue 740.
        dropped: &[
            "store",
            "metadata",
            "verbosity",
            "safety_identifier",
            "moderation",
            "modalities",
            "prompt_cache_retention",
            "prompt_cache_options",
        ],
        refused: TEXT_WITHOUT_SEARCH,
        // An assistant's message has only content, name, reasoning and tool calls.
        dropped_in_messages: &[
            empty("function_call"),
            everywhere("reasoning_content", "messages[].reasoning_content"),
            everywhere("reasoning_details", "messages[].reasoning_details"),
            everywhere("audio", "messages[].audio"),
            everywhere("annotations", "messages[].annotations"),
            everywhere("refusal", "messages[].refusal"),
        ],
        ..Quirks::NONE
    },
};

/// <https://docs.perplexity.ai/api-reference/chat-completions-post>, perplexityai 0.46.1. It
/// searches with each answer, and its API has no version in its path.
pub(super) const PERPLEXITY: Row = Row {
    facts: hosted(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
    ),
    operations: CHAT,
    counting: None,
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        has_no_developer_role: true,
        efforts: &[
            ("xhigh", EffortHabit::Word("high")),
            ("max", EffortHabit::Word("high")),
        ],
        // What it lists, to everybody, are the models of another of its APIs
        // (docs.perplexity.ai `/api-reference/models-get`); jobs are listed to their owner.
        listing: ListingHabit {
            path: None,
            proof: Some(Proof::Path("/async/chat/completions")),
            ..ListingHabit::USUAL
        },
        ..Quirks::NONE
    },
};

/// <https://huggingface.co/docs/inference-providers>
pub(super) const HUGGINGFACE: Row = Row {
    facts: hosted(
        "huggingface",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        "HF_TOKEN",
    ),
    operations: CHAT,
    counting: None,
    quirks: Quirks {
        // The list is public; `HfApi.whoami` of huggingface_hub 2.4 asks who a token is.
        listing: ListingHabit {
            proof: Some(Proof::Elsewhere("https://huggingface.co/api/whoami-v2")),
            ..ListingHabit::USUAL
        },
        ..Quirks::NONE
    },
};

/// What cannot be left out for vendors whose models write text and search nothing.
pub(crate) const TEXT_WITHOUT_SEARCH: &[(&str, &str)] = &[
    ("audio", "the model answers in text only"),
    ("web_search_options", "there is no built-in web search"),
];

/// Efforts of vendors that know three of them.
const LOW_TO_HIGH: &[(&str, EffortHabit)] = &[
    ("minimal", EffortHabit::Word("low")),
    ("xhigh", EffortHabit::Word("high")),
    ("max", EffortHabit::Word("high")),
];

/// A vendor whose price list has its name, and to whom a key is all there is.
const fn hosted(
    kind: &'static str,
    display_name: &'static str,
    base_url: &'static str,
    key_variable: &'static str,
) -> Kind {
    Kind {
        kind,
        display_name,
        base_url: Some(base_url),
        key_variable: Some(key_variable),
        price_provider: Some(kind),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    }
}
