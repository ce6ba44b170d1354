//! Settings, addresses and the single habits of rows.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use tollward_wire::document::Document;
use tollward_wire::view::RequestView;

use super::*;
use crate::build;

fn built(kind: &str, settings: Value) -> Result<Arc<dyn Provider>, BuildError> {
    let Value::Object(settings) = settings else {
        panic!("settings are an object")
    };
    build(kind, settings)
}

/// Where it is asked for its models, or whether a key is accepted.
fn models_uri(provider: &dyn Provider) -> String {
    provider.listing().proving().unwrap().to_string()
}

fn generic(base_url: &str) -> Result<String, BuildError> {
    built("openai-compatible", json!({ "base_url": base_url })).map(|it| models_uri(&*it))
}

fn encoded(
    kind: &str,
    operation: Operation,
    model: &str,
    body: &str,
) -> Result<(String, Outbound), EncodeError> {
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let view = RequestView::read(operation, &document).unwrap();
    let provider = built(
        kind,
        json!({"api_key": "k", "base_url": "https://h.example/v1"}),
    )
    .unwrap();
    let call = Call {
        operation,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: model,
    };
    let outbound = provider.encode(&call)?;
    let body = String::from_utf8(outbound.body.to_bytes().to_vec()).unwrap();
    Ok((body, outbound))
}

/// The body of a chat with `fields` after the required ones, as the vendor gets it.
fn chat(kind: &str, model: &str, fields: &str) -> Result<String, EncodeError> {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user"}}]{fields}}}"#);
    encoded(kind, Operation::Chat, model, &body).map(|(body, _)| body)
}

fn fields(kind: &str, model: &str, fields: &str) -> String {
    let body = chat(kind, model, fields).unwrap();
    let head = format!(r#"{{"model":"{model}","messages":[{{"role":"user"}}]"#);
    let rest = body.strip_prefix(&head).unwrap().strip_suffix('}').unwrap();
    rest.to_owned()
}

#[test]
fn a_base_url_gets_exactly_one_version() {
    for (written, expected) in [
        ("https://h.example/v1", "https://h.example/v1/models"),
        ("https://h.example/v1/", "https://h.example/v1/models"),
        ("https://h.example", "https://h.example/v1/models"),
        ("https://h.example/", "https://h.example/v1/models"),
        (
            "http://127.0.0.1:8000/v1",
            "http://127.0.0.1:8000/v1/models",
        ),
        ("http://[::1]:8000", "http://[::1]:8000/v1/models"),
        (
            "https://H.example:443/openai/v1",
            "https://h.example/openai/v1/models",
        ),
        ("https://h.example/api", "https://h.example/api/models"),
        (
            "https://bücher.example/v1",
            "https://xn--bcher-kva.example/v1/models",
        ),
    ] {
        assert_eq!(generic(written).as_deref(), Ok(expected), "{written}");
    }
}

#[test]
fn a_base_url_that_hides_something_is_refused() {
    for written in [
        "",
        "h.example/v1",
        "ftp://h.example",
        "file:///etc/passwd",
        "https://",
        "https://u@h.example/v1",
        "https://u:p@h.example/v1",
        "https://h.example/v1?x=1",
        "https://h.example/v1#x",
        "https://h.example/v1/chat/completions",
        "https://h.example/v1/v1",
        "https://h.example/v1/models/",
    ] {
        let error = generic(written).unwrap_err();
        assert_eq!(error.field(), Some("base_url"), "{written}");
    }
}

#[test]
fn settings_are_checked_by_name() {
    let error = built("nope", json!({})).err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("unknown provider kind `nope`, expected one of: openai, ")
    );
    let error = built("groq", json!({"api_key": "k", "api_kee": "k"}))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "unknown setting `api_kee`, expected one of: base_url, api_key, credentials, headers"
    );
    let error = built("openai", json!({})).err().unwrap();
    assert_eq!(error, BuildError::Missing { field: "api_key" });
    let error = built("openai-compatible", json!({})).err().unwrap();
    assert_eq!(error, BuildError::Missing { field: "base_url" });
    for (settings, field) in [
        (json!({"api_key": ""}), "api_key"),
        (json!({"api_key": "a b"}), "api_key"),
        (json!({"api_key": 5}), "api_key"),
        (json!({"api_key": "k", "headers": "x"}), "headers"),
        (
            json!({"api_key": "k", "headers": {"x y": "z"}}),
            "headers.x y",
        ),
        (json!({"api_key": "k", "headers": {"x": 1}}), "headers.x"),
        (
            json!({"api_key": "k", "headers": {"Authorization": "z"}}),
            "headers.Authorization",
        ),
        (
            json!({"api_key": "k", "headers": {"host": "z"}}),
            "headers.host",
        ),
        (
            json!({"api_key": "k", "organization": "a\nb"}),
            "organization",
        ),
    ] {
        let error = built("openai", settings).err().unwrap();
        assert_eq!(error.field(), Some(field), "{error}");
    }
}

