//! Streamed chat answers: bytes in, the same bytes out, and how a stream may end.

use serde_json::{Value, json};

use crate::support::client::Response;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, usd};
use crate::support::openai::{self, DONE};
use crate::support::script::{Script, head};
use crate::support::upstream::Upstream;

struct Scene {
    upstream: Upstream,
    gateway: Gateway,
}

impl Scene {
    async fn new() -> Self {
        let upstream = Upstream::healthy().await;
        let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
        Self { upstream, gateway }
    }

    /// One streamed call to which the upstream answers with `script`.
    async fn play(&self, script: Script, body: &Value) -> Response {
        self.upstream.then(script);
        self.gateway.chat(body).await
    }

    async fn stream(&self, script: Script) -> Response {
        self.play(script, &openai::stream_chat()).await
    }
}

fn asking_usage() -> Value {
    let mut body = openai::stream_chat();
    body["stream_options"] = json!({"include_usage": true});
    body
}

fn cuts(stream: &str, size: usize) -> Script {
    Script::stream_of(stream.as_bytes().chunks(size))
}

/// The last event of a stream as an error object; asserts that no `[DONE]` was sent.
fn last_error(response: &Response, code: &str) -> Value {
    let events = openai::events(&response.body);
    assert!(!events.iter().any(|event| event == "[DONE]"), "{events:?}");
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], code, "{last}");
    last["error"].clone()
}

#[tokio::test]
async fn a_stream_is_relayed_byte_for_byte_however_it_was_cut() {
    let scene = Scene::new().await;
    let stream =
        openai::stream(&["Hello", " \u{d55c}\u{ad6d}\u{c5b4}", " \u{1f600}", "!"]).concat();
    let hidden =
        openai::stream_without_usage(&["Hello", " \u{d55c}\u{ad6d}\u{c5b4}", " \u{1f600}", "!"]);
    for size in [1, 2, 3, 7, 64, 1_000, 100_000] {
        let kept = scene.play(cuts(&stream, size), &asking_usage()).await;
        assert_eq!(
            (kept.status, kept.text(), kept.is_whole),
            (200, stream.clone(), true),
            "cut at {size}"
        );
        let without = scene
            .play(cuts(&stream, size), &openai::stream_chat())
            .await;
        assert_eq!(
            (without.status, without.text(), without.is_whole),
            (200, hidden.clone(), true),
            "cut at {size}"
        );
    }
    let rows = scene.gateway.home.rows(14).await;
    for row in rows {
        let facts = (
            &row["outcome"],
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["estimated"],
            &row["cost"],
            &row["streamed"],
        );
        assert_eq!(
            facts,
            (
                &json!("complete"),
                &json!(10),
                &json!(5),
                &json!(false),
                &json!("0.00002"),
                &json!(true)
            )
        );
    }
    scene.gateway.assert_idle().await;
}

#[tokio::test]
async fn a_stream_is_one_whatever_the_case_of_its_type_and_also_without_one() {
    let scene = Scene::new().await;
    let stream = openai::stream_without_usage(&["x"]);
    let kinds = [
        Some("Text/Event-Stream; charset=utf-8"),
        Some("application/octet-stream"),
        None,
    ];
    for kind in kinds {
        let mut headers = vec![("transfer-encoding", "chunked")];
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let script = Script::new()
            .send(format!("{}\r\n", head("200 OK", &headers)))
            .chunk(&stream)
            .end();
        let response = scene.stream(script).await;
        assert_eq!(
            (response.status, response.text()),
            (200, stream.clone()),
            "{kind:?}"
        );
        assert_eq!(response.header("content-type"), Some("text/event-stream"));
    }
}

#[tokio::test]
async fn a_stream_says_what_it_is_in_its_head() {
    let scene = Scene::new().await;
    let response = scene
        .stream(Script::stream_of(openai::stream(&["x"])))
        .await;
    let names = [
        "cache-control",
        "content-type",
        "date",
        "transfer-encoding",
        "x-accel-buffering",
        "x-request-id",
        "x-tollward-attempts",
        "x-tollward-deployment",
        "x-tollward-model",
        "x-tollward-overhead-ms",
        "x-tollward-provider",
    ];
    assert_eq!(response.head.names(), names);
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        scene.gateway.home.row().await["request"].as_str(),
        response.header("x-request-id")
    );
}

