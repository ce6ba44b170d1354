//! Google's API in front and behind: its SDKs on any backend, and relayed to Gemini.

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

const MODEL: &str = "gemini-3-pro-preview";

/// A model `gem` at Google and a model `chat` at an OpenAI-shaped server.
struct Scene {
    google: Upstream,
    gpt: Upstream,
    config: Config,
}

impl Scene {
    async fn new() -> Self {
        let google = Upstream::new(Script::json("200 OK", &answer())).await;
        let gpt = Upstream::healthy().await;
        let base_url = format!("http://{}/v1beta", google.addr);
        let config = Config::one(&gpt)
            .set(
                "/providers/gemini",
                json!({"base_url": base_url, "api_key": "sk-google"}),
            )
            .model("gem", &[&format!("gemini/{MODEL}")]);
        Self {
            google,
            gpt,
            config,
        }
    }
}

fn answer() -> Value {
    json!({"candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP",
        "index": 0, "tokenCount": 5}], "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5,
        "totalTokenCount": 15}, "modelVersion": MODEL, "responseId": "r1", "news": 1.00})
}

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
}

async fn ask(gateway: &Gateway, target: &str, body: &Value) -> Response {
    let request = Request::post(target, body.to_string());
    gateway.send(&request).await
}

/// The words of an answer or a chunk.
fn words(body: &Value) -> &str {
    body["candidates"][0]["content"]["parts"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

/// Asserts an error in Google's shape and returns its reason.
#[track_caller]
fn refused(response: &Response, code: u16, status: &str) -> String {
    let error = &response.json()["error"];
    assert_eq!(
        (response.status, &error["code"], &error["status"]),
        (code, &json!(code), &json!(status)),
        "{error}"
    );
    let reason = error["details"][0]["reason"].as_str();
    reason.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_to_gemini_is_relayed_byte_for_byte_in_both_directions() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let body = r#"{ "contents":[{"parts":[{"text":"h\u0069"}]}], "generationConfig":{"topP":0.10},"new":1.0 }"#;
    let request = Request::post("/v1beta/models/gem:generateContent", body);
    let response = gateway.send(&request).await;
    assert_eq!((response.status, response.json()), (200, answer()));
    assert_eq!(response.text(), answer().to_string());
    assert_eq!(
        response.header("x-tollward-deployment"),
        Some("gemini/gemini-3-pro-preview")
    );
    let seen = scene.google.only();
    assert_eq!(seen.body, body.as_bytes());
    assert_eq!(
        seen.path(),
        format!("/v1beta/models/{MODEL}:generateContent")
    );
    assert_eq!(seen.head.get("x-goog-api-key"), Some("sk-google"));
    assert_eq!(scene.gpt.calls(), 0);
    let row = gateway.home.row().await;
    assert_eq!(
        (
            &row["operation"],
            &row["model"],
            &row["tokens"]["input"],
            &row["tokens"]["output"]
        ),
        (
            &json!("generate_content"),
            &json!("gem"),
            &json!(10),
            &json!(5)
        )
    );
}

#[tokio::test]
async fn a_stream_of_gemini_is_relayed_as_it_comes() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let stream = format!("data: {}\r\n\r\n", answer());
    scene.google.always(Script::stream_of([stream.clone()]));
    let target = "/v1/models/gem:streamGenerateContent?alt=sse";
    let response = ask(&gateway, target, &hello()).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(response.text(), stream);
    let path = format!("/v1beta/models/{MODEL}:streamGenerateContent?alt=sse");
    assert_eq!(scene.google.only().path(), path);
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["operation"], &row["tokens"]["output"]),
        (&json!("generate_content"), &json!(5))
    );
}

