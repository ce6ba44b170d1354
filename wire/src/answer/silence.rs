//! When a whole answer says nothing. One rule for answers that are relayed and those that are translated.

use crate::dialect::Dialect;
use crate::json::Json;

/// What there is in an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Words, a thought, a call, a refusal.
    pub(super) words: bool,
    /// A reason of its end that explains why there are none.
    pub(super) reason: bool,
    /// A text that is there and empty: the model had nothing to say, and said so.
    pub(super) empty_text: bool,
}

impl Said {
    /// Whether it is an answer by name only; the vendor lost the rest (faults U-54).
    pub(super) const fn is_nothing(self) -> bool {
        !self.words && !self.reason && !self.empty_text
    }
}

/// Whether an answer without words has a place for them that is empty.
///
/// For Anthropic's that is the list of blocks itself: its models may well end their turn without
/// any, after tools above all (platform.claude.com, "Handling stop reasons", read 2026-11).
pub(super) fn has_empty_text(dialect: Dialect, body: &[u8]) -> bool {
    let Some(answer) = Json::parse(body) else {
        return false;
    };
    let is_text = |it: &Json<'_>, name: &str| it.str(name).is_some();
    let at =
        |it: &Json<'_>, path: [&str; 2]| it.get(path[0]).is_some_and(|it| is_text(it, path[1]));
    match dialect {
        Dialect::OpenAiChat => list(&answer, "choices").any(|it| at(it, ["message", "content"])),
        Dialect::OpenAiCompletions => list(&answer, "choices").any(|it| is_text(it, "text")),
        Dialect::Anthropic => answer.get("content").is_some(),
        Dialect::Converse => {
            let message = answer.get("output").and_then(|it| it.get("message"));
            message.is_some_and(|it| it.get("content").is_some())
        }
        Dialect::Gemini => list(&answer, "candidates")
            .filter_map(|it| it.get("content"))
            .any(|content| list(content, "parts").any(|it| is_text(it, "text"))),
        Dialect::Ollama | Dialect::OllamaGenerate => {
            is_text(&answer, "response") || at(&answer, ["message", "content"])
        }
        Dialect::OpenAiResponses => {
            list(&answer, "output").any(|item| list(item, "content").any(|it| is_text(it, "text")))
        }
    }
}

fn list<'j>(holder: &'j Json<'j>, name: &str) -> impl Iterator<Item = &'j Json<'j>> {
    let list = holder.get(name).and_then(Json::as_array);
    list.unwrap_or_default().iter()
}
