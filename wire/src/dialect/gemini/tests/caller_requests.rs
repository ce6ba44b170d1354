//! What Google's clients ask for.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::document;
use crate::chat::{Effort, Format, Thinking, ToolChoice, Traits};
use crate::dialect::Dialect;
use crate::dialect::tests::{check, unreadable, write};

const TO_OPENAI: (Dialect, Dialect) = (Dialect::Gemini, Dialect::OpenAiChat);
const TO_ANTHROPIC: (Dialect, Dialect) = (Dialect::Gemini, Dialect::Anthropic);

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!(
            "../../../../testdata/gemini/caller/",
            $name,
            ".json"
        ))
    };
}

/// A request with one word and these fields.
fn asking(fields: &Value) -> Value {
    let mut request = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    for (name, value) in fields.as_object().into_iter().flatten() {
        request
            .as_object_mut()
            .unwrap()
            .insert(name.clone(), value.clone());
    }
    request
}

fn thinking(config: &Value) -> Thinking {
    let config = json!({"generationConfig": {"thinkingConfig": config}});
    let request = document(&asking(&config));
    Dialect::Gemini.read_request(&request).unwrap().thinking
}

#[test]
fn all_that_can_be_asked_reaches_a_vendor_of_another_dialect() {
    check(TO_OPENAI, golden!("everything"), Traits::default());
}

#[test]
fn both_spellings_of_a_field_are_read_and_the_callers_own_names_are_left_alone() {
    check(TO_OPENAI, golden!("snake_case"), Traits::default());
}

// traps 11, 18
#[test]
fn results_without_ids_find_their_calls_by_name_and_order() {
    check(
        TO_ANTHROPIC,
        golden!("calls_without_ids"),
        Traits::default(),
    );
}

#[test]
fn what_only_googles_own_models_can_do_is_refused_by_name() {
    for (fields, path) in [
        (
            json!({"cachedContent": "cachedContents/a"}),
            "cachedContent",
        ),
        (
            json!({"tools": [{}, {"googleSearch": {}}]}),
            "tools[1].googleSearch",
        ),
        (
            json!({"tools": [{"code_execution": {}}]}),
            "tools[0].codeExecution",
        ),
        (
            json!({"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}),
            "generationConfig.responseModalities",
        ),
        (
            json!({"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING"}}}),
            "generationConfig.responseMimeType",
        ),
    ] {
        assert_eq!(unreadable(Dialect::Gemini, &asking(&fields)), path);
    }
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    let part = |part: Value| json!({"contents": [{"parts": [{"text": "a"}, part]}]});
    for (request, path) in [
        (
            json!({"contents": [{"role": "system", "parts": []}]}),
            "contents[0].role",
        ),
        (part(json!({"text": 1})), "contents[0].parts[1].text"),
        (
            part(json!({"inlineData": {}})),
            "contents[0].parts[1].inlineData.data",
        ),
        (
            part(json!({"fileData": {}})),
            "contents[0].parts[1].fileData.fileUri",
        ),
        (
            json!({"contents": [{"role": "model", "parts": [{"functionCall": {"args": {}}}]}]}),
            "contents[0].parts[0].functionCall.name",
        ),
        (
            json!({"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": "{}"}}]}]}),
            "contents[0].parts[0].functionCall.args",
        ),
        (
            asking(&json!({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}})),
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            asking(&json!({"generationConfig": {"topP": "0.5"}})),
            "generationConfig.topP",
        ),
        (
            asking(&json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": -2}}})),
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
        (
            asking(&json!({"tools": [{"functionDeclarations": [{}]}]})),
            "tools[0].functionDeclarations[0].name",
        ),
        (
            asking(&json!({"systemInstruction": {"parts": [{}]}})),
            "systemInstruction.parts[0].text",
        ),
        (asking(&json!({"serviceTier": "best"})), "serviceTier"),
    ] {
        assert_eq!(unreadable(Dialect::Gemini, &request), path);
    }
}

#[test]
fn the_words_for_thinking_are_told_apart() {
    let nothing = Thinking::default();
    let cases = [
        (json!({}), nothing),
        (
            json!({"thinkingBudget": -1}),
            Thinking {
                is_on: Some(true),
                ..nothing
            },
        ),
        (
            json!({"thinkingBudget": 2000, "includeThoughts": false}),
            Thinking {
                budget: Some(2000),
                is_visible: Some(false),
                ..nothing
            },
        ),
        (
            json!({"thinkingLevel": "minimal", "includeThoughts": true}),
            Thinking {
                effort: Some(Effort::Minimal),
                is_visible: Some(true),
                is_on: Some(true),
                ..nothing
            },
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(thinking(&config), expected, "{config}");
    }
    assert_eq!(
        thinking(&json!({"thinkingBudget": 0})).meant(),
        Some(Effort::None)
    );
}

#[test]
fn each_mode_of_calling_is_a_choice() {
    let names = |names: &[&'static str]| names.iter().map(|it| (*it).into()).collect();
    let cases = [
        (json!({}), None),
        (json!({"mode": "AUTO"}), Some(ToolChoice::Auto)),
        (json!({"mode": "VALIDATED"}), Some(ToolChoice::Auto)),
        (json!({"mode": "NONE"}), Some(ToolChoice::None)),
        (json!({"mode": "ANY"}), Some(ToolChoice::Required)),
        (
            json!({"mode": "any", "allowedFunctionNames": ["a"]}),
            Some(ToolChoice::Named("a".into())),
        ),
        (
            json!({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}),
            Some(ToolChoice::Allowed {
                is_required: true,
                names: names(&["a", "b"]),
            }),
        ),
    ];
    for (calling, expected) in cases {
        let config = json!({"toolConfig": {"functionCallingConfig": calling}});
        let request = document(&asking(&config));
        let read = Dialect::Gemini.read_request(&request).unwrap();
        assert_eq!(read.tool_choice, expected, "{calling}");
    }
}

#[test]
fn json_may_be_asked_for_without_a_schema() {
    let config = json!({"generationConfig": {"responseMimeType": "application/json"}});
    let request = document(&asking(&config));
    let read = Dialect::Gemini.read_request(&request).unwrap();
    assert_eq!(read.format, Format::JsonObject);
}

#[test]
fn one_part_may_stand_without_its_list() {
    let request = json!({"systemInstruction": {"parts": {"text": "Be brief."}},
        "contents": [{"role": "user", "parts": {"text": "q"}}]});
    let sent = write(
        (Dialect::Gemini, Dialect::OpenAiChat),
        &request,
        Traits::default(),
    );
    assert_eq!(sent.body["messages"][0]["content"], "Be brief.");
    assert_eq!(sent.body["messages"][1]["content"], "q");
}