#[tokio::test]
async fn the_upstream_is_always_asked_for_usage_and_nothing_else_of_the_request_changes() {
    let scene = Scene::new().await;
    let stream = || Script::stream_of(openai::stream(&["x"]));
    scene.stream(stream()).await;
    let expected = openai::stream_chat()
        .to_string()
        .replace("\"chat\"", "\"upstream-name\"")
        .replace(
            "\"stream\":true}",
            "\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        );
    assert_eq!(
        String::from_utf8_lossy(&scene.upstream.request(0).await.body),
        expected
    );
    scene.play(stream(), &asking_usage()).await;
    let expected = asking_usage()
        .to_string()
        .replace("\"chat\"", "\"upstream-name\"");
    assert_eq!(
        String::from_utf8_lossy(&scene.upstream.request(1).await.body),
        expected
    );
    let mut other = openai::stream_chat();
    other["stream_options"] = json!({"include_obfuscation": false, "include_usage": false});
    scene.play(stream(), &other).await;
    other["stream_options"]["include_usage"] = json!(true);
    other["model"] = json!("upstream-name");
    assert_eq!(scene.upstream.request(2).await.json(), other);
}

// U-33
#[tokio::test]
async fn line_ends_of_every_kind_are_understood_and_left_alone() {
    let scene = Scene::new().await;
    let plain = openai::stream(&["a", "b"]).concat();
    let mut count = 0;
    for line_end in ["\r\n", "\r", "\n"] {
        for bom in ["", "\u{feff}"] {
            let stream = format!("{bom}{}", plain.replace('\n', line_end));
            for size in [1, 5, 10_000] {
                let response = scene.play(cuts(&stream, size), &asking_usage()).await;
                assert_eq!(response.text(), stream, "{line_end:?} cut at {size}");
                count += 1;
            }
        }
    }
    for row in scene.gateway.home.rows(count).await {
        assert_eq!(
            (&row["outcome"], &row["tokens"]["output"]),
            (&json!("complete"), &json!(5))
        );
    }
}

// U-34, U-35, U-36
#[tokio::test]
async fn comments_and_other_fields_do_not_disturb() {
    let scene = Scene::new().await;
    let mut pieces = openai::stream(&["a"]);
    pieces.insert(0, ": OPENROUTER PROCESSING\n\n".to_owned());
    pieces.insert(
        2,
        ": ping\n\n\n\nevent: ping\n\nid: 7\nretry: 10\n\n".to_owned(),
    );
    pieces.insert(
        3,
        "data: {\"choices\":\ndata: [{\"index\":0,\"delta\":{\"content\":\"multi\"}}]}\n\n"
            .to_owned(),
    );
    let response = scene
        .play(Script::stream_of(&pieces), &asking_usage())
        .await;
    assert!(response.is_whole);
    assert_eq!(scene.gateway.home.row().await["outcome"], "complete");
    let events = openai::events(&response.body);
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    assert!(response.text().contains("multi"));
}

// U-32
#[tokio::test]
async fn the_end_is_recognised_in_every_spelling() {
    let scene = Scene::new().await;
    for done in [
        "data:[DONE]\n\n",
        "data: [DONE] \n\n",
        "data: [DONE]\r\n\r\n",
    ] {
        let mut pieces = openai::stream(&["a"]);
        pieces.pop();
        pieces.push(done.to_owned());
        let response = scene
            .play(Script::stream_of(&pieces).fin(), &asking_usage())
            .await;
        assert_eq!(
            (response.text(), response.is_whole),
            (pieces.concat(), true)
        );
        assert_eq!(scene.gateway.home.recent(1).await[0]["outcome"], "complete");
    }
}

// U-27
#[tokio::test]
async fn a_stream_cut_inside_an_event_delivers_what_came_and_ends_with_an_error() {
    let scene = Scene::new().await;
    let delivered = [openai::role(), openai::text("123456789")].concat();
    let half = openai::text("lost").replace("\n\n", "").replace("}]}", "");
    for end in [
        Script::fin as fn(Script) -> Script,
        Script::reset,
        Script::end,
        Script::half_close,
    ] {
        let response = scene
            .stream(end(Script::stream().chunk(&delivered).chunk(&half)))
            .await;
        assert!(
            response.text().starts_with(&delivered),
            "{}",
            response.text()
        );
        let error = last_error(&response, "upstream_truncated");
        let text = format!("{delivered}{}", openai::event(&json!({"error": error})));
        assert_eq!(
            openai::events(&response.body).len(),
            openai::events(text.as_bytes()).len()
        );
        assert!(
            !response.text().contains("lost"),
            "no half event is passed on"
        );
    }
    let input = openai::STREAM_ESTIMATED;
    for row in scene.gateway.home.rows(4).await {
        let facts = (
            &row["outcome"],
            &row["estimated"],
            &row["tokens"]["input"],
            &row["tokens"]["output"],
            &row["status"],
        );
        assert_eq!(
            facts,
            (
                &json!("upstream_error"),
                &json!(true),
                &json!(input),
                &json!(3),
                &json!(200)
            )
        );
    }
    scene.gateway.assert_idle().await;
}

// U-28
#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_restated_and_ends_it_however_it_was_cut() {
    let scene = Scene::new().await;
    let error = json!({"error": {"message": "overloaded", "type": "server_error", "param": null, "code": "overloaded"}});
    for event in [
        openai::event(&error),
        format!("event: error\n{}", openai::event(&error)),
    ] {
        let before = [openai::role(), openai::text("a")].concat();
        let stream = [&before, &event, &openai::text("b"), DONE].concat();
        for size in [1, 7, before.len(), stream.len()] {
            let response = scene.stream(cuts(&stream, size)).await;
            let events = openai::events(&response.body);
            assert_eq!(events.len(), 3, "cut at {size}: {}", response.text());
            let last: Value = serde_json::from_str(&events[2]).unwrap();
            assert_eq!(
                (&last["error"]["message"], &last["error"]["type"]),
                (&json!("overloaded"), &json!("server_error"))
            );
            assert!(response.is_whole);
        }
    }
    for row in scene.gateway.home.rows(8).await {
        assert_eq!(row["outcome"], "upstream_error");
    }
    scene.gateway.assert_idle().await;
}

