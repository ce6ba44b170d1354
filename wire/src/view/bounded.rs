//! A request with another bound on its output.

use serde_json::{Value, json};

use crate::document::Document;
use crate::operation::Operation;

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
}
