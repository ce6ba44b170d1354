#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use serde_json::json;
use tollward_wire::form::{Form, FormScanner};
use tollward_wire::view::RequestView;

use super::*;

fn built(settings: Value) -> Result<Arc<dyn Provider>, BuildError> {
    let Value::Object(mut fields) = settings else {
        unreachable!()
    };
    fields.insert("api_key".to_owned(), json!("k"));
    build(fields)
}

/// Address and body of a call of `deployment`.
fn sent(settings: &Value, operation: Operation, deployment: &str) -> (String, Value) {
    let azure = built(settings.clone()).unwrap();
    let body = match operation {
        Operation::Embeddings => json!({"model": "m", "input": "?"}),
        Operation::Responses | Operation::Speech => json!({"model": "m", "input": "?"}),
        Operation::ImageGenerations => json!({"model": "m", "prompt": "?"}),
        _ => {
            json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]})
        }
    };
    let document = Document::parse(body.to_string().into()).unwrap();
    let view = RequestView::read(operation, &document).unwrap();
    let call = Call {
        operation,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: deployment,
    };
    let outbound = azure.encode(&call).unwrap();
    let body = serde_json::from_slice(&outbound.body.to_bytes()).unwrap();
    (outbound.uri.to_string(), body)
}

#[test]
fn the_version_decides_where_a_deployment_is_called() {
    use Operation::{Chat, Embeddings, Messages, Responses};
    let foundry = "https://r.services.ai.azure.com/api/projects/p/openai/v1/";
    let own = "http://10.0.0.7:9000";
    for (settings, operation, address) in [
        (
            json!({"resource": "r"}),
            Chat,
            "https://r.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            json!({"resource": "r"}),
            Messages,
            "https://r.services.ai.azure.com/anthropic/v1/messages",
        ),
        (
            json!({"resource": "r", "api_version": "v1"}),
            Embeddings,
            "https://r.openai.azure.com/openai/v1/embeddings",
        ),
        (
            json!({"resource": "r", "api_version": "preview"}),
            Responses,
            "https://r.openai.azure.com/openai/v1/responses?api-version=preview",
        ),
        (
            json!({"base_url": foundry}),
            Chat,
            "https://r.services.ai.azure.com/api/projects/p/openai/v1/chat/completions",
        ),
        (
            json!({"base_url": own, "api_version": "2024-10-21"}),
            Chat,
            "http://10.0.0.7:9000/openai/deployments/claude-%2F/chat/completions?api-version=2024-10-21",
        ),
        (
            json!({"base_url": own, "api_version": "2024-10-21"}),
            Embeddings,
            "http://10.0.0.7:9000/openai/deployments/claude-%2F/embeddings?api-version=2024-10-21",
        ),
        (
            json!({"base_url": own, "api_version": "2025-04-01-preview"}),
            Responses,
            "http://10.0.0.7:9000/openai/responses?api-version=2025-04-01-preview",
        ),
        (
            json!({"base_url": own}),
            Messages,
            "http://10.0.0.7:9000/anthropic/v1/messages",
        ),
    ] {
        let mut settings = settings;
        // The name says nothing: the setting does, and wins.
        let known = if operation == Messages {
            "claude-opus-5"
        } else {
            "gpt-4o"
        };
        settings["models"] = json!({"claude-/": known});
        let (uri, body) = sent(&settings, operation, "claude-/");
        assert_eq!(uri, address);
        assert_eq!(body["model"], "claude-/");
    }
}

#[test]
fn a_deployment_takes_what_the_model_behind_it_takes() {
    let settings = json!({"resource": "r", "models": {"chat": "gpt-5.4"}});
    let (_, body) = sent(&settings, Operation::Chat, "chat");
    assert_eq!(body["max_completion_tokens"], 9);
    let (_, body) = sent(&settings, Operation::Chat, "other");
    assert_eq!(body["max_tokens"], 9);
    let azure = built(settings).unwrap();
    assert_eq!(azure.listed_as("chat"), "gpt-5.4");
    let services = azure.services(Operation::Chat, "chat").unwrap();
    assert_ne!(services.plain, services.with_tools);
}

