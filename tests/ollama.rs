//! Ollama's API in front: its clients change nothing but the address.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

async fn scene() -> (Upstream, Gateway) {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    (upstream, gateway)
}

/// As curl sends it: without a word about JSON.
async fn post(gateway: &Gateway, path: &str, body: &Value) -> Response {
    let request = Request::post(path, body.to_string())
        .without("content-type")
        .header("content-type", "application/x-www-form-urlencoded");
    gateway.send(&request).await
}

fn lines(response: &Response) -> Vec<Value> {
    let text = response.text();
    text.lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

#[tokio::test]
async fn a_chat_streams_in_lines_unless_it_is_told_not_to() {
    let (upstream, gateway) = scene().await;
    let mut body = json!({"model": "chat:latest", "messages": [{"role": "user", "content": "hi"}],
        "options": {"num_predict": 7, "temperature": 0.5}});
    upstream.then(Script::stream_of(openai::stream(&["hel", "lo"])));
    let stream = post(&gateway, "/api/chat", &body).await;
    assert_eq!(stream.header("content-type"), Some("application/x-ndjson"));
    let all = lines(&stream);
    let words: String = all
        .iter()
        .map(|it| it["message"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(words, "hello");
    let last = all.last().unwrap();
    assert_eq!(
        (
            &last["done"],
            &last["done_reason"],
            &last["prompt_eval_count"],
            &last["eval_count"]
        ),
        (&json!(true), &json!("stop"), &json!(10), &json!(5))
    );
    assert!(last["total_duration"].as_u64().unwrap() > 0);
    let sent = upstream.request(0).await.json();
    assert_eq!(
        (&sent["max_completion_tokens"], &sent["temperature"]),
        (&json!(7), &json!(0.5))
    );

    body["stream"] = json!(false);
    let whole = post(&gateway, "/api/chat", &body).await.json();
    assert_eq!(
        (&whole["message"]["content"], &whole["done"]),
        (&json!("hello"), &json!(true))
    );
    let generate = json!({"model": "chat", "prompt": "hi", "stream": false});
    let whole = post(&gateway, "/api/generate", &generate).await.json();
    assert_eq!(whole["response"], "hello");
    let rows = gateway.home.rows(3).await;
    assert!(
        rows.iter().all(|row| row["tokens"]["output"] == 5),
        "{rows:?}"
    );
    gateway.assert_idle().await;
}

#[tokio::test]
async fn clients_find_the_models_and_what_they_can_do() {
    let (upstream, gateway) = scene().await;
    assert_eq!(
        gateway.send(&Request::get("/")).await.text(),
        "Ollama is running"
    );
    assert!(gateway.send(&Request::get("/api/version")).await.json()["version"].is_string());
    let tags = gateway.send(&Request::get("/api/tags")).await.json();
    assert_eq!(
        (
            &tags["models"][0]["name"],
            tags["models"].as_array().unwrap().len()
        ),
        (&json!("chat"), 1)
    );
    let ps = gateway.send(&Request::get("/api/ps")).await.json();
    assert_eq!(ps["models"][0]["model"], "chat");
    let show = post(&gateway, "/api/show", &json!({"name": "chat:latest"}))
        .await
        .json();
    assert!(
        show["capabilities"]
            .as_array()
            .unwrap()
            .contains(&json!("tools"))
    );
    let unknown = post(&gateway, "/api/show", &json!({"model": "nobody"})).await;
    assert_eq!(
        (unknown.status, unknown.json()),
        (404, json!({"error": "model \"nobody\" not found"}))
    );
    let pulled = post(&gateway, "/api/pull", &json!({"model": "chat"})).await;
    assert_eq!(lines(&pulled), [json!({"status": "success"})]);
    let load = post(
        &gateway,
        "/api/chat",
        &json!({"model": "chat", "messages": []}),
    )
    .await
    .json();
    assert_eq!(
        (&load["done"], &load["done_reason"]),
        (&json!(true), &json!("load"))
    );
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn embeddings_are_put_into_openais_words_and_back() {
    let (upstream, gateway) = scene().await;
    let answer = json!({"object": "list", "model": "e", "data": [
        {"object": "embedding", "index": 1, "embedding": [0.50, 1]},
        {"object": "embedding", "index": 0, "embedding": [0.25]}], "usage": {"prompt_tokens": 4, "total_tokens": 4}});
    upstream.always(Script::json("200 OK", &answer));
    let embed = post(
        &gateway,
        "/api/embed",
        &json!({"model": "chat", "input": ["a", "b"]}),
    )
    .await
    .json();
    assert_eq!(
        (&embed["embeddings"], &embed["prompt_eval_count"]),
        (&json!([[0.25], [0.50, 1]]), &json!(4))
    );
    assert_eq!(upstream.request(0).await.path(), "/v1/embeddings");
    let wrong = post(
        &gateway,
        "/api/embed",
        &json!({"model": "chat", "input": 7}),
    )
    .await;
    let nothing = json!({"model": "chat:latest", "input": ""});
    let nothing = post(&gateway, "/api/embed", &nothing).await.json();
    assert_eq!(
        (&nothing["model"], &nothing["embeddings"]),
        (&json!("chat"), &json!([]))
    );
    assert_eq!(wrong.status, 400);
    assert!(wrong.json()["error"].as_str().unwrap().contains("input"));
}

#[tokio::test]
async fn a_failure_is_an_error_line_or_an_error_object() {
    let (upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}]});
    let error = json!({"error": {"message": "overloaded", "type": "server_error", "param": null, "code": "overloaded"}});
    upstream.then(Script::stream_of([
        openai::role(),
        openai::text("a"),
        openai::event(&error),
    ]));
    let stream = post(&gateway, "/api/chat", &body).await;
    let all = lines(&stream);
    assert_eq!(all.last().unwrap(), &json!({"error": "overloaded"}));
    assert!(!all.iter().any(|it| it["done"] == true));
    let unknown = json!({"model": "nobody", "messages": [{"role": "user", "content": "hi"}]});
    let unknown = post(&gateway, "/api/chat", &unknown).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"], "model \"nobody\" not found");
    let nowhere = post(
        &gateway,
        "/api/copy",
        &json!({"source": "a", "destination": "b"}),
    )
    .await;
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.json()["error"].is_string());
}