// U-29
#[tokio::test]
async fn a_missing_done_after_a_finish_reason_is_added() {
    let scene = Scene::new().await;
    let mut pieces = openai::stream(&["a"]);
    pieces.pop();
    let response = scene
        .play(Script::stream_of(&pieces), &asking_usage())
        .await;
    assert_eq!(response.text(), format!("{}{DONE}", pieces.concat()));
    let row = scene.gateway.home.row().await;
    assert_eq!(
        (&row["outcome"], &row["tokens"]["output"], &row["estimated"]),
        (&json!("complete"), &json!(5), &json!(false))
    );
}

// U-30
#[tokio::test]
async fn a_stream_that_ends_without_a_finish_reason_is_incomplete() {
    let scene = Scene::new().await;
    let response = scene
        .stream(Script::stream_of([openai::role(), openai::text("a")]))
        .await;
    last_error(&response, "upstream_incomplete");
    assert!(
        !response.text().contains("\"finish_reason\":\"stop\""),
        "a finish reason is never invented"
    );
    assert_eq!(scene.gateway.home.row().await["outcome"], "upstream_error");
}

// U-31
#[tokio::test]
async fn what_follows_done_is_not_passed_on_but_late_usage_counts() {
    let scene = Scene::new().await;
    let kept = [
        openai::role(),
        openai::text("a"),
        openai::finish(),
        DONE.to_owned(),
    ]
    .concat();
    let script = Script::stream()
        .chunk(format!(
            "{kept}{}{}",
            openai::usage_only(10, 5),
            openai::text("late")
        ))
        .end();
    let response = scene.play(script, &asking_usage()).await;
    assert_eq!(response.text(), kept);
    let row = scene.gateway.home.row().await;
    assert_eq!(
        (&row["outcome"], &row["tokens"]["output"]),
        (&json!("complete"), &json!(5))
    );
}

// U-49
#[tokio::test]
async fn usage_that_comes_a_moment_after_done_still_counts() {
    let scene = Scene::new().await;
    let begin = [
        openai::role(),
        openai::text("a"),
        openai::finish(),
        DONE.to_owned(),
    ]
    .concat();
    let script = Script::stream()
        .chunk(&begin)
        .sleep(std::time::Duration::from_millis(30));
    let response = scene
        .play(
            script.chunk(openai::usage_only(10, 5)).end(),
            &asking_usage(),
        )
        .await;
    assert_eq!(response.text(), begin);
    let row = scene.gateway.home.row().await;
    assert_eq!(
        (&row["tokens"]["output"], &row["estimated"]),
        (&json!(5), &json!(false))
    );
}

