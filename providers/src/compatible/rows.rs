//! The table: one row per vendor.
//!
//! Facts come from the vendors' API references and SDKs; the link is on each row, read
//! 2026-11. To add a vendor, add a row and its files under `testdata/`.

use tollward_wire::chat::Replay;
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;
use tollward_wire::rerank::RerankDialect;

use super::row::{
    Counting, EffortHabit, MaxTokens, MessageField, Quirks, ResponsesModels, Row, SearchingModels,
    StreamUsage, ThinkingModels,
};
use crate::credentials::Access;
use crate::kind::Kind;
use crate::provider::Counter;

const SETTINGS: &[&str] = &["base_url", "api_key", "credentials", "headers"];
const CHAT: &[Operation] = &[Operation::Chat];
const CHAT_EMBEDDINGS: &[Operation] = &[Operation::Chat, Operation::Embeddings];
const ALL: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
];
const ALL_AND_RERANK: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Rerank,
];

/// Counting in the words of `OpenAI`'s Responses: `responses.input_tokens` of openai-python 3.57
/// and `/v1/responses/input_tokens` of mistralai 3.7.
const BY_RESPONSES: Counting = Counting {
    counter: Counter {
        dialect: Dialect::OpenAiResponses,
        answer: "input_tokens",
    },
    path: "/v1/responses/input_tokens",
};

/// Every vendor: hosted ones first, then servers people run themselves, then the rest.
pub(crate) const ROWS: &[Row] = &[
    OPENAI,
    GROQ,
    OPENROUTER,
    MISTRAL,
    DEEPSEEK,
    HUGGINGFACE,
    OLLAMA,
    VLLM,
    SGLANG,
    LLAMACPP,
    LMSTUDIO,
    GENERIC,
];

/// <https://platform.openai.com/docs/api-reference>
const OPENAI: Row = Row {
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
    ],
    counting: Some(BY_RESPONSES),
    quirks: Quirks {
        max_tokens: MaxTokens::ByModel,
        thinking: ThinkingModels::ByName,
        responses: ResponsesModels::ByName,
        takes_custom_tools: true,
        web_search: SearchingModels::ByName,
        ..Quirks::NONE
    },
};

/// <https://console.groq.com/docs/openai>
const GROQ: Row = Row {
    facts: Kind {
        kind: "groq",
        display_name: "Groq",
        base_url: Some("https://api.groq.com/openai/v1"),
        key_variable: Some("GROQ_API_KEY"),
        price_provider: Some("groq"),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    },
    operations: CHAT_EMBEDDINGS,
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
const OPENROUTER: Row = Row {
    facts: Kind {
        kind: "openrouter",
        display_name: "OpenRouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        key_variable: Some("OPENROUTER_API_KEY"),
        price_provider: Some("openrouter"),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    },
    operations: ALL_AND_RERANK,
    counting: None,
    quirks: Quirks {
        // openrouter 1.3.84 `components/chatcontentfile.py`: `file_data` may be an address.
        fetches_files: true,
        thinking: ThinkingModels::All,
        thoughts: Replay::AsDetails,
        takes_more_sampling: true,
        web_search: SearchingModels::ByTool,
        ..Quirks::NONE
    },
};

/// <https://docs.mistral.ai/api/>
const MISTRAL: Row = Row {
    facts: Kind {
        kind: "mistral",
        display_name: "Mistral",
        base_url: Some("https://api.mistral.ai/v1"),
        key_variable: Some("MISTRAL_API_KEY"),
        price_provider: Some("mistral"),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    },
    operations: CHAT_EMBEDDINGS,
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
            },
            everywhere("reasoning_content", "messages[].reasoning_content"),
            everywhere("reasoning_details", "messages[].reasoning_details"),
            everywhere("reasoning", "messages[].reasoning"),
            everywhere("audio", "messages[].audio"),
            everywhere("annotations", "messages[].annotations"),
            everywhere("refusal", "messages[].refusal"),
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
const DEEPSEEK: Row = Row {
    facts: Kind {
        kind: "deepseek",
        display_name: "DeepSeek",
        base_url: Some("https://api.deepseek.com/v1"),
        key_variable: Some("DEEPSEEK_API_KEY"),
        price_provider: Some("deepseek"),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    },
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
        ..Quirks::NONE
    },
};

/// <https://huggingface.co/docs/inference-providers>
const HUGGINGFACE: Row = Row {
    facts: Kind {
        kind: "huggingface",
        display_name: "Hugging Face",
        base_url: Some("https://router.huggingface.co/v1"),
        key_variable: Some("HF_TOKEN"),
        price_provider: Some("huggingface"),
        needs_key: true,
        access: Access::KEY,
        default_port: None,
        settings: SETTINGS,
    },
    operations: CHAT,
    counting: None,
    quirks: Quirks::NONE,
};

/// <https://docs.ollama.com/openai>
const OLLAMA: Row = Row {
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        is_single_choice: true,
        ..OWN_SERVER
    },
    ..own_server("ollama", "Ollama", "http://127.0.0.1:11434/v1", 11434)
};

/// <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>
const VLLM: Row = Row {
    operations: ALL_AND_RERANK,
    counting: Some(Counting {
        counter: Counter {
            dialect: Dialect::OpenAiChat,
            answer: "count",
        },
        path: "/tokenize",
    }),
    ..own_server("vllm", "vLLM", "http://127.0.0.1:8000/v1", 8000)
};

/// <https://docs.sglang.ai/basic_usage/openai_api.html>
const SGLANG: Row = Row {
    quirks: Quirks {
        rerank: Some(RerankDialect::Sglang),
        ..OWN_SERVER
    },
    ..own_server("sglang", "SGLang", "http://127.0.0.1:30000/v1", 30000)
};

/// <https://github.com/ggml-org/llama.cpp/tree/master/tools/server>
const LLAMACPP: Row = Row {
    operations: ALL_AND_RERANK,
    counting: Some(Counting {
        counter: Counter {
            dialect: Dialect::OpenAiChat,
            answer: "input_tokens",
        },
        path: "/v1/chat/completions/input_tokens",
    }),
    ..own_server("llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1", 8080)
};

/// <https://lmstudio.ai/docs/app/api/endpoints/openai>
const LMSTUDIO: Row = own_server("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", 1234);

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
    operations: ALL_AND_RERANK,
    counting: None,
    quirks: Quirks {
        thinking: ThinkingModels::Unknown,
        ..Quirks::NONE
    },
};

/// What servers of open models have in common.
const OWN_SERVER: Quirks = Quirks {
    // Their chat templates know the old roles.
    has_no_developer_role: true,
    thinking: ThinkingModels::All,
    thoughts: Replay::AsText,
    takes_more_sampling: true,
    ..Quirks::NONE
};

/// A server that people run themselves: no key, no price, a port of its own on loopback.
const fn own_server(
    kind: &'static str,
    display_name: &'static str,
    base_url: &'static str,
    port: u16,
) -> Row {
    Row {
        facts: Kind {
            kind,
            display_name,
            base_url: Some(base_url),
            key_variable: None,
            price_provider: None,
            needs_key: false,
            access: Access::KEY,
            default_port: Some(port),
            settings: SETTINGS,
        },
        operations: ALL,
        counting: None,
        quirks: OWN_SERVER,
    }
}

const fn everywhere(name: &'static str, path: &'static str) -> MessageField {
    MessageField {
        name,
        path,
        known_in: None,
    }
}
