//! Anthropic's API in front and behind: `/v1/messages` on any backend, chats on Claude.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// A model `claude` at Anthropic and a model `chat` at an OpenAI-shaped server.
struct Scene {
    claude: Upstream,
    gpt: Upstream,
    gateway: Gateway,
}

impl Scene {
    async fn new() -> Self {
        Self::with(|config| config).await
    }

    async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let claude = Upstream::new(Script::json("200 OK", &claude_answer())).await;
        let gpt = Upstream::healthy().await;
        let config = Config::one(&gpt)
            .set(
                "/providers/anthropic",
                json!({"base_url": claude.base_url(), "api_key": "sk-ant"}),
            )
            .model("claude", &["anthropic/claude-sonnet-4-5"]);
        let gateway = Gateway::start(&change(config)).await;
        Self {
            claude,
            gpt,
            gateway,
        }
    }

    async fn messages(&self, body: &Value) -> Response {
        let request = Request::post("/v1/messages?beta=true", body.to_string());
        self.gateway.send(&request).await
    }
}

fn claude_answer() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 2, "cache_read_input_tokens": 8, "cache_creation_input_tokens": 0, "output_tokens": 5},
    })
}

fn claude_stream() -> Vec<String> {
    let events = [
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "c",
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 2, "cache_read_input_tokens": 8, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo 배"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 5}}),
        json!({"type": "message_stop"}),
    ];
    events.iter().map(named).collect()
}

fn named(event: &Value) -> String {
    let name = event["type"].as_str().unwrap();
    format!("event: {name}\ndata: {event}\n\n")
}

fn message(model: &str) -> Value {
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]})
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

/// The data of each event of an Anthropic stream; the name and the type must agree.
fn events(response: &Response) -> Vec<Value> {
    let text = response.text();
    let events = text.split_terminator("\n\n").map(|event| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(
            name.strip_prefix("event: "),
            data["type"].as_str(),
            "{event}"
        );
        data
    });
    events.collect()
}

#[tokio::test]
async fn messages_to_claude_are_relayed_byte_for_byte_and_metered() {
    let scene = Scene::new().await;
    let whole = scene.messages(&message("claude")).await;
    assert_eq!((whole.status, whole.json()), (200, claude_answer()));
    assert_eq!(whole.header("request-id"), whole.header("x-request-id"));
    let stream = claude_stream().concat();
    for size in [1, 7, 100, 10_000] {
        scene
            .claude
            .then(Script::stream_of(stream.as_bytes().chunks(size)));
        let relayed = scene.messages(&streamed(message("claude"))).await;
        assert_eq!(relayed.text(), stream, "cut at {size}");
    }
    let seen = scene.claude.request(0).await;
    assert_eq!(seen.path(), "/v1/messages");
    assert_eq!(seen.head.get("x-api-key"), Some("sk-ant"));
    assert_eq!(seen.head.get("anthropic-version"), Some("2023-06-01"));
    let mut sent = message("claude");
    sent["model"] = json!("claude-sonnet-4-5");
    assert_eq!(seen.json(), sent);
    for row in scene.gateway.home.rows(5).await {
        let facts = (
            &row["operation"],
            &row["tokens"]["input"],
            &row["tokens"]["cache_read"],
            &row["tokens"]["output"],
            &row["estimated"],
        );
        assert_eq!(
            facts,
            (
                &json!("messages"),
                &json!(10),
                &json!(8),
                &json!(5),
                &json!(false)
            )
        );
    }
    scene.gateway.assert_idle().await;
}