// U-37
#[tokio::test]
async fn an_event_of_a_megabyte_passes_and_one_without_end_does_not() {
    let scene = Scene::new().await;
    let big = openai::text(&"x".repeat(1 << 20));
    let mut pieces = openai::stream(&["a"]);
    pieces.insert(2, big);
    let response = scene
        .play(Script::stream_of(&pieces), &asking_usage())
        .await;
    assert_eq!(response.text(), pieces.concat());

    let endless = "x".repeat(1 << 20);
    let mut script = Script::stream()
        .chunk([openai::role(), openai::text("a")].concat())
        .chunk("data: \"");
    for _ in 0..17 {
        script = script.chunk(&endless);
    }
    let response = scene.stream(script.black_hole()).await;
    last_error(&response, "upstream_event_too_large");
    assert!(response.body.len() < 10_000);
}

// U-40
#[tokio::test]
async fn characters_survive_any_cut_between_their_bytes() {
    let scene = Scene::new().await;
    let words = [
        "\u{d55c}",
        "\u{1f468}\u{200d}\u{1f469}",
        "\u{e9}",
        "e\u{301}",
    ];
    let response = scene
        .stream(cuts(&openai::stream(&words).concat(), 1))
        .await;
    assert_eq!(openai::streamed_text(&response.body), words.concat());
}

// U-46
#[tokio::test]
async fn a_stream_without_usage_is_estimated() {
    let scene = Scene::new().await;
    let pieces = [
        openai::role(),
        openai::text("123456789"),
        openai::finish(),
        DONE.to_owned(),
    ];
    let response = scene.stream(Script::stream_of(&pieces)).await;
    assert_eq!(response.text(), pieces.concat());
    let row = scene.gateway.home.row().await;
    let input = openai::STREAM_ESTIMATED;
    let facts = (
        &row["outcome"],
        &row["estimated"],
        &row["tokens"]["input"],
        &row["tokens"]["output"],
        &row["cost"],
    );
    assert_eq!(
        facts,
        (
            &json!("complete"),
            &json!(true),
            &json!(input),
            &json!(3),
            &usd(input * 1_000 + 3 * 2_000)
        )
    );
}

// U-47, U-48
#[tokio::test]
async fn the_last_believable_usage_wins_and_is_never_summed() {
    let scene = Scene::new().await;
    let pieces = [
        openai::role(),
        openai::text("a"),
        openai::usage_only(10, 1),
        openai::usage_only(10, 3),
        openai::finish(),
        DONE.to_owned(),
    ];
    scene.stream(Script::stream_of(&pieces)).await;
    let row = scene.gateway.home.row().await;
    assert_eq!(
        (&row["tokens"]["input"], &row["tokens"]["output"]),
        (&json!(10), &json!(3))
    );
}

// OpenAI, in a recording, called a stream JSON.
#[tokio::test]
async fn a_stream_under_another_label_is_known_by_its_first_bytes() {
    let scene = Scene::new().await;
    let stream = openai::stream(&["x"]).concat();
    for kind in ["application/json", "text/plain; charset=utf-8"] {
        for size in [1, 3, 10_000] {
            let head = head(
                "200 OK",
                &[("content-type", kind), ("transfer-encoding", "chunked")],
            );
            let script = stream
                .as_bytes()
                .chunks(size)
                .fold(Script::new().send(format!("{head}\r\n")), Script::chunk)
                .end();
            let response = scene.stream(script).await;
            assert_eq!(
                (
                    response.status,
                    response.header("content-type"),
                    response.text()
                ),
                (
                    200,
                    Some("text/event-stream"),
                    openai::stream_without_usage(&["x"])
                ),
                "{kind} in pieces of {size}"
            );
        }
    }
    for row in scene.gateway.home.rows(6).await {
        let facts = (&row["outcome"], &row["estimated"]);
        assert_eq!(facts, (&json!("complete"), &json!(false)));
    }
}

// U-16, U-22
#[tokio::test]
async fn an_error_object_in_place_of_a_stream_is_that_error() {
    let scene = Scene::new().await;
    let error = openai::error("slow down", "requests", None, Some("rate_limit_exceeded"));
    let response = scene.stream(Script::json("200 OK", &error)).await;
    response.error(429, "rate_limit_exceeded");
    let page = Script::answer(
        "200 OK",
        &[("content-type", "text/html")],
        "<html>log in</html>",
    );
    scene.stream(page).await.error(502, "upstream_protocol");
    let blank = Script::answer("200 OK", &[("content-type", "application/json")], "  ");
    scene.stream(blank).await.error(502, "upstream_protocol");
}
