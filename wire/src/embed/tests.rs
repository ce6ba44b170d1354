#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::document::Document;

/// A call at one vendor: what was asked, what the vendor must get, what it says, what the caller gets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "about")]
    _about: String,
    dialect: String,
    model: String,
    request: Value,
    dropped: Vec<String>,
    upstream: Vec<Value>,
    answers: Vec<Answered>,
    caller: Value,
}

#[derive(Deserialize)]
struct Answered {
    header: Option<String>,
    body: Value,
}

fn cases() -> Vec<(String, Case)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/embed");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path.display().to_string(), case)
    };
    files.map(read).collect()
}

fn dialect(name: &str) -> EmbedDialect {
    match name {
        "cohere" => EmbedDialect::Cohere,
        "bedrock" => EmbedDialect::Bedrock,
        "gemini" => EmbedDialect::Gemini,
        "ollama" => EmbedDialect::Ollama,
        "vertex" => EmbedDialect::Vertex,
        other => panic!("{other}"),
    }
}

fn document(value: &Value) -> Document {
    Document::parse(Bytes::from(value.to_string())).unwrap()
}

fn parsed(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).unwrap()
}

#[test]
fn every_vendor_gets_its_own_form_and_the_caller_gets_openais() {
    let cases = cases();
    assert!(cases.len() >= 9);
    for (path, case) in cases {
        let document = document(&case.request);
        let request = openai::read(&document).unwrap();
        let dialect = dialect(&case.dialect);
        let written = dialect.write(&request, &case.model).unwrap();
        let bodies: Vec<Value> = written.parts.iter().map(|it| parsed(&it.body)).collect();
        assert_eq!(bodies, case.upstream, "{path}");
        assert_eq!(written.dropped, case.dropped, "{path}");

        let (mut vectors, mut input) = (Vec::new(), Some(0));
        for (part, answered) in written.parts.iter().zip(&case.answers) {
            let body = answered.body.to_string();
            let reply = Reply {
                body: body.as_bytes(),
                counted: answered.header.as_deref(),
                texts: part.texts,
            };
            let embedded = dialect.read(&request, reply).unwrap();
            vectors.extend(embedded.vectors);
            let told = embedded.usage.map(|it| it.unwrap().input);
            input = input.zip(told).map(|(sum, told)| sum + told);
        }
        let estimated = 77;
        let answer = openai::write(
            "public",
            request.encoding,
            &vectors,
            input.unwrap_or(estimated),
        );
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer, case.caller, "{path}");
    }
}

#[test]
fn what_a_model_cannot_do_is_refused_by_name() {
    let tokens = [json!([1, 2, 3]), json!([[1, 2], [3]])];
    let all = [
        (EmbedDialect::Cohere, "embed-v4.0"),
        (EmbedDialect::Bedrock, "amazon.titan-embed-text-v2:0"),
        (EmbedDialect::Gemini, "gemini-embedding-001"),
        (EmbedDialect::Ollama, "all-minilm"),
    ];
    let refused = |dialect: EmbedDialect, model: &str, request: &Value| {
        let document = document(request);
        let request = openai::read(&document).unwrap();
        dialect
            .write(&request, model)
            .unwrap_err()
            .param
            .into_owned()
    };
    for input in tokens {
        for (dialect, model) in all {
            let request = json!({"model": "m", "input": input});
            assert_eq!(refused(dialect, model, &request), "input");
        }
    }
    for (dialect, model) in [
        (EmbedDialect::Cohere, "embed-english-v3.0"),
        (EmbedDialect::Bedrock, "cohere.embed-multilingual-v3"),
        (EmbedDialect::Bedrock, "amazon.titan-embed-text-v1"),
    ] {
        let request = json!({"model": "m", "input": "a", "dimensions": 256});
        assert_eq!(refused(dialect, model, &request), "dimensions");
    }
    let request = json!({"model": "m", "input": "a"});
    let unknown = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x";
    assert_eq!(refused(EmbedDialect::Bedrock, unknown, &request), "model");
}

#[test]
fn what_cannot_be_understood_is_refused_by_name() {
    let texts: Vec<String> = vec!["t".to_owned(); MAX_INPUTS + 1];
    for (field, value) in [
        ("input", json!(["a", 1])),
        ("input", json!([{"text": "a"}])),
        ("input", json!([["a"]])),
        ("input", json!([-1])),
        ("input", json!(texts)),
        ("dimensions", json!("256")),
        ("dimensions", json!(-1)),
        ("encoding_format", json!("int8")),
        ("input_type", json!("image")),
    ] {
        let mut request = json!({"model": "m", "input": "a"});
        request[field] = value;
        assert_eq!(openai::read(&document(&request)).unwrap_err().field, field);
    }
}