#[test]
fn a_host_alone_gets_the_path_of_the_built_in_address() {
    for (kind, path) in [
        ("openai", "/v1/models"),
        ("groq", "/openai/v1/models"),
        ("fireworks", "/inference/v1/models"),
        ("perplexity", "/async/chat/completions"),
    ] {
        let settings = json!({"api_key": "k", "base_url": "http://proxy.example"});
        let models = models_uri(&*built(kind, settings).unwrap());
        assert_eq!(models, format!("http://proxy.example{path}"));
    }
}

#[test]
fn the_scope_follows_who_wrote_the_address() {
    let scope = |kind: &str, settings: Value| built(kind, settings).unwrap().host_scope();
    assert_eq!(scope("openai", json!({"api_key": "k"})), HostScope::Public);
    let own = json!({"api_key": "k", "base_url": "https://eu.api.openai.com/v1"});
    assert_eq!(scope("openai", own), HostScope::Operator);
    assert_eq!(scope("ollama", json!({})), HostScope::Operator);
}

#[test]
fn a_server_without_a_key_gets_no_authorization() {
    let ollama = built("ollama", json!({})).unwrap();
    assert_eq!(ollama.credentials(), []);
}

#[test]
fn openai_settings_become_headers() {
    let settings = json!({"api_key": "k", "organization": "org-1", "project": "proj-1"});
    let provider = built("openai", settings).unwrap();
    let document = Document::parse(Bytes::from_static(br#"{"model":"m","input":"x"}"#)).unwrap();
    let view = RequestView::read(Operation::Embeddings, &document).unwrap();
    let call = Call {
        operation: Operation::Embeddings,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: "m",
    };
    let outbound = provider.encode(&call).unwrap();
    assert_eq!(
        outbound.headers.get("openai-organization").unwrap(),
        "org-1"
    );
    assert_eq!(outbound.headers.get("openai-project").unwrap(), "proj-1");
    assert_eq!(outbound.headers.get(ACCEPT).unwrap(), "application/json");
    assert_eq!(outbound.body.to_bytes(), document.bytes());
}

#[test]
fn reasoning_models_of_openai_get_the_newer_output_bound() {
    let old = r#","max_tokens":5"#;
    let new = r#","max_completion_tokens":5"#;
    for model in [
        "o1",
        "o3-mini",
        "o4-mini-2025-04-16",
        "gpt-5",
        "gpt-5.4-mini",
        "gpt-10",
        "ft:gpt-5:x",
    ] {
        assert_eq!(fields("openai", model, old), new, "{model}");
        assert_eq!(fields("openai", model, new), new, "{model}");
        let both = r#","max_tokens":9,"max_completion_tokens":5"#;
        assert_eq!(fields("openai", model, both), new, "{model}");
    }
    for model in [
        "gpt-4o",
        "gpt-4.1",
        "gpt-3.5-turbo",
        "omni-moderation",
        "chatgpt-4o-latest",
        "gpt-oss",
    ] {
        assert_eq!(fields("openai", model, old), old, "{model}");
    }
}

#[test]
fn usage_is_asked_for_in_streams_and_hidden_unless_the_caller_asked() {
    // U-46
    let ask = r#","stream":true,"stream_options":{"include_usage":true}"#;
    assert_eq!(fields("vllm", "m", r#","stream":true"#), ask);
    assert_eq!(
        fields("vllm", "m", r#","stream":true,"stream_options":null"#),
        ask
    );
    assert_eq!(
        fields("vllm", "m", r#","stream":true,"stream_options":{}"#),
        ask
    );
    let no = r#","stream":true,"stream_options":{"include_usage":false}"#;
    assert_eq!(fields("vllm", "m", no), ask);
    let other = r#","stream":true,"stream_options":{"include_obfuscation":false}"#;
    let both =
        r#","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}"#;
    assert_eq!(fields("vllm", "m", other), both);
    assert_eq!(fields("vllm", "m", both), both);
    assert_eq!(
        fields("vllm", "m", r#","stream":false"#),
        r#","stream":false"#
    );
    assert_eq!(fields("mistral", "m", ask), r#","stream":true"#);

    let usage_chunk = |fields: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user"}}]{fields}}}"#);
        encoded("vllm", Operation::Chat, "m", &body)
            .unwrap()
            .1
            .usage_chunk
    };
    assert_eq!(usage_chunk(ask), UsageChunk::Keep);
    assert_eq!(usage_chunk(no), UsageChunk::Hide);
    assert_eq!(usage_chunk(r#","stream":true"#), UsageChunk::Hide);
}

#[test]
fn what_would_change_the_answer_is_refused_and_not_dropped() {
    for (kind, field, param) in [
        ("groq", r#","n":2"#, "n"),
        ("ollama", r#","n":2"#, "n"),
        ("mistral", r#","audio":{"voice":"x"}"#, "audio"),
        (
            "mistral",
            r#","web_search_options":{}"#,
            "web_search_options",
        ),
    ] {
        let error = chat(kind, "m", field).unwrap_err();
        assert_eq!(error.param(), Some(param), "{kind}");
    }
    assert_eq!(fields("groq", "m", r#","n":1"#), r#","n":1"#);
    assert_eq!(
        fields("mistral", "m", r#","audio":null"#),
        r#","audio":null"#
    );
}

#[test]
fn deepseek_is_told_in_its_own_words_how_hard_to_think() {
    let told = |said: &str| fields("deepseek", "deepseek-v4", said);
    let off = r#","thinking":{"type":"disabled"}"#;
    assert_eq!(told(r#","reasoning_effort":"none""#), off);
    for (ours, theirs) in [
        ("minimal", "low"),
        ("medium", "high"),
        ("high", "high"),
        ("xhigh", "max"),
    ] {
        let effort = |word: &str| format!(r#","reasoning_effort":"{word}""#);
        assert_eq!(told(&effort(ours)), effort(theirs));
    }
    let own = r#","reasoning_effort":"none","thinking":{"type":"enabled"}"#;
    assert_eq!(told(own), own);
}

// trap 20
// trap 26
#[test]
fn deepseek_v4_gets_a_thought_with_every_turn_of_its_own_if_only_an_empty_one() {
    let turns = |model: &str, messages: &str| {
        let body = format!(r#"{{"model":"{model}","messages":[{messages}]}}"#);
        encoded("deepseek", Operation::Chat, model, &body)
            .unwrap()
            .0
    };
    let call = r#"{"role":"assistant","tool_calls":[]}"#;
    let user = r#"{"role":"user","content":"hi"}"#;
    let told = r#"{"role":"assistant","tool_calls":[],"reasoning_content":""}"#;
    let thought = r#"{"role":"assistant","content":"a","reasoning_content":"hm"}"#;
    assert_eq!(
        turns("deepseek-v4-flash", &format!("{user},{call},{thought}")),
        format!(r#"{{"model":"deepseek-v4-flash","messages":[{user},{told},{thought}]}}"#)
    );
    // Those before it are not to be sent any.
    let older = turns("deepseek-chat", &format!("{user},{call}"));
    assert!(older.ends_with(&format!("[{user},{call}]}}")), "{older}");
}

/// What reaches the vendor of an assistant's message with one more field, and what is reported.
fn message(kind: &str, field: &str) -> (bool, Vec<String>) {
    let body =
        format!(r#"{{"model":"m","messages":[{{"role":"assistant","content":"a",{field}}}]}}"#);
    let (after, outbound) = encoded(kind, Operation::Chat, "m", &body).unwrap();
    let dropped = outbound.dropped.iter().map(ToString::to_string);
    (after.contains(field), dropped.collect())
}

#[test]
fn what_an_sdk_repeats_of_an_answer_does_not_upset_a_vendor_that_knows_less() {
    for kind in ["cerebras", "fireworks", "mistral", "groq"] {
        for name in ["refusal", "annotations", "audio"] {
            let gone = (false, Vec::new());
            assert_eq!(
                message(kind, &format!(r#""{name}":null"#)),
                gone,
                "{kind} {name}"
            );
            let named = (false, vec![format!("messages[].{name}")]);
            assert_eq!(
                message(kind, &format!(r#""{name}":["a"]"#)),
                named,
                "{kind} {name}"
            );
        }
    }
    for kind in ["cerebras", "fireworks", "mistral"] {
        let gone = (false, Vec::new());
        assert_eq!(message(kind, r#""function_call":null"#), gone, "{kind}");
        let kept = (true, Vec::new());
        assert_eq!(
            message(kind, r#""function_call":{"name":"f"}"#),
            kept,
            "{kind}"
        );
    }
}

#[test]
fn a_chat_at_openai_takes_no_thoughts_of_others() {
    for name in ["reasoning", "reasoning_content", "reasoning_details"] {
        let named = (false, vec![format!("messages[].{name}")]);
        assert_eq!(message("openai", &format!(r#""{name}":"hm""#)), named);
        let kept = (true, Vec::new());
        assert_eq!(
            message("openai-compatible", &format!(r#""{name}":"hm""#)),
            kept
        );
    }
}

#[test]
fn vendors_that_refuse_what_they_do_not_know_are_not_sent_openais_own() {
    let own = [
        ("verbosity", r#""low""#),
        ("safety_identifier", r#""s""#),
        ("moderation", r#"{"model":"m"}"#),
        ("modalities", r#"["text"]"#),
        ("prompt_cache_retention", r#""24h""#),
        ("prompt_cache_options", r#"{"mode":"implicit"}"#),
        ("store", "true"),
    ];
    for kind in ["groq", "cerebras", "fireworks", "mistral"] {
        for (name, value) in own {
            let body =
                format!(r#"{{"model":"m","messages":[{{"role":"user"}}],"{name}":{value}}}"#);
            let (after, outbound) = encoded(kind, Operation::Chat, "m", &body).unwrap();
            assert!(!after.contains(name), "{kind} {name}: {after}");
            assert_eq!(outbound.dropped, [name], "{kind}");
        }
        let searching = chat(kind, "m", r#","web_search_options":{}"#).unwrap_err();
        assert_eq!(searching.param(), Some("web_search_options"), "{kind}");
    }
}

#[test]
fn deepseek_does_not_think_where_it_must_call_a_tool() {
    for choice in [
        r#""required""#,
        r#"{"type":"function","function":{"name":"f"}}"#,
    ] {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user"}}],"tool_choice":{choice},"reasoning_effort":"high"}}"#
        );
        let (after, outbound) = encoded("deepseek", Operation::Chat, "m", &body).unwrap();
        let (effort, off) = (
            r#""reasoning_effort":"high""#,
            r#""thinking":{"type":"disabled"}"#,
        );
        assert_eq!(after, body.replace(effort, off));
        assert_eq!(outbound.dropped, ["reasoning_effort"]);
    }
    let free = r#","tool_choice":"auto","reasoning_effort":"high""#;
    assert_eq!(fields("deepseek", "m", free), free);
}

#[test]
fn a_tool_message_keeps_its_name_at_mistral() {
    let body = r#"{"model":"m","messages":[{"role":"user","name":"a"},{"role":"tool","name":"f","tool_call_id":"abcDEF123"}]}"#;
    let (after, outbound) = encoded("mistral", Operation::Chat, "m", body).unwrap();
    assert_eq!(after, body.replace(r#","name":"a""#, ""));
    assert_eq!(outbound.dropped, ["messages[].name"]);
}

#[test]
fn operations_a_vendor_lacks_are_refused() {
    let body = r#"{"model":"m","prompt":"x"}"#;
    let error = encoded("groq", Operation::Completions, "m", body).unwrap_err();
    assert_eq!(error.to_string(), "groq does not serve completions");
    assert!(encoded("vllm", Operation::Completions, "m", body).is_ok());
    let body = r#"{"model":"m","input":"x","dimensions":8}"#;
    let (after, outbound) = encoded("mistral", Operation::Embeddings, "e", body).unwrap();
    assert_eq!(after, r#"{"model":"e","input":"x","output_dimension":8}"#);
    assert_eq!(outbound.uri, "https://h.example/v1/embeddings");
}

#[test]
fn tool_ids_of_other_vendors_become_ones_that_mistral_takes() {
    let body = |call: &str, result: &str, own: &str| {
        format!(
            r#"{{"model":"m","messages":[
                {{"role":"assistant","tool_calls":[ {{"id" : "{call}","type":"function"}}, {{"id":"{own}"}} ]}},
                {{"role":"tool","tool_call_id":"{result}"}},{{"role":"tool","tool_call_id":"{own}"}}]}}"#
        )
    };
    let sent = body("call_abc123", "call_abc123", "a1B2c3D4e");
    let encode = |kind| {
        encoded(kind, Operation::Chat, "m", &sent)
            .map(|(body, _)| body)
            .unwrap()
    };
    let (mistral, openai) = (encode("mistral"), encode("openai"));
    assert_eq!(openai, sent);
    let id: String = mistral
        .split_once(r#""id" : ""#)
        .map(|(_, rest)| rest.chars().take(9).collect())
        .unwrap();
    assert!(id.bytes().all(|it| it.is_ascii_alphanumeric()), "{id}");
    assert_eq!(mistral, body(&id, &id, "a1B2c3D4e"));
    assert_eq!(encode("mistral"), mistral);
}

// trap 37
#[test]
fn a_chat_with_tools_is_put_into_responses_byte_for_byte() {
    let request = include_bytes!("../../testdata/openai/bridged.request.json");
    let golden = include_str!("../../testdata/openai/bridged.upstream.json");
    let document = Document::parse(Bytes::from_static(request)).unwrap();
    let view = RequestView::read(Operation::Chat, &document).unwrap();
    let provider = built("openai", json!({"api_key": "k"})).unwrap();
    let call = Call {
        operation: Operation::Chat,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: "gpt-5.4",
    };
    let outbound = crate::shape::shape(&*provider, &call).unwrap().outbound;
    let body = String::from_utf8(outbound.body.to_bytes().to_vec()).unwrap();
    assert_eq!(body, golden.trim_end());
    assert_eq!(outbound.uri, "https://api.openai.com/v1/responses");
    assert_eq!(outbound.headers.get(ACCEPT).unwrap(), "text/event-stream");
    assert_eq!(outbound.usage_chunk, UsageChunk::Keep);
    assert_eq!(outbound.dropped, ["temperature"]);
}

#[test]
fn a_vendor_that_keeps_responses_is_asked_about_them() {
    let settings =
        json!({"api_key": "k", "organization": "org", "base_url": "https://h.example/v1"});
    let openai = built("openai", settings).unwrap();
    let asked = openai.ask_kept("resp_1/input_items?limit=2").unwrap();
    assert_eq!(
        asked.uri,
        "https://h.example/v1/responses/resp_1/input_items?limit=2"
    );
    assert_eq!(asked.headers.get("openai-organization").unwrap(), "org");
    assert!(asked.headers.get(CONTENT_TYPE).is_none());
    assert_eq!(asked.body.len(), 0);
    let groq = built("groq", json!({"api_key": "k"})).unwrap();
    assert!(groq.ask_kept("resp_1").is_none());
}

#[test]
fn a_call_of_another_api_says_itself_whether_its_model_thinks() {
    let openai = built("openai", json!({"api_key": "k"})).unwrap();
    let service = |operation: Operation, body: Value| {
        let document = Document::parse(body.to_string().into()).unwrap();
        let view = RequestView::read(operation, &document).unwrap();
        let call = Call {
            operation,
            document: &document,
            form: None,
            betas: None,
            view: &view,
            upstream_model: "gpt-5.4",
        };
        openai.services(operation, "gpt-5.4").unwrap().of(&call)
    };
    let (bridge, chat) = (
        Service::Translate(Dialect::OpenAiResponses),
        Service::Translate(Dialect::OpenAiChat),
    );
    let messages = |thinking: Value| {
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}], "thinking": thinking})
    };
    assert_eq!(service(Operation::Messages, messages(Value::Null)), bridge);
    let off = messages(json!({"type": "disabled"}));
    assert_eq!(service(Operation::Messages, off), chat);
    let ollama = |think: bool| {
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "think": think,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]})
    };
    assert_eq!(service(Operation::OllamaChat, ollama(true)), bridge);
    assert_eq!(service(Operation::OllamaChat, ollama(false)), chat);
    let old = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "functions": [{"name": "f"}]});
    assert_eq!(service(Operation::Chat, old), bridge);
}

#[test]
fn who_is_told_how_hard_to_think_depends_on_the_vendor_and_the_model() {
    for (kind, model, is_told) in [
        ("openai", "gpt-5", true),
        ("openai", "o4-mini", true),
        ("openai", "gpt-4.1", false),
        ("openai-compatible", "qwen3-32b", true),
        ("openai-compatible", "openai/gpt-oss-120b", true),
        ("openai-compatible", "gpt-5-mini", true),
        ("openai-compatible", "gpt-4.1", false),
        ("openai-compatible", "openai/gpt-4o", false),
        ("openai-compatible", "ft:gpt-3.5-turbo", false),
        ("vllm", "gpt-4.1", true),
        ("huggingface", "openai/gpt-oss-120b", false),
        ("groq", "openai/gpt-oss-120b", false),
    ] {
        let provider = built(
            kind,
            json!({"api_key": "k", "base_url": "https://h.example/v1"}),
        );
        let thinks = provider.unwrap().traits(model).thinks;
        assert_eq!(thinks, is_told, "{kind} {model}");
    }
}

#[test]
fn a_response_is_counted_in_its_own_words_without_what_only_an_answer_needs() {
    let body = r#"{"model":"public", "input": [{"role":"user","content":"hi"}],"store":true,"top_p":1,"prompt":{"id":"p"},"future":1}"#;
    let document = Document::parse(Bytes::from_static(body.as_bytes())).unwrap();
    let openai = built("openai", json!({"api_key": "k"})).unwrap();
    let asked = openai.encode_count(&document, "gpt-5").unwrap();
    assert_eq!(
        String::from_utf8_lossy(&asked.body.to_bytes()),
        r#"{"model":"gpt-5", "input": [{"role":"user","content":"hi"}],"prompt":{"id":"p"},"future":1}"#
    );
}

#[test]
fn tokens_are_counted_beside_the_version_where_the_server_has_it_there() {
    for (base_url, expected) in [
        ("http://h.example", "http://h.example/tokenize"),
        ("http://h.example/a/v1", "http://h.example/a/tokenize"),
        ("http://h.example/a", "http://h.example/a/tokenize"),
    ] {
        let vllm = built("vllm", json!({ "base_url": base_url })).unwrap();
        let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
        let document = Document::parse(Bytes::from_static(body)).unwrap();
        let asked = vllm.encode_count(&document, "m").unwrap();
        assert_eq!(asked.uri.to_string(), expected);
    }
}

#[test]
fn a_format_goes_where_the_server_looks_for_it() {
    let tgi = built("tgi", json!({})).unwrap();
    let sent = |format: Value| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "?"}],
            "response_format": format});
        let document = Document::parse(body.to_string().into()).unwrap();
        let view = RequestView::read(Operation::Chat, &document).unwrap();
        let call = Call {
            operation: Operation::Chat,
            document: &document,
            form: None,
            betas: None,
            view: &view,
            upstream_model: "m",
        };
        let body = tgi.encode(&call)?.body.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        Ok::<_, EncodeError>(body.get("response_format").cloned())
    };
    let own = json!({"type": "regex", "value": "a+"});
    assert_eq!(sent(own.clone()), Ok(Some(own)));
    assert_eq!(sent(json!({"type": "text"})), Ok(None));
    let unnamed = json!({"type": "json_schema", "json_schema": {"schema": {"properties": {}}}});
    let value = json!({"name": null, "schema": {"properties": {}}});
    assert_eq!(
        sent(unnamed),
        Ok(Some(json!({"type": "json_schema", "value": value})))
    );
    for refused in [
        json!({"type": "json_object"}),
        json!({"type": "json_schema"}),
    ] {
        let error = sent(refused).unwrap_err();
        assert_eq!(error.param(), Some("response_format"));
    }
}
