//! Servers that people run themselves.

use tollward_wire::chat::Replay;
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;
use tollward_wire::rerank::RerankDialect;

use super::super::row::{
    Counting, FormatHabit, ListingHabit, MaxTokens, Quirks, Ranking, Row, ThinkingModels,
};
use super::{ALL, ALL_AND_RERANK, CHAT_COMPLETIONS, SETTINGS};
use crate::credentials::Access;
use crate::kind::Kind;
use crate::listing::ListForm;
use crate::provider::Counter;

/// <https://docs.ollama.com/openai>
pub(super) const OLLAMA: Row = Row {
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        is_single_choice: true,
        ..OWN_SERVER
    },
    ..own_server("ollama", "Ollama", "http://127.0.0.1:11434/v1", 11434)
};

/// <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>
pub(super) const VLLM: Row = Row {
    operations: &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Rerank,
        Operation::Transcriptions,
        Operation::Translations,
    ],
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
pub(super) const SGLANG: Row = Row {
    quirks: Quirks {
        rerank: Some(Ranking {
            dialect: RerankDialect::Sglang,
            path: "/v1/rerank",
        }),
        ..OWN_SERVER
    },
    ..own_server("sglang", "SGLang", "http://127.0.0.1:30000/v1", 30000)
};

/// <https://github.com/ggml-org/llama.cpp/tree/master/tools/server>
pub(super) const LLAMACPP: Row = Row {
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
pub(super) const LMSTUDIO: Row =
    own_server("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", 1234);

/// <https://huggingface.co/docs/text-generation-inference>, its `router/src/lib.rs` at db931fc.
pub(super) const TGI: Row = Row {
    operations: CHAT_COMPLETIONS,
    quirks: Quirks {
        max_tokens: MaxTokens::Legacy,
        // It knows an array of numbers under this name, and uses it for nothing.
        dropped: &["logit_bias"],
        is_single_choice: true,
        has_no_developer_role: true,
        takes_only_lists_of_stops: true,
        format: FormatHabit::UnderValue,
        ..Quirks::NONE
    },
    ..own_server(
        "tgi",
        "Text Generation Inference",
        "http://127.0.0.1:3000/v1",
        3000,
    )
};

/// <https://huggingface.co/docs/text-embeddings-inference>, its `router/src/http` at 0d124dc.
/// It embeds and ranks only.
pub(super) const TEI: Row = Row {
    operations: &[Operation::Embeddings],
    quirks: Quirks {
        rerank: Some(Ranking {
            dialect: RerankDialect::Tei,
            path: "/rerank",
        }),
        listing: ListingHabit {
            path: Some("/info"),
            form: ListForm::Info,
            ..ListingHabit::USUAL
        },
        ..OWN_SERVER
    },
    ..own_server(
        "tei",
        "Text Embeddings Inference",
        "http://127.0.0.1:3000/v1",
        3000,
    )
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
