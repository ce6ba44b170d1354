#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{Provider, build, kinds};

fn built(kind: &str, settings: Value) -> Arc<dyn Provider> {
    let Value::Object(settings) = settings else {
        panic!("settings are an object")
    };
    build(kind, settings).unwrap()
}

/// Everything that is asked of a kind at its usual address, or at one that is written.
fn asked(kind: &str, settings: Value) -> Vec<String> {
    let listing = built(kind, settings).listing();
    let lists = listing.lists.iter().map(|it| it.uri.to_string());
    let proof = listing.proof.as_ref().map(|it| format!("proof {it}"));
    lists.chain(proof).collect()
}

/// Kind, settings, addresses.
type Asked<const N: usize> = [(&'static str, Value, &'static [&'static str]); N];

fn each_is_asked<const N: usize>(cases: Asked<N>) {
    for (kind, settings, expected) in cases {
        assert_eq!(asked(kind, settings), expected, "{kind}");
    }
}

#[test]
fn each_row_is_asked_where_it_tells() {
    let key = || json!({"api_key": "k"});
    let written = |base_url: &str| json!({"api_key": "k", "base_url": base_url});
    let cases: Asked<9> = [
        ("openai", key(), &["https://api.openai.com/v1/models"]),
        ("groq", key(), &["https://api.groq.com/openai/v1/models"]),
        (
            "openrouter",
            key(),
            &[
                "https://openrouter.ai/api/v1/models",
                "proof https://openrouter.ai/api/v1/key",
            ],
        ),
        (
            "openrouter",
            written("http://10.0.0.7/api/v1"),
            &[
                "http://10.0.0.7/api/v1/models",
                "proof http://10.0.0.7/api/v1/key",
            ],
        ),
        (
            "huggingface",
            key(),
            &[
                "https://router.huggingface.co/v1/models",
                "proof https://huggingface.co/api/whoami-v2",
            ],
        ),
        // A token is not sent to a host that the operator did not choose.
        (
            "huggingface",
            written("http://10.0.0.7/v1"),
            &["http://10.0.0.7/v1/models"],
        ),
        (
            "perplexity",
            key(),
            &["proof https://api.perplexity.ai/async/chat/completions"],
        ),
        (
            "tei",
            written("http://10.0.0.7:3000"),
            &["http://10.0.0.7:3000/info"],
        ),
        (
            "tgi",
            written("http://10.0.0.7:3000"),
            &["http://10.0.0.7:3000/v1/models"],
        ),
    ];
    each_is_asked(cases);
}

#[test]
fn each_vendor_with_an_api_of_its_own_is_asked_where_it_tells() {
    let key = || json!({"api_key": "k"});
    let written = |base_url: &str| json!({"api_key": "k", "base_url": base_url});
    let cases: Asked<8> = [
        (
            "anthropic",
            key(),
            &["https://api.anthropic.com/v1/models?limit=1000"],
        ),
        (
            "gemini",
            key(),
            &["https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000"],
        ),
        (
            "vertex",
            json!({"access_token": "t", "project": "p", "location": "us"}),
            &[
                "https://aiplatform.us.rep.googleapis.com/v1beta1/publishers/google/models?pageSize=100",
            ],
        ),
        (
            "bedrock",
            json!({"api_key": "k", "region": "cn-north-1"}),
            &[
                "https://bedrock.cn-north-1.amazonaws.com.cn/foundation-models",
                "https://bedrock.cn-north-1.amazonaws.com.cn/inference-profiles?maxResults=1000",
            ],
        ),
        (
            "bedrock",
            written("http://10.0.0.7"),
            &[
                "http://10.0.0.7/foundation-models",
                "http://10.0.0.7/inference-profiles?maxResults=1000",
            ],
        ),
        (
            "azure",
            json!({"api_key": "k", "resource": "r", "api_version": "2024-10-21"}),
            &["https://r.openai.azure.com/openai/models?api-version=2024-10-21"],
        ),
        (
            "cohere",
            key(),
            &["https://api.cohere.com/v1/models?page_size=1000"],
        ),
        (
            "ollama-native",
            json!({}),
            &["http://127.0.0.1:11434/api/tags"],
        ),
    ];
    each_is_asked(cases);
}

#[test]
fn every_kind_can_be_asked_whether_its_key_is_accepted() {
    for row in kinds() {
        let takes_key = row.access.fields.contains(&"api_key");
        let field = if takes_key { "api_key" } else { "access_token" };
        let mut settings = json!({"project": "p", "base_url": "http://10.0.0.7/v1"});
        settings[field] = "k".into();
        if !row.settings.contains(&"project") {
            settings.as_object_mut().unwrap().remove("project");
        }
        if row.kind == "openai" {
            settings["project"] = "p".into();
        }
        let listing = built(row.kind, settings).listing();
        let uri = listing.proving().unwrap();
        assert_eq!(uri.host(), Some("10.0.0.7"), "{}", row.kind);
        let question = listing.outbound(uri);
        assert!(!question.headers.contains_key(CONTENT_TYPE), "{}", row.kind);
        assert!(question.body.is_empty());
    }
}

fn listed(id: &str) -> ListedModel {
    ListedModel {
        id: id.to_owned(),
        aliases: Vec::new(),
        owner: None,
        created: None,
        context_tokens: None,
    }
}

fn told(id: &str, owner: &str, created: &str, context_tokens: u64) -> ListedModel {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ListedModel {
        owner: text(owner),
        created: text(created),
        context_tokens: (context_tokens > 0).then_some(context_tokens),
        ..listed(id)
    }
}

#[test]
fn every_form_of_list_is_read_with_what_it_tells() {
    use ListForm::{
        Anthropic, BedrockModels, BedrockProfiles, Cohere, Gemini, Info, OllamaTags, OpenAi, Vertex,
    };
    let mistral = ListedModel {
        aliases: vec!["mistral-small-latest".to_owned()],
        ..told("mistral-small-2603", "mistralai", "", 32_768)
    };
    let arn = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.a.b-v1:0";
    let profile = ListedModel {
        aliases: vec![arn.to_owned()],
        ..told("eu.a.b-v1:0", "", "2026-01-02", 0)
    };
    let cases = [
        (
            OpenAi,
            json!({"object": "list", "data": [
                {"id": "gpt-5", "object": "model", "created": 1_754_425_777, "owned_by": "openai"},
                {"id": "m", "created": 0, "owned_by": "", "context_window": 131_072}]}),
            vec![
                told("gpt-5", "openai", "2025-08-05", 0),
                told("m", "", "", 131_072),
            ],
            None,
        ),
        (
            OpenAi,
            json!({"data": [{"id": "mistral-small-2603", "owned_by": "mistralai",
                "aliases": ["mistral-small-latest"], "max_context_length": 32_768}]}),
            vec![mistral],
            None,
        ),
        (
            OpenAi,
            json!([{"id": "meta/llama", "organization": "Meta", "context_length": 8_192}]),
            vec![told("meta/llama", "Meta", "", 8_192)],
            None,
        ),
        (
            Anthropic,
            json!({"data": [{"type": "model", "id": "claude-a", "created_at": "2026-02-04T00:00:00Z",
                "max_input_tokens": 200_000}], "has_more": true, "first_id": "claude-a", "last_id": "claude-a"}),
            vec![told("claude-a", "", "2026-02-04", 200_000)],
            Some("claude-a"),
        ),
        (
            Anthropic,
            json!({"data": [], "has_more": false, "last_id": "claude-a"}),
            vec![],
            None,
        ),
        (
            Gemini,
            json!({"models": [{"name": "models/gemini-3-pro", "inputTokenLimit": 1_048_576}], "nextPageToken": "a/b"}),
            vec![told("gemini-3-pro", "", "", 1_048_576)],
            Some("a/b"),
        ),
        (Gemini, json!({}), vec![], None),
        (
            Vertex,
            json!({"publisherModels": [{"name": "publishers/google/models/gemini-3-pro", "versionId": "default"}]}),
            vec![listed("gemini-3-pro")],
            None,
        ),
        (
            Cohere,
            json!({"models": [{"name": "command-a", "context_length": 256_000.0}], "next_page_token": ""}),
            vec![told("command-a", "", "", 256_000)],
            None,
        ),
        (
            BedrockModels,
            json!({"modelSummaries": [{"modelId": "a.b-v1:0", "providerName": "A"}]}),
            vec![told("a.b-v1:0", "A", "", 0)],
            None,
        ),
        (
            BedrockProfiles,
            json!({"inferenceProfileSummaries": [{"inferenceProfileId": "eu.a.b-v1:0", "inferenceProfileArn": arn,
                "createdAt": "2026-01-02T03:04:05Z"}], "nextToken": "n"}),
            vec![profile],
            Some("n"),
        ),
        (
            OllamaTags,
            json!({"models": [{"name": "smol:latest", "size": 1}]}),
            vec![listed("smol:latest")],
            None,
        ),
        (
            Info,
            json!({"model_id": "BAAI/bge-m3", "max_input_length": 8_192}),
            vec![told("BAAI/bge-m3", "", "", 8_192)],
            None,
        ),
    ];
    for (form, body, models, next) in cases {
        let next = next.map(str::to_owned);
        let page = form.read(body.to_string().as_bytes());
        assert_eq!(page, Ok(Page { models, next }), "{form:?}");
    }
}

#[test]
fn a_server_without_a_model_may_write_nothing_for_its_list() {
    let empty = Page {
        models: Vec::new(),
        next: None,
    };
    let body = br#"{"object": "list", "data": null}"#;
    assert_eq!(ListForm::OpenAi.read(body), Ok(empty));
}

#[test]
fn what_is_no_list_is_not_taken_for_an_empty_one() {
    for body in [
        "<html>Welcome</html>",
        "",
        r#"{"status":"ok"}"#,
        "null",
        r#"{"data":null,"error":{"code":500}}"#,
        r#"{"data":"no"}"#,
        "7",
    ] {
        for form in [ListForm::OpenAi, ListForm::Gemini, ListForm::Info] {
            assert_eq!(form.read(body.as_bytes()), Err(UnreadableList), "{body}");
        }
    }
}

#[test]
fn the_next_page_is_asked_for_with_a_token_that_cannot_leave_its_field() {
    let list = |kind: &str| {
        let listing = built(kind, json!({"api_key": "k", "base_url": "http://h/v1"})).listing();
        listing.lists.into_iter().next_back().unwrap()
    };
    let next = |kind: &str, token: &str| list(kind).following(token).map(|it| it.to_string());
    let address = |rest: &str| Some(format!("http://h/v1/{rest}"));
    assert_eq!(
        next("anthropic", "claude-a"),
        address("models?limit=1000&after_id=claude-a")
    );
    assert_eq!(
        next("gemini", "a/b&c"),
        address("models?pageSize=1000&pageToken=a%2Fb%26c")
    );
    assert_eq!(
        next("bedrock", "n="),
        address("inference-profiles?maxResults=1000&nextToken=n%3D")
    );
    assert_eq!(next("openai", "x"), None);
}

#[test]
fn names_that_vendors_take_and_do_not_list_are_recognised() {
    use Told::{Listed, Missing, Nothing};
    let key = || json!({"api_key": "k", "base_url": "http://h/v1"});
    let vertex = || json!({"access_token": "k", "project": "p"});
    for (kind, settings, id, asked, expected) in [
        ("openai", key(), "gpt-5", "gpt-5", Listed),
        ("openai", key(), "gpt-5-mini", "gpt-5", Missing),
        ("openai", key(), "gpt-5", "gpt-5-mini", Missing),
        (
            "anthropic",
            key(),
            "claude-a-4-5-20250929",
            "claude-a-4-5",
            Listed,
        ),
        (
            "anthropic",
            key(),
            "claude-a-4-5-20250929",
            "claude-a-4",
            Missing,
        ),
        ("openai", key(), "gpt-4o-2024-08-06", "gpt-4o", Listed),
        (
            "anthropic",
            key(),
            "claude-3-5-haiku-20241022",
            "claude-3-5-haiku-latest",
            Listed,
        ),
        ("ollama", json!({}), "smol:latest", "smol", Listed),
        ("ollama", json!({}), "smol:135m", "smol", Missing),
        ("openrouter", key(), "a/b", "a/b:nitro", Listed),
        ("openrouter", key(), "a/b:free", "a/b", Missing),
        (
            "gemini",
            key(),
            "gemini-3-pro",
            "models/gemini-3-pro",
            Listed,
        ),
        (
            "vertex",
            vertex(),
            "gemini-3-pro",
            "google/gemini-3-pro@001",
            Listed,
        ),
        (
            "vertex",
            vertex(),
            "gemini-3-pro",
            "gemini-3-flash",
            Missing,
        ),
        (
            "vertex",
            vertex(),
            "gemini-3-pro",
            "claude-a@20260101",
            Nothing,
        ),
        ("vertex", vertex(), "gemini-3-pro", "meta/llama", Nothing),
        ("azure", key(), "gpt-5", "my-deployment", Nothing),
        (
            "bedrock",
            key(),
            "a.b-v1:0",
            "arn:aws:bedrock:eu-west-1:1:imported-model/x",
            Nothing,
        ),
        ("perplexity", key(), "", "sonar", Nothing),
    ] {
        let listing = built(kind, settings).listing();
        assert_eq!(
            listing.tells(&[listed(id)], asked),
            expected,
            "{kind} {asked}"
        );
    }
}
