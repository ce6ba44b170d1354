//! Whether a request asks the vendor for more than an answer of the model: to search, to run what is not the
//! caller's, or to try other models. What that costs is bounded by nothing that is sent.
//!
//! What cannot be read as tools of the caller's own is taken for more. What is referred to in the midst of
//! messages is `content`'s business.

use crate::document::{Document, Object};
use crate::operation::Operation;
use crate::walk::Walker;

/// Fields at the top of a request that ask for more.
const FIELDS: [&str; 10] = [
    // A search of the web: `OpenAI`, xAI, Qwen (DashScope).
    "web_search_options",
    "search_parameters",
    "enable_search",
    "search_options",
    // What `OpenRouter` runs beside, tries instead or has stored.
    "plugins",
    "models",
    "preset",
    // Servers and containers of Anthropic's.
    "mcp_servers",
    "container",
    // Words that were guessed wrong are billed as output, and no bound counts them (OpenAI).
    "prediction",
];
/// What a declaration of Google's may have that costs nothing.
const DECLARATIONS: [&str; 2] = ["functionDeclarations", "function_declarations"];

/// Whether the vendor is asked to do something beside answering that costs extra, such as a search of the web.
pub fn asks_for_services(operation: Operation, document: &Document) -> bool {
    let is_asked = |name: &str| {
        document
            .raw(name)
            .is_some_and(|it| it != b"null" && it != b"false")
    };
    if FIELDS.iter().any(|it| is_asked(it)) || compacts(document) {
        return true;
    }
    // A stored prompt brings tools of its own.
    if operation == Operation::Responses && document.has("prompt") {
        return true;
    }
    if !document.has("tools") {
        return false;
    }
    let Some(tools) = document.objects("tools") else {
        return true;
    };
    !tools.iter().all(|it| is_own(operation, document, it))
}

/// Whether a tool is run by the caller.
fn is_own(operation: Operation, document: &Document, tool: &Object) -> bool {
    if operation == Operation::GenerateContent {
        return tool.fields(document).all(|it| DECLARATIONS.contains(&it));
    }
    match tool.raw(document, "type") {
        None | Some(b"null") => ["name", "function"].iter().any(|it| tool.has(document, it)),
        Some(kind) => matches!(kind, br#""function""# | br#""custom""#),
    }
}

/// Whether the vendor is to sum up what was said, which is an answer of its own.
fn compacts(document: &Document) -> bool {
    let Some(raw) = document.raw("context_management") else {
        return false;
    };
    let is_string = |it: &[u8]| it.first() == Some(&b'"');
    let mut edits = match Walker::new(raw).object() {
        Some(mut members) => members.find_map(|it| (it.key == b"edits").then_some(it.value)),
        None => Some(raw),
    }
    .and_then(|it| Walker::new(it).array());
    let compacts = |edit: &[u8]| {
        let mut members = Walker::new(edit).object()?;
        let kind = members.find(|it| it.key == b"type" && is_string(it.value))?;
        Some(!kind.value.starts_with(br#""clear_"#))
    };
    match &mut edits {
        Some(edits) => edits.any(|(edit, _)| compacts(edit).unwrap_or(true)),
        None => raw != b"null",
    }
}

#[cfg(test)]
mod tests;
