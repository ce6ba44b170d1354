//! Chats of models that take them only through Responses.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::script::Script;
use crate::support::upstream::Upstream;
use crate::support::{openai, responses};

async fn scene(model: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::new(Script::json("200 OK", &responses::answer("A", "hello"))).await;
    let config = Config::one(&upstream)
        .set("/providers/alpha/kind", json!("openai"))
        .model("chat", &[&format!("alpha/{model}")]);
    let gateway = Gateway::start(&config).await;
    (upstream, gateway)
}

async fn post(gateway: &Gateway, path: &str, body: &Value) -> Response {
    gateway.send(&Request::post(path, body.to_string())).await
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}])
}

// trap 37
#[tokio::test]
async fn a_tool_loop_of_a_chat_goes_by_way_of_responses() {
    let (upstream, gateway) = scene("gpt-5.4").await;
    let call = responses::tool_call("weather", &json!({"city": "Oslo"}));
    upstream.then(Script::json("200 OK", &call));
    let mut body = openai::chat();
    body["tools"] = tools();
    let first = post(&gateway, "/v1/chat/completions", &body).await.json();
    let message = &first["choices"][0]["message"];
    assert_eq!(first["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(message["tool_calls"][0]["id"], "call_7");
    assert_eq!(
        (
            &first["usage"]["prompt_tokens"],
            &first["usage"]["completion_tokens"]
        ),
        (&json!(10), &json!(5))
    );
    let sent = upstream.only();
    assert_eq!(sent.path(), "/v1/responses");
    assert_eq!(
        sent.json(),
        json!({
            "model": "gpt-5.4", "input": [{"type": "message", "role": "user", "content": "hi"}], "store": false,
            "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": false}],
            "include": ["reasoning.encrypted_content"],
        })
    );
    let said = body["messages"].as_array_mut().unwrap();
    said.push(message.clone());
    said.push(json!({"role": "tool", "tool_call_id": "call_7", "content": "rain"}));
    let second = post(&gateway, "/v1/chat/completions", &body).await.json();
    assert_eq!(second["choices"][0]["message"]["content"], "hello");
    let input = &upstream.seen()[1].json()["input"];
    assert_eq!(
        input[1],
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAthought"})
    );
    assert_eq!(
        (&input[2]["type"], &input[2]["call_id"]),
        (&json!("function_call"), &json!("call_7"))
    );
    assert_eq!(
        input[3],
        json!({"type": "function_call_output", "call_id": "call_7", "output": "rain"})
    );
    assert_eq!(gateway.home.rows(2).await[0]["operation"], "chat");
}

// trap 37
#[tokio::test]
async fn a_chat_without_tools_or_thoughts_stays_a_chat() {
    let (upstream, gateway) = scene("gpt-5.4").await;
    upstream.always(Script::json("200 OK", &openai::answer("hello")));
    for more in [
        json!({}),
        json!({"tools": []}),
        json!({"reasoning_effort": "high"}),
        json!({"tools": tools(), "reasoning_effort": "none"}),
    ] {
        let mut body = openai::chat();
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let answer = post(&gateway, "/v1/chat/completions", &body).await;
        let mut told = answer.json();
        told["usage"] = openai::usage(10, 5);
        assert_eq!(told, openai::answer("hello"));
        assert_eq!(
            upstream.seen().pop().unwrap().path(),
            "/v1/chat/completions",
            "{more}"
        );
    }
}

// trap 37
#[tokio::test]
async fn a_streamed_chat_hears_the_events_as_chunks() {
    let (upstream, gateway) = scene("gpt-5.6-sol").await;
    upstream.then(Script::stream_of(responses::stream("S", &["hel", "lo"])));
    let mut body = openai::stream_chat();
    body["tools"] = tools();
    body["stream_options"] = json!({"include_usage": true});
    let answer = post(&gateway, "/v1/chat/completions", &body).await;
    assert_eq!(openai::streamed_text(&answer.body), "hello");
    let events = openai::events(&answer.body);
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let counts: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
    assert_eq!(counts["usage"]["total_tokens"], 15);
    assert_eq!(upstream.only().json()["stream"], true);
}

// trap 37
#[tokio::test]
async fn every_caller_reaches_a_model_that_only_responses_has() {
    let (upstream, gateway) = scene("gpt-5-pro").await;
    for (path, body) in [
        ("/v1/chat/completions", openai::chat()),
        ("/v1/completions", json!({"model": "chat", "prompt": "hi"})),
        (
            "/v1/messages",
            json!({"model": "chat", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}),
        ),
        (
            "/api/chat",
            json!({"model": "chat", "stream": false, "messages": [{"role": "user", "content": "hi"}]}),
        ),
        (
            "/api/generate",
            json!({"model": "chat", "stream": false, "prompt": "hi"}),
        ),
    ] {
        let answer = post(&gateway, path, &body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.text().contains("hello"), "{path}: {}", answer.text());
        let sent = upstream.seen().pop().unwrap();
        assert_eq!(sent.path(), "/v1/responses", "{path}");
        assert_eq!(
            (&sent.json()["model"], &sent.json()["store"]),
            (&json!("gpt-5-pro"), &json!(false))
        );
    }
}

// trap 37
#[tokio::test]
async fn what_responses_cannot_say_is_refused_with_the_reason() {
    for (model, tools, why) in [
        (
            "gpt-5.4",
            tools(),
            "takes tools only through Responses, unless its effort is `none`",
        ),
        ("gpt-5-pro", Value::Null, "is there only through Responses"),
    ] {
        let (upstream, gateway) = scene(model).await;
        for (field, value) in [("stop", json!(["\n"])), ("n", json!(2))] {
            let mut body = openai::chat();
            body["tools"] = tools.clone();
            body[field] = value;
            let refused = post(&gateway, "/v1/chat/completions", &body).await;
            let error = refused.error(400, "unsupported_parameter");
            let message = error["message"].as_str().unwrap();
            assert!(message.ends_with(&format!("`{model}` {why}")), "{message}");
            assert_eq!(error["param"], field);
        }
        assert_eq!(upstream.calls(), 0);
    }
}

#[tokio::test]
async fn what_becomes_of_a_call_is_told_beforehand() {
    let told = async |model: &str| {
        let (_upstream, gateway) = scene(model).await;
        let answer = gateway.send(&Request::get("/v1/capabilities")).await.json();
        answer["data"][0]["deployments"][0].clone()
    };
    let newer = told("gpt-5.4").await;
    assert_eq!(newer["operations"]["/v1/chat/completions"], "relay");
    assert_eq!(newer["operations"]["/v1/responses"], "relay");
    assert_eq!(
        newer["with_tools"]["/v1/chat/completions"],
        "openai_responses"
    );
    assert_eq!(newer["with_tools"]["/v1/messages"], "openai_responses");
    assert!(newer["with_tools"].get("/v1/responses").is_none());
    let pro = told("gpt-5-pro").await;
    assert_eq!(
        pro["operations"]["/v1/chat/completions"],
        "openai_responses"
    );
    assert_eq!(pro["operations"]["/v1/embeddings"], "relay");
    assert_eq!(pro["with_tools"], json!({}));
}
