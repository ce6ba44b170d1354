//! What callers try of Anthropic's API, by the names that `anthropic-beta` has for it.
//!
//! Anthropic itself is told all of it. Others who serve Claude refuse a request for one name that
//! they do not know, so theirs are listed here. Source: litellm at `030dd40a93`
//! (`anthropic_beta_headers_config.json`), and for Bedrock its user guide as BerriAI/litellm#19877
//! has it (read 2026-11).

use std::borrow::Cow;

/// Without this one, Bedrock does not know the field `context_management`.
pub(super) const COMPACTION: &str = "compact-2026-01-12";

/// What Bedrock lets be tried with Claude before 4.7.
const AT_BEDROCK: [&str; 8] = [
    "computer-use-2025-01-24",
    "context-1m-2025-08-07",
    "dev-full-thinking-2025-05-14",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "token-efficient-tools-2025-02-19",
];
/// The same for all models: those from 4.7 on refuse most others.
const AT_BEDROCK_ALWAYS: [&str; 2] = [COMPACTION, "computer-use-2025-11-24"];

/// What Vertex AI lets be tried.
const AT_VERTEX: [&str; 8] = [
    COMPACTION,
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "interleaved-thinking-2025-05-14",
    "tool-search-tool-2025-10-19",
    "web-search-2025-03-05",
];

/// Whether Bedrock lets it be tried with a model that is one of the newest, or not.
pub(super) fn at_bedrock(word: &str, is_newest: bool) -> bool {
    AT_BEDROCK_ALWAYS.contains(&word) || (!is_newest && AT_BEDROCK.contains(&word))
}

/// Whether Vertex AI lets it be tried.
pub(super) fn at_vertex(word: &str) -> bool {
    AT_VERTEX.contains(&word)
}

/// Of these words, each once, those that are taken; the others go into `dropped`.
pub(super) fn taken<'w>(
    words: impl IntoIterator<Item = &'w str>,
    is_taken: impl Fn(&str) -> bool,
    dropped: &mut Vec<Cow<'static, str>>,
) -> Vec<&'w str> {
    let mut kept = Vec::new();
    for word in words {
        let word = word.trim();
        if is_taken(word) {
            if !kept.contains(&word) {
                kept.push(word);
            }
        } else if !word.is_empty() {
            let path = Cow::Owned(format!("anthropic-beta:{word}"));
            if !dropped.contains(&path) {
                dropped.push(path);
            }
        }
    }
    kept
}