#[tokio::test]
async fn messages_are_answered_by_a_server_that_knows_only_chats() {
    let scene = Scene::new().await;
    let mut body = message("chat");
    body["system"] = json!([{"type": "text", "text": "Be brief."}]);
    body["top_k"] = json!(40);
    let whole = scene.messages(&body).await;
    let answer = whole.json();
    assert_eq!(
        (
            &answer["type"],
            &answer["model"],
            &answer["content"],
            &answer["stop_reason"]
        ),
        (
            &json!("message"),
            &json!("chat"),
            &json!([{"type": "text", "text": "hello"}]),
            &json!("end_turn")
        )
    );
    assert_eq!(answer["usage"]["input_tokens"], 10);
    assert_eq!(whole.header("x-tollward-dropped"), Some("top_k"));
    let seen = scene.gpt.only();
    assert_eq!(seen.path(), "/v1/chat/completions");
    assert_eq!(
        seen.json(),
        json!({"model": "upstream-name", "max_completion_tokens": 100, "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]})
    );

    scene
        .gpt
        .then(Script::stream_of(openai::stream(&["hel", "lo"])));
    let stream = scene.messages(&streamed(message("chat"))).await;
    let events = events(&stream);
    let kinds: Vec<_> = events
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "message_start",
            "ping",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(
        events[0]["message"]["usage"]["input_tokens"]
            .as_u64()
            .unwrap()
            > 0
    );
    assert_eq!(events[6]["usage"]["output_tokens"], 5);
    assert!(scene.gpt.request(1).await.json()["stream_options"]["include_usage"] == true);
    for row in scene.gateway.home.rows(2).await {
        assert_eq!(
            (
                &row["tokens"]["input"],
                &row["tokens"]["output"],
                &row["outcome"]
            ),
            (&json!(10), &json!(5), &json!("complete"))
        );
    }
}

#[tokio::test]
async fn what_is_left_out_and_refused_has_the_callers_own_names() {
    let scene = Scene::new().await;
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    let own = json!({"name": "f", "input_schema": {"type": "object"}, "strict": true, "defer_loading": true});
    let mut body = message("chat");
    body["thinking"] = json!({"type": "enabled", "budget_tokens": 1_024});
    body["stop_sequences"] = json!(["a", "b", "c", "d", "e"]);
    body["tools"] = json!([own, search]);
    let whole = scene.messages(&body).await;
    assert_eq!(whole.status, 200);
    let mut dropped: Vec<_> = whole
        .header("x-tollward-dropped")
        .unwrap()
        .split(',')
        .collect();
    dropped.sort_unstable();
    assert_eq!(
        dropped,
        [
            "stop_sequences[4..]",
            "thinking.budget_tokens",
            "tools[1]:web_search_20250305",
            "tools[].defer_loading"
        ]
    );
    body["tools"] = json!([search]);
    let refused = scene.messages(&body).await;
    assert_eq!(refused.status, 400);
    let text = refused.json()["error"]["message"].to_string();
    assert!(text.contains("tools[0].type"), "{text}");
}

#[tokio::test]
async fn a_chat_is_answered_by_claude() {
    let scene = Scene::new().await;
    let mut body = openai::chat();
    body["model"] = json!("claude");
    body["seed"] = json!(7);
    let whole = scene.gateway.chat(&body).await;
    let mut answer = whole.json();
    let usage = answer["usage"].as_object_mut().unwrap();
    let cost = usage.remove("cost").unwrap().as_f64().unwrap();
    assert_eq!(
        whole.header("x-tollward-cost-usd"),
        Some(&*cost.to_string())
    );
    assert!(usage.remove("cost_details").is_some());
    assert_eq!(answer["choices"][0]["message"]["content"], "hello");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}})
    );
    assert_eq!(whole.header("x-tollward-dropped"), Some("seed"));
    let sent = scene.claude.only();
    assert_eq!(sent.path(), "/v1/messages");
    assert_eq!(sent.json()["max_tokens"], 64_000);

    body["stream"] = json!(true);
    scene.claude.then(Script::stream_of(claude_stream()));
    let stream = scene.gateway.chat(&body).await;
    let text = stream.text();
    assert!(text.ends_with(DONE), "{text}");
    assert!(!text.contains("usage"), "nobody asked for it: {text}");
    let words: String = openai::events(&stream.body)
        .iter()
        .filter_map(|it| serde_json::from_str::<Value>(it).ok())
        .filter_map(|it| {
            it["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(words, "hello 배");
    for row in scene.gateway.home.rows(2).await {
        assert_eq!(
            (&row["tokens"]["input"], &row["estimated"]),
            (&json!(10), &json!(false))
        );
    }
    scene.gateway.assert_idle().await;
}

#[tokio::test]
async fn a_fallback_speaks_its_own_dialect() {
    let retry = json!({"attempts": 2, "base_delay": "1ms", "max_delay": "2ms"});
    let scene = Scene::with(|config| {
        config
            .set("/models/chat/fallbacks", json!(["claude"]))
            .set("/retry", retry)
    })
    .await;
    scene.gpt.always(Script::json(
        "401 Unauthorized",
        &json!({"error": {"message": "no"}}),
    ));
    let chat = scene.gateway.chat(&openai::chat()).await;
    assert_eq!(chat.json()["choices"][0]["message"]["content"], "hello");
    let messages = scene.messages(&message("chat")).await;
    assert_eq!(messages.json(), claude_answer());
}

#[tokio::test]
async fn errors_come_in_the_callers_own_envelope() {
    let scene = Scene::new().await;
    let mut body = message("nobody");
    let unknown = scene.messages(&body).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["type"], "error");
    assert_eq!(unknown.json()["error"]["type"], "not_found_error");
    assert!(unknown.header("request-id").is_some());
    assert_eq!(unknown.header("request-id"), unknown.header("x-request-id"));
    let nowhere = Request::post("/v1/messages/batches", body.to_string());
    let nowhere = scene.gateway.send(&nowhere).await;
    assert_eq!(
        (nowhere.status, &nowhere.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );

    body = message("chat");
    body["messages"][0]["content"] = json!([{"type": "image", "source": {"type": "moon"}}]);
    let wrong = scene.messages(&body).await;
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["type"]),
        (400, &json!("invalid_request_error"))
    );
    let text = wrong.text();
    assert!(
        text.contains("messages[0].content[0].source.type"),
        "{text}"
    );

    let long = json!({"error": {"message": "This model's maximum context length is 8192 tokens. However, your messages resulted in 10000 tokens.",
        "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}});
    scene.gpt.then(Script::json("400 Bad Request", &long));
    let long = scene.messages(&message("chat")).await;
    assert_eq!(
        long.json()["error"]["message"],
        "prompt is too long: 10000 tokens > 8192 maximum"
    );

    let filtered = json!({"error": {"message": "filtered", "type": null, "param": "prompt", "code": "content_filter",
        "innererror": {"content_filter_result": {"violence": {"filtered": true}}}}});
    scene.gpt.then(Script::json("400 Bad Request", &filtered));
    let filtered = scene.messages(&message("chat")).await.json();
    let expected = json!({"type": "invalid_request_error", "message": "filtered"});
    assert_eq!(filtered["error"], expected, "in Anthropic's words only");

    let overloaded =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    scene
        .claude
        .then(Script::json("529 Overloaded", &overloaded));
    let mut chat = openai::chat();
    chat["model"] = json!("claude");
    scene
        .gateway
        .chat(&chat)
        .await
        .error(503, "upstream_overloaded");

    let mut audio = chat.clone();
    audio["modalities"] = json!(["text", "audio"]);
    let refused = scene
        .gateway
        .chat(&audio)
        .await
        .error(400, "unsupported_parameter");
    assert_eq!(refused["param"], "modalities");
}

// U-28
#[tokio::test]
async fn a_stream_that_breaks_ends_in_the_callers_own_error_event() {
    let scene = Scene::new().await;
    let error = json!({"error": {"message": "overloaded", "type": "server_error", "param": null, "code": "overloaded"}});
    let stream = [openai::role(), openai::text("a"), openai::event(&error)];
    scene.gpt.then(Script::stream_of(&stream));
    let response = scene.messages(&streamed(message("chat"))).await;
    let events = events(&response);
    let last = events.last().unwrap();
    assert_eq!(
        last,
        &json!({"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}})
    );
    assert!(!events.iter().any(|it| it["type"] == "message_stop"));

    let broken =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let mut stream = claude_stream()[..3].to_vec();
    stream.push(named(&broken));
    scene.claude.then(Script::stream_of(&stream));
    let mut chat = openai::stream_chat();
    chat["model"] = json!("claude");
    let response = scene.gateway.chat(&chat).await;
    let text = response.text();
    assert!(
        !text.contains("[DONE]") && text.contains("\"overloaded_error\""),
        "{text}"
    );
    for row in scene.gateway.home.rows(2).await {
        assert_eq!(row["outcome"], "upstream_error");
    }

    // The same to a caller whose stream is relayed: restated, and nothing after it.
    scene.claude.then(Script::stream_of(&stream));
    let relayed = scene.messages(&streamed(message("claude"))).await;
    assert!(relayed.text().starts_with(&claude_stream()[..3].concat()));
    assert_eq!(relayed.text().matches("event: error").count(), 1);

    // Before any content it is an ordinary failure, and can be retried.
    scene.claude.then(Script::stream_of([named(&broken)]));
    let early = scene.messages(&streamed(message("claude"))).await;
    assert_eq!(
        (early.status, &early.json()["error"]["type"]),
        (503, &json!("overloaded_error"))
    );
}

#[tokio::test]
async fn what_a_backend_does_not_take_is_left_out_or_refused_as_the_operator_says() {
    let policy = |word: &'static str| {
        move |config: Config| config.set("/models/chat/on_unsupported", json!(word))
    };
    let mut body = message("chat");
    body["top_k"] = json!(40);
    let silent = Scene::with(policy("drop")).await;
    let answer = silent.messages(&body).await;
    assert_eq!(
        (answer.status, answer.header("x-tollward-dropped")),
        (200, None)
    );
    let counted = silent
        .gateway
        .metric("tollward_fields_dropped_total", &[])
        .await;
    assert_eq!(counted, 1.0);
    let strict = Scene::with(policy("reject")).await;
    let refused = strict.messages(&body).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("top_k"), "{}", refused.text());
    assert_eq!(strict.gpt.calls(), 0);
}

#[tokio::test]
async fn anthropics_clients_list_models_in_their_own_shape_and_anybody_sees_what_works() {
    let scene = Scene::new().await;
    let list = Request::get("/v1/models").header("anthropic-version", "2023-06-01");
    let list = scene.gateway.send(&list).await.json();
    assert_eq!(
        (&list["data"][0]["type"], &list["has_more"]),
        (&json!("model"), &json!(false))
    );
    assert_eq!(
        (&list["first_id"], &list["last_id"]),
        (&list["data"][0]["id"], &list["data"][1]["id"])
    );
    let one = Request::get("/v1/models/claude").header("anthropic-version", "2023-06-01");
    assert_eq!(
        scene.gateway.send(&one).await.json()["display_name"],
        "claude"
    );
    let all = scene
        .gateway
        .send(&Request::get("/v1/capabilities"))
        .await
        .json();
    let claude = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "claude")
        .unwrap();
    let claude = &claude["deployments"][0];
    assert_eq!(claude["deployment"], "anthropic/claude-sonnet-4-5");
    assert_eq!(
        (
            &claude["operations"]["/v1/messages"],
            &claude["operations"]["/v1/chat/completions"],
            &claude["operations"]["/v1/embeddings"]
        ),
        (&json!("relay"), &json!("anthropic"), &json!("none"))
    );
    assert_eq!(claude["max_output_tokens"], 64_000);
}
