//! A request with another bound on its output.

use serde_json::{Value, json};

use crate::document::Document;
use crate::operation::Operation;

/// The most that the words of a request, and what is in it as base64, can be in tokens, and whether it
/// refers to what is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputBound {
    /// Tokens. A token of text has at least one byte.
    pub tokens: u64,
    /// There is more to read than is here: pictures or files somewhere else, an earlier answer, a stored prompt.
    pub is_open: bool,
}

/// Fields by which a request refers to what is not in it, of all dialects.
const REFERENCES: [&str; 4] = [
    "previous_response_id",
    "conversation",
    "prompt_id",
    "cachedContent",
];
/// The same in the midst of messages.
const PLACES: [&[u8]; 7] = [
    br#""file_id""#,
    br#""file_url""#,
    br#""fileUri""#,
    br#""file_uri""#,
    br#""item_reference""#,
    br#"":"http"#,
    br#"": "http"#,
];
/// Fields by which a vendor is asked for more than an answer of the model: to search, to run what is not the
/// caller's, or to try other models (`OpenRouter`).
const SERVICES: [&str; 5] = [
    "web_search_options",
    "plugins",
    "models",
    "mcp_servers",
    "container",
];
/// Marks of pictures, each of which may count for more tokens than it has bytes.
const PICTURES: [&[u8]; 6] = [
    br#""image_url""#,
    br#""input_image""#,
    br#""image""#,
    br#""images""#,
    br#""inlineData""#,
    br#""inline_data""#,
];
/// Tokens of a picture in the finest resolution of the vendor that counts most for one: 2,833 and
/// 5,667 for each of eight tiles (`gpt-4o-mini`, `OpenAI`'s guide to images and vision, read 2026-11).
const PICTURE_TOKENS: u64 = 48_169;
/// Tokens that a vendor adds to a request, its messages and its tools: a few for each, which have more bytes than
/// that in JSON, and the frame of the whole, with the instructions that go with tools.
const FRAME_TOKENS: u64 = 512;

impl InputBound {
    /// Of a request of any dialect.
    pub fn of(document: &Document) -> Self {
        let body: &[u8] = document.bytes();
        let count = |mark: &[u8]| memchr::memmem::find_iter(body, mark).count() as u64;
        let pictures: u64 = PICTURES.iter().map(|it| count(it)).sum();
        let has = |mark: &[u8]| memchr::memmem::find(body, mark).is_some();
        let is_template = document.object("prompt").is_some();
        Self {
            tokens: (body.len() as u64)
                .saturating_add(pictures.saturating_mul(PICTURE_TOKENS))
                .saturating_add(FRAME_TOKENS),
            is_open: is_template
                || REFERENCES.iter().any(|it| document.has(it))
                || PLACES.iter().any(|it| has(it)),
        }
    }
}