#[tokio::test]
async fn another_vendors_answer_is_googles_whole_and_streamed() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let mut body = hello();
    body["generationConfig"] = json!({"maxOutputTokens": 7});
    let whole = ask(&gateway, "/v1beta/models/chat:generateContent", &body).await;
    assert_eq!(
        (whole.status, whole.json()["modelVersion"].clone()),
        (200, json!("chat"))
    );
    let sent = scene.gpt.request(0).await.json();
    assert_eq!(sent["messages"], json!([{"role": "user", "content": "hi"}]));
    assert_eq!(sent["max_completion_tokens"], 7);
    scene
        .gpt
        .then(Script::stream_of(openai::stream(&["hel", "lo"])));
    let target = "/v1beta/models/chat:streamGenerateContent?alt=sse";
    let stream = ask(&gateway, target, &body).await;
    let chunks: Vec<Value> = stream
        .text()
        .split_terminator("\r\n\r\n")
        .map(|it| serde_json::from_str(it.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    assert_eq!(chunks.iter().map(words).collect::<String>(), "hello");
    let last = chunks.last().unwrap();
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"]["candidatesTokenCount"], 5);
}

#[tokio::test]
async fn a_key_is_taken_from_the_header_or_the_address_and_is_written_nowhere() {
    let scene = Scene::new().await;
    let gateway = Home::new(&scene.config.keyed()).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    let path = "/v1beta/models/gem:generateContent";
    let request = Request::post(path, hello().to_string());
    let response = gateway
        .send(&request.clone().header("x-goog-api-key", &key))
        .await;
    assert_eq!(response.status, 200);
    let with_key = format!("{path}?key={key}");
    assert_eq!(ask(&gateway, &with_key, &hello()).await.status, 200);
    for path in ["/v1beta/models", "/v1/models/gem"] {
        let listing = Request::get(&format!("{path}?key={key}"));
        assert_eq!(gateway.send(&listing).await.status, 200, "{path}");
    }
    let missing = ask(&gateway, path, &hello()).await;
    assert_eq!(refused(&missing, 401, "UNAUTHENTICATED"), "INVALID_API_KEY");
    let wrong = ask(&gateway, &format!("{path}?key=tw-wrong-secret"), &hello()).await;
    assert_eq!(refused(&wrong, 401, "UNAUTHENTICATED"), "INVALID_API_KEY");
    let both = Request::post(&with_key, hello().to_string()).header("x-goog-api-key", "tw-other");
    let both = gateway.send(&both).await;
    assert_eq!(
        refused(&both, 400, "INVALID_ARGUMENT"),
        "AMBIGUOUS_CREDENTIALS"
    );
    for seen in scene.google.seen() {
        assert!(!seen.path().contains("key="), "{}", seen.path());
    }
    let printed = gateway.printed();
    assert!(
        !printed.contains(&key) && !printed.contains("tw-wrong-secret"),
        "{printed}"
    );
}

#[tokio::test]
async fn models_are_listed_to_googles_clients_in_googles_shape() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let google = |path: &str| Request::get(path).header("x-goog-api-key", "any");
    for request in [
        Request::get("/v1beta/models?pageSize=5"),
        google("/v1/models"),
    ] {
        let listing = gateway.send(&request).await.json();
        let names: Vec<_> = listing["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].clone())
            .collect();
        assert_eq!(names, ["models/chat", "models/gem"]);
    }
    let one = gateway.send(&google("/v1beta/models/gem")).await.json();
    assert_eq!(
        one,
        json!({"name": "models/gem", "version": "1", "displayName": "gem", "thinking": true,
            "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"]})
    );
    let unknown = gateway.send(&google("/v1/models/nobody")).await;
    assert_eq!(refused(&unknown, 404, "NOT_FOUND"), "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn tokens_are_counted_without_asking_anybody() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let counted = ask(&gateway, "/v1beta/models/chat:countTokens", &hello()).await;
    assert!(counted.json()["totalTokens"].as_u64().unwrap() > 0);
    let unknown = ask(&gateway, "/v1beta/models/nobody:countTokens", &hello()).await;
    assert_eq!(refused(&unknown, 404, "NOT_FOUND"), "MODEL_NOT_FOUND");
    assert_eq!((scene.google.calls(), scene.gpt.calls()), (0, 0));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_googles_words() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let chat = |method: &str| format!("/v1beta/models/chat:{method}");
    for (target, body, reason) in [
        (chat("streamGenerateContent"), hello(), "INVALID_VALUE"),
        (
            chat("generateContent"),
            json!({"contents": []}),
            "INVALID_VALUE",
        ),
        (
            chat("generateContent"),
            json!({"contents": hello()["contents"], "tools": [{"codeExecution": {}}]}),
            "UNSUPPORTED_PARAMETER",
        ),
        (
            "/v1beta/models/a%20b:generateContent".to_owned(),
            hello(),
            "INVALID_VALUE",
        ),
    ] {
        let response = ask(&gateway, &target, &body).await;
        assert_eq!(
            refused(&response, 400, "INVALID_ARGUMENT"),
            reason,
            "{target}"
        );
    }
    for target in [
        chat("predict"),
        "/v1/models/chat".to_owned(),
        "/v1beta/files".to_owned(),
    ] {
        let response = ask(&gateway, &target, &hello()).await;
        assert_eq!(
            refused(&response, 404, "NOT_FOUND"),
            "UNKNOWN_URL",
            "{target}"
        );
    }
    let unknown = ask(&gateway, "/v1beta/models/nobody:generateContent", &hello()).await;
    assert_eq!(refused(&unknown, 404, "NOT_FOUND"), "MODEL_NOT_FOUND");
}

#[tokio::test]
async fn a_fallback_leads_from_gemini_to_another_vendor() {
    let scene = Scene::new().await;
    let error = json!({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}});
    scene
        .google
        .always(Script::json("503 Service Unavailable", &error));
    let deployment = format!("gemini/{MODEL}");
    let config = scene
        .config
        .set("/retry/attempts", json!(1))
        .model("both", &[&deployment, "alpha/upstream-name"]);
    let gateway = Gateway::start(&config).await;
    let response = ask(&gateway, "/v1beta/models/both:generateContent", &hello()).await;
    assert_eq!((response.status, words(&response.json())), (200, "hello"));
    assert_eq!(scene.gpt.calls(), 1);
}