// A page can have a browser post a form without asking anybody; it cannot choose what the browser says of it.
#[tokio::test]
async fn a_form_that_a_browser_posts_for_another_site_is_not_taken() {
    let (upstream, gateway) = scene().await;
    let body = json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}]});
    let form = || {
        Request::post("/api/chat", body.to_string())
            .without("content-type")
            .header("content-type", "text/plain")
    };
    for request in [
        form().header("sec-fetch-site", "cross-site"),
        form().header("origin", "https://elsewhere.example"),
    ] {
        assert_eq!(gateway.send(&request).await.status, 415);
    }
    assert_eq!(upstream.calls(), 0);
    upstream.then(Script::stream_of(openai::stream(&["hello"])));
    let own = form().header("sec-fetch-site", "same-origin");
    assert_eq!(gateway.send(&own).await.status, 200);
}

#[tokio::test]
async fn a_server_of_ollamas_tells_its_callers_how_long_it_took_itself() {
    let times = json!({
        "total_duration": 900, "load_duration": 100, "prompt_eval_duration": 300,
        "eval_duration": 450,
    });
    let mut end = json!({
        "model": "m", "created_at": "2026-01-01T00:00:00Z", "done": true, "done_reason": "stop",
        "message": {"role": "assistant", "content": "hello"},
        "prompt_eval_count": 26, "eval_count": 5,
    });
    let all = end.as_object_mut().unwrap();
    all.extend(times.as_object().unwrap().clone());
    let upstream = Upstream::new(Script::json("200 OK", &end)).await;
    let config = Config::one(&upstream).set("/providers/alpha/kind", json!("ollama-native"));
    let gateway = Gateway::start(&config).await;
    let messages = json!([{"role": "user", "content": "hi"}]);
    for is_stream in [false, true] {
        if is_stream {
            let line = [("content-type", "application/x-ndjson")];
            upstream.then(Script::answer("200 OK", &line, format!("{end}\n")));
        }
        let body = json!({"model": "chat", "stream": is_stream, "messages": messages});
        let answer = post(&gateway, "/api/chat", &body).await;
        let last = lines(&answer).pop().unwrap();
        for (name, time) in times.as_object().unwrap() {
            assert_eq!(&last[name], time, "{name} of {last}");
        }
    }
}
