//! What a request needs of a model, as far as a catalogue of models can say whether it has that.

use memchr::memmem;

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

/// Keys and kinds of parts that pictures have, as they stand in JSON: where none is, there is no
/// picture. Of `OpenAI`'s chats and responses, of Anthropic, Google and Ollama.
const PICTURES: [&[u8]; 7] = [
    br#""image_url""#,
    br#""input_image""#,
    br#""image""#,
    br#""images""#,
    br#""inlineData""#,
    br#""inline_data""#,
    br#""fileData""#,
];
/// Where requests have messages, and rankings what they rank.
const PLACES: [&str; 5] = ["messages", "input", "contents", "query", "documents"];
/// Levels between a list of messages and a picture in what a tool answered.
const MAX_DEPTH: usize = 8;

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
            vision: PICTURES.iter().any(|it| memmem::find(body, it).is_some())
                && (has_items("images") || has_picture(document)),
            schema: has_schema(document),
        }
    }
}

/// Whether a part of a message is a picture. What tools are called with, and their schemas, may have
/// fields of these names as well.
fn has_picture(document: &Document) -> bool {
    let mut places = PLACES.iter().filter_map(|it| document.raw(it));
    places.any(|it| shows(it, MAX_DEPTH))
}

/// Whether there is a picture in a part, a message or a list of them.
fn shows(raw: &[u8], depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let walker = Walker::new(raw);
    if let Some(mut items) = walker.array() {
        return items.any(|(item, _)| shows(item, depth));
    }
    let Some(mut fields) = walker.object() else {
        return false;
    };
    fields.any(|it| match it.key {
        b"type" => PICTURES.iter().take(3).any(|kind| it.value == *kind),
        b"image_url" | b"inlineData" | b"inline_data" | b"fileData" => it.value != b"null",
        b"images" => {
            let items = Walker::new(it.value).array();
            items.is_some_and(|mut it| it.next().is_some())
        }
        b"content" | b"parts" | b"output" | b"functionResponse" | b"function_response" => {
            shows(it.value, depth)
        }
        _ => false,
    })
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
                r#"{"messages":[{"role":"user","content":"Hi","images":["aGk="]}]}"#,
                (false, true, false),
            ),
            (r#"{"prompt":"Hi","images":["aGk="]}"#, (false, true, false)),
            (
                r#"{"messages":[{"content":[{"type":"tool_result","content":[{"type":"image"}]}]}]}"#,
                (false, true, false),
            ),
            (
                r#"{"input":[{"type":"function_call_output","output":[{"type":"input_image"}]}]}"#,
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
    fn a_prompt_or_a_tool_that_speaks_of_pictures_has_none() {
        for body in [
            r#"{"messages":[{"role":"user","content":"what is \"image_url\"?"}]}"#,
            r#"{"messages":[{"role":"user","content":"image"}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"image"}]}]}"#,
            r#"{"messages":[{"role":"user","content":"Hi","images":[]}]}"#,
            r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"image":"a"}}]}]}"#,
            r#"{"contents":[{"parts":[{"functionCall":{"args":{"image":"a"}}}]}]}"#,
        ] {
            assert!(!needs(body).1, "{body}");
        }
        let tool =
            r#"{"tools":[{"function":{"parameters":{"properties":{"image":{}}}}}],"messages":[]}"#;
        assert_eq!(needs(tool), (true, false, false));
    }
}