#[test]
fn an_answer_that_is_none_is_a_fault() {
    let document = document(&json!({"model": "m", "input": ["a", "b"]}));
    let request = openai::read(&document).unwrap();
    for (dialect, body) in [
        (EmbedDialect::Cohere, "{\"message\":\"no\"}"),
        (EmbedDialect::Cohere, "{\"embeddings\":{\"float\":[[1]]}}"),
        (EmbedDialect::Bedrock, "{\"embeddings\":[[1],[2],[3]]}"),
        (EmbedDialect::Bedrock, "{\"embeddings\":7}"),
        (EmbedDialect::Bedrock, "{}"),
        (
            EmbedDialect::Gemini,
            "{\"embeddings\":[{\"values\":[1]},{}]}",
        ),
        (EmbedDialect::Ollama, "{\"embeddings\":[[1],[]]}"),
        (EmbedDialect::Ollama, "{\"embeddings\":[[1],[null]]}"),
        (EmbedDialect::Ollama, "{\"embeddings\":[[1],[1e39]]}"),
        (EmbedDialect::Ollama, "[[1],[2]]"),
    ] {
        let reply = Reply {
            body: body.as_bytes(),
            counted: None,
            texts: 2,
        };
        assert_eq!(
            dialect.read(&request, reply),
            Err(Fault::Protocol),
            "{body}"
        );
    }
}

#[test]
fn a_count_that_cannot_be_true_is_no_count() {
    let document = document(&json!({"model": "m", "input": "a"}));
    let request = openai::read(&document).unwrap();
    for count in ["-1", "1.5", "99999999999"] {
        let body = format!("{{\"embeddings\":[[1]],\"prompt_eval_count\":{count}}}");
        let reply = Reply {
            body: body.as_bytes(),
            counted: None,
            texts: 1,
        };
        let embedded = EmbedDialect::Ollama.read(&request, reply).unwrap();
        assert!(matches!(embedded.usage, Some(Err(_))), "{count}");
    }
}

fn finite() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |it| it.is_finite())
}

proptest! {
    #[test]
    fn vectors_keep_every_bit_in_either_encoding(vectors in prop::collection::vec(prop::collection::vec(finite(), 1..40), 1..4)) {
        let bits = |vectors: &[Vec<f32>]| -> Vec<Vec<u32>> {
            vectors.iter().map(|it| it.iter().map(|it| it.to_bits()).collect()).collect()
        };
        for encoding in [Encoding::Float, Encoding::Base64] {
            let answer = openai::write("m", encoding, &vectors, 3);
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let mut read = Vec::new();
            for (at, item) in answer["data"].as_array().unwrap().iter().enumerate() {
                prop_assert_eq!(&item["index"], at);
                read.push(match &item["embedding"] {
                    Value::String(text) => {
                        let bytes = STANDARD.decode(text).unwrap();
                        bytes.chunks_exact(4).map(|it| f32::from_le_bytes(it.try_into().unwrap())).collect()
                    }
                    numbers => serde_json::from_value::<Vec<f32>>(numbers.clone()).unwrap(),
                });
            }
            prop_assert_eq!(bits(&read), bits(&vectors));
        }
    }
}

#[test]
fn cohere_and_voyage_say_length_and_type_in_words_of_their_own() {
    let read = |fields: Value| {
        let mut body = json!({"model": "m", "input": "a"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let document = Document::parse(Bytes::from(body.to_string())).unwrap();
        openai::read(&document)
            .map(|it| (it.dimensions, it.rest.len()))
            .map_err(|it| it.field)
    };
    assert_eq!(read(json!({"output_dimension": 512})), Ok((Some(512), 0)));
    assert_eq!(
        read(json!({"embedding_types": ["float"], "output_dtype": "float"})),
        Ok((None, 0))
    );
    assert_eq!(
        read(json!({"embedding_types": ["int8"]})),
        Err("embedding_types".to_owned())
    );
    assert_eq!(
        read(json!({"output_dtype": "binary"})),
        Err("output_dtype".to_owned())
    );
}
