//! What a caller calls the field that a vendor's dialect left out or refused.
//!
//! Dialects that write requests name fields as `OpenAI`'s chats do; whoever reads the name
//! knows only what it sent. A path that no row knows is the caller's own already.

use std::borrow::Cow;

use super::Dialect;
use crate::document::Document;

/// A path in `OpenAI`'s chats, and what the caller may have said it by: the first of these that
/// the request has, else the last. Of two rows that fit a path, the first counts.
type Row = (&'static str, &'static [&'static str]);

const OPENAI_CHAT: &[Row] = &[
    (
        "max_completion_tokens",
        &["max_completion_tokens", "max_tokens"],
    ),
    ("reasoning_effort", &["reasoning_effort", "reasoning"]),
    ("tool_choice", &["tool_choice", "function_call"]),
    ("tools[].function", &["functions[]", "tools[].function"]),
    (
        "messages[].reasoning",
        &[
            "messages[].reasoning_details",
            "messages[].reasoning_content",
            "messages[].reasoning",
        ],
    ),
    (
        "cache_control",
        &["messages[].prompt_cache_breakpoint", "cache_control"],
    ),
];

const OPENAI_COMPLETIONS: &[Row] = &[("max_completion_tokens", &["max_tokens"])];

const ANTHROPIC: &[Row] = &[
    ("max_completion_tokens", &["max_tokens"]),
    ("reasoning_effort", &["output_config.effort", "thinking"]),
    ("reasoning.exclude", &["thinking.display"]),
    ("reasoning.max_tokens", &["thinking.budget_tokens"]),
    ("response_format", &["output_config.format"]),
    ("stop", &["stop_sequences"]),
    ("user", &["metadata.user_id"]),
    (
        "parallel_tool_calls",
        &["tool_choice.disable_parallel_tool_use"],
    ),
    ("tools[].function.strict", &["tools[].strict"]),
    ("messages[].reasoning", &["messages[].content[].thinking"]),
    (
        "messages[].tool_calls[].extra_content",
        &["messages[].content[].signature"],
    ),
    (
        "messages[].content[].file.filename",
        &["messages[].content[].title"],
    ),
    (
        "messages[].content[].file",
        &["messages[].content[].source"],
    ),
    (
        "messages[].content[].image_url",
        &["messages[].content[].source"],
    ),
    (
        "messages[].content[].image",
        &["messages[].content[].source"],
    ),
];

const OPENAI_RESPONSES: &[Row] = &[
    ("max_completion_tokens", &["max_output_tokens"]),
    ("reasoning_effort", &["reasoning.effort"]),
    ("response_format.json_schema", &["text.format"]),
    ("response_format", &["text.format"]),
    ("verbosity", &["text.verbosity"]),
    ("logprobs", &["top_logprobs", "include"]),
    ("tools[].function.strict", &["tools[].strict"]),
    ("tools[].custom.format", &["tools[].format"]),
    (
        "cache_control",
        &["input[].content[].prompt_cache_breakpoint"],
    ),
    ("messages[].reasoning", &["input[]:reasoning"]),
    (
        "messages[].tool_calls[].extra_content",
        &["input[]:reasoning"],
    ),
    (
        "messages[].content[].image_url.detail",
        &["input[].content[].detail"],
    ),
    (
        "messages[].content[].file.filename",
        &["input[].content[].filename"],
    ),
    (
        "messages[].content[].file",
        &[
            "input[].content[].file_id",
            "input[].content[].file_url",
            "input[].content[].file_data",
        ],
    ),
    (
        "messages[].content[].image",
        &["input[].content[].file_id", "input[].content[].image_url"],
    ),
    ("messages", &["input"]),
];

const OLLAMA: &[Row] = &[
    ("max_completion_tokens", &["options.num_predict"]),
    ("reasoning_effort", &["think"]),
    ("response_format", &["format"]),
    ("stop", &["options.stop"]),
    ("temperature", &["options.temperature"]),
    ("top_p", &["options.top_p"]),
    ("top_k", &["options.top_k"]),
    ("min_p", &["options.min_p"]),
    ("seed", &["options.seed"]),
    ("presence_penalty", &["options.presence_penalty"]),
    ("frequency_penalty", &["options.frequency_penalty"]),
    ("repetition_penalty", &["options.repeat_penalty"]),
    ("messages[].reasoning", &["messages[].thinking"]),
    ("messages[].content[].image_url", &["messages[].images"]),
    ("messages[].content[].image", &["messages[].images"]),
    ("messages[].content[].file", &["messages[].images"]),
    ("messages[].content[].input_audio", &["messages[].images"]),
];

/// What `/api/generate` has at another place than `/api/chat`.
const OLLAMA_GENERATE: &[Row] = &[
    ("messages[].content[].image_url", &["images"]),
    ("messages[].content[].image", &["images"]),
    ("messages[].content[].file", &["images"]),
    ("messages[].content[].input_audio", &["images"]),
    ("messages", &["prompt"]),
];

/// What is given by its address, and what is there in bytes: mostly the former is refused.
const FILE_DATA: &str = "contents[].parts[].fileData";
const INLINE_DATA: &str = "contents[].parts[].inlineData";

const GEMINI: &[Row] = &[
    (
        "max_completion_tokens",
        &["generationConfig.maxOutputTokens"],
    ),
    ("reasoning_effort", &["generationConfig.thinkingConfig"]),
    (
        "reasoning.exclude",
        &["generationConfig.thinkingConfig.includeThoughts"],
    ),
    (
        "reasoning.max_tokens",
        &["generationConfig.thinkingConfig.thinkingBudget"],
    ),
    (
        "response_format",
        &[
            "generationConfig.responseSchema",
            "generationConfig.responseJsonSchema",
        ],
    ),
    ("stop", &["generationConfig.stopSequences"]),
    ("temperature", &["generationConfig.temperature"]),
    ("top_p", &["generationConfig.topP"]),
    ("top_k", &["generationConfig.topK"]),
    ("n", &["generationConfig.candidateCount"]),
    ("seed", &["generationConfig.seed"]),
    ("presence_penalty", &["generationConfig.presencePenalty"]),
    ("frequency_penalty", &["generationConfig.frequencyPenalty"]),
    ("logprobs", &["generationConfig.responseLogprobs"]),
    ("top_logprobs", &["generationConfig.logprobs"]),
    ("tool_choice", &["toolConfig"]),
    ("tools[].function", &["tools[].functionDeclarations[]"]),
    (
        "messages[].tool_calls[].extra_content",
        &["contents[].parts[].thoughtSignature"],
    ),
    (
        "messages[].tool_calls[]",
        &["contents[].parts[].functionCall"],
    ),
    ("messages[].reasoning", &["contents[].parts[].thought"]),
    ("messages[].content[].file", &[FILE_DATA, INLINE_DATA]),
    ("messages[].content[].image_url", &[FILE_DATA, INLINE_DATA]),
    ("messages[].content[].image", &[FILE_DATA, INLINE_DATA]),
    (
        "messages[].content[].input_audio",
        &[FILE_DATA, INLINE_DATA],
    ),
    ("messages", &["contents"]),
];

impl Dialect {
    /// The caller's own path of a field that a vendor's dialect names; `self` is the caller's.
    pub fn spell<'p>(self, path: Cow<'p, str>, request: &Document) -> Cow<'p, str> {
        let rows: [&[Row]; 2] = match self {
            Self::OpenAiChat => [OPENAI_CHAT, &[]],
            Self::OpenAiCompletions => [OPENAI_COMPLETIONS, &[]],
            Self::Anthropic => [ANTHROPIC, &[]],
            Self::Ollama => [OLLAMA, &[]],
            Self::OllamaGenerate => [OLLAMA_GENERATE, OLLAMA],
            Self::OpenAiResponses => [OPENAI_RESPONSES, &[]],
            Self::Gemini => [GEMINI, &[]],
            // Nobody calls in it.
            Self::Converse => [&[], &[]],
        };
        let found = rows.into_iter().flatten().find_map(|(ours, theirs)| {
            let rest = path.strip_prefix(ours)?;
            // `stop` begins `stop[4..]` and `stop:blank`, and not `stop_sequences`.
            let is_whole = !rest.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
            is_whole.then_some((*theirs, rest))
        });
        let Some((theirs, rest)) = found else {
            return path;
        };
        let said = theirs.iter().find(|it| is_said(it, request));
        match said.or(theirs.last()) {
            Some(name) => Cow::Owned([name, rest].concat()),
            None => path,
        }
    }
}

