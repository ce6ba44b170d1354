//! What a request needs of a model, as far as a catalogue of models can say whether it has that.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use crate::document::Document;
use crate::walk::Walker;

/// What a request needs of a model, beyond text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// There are tools.
    pub tools: bool,
    /// There are pictures.
    pub vision: bool,
    /// The answer is to keep to a schema.
    pub schema: bool,
}

/// What only pictures have in a request, as it stands in JSON, by a beginning that is looked for: keys
/// and kinds of parts of `OpenAI`'s chats and responses, of Anthropic, Google and Ollama. Inside a text
/// their quotation marks are escaped, so no prompt can name them.
static PICTURES: LazyLock<[(Finder<'static>, &'static [&'static [u8]]); 4]> = LazyLock::new(|| {
    let finder = |beginning: &'static [u8]| Finder::new(beginning);
    [
        (finder(br#""image"#), &[br#"""#, br#"s""#, br#"_url""#]),
        (finder(br#""input_image"#), &[br#"""#]),
        (finder(br#""inline"#), &[br#"Data""#, br#"_data""#]),
        (finder(br#""fileData"#), &[br#"""#]),
    ]
});

/// Whether there is a picture in a request.
fn has_picture(body: &[u8]) -> bool {
    PICTURES.iter().any(|(beginning, ends)| {
        let mut found = beginning.find_iter(body);
        found.any(|at| {
            let rest = body.get(at + beginning.needle().len()..);
            rest.is_some_and(|rest| ends.iter().any(|end| rest.starts_with(end)))
        })
    })
}

impl Needs {
    /// Reads a request of any dialect.
    pub fn of(document: &Document) -> Self {
        let has_items = |field: &str| {
            let raw = document.raw(field);
            raw.and_then(|raw| Walker::new(raw).array())
                .is_some_and(|mut items| items.next().is_some())
        };
        let body = document.bytes();
        Self {
            tools: has_items("tools") || has_items("functions"),
            vision: has_picture(body),
            schema: has_schema(document),
        }
    }
}

/// Where each dialect says what the answer is to look like.
fn has_schema(document: &Document) -> bool {
    let names = |field: &str, word: &[u8]| {
        let raw = document.raw(field);
        raw.is_some_and(|raw| memmem::find(raw, word).is_some())
    };
    let google = ["generationConfig", "generation_config"];
    let words: [&[u8]; 4] = [
        br#""responseSchema""#,
        br#""response_schema""#,
        br#""responseJsonSchema""#,
        br#""response_json_schema""#,
    ];
    names("response_format", br#""json_schema""#)
        || names("text", br#""json_schema""#)
        || names("output_config", br#""json_schema""#)
        || document.object("format").is_some()
        || google
            .iter()
            .any(|field| words.iter().any(|word| names(field, word)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn needs(body: &'static str) -> (bool, bool, bool) {
        let document = Document::parse(body.into()).unwrap();
        let needs = Needs::of(&document);
        (needs.tools, needs.vision, needs.schema)
    }

    #[test]
    fn tools_pictures_and_schemas_are_seen_in_every_dialect() {
        for (body, expected) in [
            (
                r#"{"messages":[{"role":"user","content":"Hi"}]}"#,
                (false, false, false),
            ),
            (
                r#"{"tools":[{"type":"function"}],"messages":[]}"#,
                (true, false, false),
            ),
            (
                r#"{"tools":[],"functions":[{"name":"f"}]}"#,
                (true, false, false),
            ),
            (
                r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
                (false, true, false),
            ),
            (
                r#"{"messages":[{"content":[{"type":"image","source":{}}]}]}"#,
                (false, true, false),
            ),
            (
                r#"{"contents":[{"parts":[{"inlineData":{}}]}]}"#,
                (false, true, false),
            ),
            (
                r#"{"response_format":{"type":"json_schema","json_schema":{}}}"#,
                (false, false, true),
            ),
            (
                r#"{"response_format":{"type":"json_object"}}"#,
                (false, false, false),
            ),
            (
                r#"{"text":{"format":{"type":"json_schema"}}}"#,
                (false, false, true),
            ),
            (r#"{"format":{"type":"object"}}"#, (false, false, true)),
            (r#"{"format":"json"}"#, (false, false, false)),
            (
                r#"{"generationConfig":{"responseSchema":{}}}"#,
                (false, false, true),
            ),
        ] {
            assert_eq!(needs(body), expected, "{body}");
        }
    }

    #[test]
    fn a_prompt_that_speaks_of_pictures_has_none() {
        let body = r#"{"messages":[{"role":"user","content":"what is \"image_url\"?"}]}"#;
        assert_eq!(needs(body), (false, false, false));
    }
}
