//! Which requests are understood, and which field is named when one is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;

use super::*;

fn view(operation: Operation, body: &str) -> Result<RequestView, FieldError> {
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    RequestView::read(operation, &document)
}

/// A chat request with `fields` after the required ones.
fn chat(fields: &str) -> Result<RequestView, FieldError> {
    let comma = if fields.is_empty() { "" } else { "," };
    view(
        Operation::Chat,
        &format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{comma}{fields}}}"#),
    )
}

fn refused(fields: &str) -> String {
    chat(fields).unwrap_err().field
}

#[test]
fn a_plain_chat_has_the_defaults() {
    let expected = RequestView {
        model: "m".to_owned(),
        is_stream: false,
        asks_usage: false,
        max_output: None,
        choices: 1,
        written: 1,
    };
    assert_eq!(chat(""), Ok(expected.clone()));
    let nulls = r#""stream":null,"n":null,"max_tokens":null,"stream_options":null,"tools":null"#;
    assert_eq!(chat(nulls), Ok(expected));
}

#[test]
fn every_field_is_read() {
    let fields = r#""stream":true,"stream_options":{"include_usage":true,"x":1},"max_completion_tokens":7,"max_tokens":9,"n":3"#;
    let expected = RequestView {
        model: "m".to_owned(),
        is_stream: true,
        asks_usage: true,
        // Which of the two a server reads is not said.
        max_output: Some(9),
        choices: 3,
        written: 3,
    };
    assert_eq!(chat(fields), Ok(expected));
}