/// Whether the request has the field. Inside of arrays its name is looked for anywhere in the
/// body: one that stands elsewhere costs a less apt name, and nothing else.
fn is_said(path: &str, request: &Document) -> bool {
    if let Some((_, inner)) = path.rsplit_once("[].") {
        let name = format!("\"{inner}\"");
        return memchr::memmem::find(request.bytes(), name.as_bytes()).is_some();
    }
    match path.split_once('.') {
        Some((outer, inner)) => {
            let outer = request.object(outer);
            outer.is_some_and(|it| it.has(request, inner))
        }
        None => request.has(path.trim_end_matches("[]")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::tests::document;

    fn spelt(caller: Dialect, request: &Value, path: &str) -> String {
        caller
            .spell(Cow::Borrowed(path), &document(request))
            .into_owned()
    }

    #[test]
    fn each_caller_reads_its_own_name_of_a_field() {
        let rows = [
            (
                Dialect::Anthropic,
                "max_completion_tokens<16",
                "max_tokens<16",
            ),
            (Dialect::Anthropic, "stop:blank", "stop_sequences:blank"),
            (Dialect::Anthropic, "user[64..]", "metadata.user_id[64..]"),
            (
                Dialect::Anthropic,
                "tools[].function.strict",
                "tools[].strict",
            ),
            (Dialect::Anthropic, "top_k", "top_k"),
            (
                Dialect::OpenAiResponses,
                "messages[].content[].image_url.detail",
                "input[].content[].detail",
            ),
            (
                Dialect::OpenAiResponses,
                "messages[-1]:prefill",
                "input[-1]:prefill",
            ),
            (
                Dialect::OpenAiResponses,
                "response_format.json_schema.description",
                "text.format.description",
            ),
            (Dialect::Ollama, "top_k", "options.top_k"),
            (
                Dialect::Ollama,
                "repetition_penalty",
                "options.repeat_penalty",
            ),
            (
                Dialect::OllamaGenerate,
                "messages[].content[].image_url",
                "images",
            ),
            (
                Dialect::OllamaGenerate,
                "reasoning_effort:level",
                "think:level",
            ),
            (
                Dialect::OpenAiCompletions,
                "max_completion_tokens",
                "max_tokens",
            ),
            (Dialect::OpenAiChat, "seed", "seed"),
            (Dialect::OpenAiChat, "stop_reason", "stop_reason"),
        ];
        for (caller, ours, theirs) in rows {
            assert_eq!(spelt(caller, &json!({}), ours), theirs, "{caller:?} {ours}");
        }
    }

    #[test]
    fn of_several_names_the_one_that_was_sent_is_told() {
        let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 1024}});
        let effort = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}});
        let name = "reasoning_effort";
        assert_eq!(spelt(Dialect::Anthropic, &budget, name), "thinking");
        assert_eq!(
            spelt(Dialect::Anthropic, &effort, name),
            "output_config.effort"
        );
        let older = json!({"functions": [], "max_tokens": 5, "function_call": "auto"});
        let chat = |path| spelt(Dialect::OpenAiChat, &older, path);
        assert_eq!(chat("tools[].function.strict"), "functions[].strict");
        assert_eq!(chat("max_completion_tokens"), "max_tokens");
        assert_eq!(chat("tool_choice"), "function_call");
        let parts = |part: &str| json!({"contents": [{"parts": [{part: {}}]}]});
        for (part, path) in [("fileData", FILE_DATA), ("inlineData", INLINE_DATA)] {
            for field in ["image_url", "input_audio", "file"] {
                let field = format!("messages[].content[].{field}");
                assert_eq!(spelt(Dialect::Gemini, &parts(part), &field), path);
            }
        }
        let history = json!({"messages": [{"role": "assistant", "reasoning_content": "hm"}]});
        assert_eq!(
            spelt(Dialect::OpenAiChat, &history, "messages[].reasoning"),
            "messages[].reasoning_content"
        );
    }
}
