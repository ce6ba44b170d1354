//! The candidates of a chunk that ends them, which a whole answer is.

use std::borrow::Cow;

use super::logprobs;
use crate::chat::Finish;
use crate::json::{Json, Object};

/// A choice at its end.
pub(super) struct Candidate<'c> {
    pub(super) number: u32,
    pub(super) parts: Vec<Json<'c>>,
    pub(super) finish: Finish,
    /// Its text, by whose bytes sources are placed.
    pub(super) said: &'c str,
    /// In `OpenAI`'s shape.
    pub(super) annotations: &'c [Json<'static>],
    /// In `OpenAI`'s shape.
    pub(super) logprobs: &'c [Json<'static>],
}

/// Whether the vendor refused to say anything.
pub(super) const fn is_refusal(finish: &Finish) -> bool {
    matches!(finish, Finish::ContentFilter | Finish::Refusal(_))
}

/// The body up to its counts. A choice that is an error was refused with its first word: if there
/// is no other, the prompt was blocked.
pub(super) fn body<'c>(
    choices: &'c [Result<Candidate<'c>, Finish>],
    usage: Option<Object<'static>>,
) -> Object<'c> {
    let blocked = choices.iter().find_map(|it| it.as_ref().err());
    let said: Vec<Json<'c>> = choices
        .iter()
        .filter_map(|it| it.as_ref().ok())
        .map(|it| candidate(it).into())
        .collect();
    let body = match blocked {
        Some(finish) if said.is_empty() => {
            let feedback = Object::new()
                .with("blockReason", "SAFETY")
                .with_some("blockReasonMessage", message(finish));
            Object::new().with("promptFeedback", feedback)
        }
        _ => Object::new().with("candidates", said),
    };
    body.with_some("usageMetadata", usage)
}

fn candidate<'c>(choice: &'c Candidate<'c>) -> Object<'c> {
    let content = Object::new()
        .with("parts", choice.parts.clone())
        .with("role", "model");
    let sources = sources(choice);
    let citations = (!sources.is_empty()).then(|| Object::new().with("citationSources", sources));
    let logprobs = Some(choice.logprobs).filter(|it| !it.is_empty());
    Object::new()
        .with("content", content)
        .with("finishReason", reason(&choice.finish))
        .with_some("finishMessage", message(&choice.finish))
        .with_some("citationMetadata", citations)
        .with_some("logprobsResult", logprobs.map(logprobs::result))
        .with("index", choice.number)
}

const fn reason(finish: &Finish) -> &'static str {
    match finish {
        // Calls end with STOP too.
        Finish::Stop | Finish::StopText(_) | Finish::ToolCalls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter | Finish::Refusal(_) => "SAFETY",
    }
}

fn message(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::Refusal(why) => why.as_deref(),
        _ => None,
    }
}

/// Citations of pages. Google places them by bytes, `OpenAI` by characters.
fn sources<'c>(choice: &Candidate<'c>) -> Vec<Json<'c>> {
    let cited = choice.annotations.iter();
    let cited = cited.filter_map(|it| it.get("url_citation"));
    let sources = cited.filter_map(|citation| {
        let at = |field: &str| {
            let at = citation.get(field).and_then(Json::as_u64)?;
            Some(bytes_before(choice.said, at))
        };
        let title = citation.str("title").filter(|it| !it.is_empty());
        let source = Object::new()
            .with_some("startIndex", at("start_index"))
            .with_some("endIndex", at("end_index"))
            .with("uri", citation.str("url")?)
            .with_some("title", title.map(Cow::Borrowed));
        Some(source.into())
    });
    sources.collect()
}

/// The byte at which a character begins.
fn bytes_before(text: &str, character: u64) -> u64 {
    let character = usize::try_from(character).unwrap_or(usize::MAX);
    let found = text.char_indices().nth(character);
    found.map_or(text.len(), |(at, _)| at) as u64
}