#[test]
fn model_names_are_plain_ascii() {
    // S-25
    let long = "a".repeat(129);
    for name in [
        "",
        "gpt‑4",
        "gpt 4",
        "m\u{430}",
        "a\u{200b}",
        "a\\n",
        long.as_str(),
    ] {
        let body = format!(r#"{{"model":"{name}","input":"x"}}"#);
        let error = view(Operation::Embeddings, &body).unwrap_err();
        assert_eq!(error.field, "model", "{name}");
    }
    for name in [
        "a",
        "meta-llama/Llama-3.1:free",
        "@cf/x_y",
        &"a".repeat(128),
    ] {
        let body = format!(r#"{{"model":"{name}","input":"x"}}"#);
        assert_eq!(view(Operation::Embeddings, &body).unwrap().model, name);
    }
    for body in [r#"{"input":"x"}"#, r#"{"model":null}"#, r#"{"model":5}"#] {
        assert_eq!(
            view(Operation::Embeddings, body).unwrap_err().field,
            "model"
        );
    }
}

#[test]
fn messages_must_be_a_list_of_objects_with_a_role() {
    // C-19
    let cases = [
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":null}"#, "messages"),
        (r#"{"model":"m","messages":"hi"}"#, "messages"),
        (r#"{"model":"m","messages":{}}"#, "messages"),
        (r#"{"model":"m","messages":[]}"#, "messages"),
        (r#"{"model":"m","messages":["hi"]}"#, "messages"),
        (
            r#"{"model":"m","messages":[{"role":"user"},{"content":"x"}]}"#,
            "messages[1].role",
        ),
        (
            r#"{"model":"m","messages":[{"role":""}]}"#,
            "messages[0].role",
        ),
        (
            r#"{"model":"m","messages":[{"role":1}]}"#,
            "messages[0].role",
        ),
    ];
    for (body, field) in cases {
        assert_eq!(
            view(Operation::Chat, body).unwrap_err().field,
            field,
            "{body}"
        );
    }
    let escaped = r#"{"model":"m","messages":[{"r\u006fle":"user"}]}"#;
    assert!(view(Operation::Chat, escaped).is_ok());
}

#[test]
fn too_many_messages_or_tools_are_refused() {
    // C-13
    let messages = |count: usize| {
        let list = vec![r#"{"role":"user"}"#; count].join(",");
        view(
            Operation::Chat,
            &format!(r#"{{"model":"m","messages":[{list}]}}"#),
        )
    };
    assert!(messages(2048).is_ok());
    assert_eq!(messages(2049).unwrap_err().field, "messages");
    let tools = |count: usize| chat(&format!(r#""tools":[{}]"#, vec!["{}"; count].join(",")));
    assert!(tools(512).is_ok());
    assert_eq!(tools(513).unwrap_err().field, "tools");
    assert_eq!(refused(r#""tools":{}"#), "tools");
}

#[test]
fn numbers_must_be_whole_and_within_reason() {
    // C-17, C-18
    for n in [
        "0",
        "129",
        "-1",
        "1.5",
        "\"5\"",
        "1e1",
        "18446744073709551616",
        "true",
    ] {
        assert_eq!(refused(&format!("\"n\":{n}")), "n", "{n}");
    }
    for limit in ["0", "-1", "1099511627776", "2.5", "\"5\"", "1e3", "-0"] {
        assert_eq!(
            refused(&format!("\"max_tokens\":{limit}")),
            "max_tokens",
            "{limit}"
        );
        let newer = format!("\"max_completion_tokens\":{limit}");
        assert_eq!(refused(&newer), "max_completion_tokens", "{limit}");
    }
    assert_eq!(
        chat(r#""max_tokens":1000.0,"n":2.0"#).unwrap().max_output,
        Some(1000)
    );
}

#[test]
fn stream_options_go_with_a_stream_only() {
    // C-31
    assert_eq!(
        refused(r#""stream_options":{"include_usage":true}"#),
        "stream_options"
    );
    assert_eq!(
        refused(r#""stream":false,"stream_options":{}"#),
        "stream_options"
    );
    assert_eq!(
        refused(r#""stream":true,"stream_options":true"#),
        "stream_options"
    );
    assert_eq!(
        refused(r#""stream":true,"stream_options":{"include_usage":1}"#),
        "stream_options"
    );
    assert!(
        !chat(r#""stream":true,"stream_options":{}"#)
            .unwrap()
            .asks_usage
    );
    assert_eq!(refused(r#""stream":"true""#), "stream");
}

#[test]
fn the_other_operations_need_their_input() {
    for (operation, field) in [
        (Operation::Completions, "prompt"),
        (Operation::Embeddings, "input"),
    ] {
        for good in [r#""x""#, r#"["a","b"]"#, "[1,2]", "[[1],[2]]", r#""""#] {
            let body = format!(r#"{{"model":"m","{field}":{good}}}"#);
            assert!(view(operation, &body).is_ok(), "{body}");
        }
        for bad in ["null", "5", "{}", "[]", "true"] {
            let body = format!(r#"{{"model":"m","{field}":{bad}}}"#);
            assert_eq!(view(operation, &body).unwrap_err().field, field, "{body}");
        }
        assert_eq!(
            view(operation, r#"{"model":"m"}"#).unwrap_err().field,
            field
        );
    }
    let body = r#"{"model":"m","input":"x","stream":true}"#;
    assert!(!view(Operation::Embeddings, body).unwrap().is_stream);
}

// S-26
#[test]
fn every_prompt_has_its_choices_and_the_best_of_several_are_all_written() {
    for (body, expected) in [
        (r#""prompt":"hi" "#, Ok(1)),
        (r#""prompt":[1,2,3]"#, Ok(1)),
        (r#""prompt":["a","b","c"],"n":2"#, Ok(6)),
        (r#""prompt":[[1,2],[3]],"best_of":20.0"#, Ok(40)),
        (r#""prompt":"hi","n":3,"best_of":null"#, Ok(3)),
        (r#""prompt":"hi","best_of":"20" "#, Err("best_of")),
        (r#""prompt":"hi","best_of":-1"#, Err("best_of")),
        (r#""prompt":"hi","best_of":2.5"#, Err("best_of")),
        (r#""prompt":"hi","best_of":129"#, Err("best_of")),
        (r#""prompt":"hi","best_of":1e99"#, Err("best_of")),
    ] {
        let body = format!(r#"{{"model":"m",{body}}}"#);
        let read = view(Operation::Completions, &body);
        let written = read.map(|it| it.written).map_err(|it| it.field);
        assert_eq!(written, expected.map_err(str::to_owned), "{body}");
    }
}

#[test]
fn of_two_bounds_on_an_answer_the_larger_holds() {
    let both = chat(r#""max_completion_tokens":1,"max_tokens":16000"#);
    assert_eq!(both.unwrap().max_output, Some(16_000));
}

// S-26
#[test]
fn what_google_could_read_in_two_spellings_is_refused() {
    let read = |config: &str| {
        let body = format!(r#"{{"contents":[{{"parts":[]}}],{config}}}"#);
        let address = Address {
            model: "m".to_owned(),
            is_stream: false,
        };
        let document = Document::parse(body.into()).unwrap();
        let view = RequestView::read_at(Some(address), Operation::GenerateContent, &document);
        view.map(|it| (it.max_output, it.choices))
            .map_err(|it| it.field)
    };
    let one = read(r#""generation_config":{"max_output_tokens":9,"candidateCount":2}"#);
    assert_eq!(one, Ok((Some(9), 2)));
    for (config, field) in [
        (
            r#""generationConfig":{"candidateCount":null,"candidate_count":8}"#,
            "generationConfig.candidateCount",
        ),
        (
            r#""generationConfig":{"maxOutputTokens":1,"max_output\u005ftokens":8}"#,
            "generationConfig.maxOutputTokens",
        ),
        (
            r#""generationConfig":{},"generation_config":{"candidateCount":8}"#,
            "generationConfig",
        ),
        (
            r#""generationConfig":{"maxOutputTokens":"1000"}"#,
            "generationConfig.maxOutputTokens",
        ),
    ] {
        assert_eq!(read(config), Err(field.to_owned()), "{config}");
    }
}
