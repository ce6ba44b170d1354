//! What `OpenAI`'s names of models say about them.
//!
//! The API does not tell; a name that is not known is taken for a model that does as most
//! do. Source: `ResponsesModel` and `ChatModel` of openai-python 3.54, and
//! openai/openai-openapi issue 541 for tools (read 2026-11).

/// Parts of the names of models that are there only through Responses.
const RESPONSES_ONLY: [&str; 6] = ["pro", "codex", "cyber", "rosalind", "daybreak", "law"];
/// The same, of two words.
const RESPONSES_ONLY_PHRASES: [&str; 2] = ["deep-research", "computer-use"];
/// From this GPT on, tools are taken only through Responses while the model thinks.
const TOOLS_BY_RESPONSES: (u32, u32) = (5, 4);

/// Which calls a model takes only through Responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnlyResponses {
    /// None.
    Nothing,
    /// Those with tools, unless thinking is switched off.
    Tools,
    /// All.
    Everything,
}

/// Reads it from a model's name.
pub(super) fn only_responses(model: &str) -> OnlyResponses {
    let model = base(model);
    let is_known = model.split('-').any(|it| RESPONSES_ONLY.contains(&it))
        || RESPONSES_ONLY_PHRASES.iter().any(|it| model.contains(it));
    if is_known {
        OnlyResponses::Everything
    } else if gpt(model).is_some_and(|it| it >= TOOLS_BY_RESPONSES) {
        OnlyResponses::Tools
    } else {
        OnlyResponses::Nothing
    }
}

/// Whether a model thinks, and so refuses `max_tokens`: the o-series, and GPT from 5 on.
pub(super) fn is_reasoning_model(model: &str) -> bool {
    let model = base(model);
    match gpt(model) {
        Some((version, _)) => version >= 5,
        None => model.strip_prefix('o').and_then(number).is_some(),
    }
}

/// Whether a model is a GPT of `OpenAI`'s from before 5, whoever serves it; `gpt-oss` is none.
pub(super) fn is_older_gpt(model: &str) -> bool {
    let model = model.rsplit('/').next().unwrap_or(model);
    gpt(base(model)).is_some_and(|(version, _)| version < 5)
}

/// Whether a model is one of those that search with each answer: `gpt-4o-search-preview`,
/// `gpt-5-search-api`.
pub(super) fn is_search_model(model: &str) -> bool {
    model.contains("-search-")
}

/// Whether a model is one of `DeepSeek`'s from the fourth version on: `deepseek-v4-flash`.
pub(super) fn is_deepseek_v4(model: &str) -> bool {
    let version = model.strip_prefix("deepseek-v").and_then(number);
    version.is_some_and(|it| it >= 4)
}

/// The name of a model, or of the one that it was tuned from: `ft:gpt-4o:organisation::id`.
fn base(model: &str) -> &str {
    let tuned = model.strip_prefix("ft:");
    tuned.map_or(model, |it| it.split(':').next().unwrap_or_default())
}

/// The version in a name: `gpt-5.4-mini` is (5, 4).
fn gpt(model: &str) -> Option<(u32, u32)> {
    let rest = model.strip_prefix("gpt-")?;
    let version = number(rest)?;
    let minor = rest
        .split_once('.')
        .filter(|(it, _)| it.parse() == Ok(version));
    Some((version, minor.and_then(|(_, it)| number(it)).unwrap_or(0)))
}

/// The number that a text begins with.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 37
    #[test]
    fn a_name_says_which_api_takes_the_call() {
        for (model, expected) in [
            ("gpt-4o", OnlyResponses::Nothing),
            ("gpt-4.9", OnlyResponses::Nothing),
            ("gpt-5", OnlyResponses::Nothing),
            ("gpt-5-2025-08-07", OnlyResponses::Nothing),
            ("gpt-5.1-2025-11-13", OnlyResponses::Nothing),
            ("gpt-5.3-chat-latest", OnlyResponses::Nothing),
            ("o4-mini", OnlyResponses::Nothing),
            (
                "ft:gpt-4o-2024-08-06:pro-law:codex:x1",
                OnlyResponses::Nothing,
            ),
            ("gpt-5.4", OnlyResponses::Tools),
            ("gpt-5.4-mini-2026-03-17", OnlyResponses::Tools),
            ("gpt-5.10", OnlyResponses::Tools),
            ("gpt-6.1-sol", OnlyResponses::Tools),
            ("gpt-6-astra", OnlyResponses::Tools),
            ("ft:gpt-5.4:organisation::id", OnlyResponses::Tools),
            ("o1-pro-2025-03-19", OnlyResponses::Everything),
            ("gpt-5.2-pro", OnlyResponses::Everything),
            ("gpt-5-codex", OnlyResponses::Everything),
            ("codex-mini-latest", OnlyResponses::Everything),
            (
                "o4-mini-deep-research-2025-06-26",
                OnlyResponses::Everything,
            ),
            ("computer-use-preview", OnlyResponses::Everything),
            ("gpt-6.2-astra-law", OnlyResponses::Everything),
            ("gpt-daybreak-red-latest", OnlyResponses::Everything),
        ] {
            assert_eq!(only_responses(model), expected, "{model}");
        }
    }

    #[test]
    fn the_o_series_and_the_newer_gpts_think() {
        for model in ["o1", "o3-mini", "gpt-5", "gpt-6.1-sol", "ft:gpt-5:a::b"] {
            assert!(is_reasoning_model(model), "{model}");
        }
        for model in ["gpt-4.1", "gpt-4o", "omni-moderation", "davinci-002"] {
            assert!(!is_reasoning_model(model), "{model}");
        }
    }
}