#[test]
fn pictures_and_sound_are_asked_of_the_deployment() {
    use Operation::{ImageGenerations, Speech};
    let dated = json!({"resource": "r", "api_version": "2025-04-01-preview"});
    let v1 = json!({"resource": "r"});
    let above = "https://r.openai.azure.com/openai";
    for (settings, operation, address) in [
        (&v1, ImageGenerations, "/v1/images/generations"),
        (&v1, Speech, "/v1/audio/speech"),
        (
            &dated,
            ImageGenerations,
            "/deployments/d/images/generations?api-version=2025-04-01-preview",
        ),
        (
            &dated,
            Speech,
            "/deployments/d/audio/speech?api-version=2025-04-01-preview",
        ),
    ] {
        let (uri, body) = sent(settings, operation, "d");
        assert_eq!(uri, format!("{above}{address}"));
        assert_eq!(body["model"], "d");
    }
    let content_type = "multipart/form-data; boundary=b";
    let body = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    let mut scanner = FormScanner::new(content_type).unwrap();
    scanner.push(body.as_bytes()).unwrap();
    let form = Form::new(content_type, body.into(), &scanner).unwrap();
    let call = Call {
        operation: Operation::Transcriptions,
        document: &Document::parse("{}".into()).unwrap(),
        view: &RequestView::of_form(&form).unwrap(),
        betas: None,
        form: Some(&form),
        upstream_model: "d",
    };
    let outbound = built(dated).unwrap().encode(&call).unwrap();
    assert_eq!(
        outbound.uri.to_string(),
        format!("{above}/deployments/d/audio/transcriptions?api-version=2025-04-01-preview")
    );
    assert_eq!(outbound.body.to_bytes(), body.replace("\nm\r", "\nd\r"));
    assert_eq!(outbound.headers[http::header::CONTENT_TYPE], content_type);
}

#[test]
fn a_session_names_its_deployment_in_the_query() {
    let opened = |settings: Value| {
        let document = Document::parse(r#"{"model":"m"}"#.into()).unwrap();
        let call = Call {
            betas: None,
            operation: Operation::Realtime,
            document: &document,
            view: &RequestView::read(Operation::Realtime, &document).unwrap(),
            form: None,
            upstream_model: "d 1",
        };
        let outbound = built(settings).unwrap().encode(&call).unwrap();
        outbound.uri.to_string()
    };
    assert_eq!(
        opened(json!({"resource": "r"})),
        "https://r.openai.azure.com/openai/v1/realtime?model=d%201"
    );
    assert_eq!(
        opened(json!({"resource": "r", "api_version": "2025-04-01-preview"})),
        "https://r.openai.azure.com/openai/realtime?deployment=d%201&api-version=2025-04-01-preview"
    );
}

#[test]
fn what_azure_or_the_model_has_not_is_not_served() {
    let azure = built(json!({"resource": "r", "models": {"d": "claude-opus-5"}})).unwrap();
    let serves = |operation, model| azure.services(operation, model).is_some();
    assert!(serves(Operation::ImageEdits, "x"));
    for (operation, model) in [
        (Operation::ImageVariations, "x"),
        (Operation::Moderations, "x"),
        (Operation::ImageEdits, "d"),
        (Operation::Transcriptions, "d"),
        (Operation::Realtime, "d"),
    ] {
        assert!(!serves(operation, model), "{operation} of {model}");
    }
}

#[test]
fn what_belongs_to_an_account_is_asked_of_no_deployment() {
    let passed = |settings: Value| {
        let outbound = built(settings).unwrap().pass_through("files?limit=2");
        outbound.unwrap().uri.to_string()
    };
    assert_eq!(
        passed(json!({"resource": "r"})),
        "https://r.openai.azure.com/openai/v1/files?limit=2"
    );
    assert_eq!(
        passed(json!({"resource": "r", "api_version": "2024-10-21"})),
        "https://r.openai.azure.com/openai/files?limit=2&api-version=2024-10-21"
    );
}

#[test]
fn kept_responses_and_models_are_where_the_version_has_them() {
    let kept = |settings: Value| {
        let azure = built(settings).unwrap();
        let outbound = azure.ask_kept("resp_1/input_items?limit=2").unwrap();
        (
            outbound.uri.to_string(),
            azure.listing().proving().unwrap().to_string(),
        )
    };
    let own = "http://h";
    assert_eq!(
        kept(json!({"base_url": own, "api_version": "2025-03-01-preview"})),
        (
            "http://h/openai/responses/resp_1/input_items?limit=2&api-version=2025-03-01-preview"
                .to_owned(),
            "http://h/openai/models?api-version=2025-03-01-preview".to_owned()
        )
    );
    assert_eq!(
        kept(json!({"base_url": own})),
        (
            "http://h/openai/v1/responses/resp_1/input_items?limit=2".to_owned(),
            "http://h/openai/v1/models".to_owned()
        )
    );
}

#[test]
fn a_resource_that_is_not_said_or_said_twice_is_refused() {
    for (settings, field) in [
        (json!({}), "base_url"),
        (json!({"resource": "r", "base_url": "http://h"}), "resource"),
        (json!({"resource": "r.example/x?"}), "resource"),
        (
            json!({"resource": "r", "api_version": "2024&x"}),
            "api_version",
        ),
        (json!({"resource": "r", "models": ["x"]}), "models"),
        (json!({"resource": "r", "models": {"d": 1}}), "models.d"),
    ] {
        let error = built(settings).err().unwrap();
        assert_eq!(error.field(), Some(field), "{error}");
    }
    let scope = |settings| built(settings).unwrap().host_scope();
    assert_eq!(scope(json!({"resource": "r"})), HostScope::Public);
    assert_eq!(scope(json!({"base_url": "http://h"})), HostScope::Operator);
}
