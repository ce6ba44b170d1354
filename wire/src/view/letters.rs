//! Fields that are acted on, written in other letters.
//!
//! Servers in Go take `Max_Tokens` for `max_tokens`, and of the two the later one. What such a server reads and
//! we do not would pass a key's list of models or a bound, so it is refused.

use crate::document::{Document, FieldError};

/// Fields at the top of a request that decide where it goes, what is held for it or how it is read.
const FIELDS: [&str; 14] = [
    "model",
    "stream",
    "n",
    "best_of",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "prompt",
    "messages",
    "input",
    "options",
    "tools",
    "models",
    "plugins",
];
/// The bound on output within Ollama's options.
const PREDICT: &str = "num_predict";

/// Refuses a field that is acted on and written in other letters.
pub(super) fn check(document: &Document) -> Result<(), FieldError> {
    let is_other = |name: &str, known: &str| name.eq_ignore_ascii_case(known) && name != known;
    let refused = |known: &'static str| FieldError::new(known, "written in small letters");
    for name in document.fields().filter(|it| has_capitals(it)) {
        if let Some(known) = FIELDS.iter().find(|it| is_other(name, it)) {
            return Err(refused(known));
        }
    }
    let options = document.object("options");
    let mut names = options.iter().flat_map(|it| it.fields(document));
    if names.any(|it| is_other(it, PREDICT)) {
        return Err(refused("options.num_predict"));
    }
    Ok(())
}

fn has_capitals(name: &str) -> bool {
    name.bytes().any(|it| it.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn refused(body: &'static str) -> Option<String> {
        let document = Document::parse(body.into()).unwrap();
        check(&document).err().map(|it| it.field)
    }

    #[test]
    fn what_a_server_in_go_would_take_for_a_field_of_ours_is_refused() {
        for (body, field) in [
            (r#"{"max_tokens":1,"Max_Tokens":100000}"#, "max_tokens"),
            (r#"{"model":"a","MODEL":"b"}"#, "model"),
            (r#"{"model":"a","M\u006fdel":"b"}"#, "model"),
            (r#"{"options":{"Num_Predict":9}}"#, "options.num_predict"),
        ] {
            assert_eq!(refused(body).as_deref(), Some(field), "{body}");
        }
        for body in [
            r#"{"model":"a","max_tokens":1,"options":{"num_predict":9}}"#,
            r#"{"generationConfig":{},"systemInstruction":{},"X-Own":1}"#,
        ] {
            assert_eq!(refused(body), None, "{body}");
        }
    }
}