// traps 23, 25
#[tokio::test]
async fn a_thought_goes_back_to_its_vendor_and_never_to_google() {
    let scene = Scene::new().await;
    let gateway = Gateway::start(&scene.config).await;
    let mut thinking = openai::answer("");
    thinking["choices"][0]["message"] = json!({"role": "assistant", "content": null,
        "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "sig~1",
            "format": "anthropic-claude-v1"}],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    scene.gpt.then(Script::json("200 OK", &thinking));
    let whole = ask(&gateway, "/v1beta/models/chat:generateContent", &hello())
        .await
        .json();
    let said = whole["candidates"][0]["content"].clone();
    assert_eq!(
        said["parts"][0],
        json!({"text": "Hm.", "thought": true}),
        "{whole}"
    );
    let sealed = said["parts"][1]["thoughtSignature"].as_str().unwrap();
    assert!(
        !sealed.contains("sig~1") && sealed.len() % 4 == 0,
        "{sealed}"
    );
    let mut body = hello();
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(said);
    contents.push(json!({"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {}}}]}));
    let response = ask(&gateway, "/v1beta/models/gem:generateContent", &body).await;
    assert_eq!(response.status, 200);
    let field = "contents[].parts[].thoughtSignature";
    assert_eq!(response.header("x-tollward-dropped"), Some(field));
    let sent = scene.google.only().json();
    assert_eq!(
        sent["contents"][1]["parts"],
        json!([{"functionCall": {"id": "c1", "name": "f", "args": {}},
            "thoughtSignature": "skip_thought_signature_validator"}])
    );
}
