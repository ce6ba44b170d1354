//! What clients ask about models, and embeddings.

use super::*;
use crate::dialect::ollama::catalog::*;
use crate::dialect::ollama::error::unknown_model;
use crate::fault::Fault;

const CARD: ModelCard<'static> = ModelCard {
    name: "claude:opus",
    modified: 1_700_000_000,
    size: None,
    family: "claude",
    parameter_size: "",
    quantization: "",
    context_length: 200_000,
    embedding_length: 0,
    capabilities: &["completion", "tools", "vision"],
};

fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn digest_in(model: &Value) -> String {
    let digest = model["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 64);
    assert!(digest.bytes().all(|it| it.is_ascii_hexdigit()), "{digest}");
    digest.to_owned()
}

#[test]
fn a_list_of_models_has_every_key() {
    let mut model = value(&tags(&[CARD]))["models"][0].clone();
    let digest = digest_in(&model);
    model["digest"] = json!("");
    let details = json!({"parent_model": "", "format": "gguf", "family": "claude", "families": ["claude"],
        "parameter_size": "", "quantization_level": ""});
    assert_eq!(
        model,
        json!({"name": "claude:opus", "model": "claude:opus",
            "modified_at": "2023-11-14T22:13:20.000000000Z", "size": 4_000_000_000_u64, "digest": "",
            "details": details, "capabilities": ["completion", "tools", "vision"]})
    );
    let known = ModelCard {
        size: Some(7),
        ..CARD
    };
    let mut model = value(&ps(&[known], 1_700_000_300))["models"][0].clone();
    assert_eq!(digest_in(&model), digest);
    model["digest"] = json!("");
    assert_eq!(
        model,
        json!({"name": "claude:opus", "model": "claude:opus", "size": 7, "digest": "",
            "details": details, "expires_at": "2023-11-14T22:18:20.000000000Z", "size_vram": 7,
            "context_length": 200_000})
    );
    assert_eq!(tags(&[]), "{\"models\":[]}");
    let other = ModelCard {
        name: "claude:sonnet",
        ..CARD
    };
    assert_ne!(digest_in(&value(&tags(&[other]))["models"][0]), digest);
}

#[test]
fn a_model_is_shown_with_what_editors_look_up() {
    assert_eq!(
        value(&show(&CARD)),
        json!({"modelfile": "FROM claude:opus\n", "parameters": "", "template": "",
            "details": {"parent_model": "", "format": "gguf", "family": "claude", "families": ["claude"],
                "parameter_size": "", "quantization_level": ""},
            "model_info": {"general.architecture": "claude", "claude.context_length": 200_000,
                "claude.embedding_length": 0},
            "capabilities": ["completion", "tools", "vision"],
            "modified_at": "2023-11-14T22:13:20.000000000Z"})
    );
}

#[test]
fn small_answers_are_as_clients_know_them() {
    assert_eq!(version("0.13.1"), "{\"version\":\"0.13.1\"}");
    assert_eq!(pulled(), "{\"status\":\"success\"}\n");
    assert_eq!(
        unknown_model("x"),
        "{\"error\":\"model \\\"x\\\" not found\"}"
    );
    assert_eq!(plain_name("llama3:latest"), "llama3");
    assert_eq!(plain_name("llama3:8b"), "llama3:8b");
}

#[test]
fn a_request_for_embeddings_is_one_of_openai() {
    let request = document(
        &json!({"model": "e", "input": ["a", "배"], "dimensions": 256,
        "truncate": true, "options": {"num_ctx": 1}, "keep_alive": "5m"}),
    );
    let found = embed_request(&request).unwrap();
    assert_eq!(
        value(&found.body),
        json!({"model": "e", "input": ["a", "배"], "encoding_format": "float", "dimensions": 256})
    );
    assert_eq!(found.dropped, ["truncate"]);
    let request = document(&json!({"model": "e", "input": "a", "truncate": false}));
    let found = embed_request(&request).unwrap();
    assert_eq!(
        value(&found.body),
        json!({"model": "e", "input": "a", "encoding_format": "float"})
    );
    assert!(found.dropped.is_empty());
    let request = document(&json!({"model": "e", "prompt": "a"}));
    let found = embeddings_request(&request).unwrap();
    assert_eq!(value(&found.body)["input"], "a");
    for (body, field) in [
        (json!({"input": "a"}), "model"),
        (json!({"model": "e"}), "input"),
        (json!({"model": "e", "input": [1]}), "input"),
    ] {
        let error = embed_request(&document(&body)).unwrap_err();
        assert_eq!(error.field, field, "{body}");
    }
}

#[test]
fn embeddings_come_in_the_order_of_their_texts_and_in_their_digits() {
    let body = br#"{"object":"list","data":[{"index":1,"embedding":[0.10,-1e-7]},
        {"index":0,"embedding":[1.0,2]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let request = nothing();
    assert_eq!(
        embed_answer(body, &echo(&request)).unwrap(),
        "{\"model\":\"public\",\"embeddings\":[[1.0,2],[0.10,-1e-7]],\"total_duration\":0,\"load_duration\":0,\"prompt_eval_count\":8}"
    );
    assert_eq!(embeddings_answer(body).unwrap(), "{\"embedding\":[1.0,2]}");
}

#[test]
fn what_is_no_list_of_embeddings_is_a_fault() {
    let request = nothing();
    for body in [
        "{}",
        "<html>",
        r#"{"data":[{"index":0,"embedding":"AACAPw=="}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[2]}]}"#,
    ] {
        assert_eq!(
            embed_answer(body.as_bytes(), &echo(&request)),
            Err(Fault::Protocol),
            "{body}"
        );
    }
    assert_eq!(embeddings_answer(br#"{"data":[]}"#), Err(Fault::Protocol));
}

#[test]
fn nothing_to_embed_only_loads_the_model() {
    for (body, is_it) in [
        (json!({"model": "e"}), true),
        (json!({"model": "e", "input": ""}), true),
        (json!({"model": "e", "input": []}), true),
        (json!({"model": "e", "prompt": ""}), true),
        (json!({"model": "e", "input": [""]}), false),
        (json!({"model": "e", "prompt": "x"}), false),
        (json!({"model": "e", "input": 1}), false),
    ] {
        assert_eq!(embeds_nothing(&document(&body)), is_it, "{body}");
    }
    let request = nothing();
    assert_eq!(
        nothing_embedded(&echo(&request)),
        "{\"model\":\"public\",\"embeddings\":[]}"
    );
    assert_eq!(nothing_embedded_legacy(), "{\"embedding\":[]}");
}