/// Whether the vendor is asked to do something beside answering that costs extra, such as a search of the web.
pub fn asks_for_services(operation: Operation, document: &Document) -> bool {
    if SERVICES.iter().any(|it| document.has(it)) {
        return true;
    }
    let Some(tools) = document.objects("tools") else {
        return false;
    };
    let is_google = operation == Operation::GenerateContent;
    tools.iter().any(|tool| {
        if is_google {
            let own = ["functionDeclarations", "function_declarations"];
            return tool.fields(document).any(|it| !own.contains(&it));
        }
        let kind = tool.raw(document, "type");
        kind.is_some_and(|it| !matches!(it, br#""function""# | br#""custom""#))
    })
}

/// The request with `tokens` as the bound on its output, for each choice; `None` if its operation has none.
pub fn bounded(operation: Operation, document: &Document, tokens: u64) -> Option<Document> {
    let mut edit = document.edit();
    match operation {
        Operation::Chat => {
            edit.remove("max_tokens");
            edit.set("max_completion_tokens", tokens);
        }
        Operation::Responses => edit.set("max_output_tokens", tokens),
        Operation::Completions | Operation::Messages => edit.set("max_tokens", tokens),
        Operation::OllamaChat | Operation::OllamaGenerate => {
            set_within(&mut edit, document, "options", &["num_predict"], tokens);
        }
        Operation::GenerateContent => {
            let place = if document.has("generation_config") {
                "generation_config"
            } else {
                "generationConfig"
            };
            let names = ["maxOutputTokens", "max_output_tokens"];
            set_within(&mut edit, document, place, &names, tokens);
        }
        Operation::Embeddings
        | Operation::Rerank
        | Operation::ImageGenerations
        | Operation::ImageEdits
        | Operation::ImageVariations
        | Operation::Speech
        | Operation::Transcriptions
        | Operation::Translations
        | Operation::Moderations
        | Operation::Realtime
        | Operation::Passthrough => return None,
    }
    Document::parse(edit.finish().to_bytes()).ok()
}

/// Sets the first of `names` in the object `place`, and takes the others out of it.
fn set_within(
    edit: &mut crate::document::Edit<'_>,
    document: &Document,
    place: &str,
    names: &[&str],
    tokens: u64,
) {
    let Some((name, others)) = names.split_first() else {
        return;
    };
    match document.object(place) {
        Some(object) => {
            for other in others {
                edit.remove_in(&object, other);
            }
            edit.set_in(&object, name, tokens);
        }
        None => edit.set(place, json!({ *name: Value::from(tokens) })),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::view::RequestView;

    fn document(body: &'static str) -> Document {
        Document::parse(body.into()).unwrap()
    }

    #[test]
    fn every_dialect_reads_the_bound_that_was_set() {
        for (operation, body) in [
            (
                Operation::Chat,
                r#"{"model":"m","messages":[{"role":"user","content":"é"}],"max_tokens":9000}"#,
            ),
            (
                Operation::Chat,
                r#"{"model":"m","max_completion_tokens":7,"messages":[{"role":"user","content":""}]}"#,
            ),
            (Operation::Responses, r#"{"model":"m","input":"hi"}"#),
            (Operation::Completions, r#"{"model":"m","prompt":"hi"}"#),
            (
                Operation::Messages,
                r#"{"model":"m","max_tokens":9000,"messages":[{"role":"user","content":"hi"}]}"#,
            ),
            (
                Operation::OllamaChat,
                r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"options":{"top_k":3}}"#,
            ),
            (Operation::OllamaGenerate, r#"{"model":"m","prompt":"hi"}"#),
            (
                Operation::GenerateContent,
                r#"{"model":"m","contents":[{"parts":[{"text":"hi"}]}]}"#,
            ),
            (
                Operation::GenerateContent,
                r#"{"model":"m","contents":[{"parts":[{"text":"hi"}]}],"generation_config":{"max_output_tokens":9,"top_k":3}}"#,
            ),
        ] {
            let bounded = bounded(operation, &document(body), 321).unwrap();
            let view = RequestView::read(operation, &bounded).unwrap();
            assert_eq!(view.max_output, Some(321), "{operation:?} {body}");
            let text = std::str::from_utf8(bounded.bytes()).unwrap();
            assert_eq!(text.contains("top_k"), body.contains("top_k"));
        }
        let embedded = document(r#"{"input":"a"}"#);
        assert!(bounded(Operation::Embeddings, &embedded, 1).is_none());
    }

    // S-26
    #[test]
    fn what_is_not_in_a_request_leaves_its_bound_open() {
        let bound = |body| InputBound::of(&document(body));
        let plain = bound(r#"{"messages":[{"role":"user","content":"see http://example.com"}]}"#);
        assert!(!plain.is_open);
        assert!(plain.tokens > 66);
        for body in [
            r#"{"previous_response_id":"resp_1","input":"go on"}"#,
            r#"{"prompt":{"id":"pmpt_1"}}"#,
            r#"{"input":[{"type":"item_reference","id":"x"}]}"#,
            r#"{"messages":[{"content":[{"type":"file","file":{"file_id":"f"}}]}]}"#,
            r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}"#,
        ] {
            assert!(bound(body).is_open, "{body}");
        }
        let picture = bound(
            r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#,
        );
        assert!(picture.tokens > 2 * PICTURE_TOKENS && !picture.is_open);
    }

    #[test]
    fn tools_that_the_vendor_runs_cost_extra_and_those_of_the_caller_do_not() {
        for (operation, body, expected) in [
            (
                Operation::Chat,
                r#"{"tools":[{"type":"function","function":{"name":"f"}}]}"#,
                false,
            ),
            (Operation::Chat, r#"{"web_search_options":{}}"#, true),
            (Operation::Chat, r#"{"models":["dear"]}"#, true),
            (Operation::Messages, r#"{"mcp_servers":[]}"#, true),
            (
                Operation::Responses,
                r#"{"tools":[{"type":"custom"},{"type":"web_search"}]}"#,
                true,
            ),
            (
                Operation::Messages,
                r#"{"tools":[{"name":"f","input_schema":{}}]}"#,
                false,
            ),
            (
                Operation::Messages,
                r#"{"tools":[{"type":"web_search_20250305"}]}"#,
                true,
            ),
            (
                Operation::GenerateContent,
                r#"{"tools":[{"functionDeclarations":[]}]}"#,
                false,
            ),
            (
                Operation::GenerateContent,
                r#"{"tools":[{"googleSearch":{}}]}"#,
                true,
            ),
        ] {
            assert_eq!(
                asks_for_services(operation, &document(body)),
                expected,
                "{body}"
            );
        }
    }
}
