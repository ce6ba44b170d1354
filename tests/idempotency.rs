//! Calls with an `Idempotency-Key`: made once, billed once, and answered as often as they are asked for.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, usd};
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::until;
use crate::support::upstream::Upstream;

/// What the standard answer costs: 10 tokens in, 5 out.
const COST: usize = 20_000;

fn keyed(body: &Value, key: &str) -> Request {
    Request::chat(body).header("idempotency-key", key)
}

/// An answer that begins at once and goes on when the gate opens.
fn gated_stream(gate: &Gate) -> Script {
    let mut pieces = openai::stream(&["one", "two", "three"]).into_iter();
    let begin: String = pieces.by_ref().take(2).collect();
    let rest: String = pieces.collect();
    Script::stream().chunk(begin).gate(gate).chunk(rest).end()
}

async fn scene() -> (Upstream, Gateway) {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    (upstream, gateway)
}

/// Waits until so many answers are kept.
async fn kept(gateway: &Gateway, count: f64) {
    let labels = ["result=\"kept\""];
    let name = "tollward_idempotent_requests_total";
    gateway.until_metric(name, &labels, count).await;
}

/// What of an answer must be the same each time.
fn essence(response: &Response) -> (u16, Vec<Option<String>>, String) {
    let names = [
        "content-type",
        "content-length",
        "transfer-encoding",
        "cache-control",
        "x-tollward-model",
        "x-tollward-deployment",
        "x-tollward-attempts",
    ];
    let headers = names.map(|it| response.header(it).map(str::to_owned));
    (response.status, headers.to_vec(), response.text())
}

// C-30
#[tokio::test]
async fn a_repeated_call_is_given_the_same_answer_and_billed_once() {
    let (upstream, gateway) = scene().await;
    let first = gateway.send(&keyed(&openai::chat(), "a")).await;
    assert_eq!((first.status, first.json()), (200, openai::answer("hello")));
    assert_eq!(first.header("x-tollward-idempotency"), Some("new"));
    assert_eq!(first.header("idempotent-replayed"), None);
    upstream.always(Script::json("200 OK", &openai::answer("other")));
    let again = keyed(&openai::chat(), "a").header("x-request-id", "mine");
    let again = gateway.send(&again).await;
    assert_eq!(essence(&again), essence(&first));
    let told = |name| again.header(name);
    assert_eq!(told("x-tollward-idempotency"), Some("replayed"));
    assert_eq!(told("idempotent-replayed"), Some("true"));
    assert_eq!(told("x-request-id"), Some("mine"));
    assert_eq!(
        told("x-tollward-original-request-id"),
        first.header("x-request-id")
    );
    assert_eq!(told("x-tollward-cost-usd"), Some("0"));
    assert_eq!(told("x-tollward-cost-source"), Some("replayed"));
    assert_eq!(told("x-tollward-cost-saved-usd"), Some("0.00002"));
    assert_eq!(upstream.calls(), 1);
    let rows = gateway.home.rows(2).await;
    assert_eq!(rows[1]["cost"], usd(COST));
    let facts = ["cost", "cost_source", "saved", "outcome", "deployment"].map(|it| &rows[0][it]);
    let expected = [
        json!("0"),
        json!("replayed"),
        usd(COST),
        json!("complete"),
        json!(""),
    ];
    assert_eq!(facts, expected.each_ref());
    let usage = gateway.home.json(&["usage", "--json"]).await;
    assert_eq!(usage[0]["cost"], usd(COST));
    assert_eq!(usage[0]["saved"], usd(COST));
    gateway.assert_idle().await;
}

// C-30
#[tokio::test]
async fn a_repeated_stream_comes_again_byte_for_byte() {
    let upstream = Upstream::new(Script::stream_of(openai::stream(&["one", "two"]))).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let first = gateway.send(&keyed(&openai::stream_chat(), "a")).await;
    let expected = openai::stream_without_usage(&["one", "two"]);
    assert_eq!((first.status, first.text()), (200, expected.clone()));
    kept(&gateway, 1.0).await;
    let again = gateway.send(&keyed(&openai::stream_chat(), "a")).await;
    assert_eq!((again.status, again.text()), (200, expected));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(upstream.calls(), 1);
    let rows = gateway.home.rows(2).await;
    assert_eq!(
        (&rows[0]["saved"], &rows[1]["cost"]),
        (&usd(COST), &usd(COST))
    );
}

// C-30
#[tokio::test]
async fn another_request_with_the_same_key_is_refused() {
    let (upstream, gateway) = scene().await;
    gateway.send(&keyed(&openai::chat(), "a")).await;
    let mut hotter = openai::chat();
    hotter["temperature"] = json!(1);
    let other = gateway.send(&keyed(&hotter, "a")).await;
    other.error(422, "idempotency_key_reused");
    let streamed = gateway.send(&keyed(&openai::stream_chat(), "a")).await;
    streamed.error(422, "idempotency_key_reused");
    // Another operation, and a call without the key, have nothing to do with it.
    let embedding = Request::post(
        "/v1/completions",
        json!({"model": "chat", "prompt": "hi"}).to_string(),
    );
    let embedding = embedding.header("idempotency-key", "a");
    assert_ne!(gateway.send(&embedding).await.status, 422);
    assert_eq!(gateway.chat(&hotter).await.status, 200);
    assert_eq!(upstream.calls(), 3);
    let wrong = gateway
        .send(&keyed(&openai::chat(), &"x".repeat(256)))
        .await;
    wrong.error(400, "invalid_header");
}

// C-30
#[tokio::test]
async fn a_key_never_gets_what_another_one_asked_for() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).keyed()).await;
    let (one, other) = (
        gateway.home.create_key("one", &[]).await,
        gateway.home.create_key("other", &[]).await,
    );
    let request = keyed(&openai::chat(), "a");
    until("the keys are known", async || {
        let known = gateway.send(&Request::get("/v1/models").key(&other)).await;
        (known.status == 200).then_some(())
    })
    .await;
    for key in [&one, &other] {
        let response = gateway.send(&request.clone().key(key)).await;
        assert_eq!(response.header("x-tollward-idempotency"), Some("new"));
    }
    let again = gateway.send(&request.key(&one)).await;
    assert_eq!(again.header("x-tollward-idempotency"), Some("replayed"));
    assert_eq!(upstream.calls(), 2);
}

// C-30
#[tokio::test]
async fn a_hundred_at_once_are_one_call() {
    for body in [openai::chat(), openai::stream_chat()] {
        let gate = Gate::closed();
        let whole = Script::new()
            .gate(&gate)
            .then(Script::json("200 OK", &openai::answer("hello")));
        let is_stream = body.get("stream").is_some();
        let script = if is_stream {
            gated_stream(&gate)
        } else {
            whole
        };
        let upstream = Upstream::new(script).await;
        let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
        let mut clients = Vec::new();
        for _ in 0..100 {
            let mut client = gateway.connect().await;
            client.write(&keyed(&body, "a").to_bytes()).await;
            clients.push(client);
        }
        gateway.until_metric("tollward_inflight", &[], 100.0).await;
        gate.open_times(100);
        let mut texts = Vec::new();
        for client in &mut clients {
            let response = client.answer("POST").await.rest().await;
            assert!(response.is_whole && response.status == 200);
            texts.push(response.text());
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_eq!(upstream.calls(), 1);
        let rows = gateway.home.rows(100).await;
        let paid = rows.iter().filter(|it| it["cost"] == usd(COST)).count();
        let saved = rows.iter().filter(|it| it["saved"] == usd(COST)).count();
        assert_eq!((paid, saved), (1, 99));
        gateway.assert_idle().await;
    }
}

// C-30
#[tokio::test]
async fn the_answer_is_read_on_when_its_client_leaves() {
    let gate = Gate::closed();
    for body in [openai::chat(), openai::stream_chat()] {
        let is_stream = body.get("stream").is_some();
        let whole = Script::new()
            .gate(&gate)
            .then(Script::json("200 OK", &openai::answer("hello")));
        let upstream = Upstream::new(if is_stream {
            gated_stream(&gate)
        } else {
            whole
        })
        .await;
        let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
        let mut client = gateway.connect().await;
        client.write(&keyed(&body, "a").to_bytes()).await;
        upstream.request(0).await;
        if is_stream {
            client.answer("POST").await.until("one").await;
        }
        client.abort();
        // Who comes back while it runs reads it from the beginning.
        let mut back = gateway.connect().await;
        back.write(&keyed(&body, "a").to_bytes()).await;
        gateway.until_metric("tollward_inflight", &[], 2.0).await;
        back.abort();
        gateway.until_metric("tollward_inflight", &[], 1.0).await;
        gate.open();
        kept(&gateway, 1.0).await;
        let again = gateway.send(&keyed(&body, "a")).await;
        assert_eq!(again.header("x-tollward-idempotency"), Some("replayed"));
        let text = if is_stream {
            openai::stream_without_usage(&["one", "two", "three"])
        } else {
            openai::answer("hello").to_string()
        };
        assert_eq!(again.text(), text);
        assert_eq!(upstream.calls(), 1);
        let rows = gateway.home.recent(10).await;
        let made: Vec<_> = rows.iter().filter(|it| it["attempts"] == 1).collect();
        assert_eq!(made.len(), 1, "{rows:#?}");
        assert_eq!(
            (&made[0]["outcome"], &made[0]["cost"]),
            (&json!("complete"), &usd(COST))
        );
        gateway.assert_idle().await;
    }
}

// C-30
#[tokio::test]
async fn what_failed_is_tried_again() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let busy = openai::error("no", "server_error", None, None);
    upstream.then(Script::json("500 Internal Server Error", &busy));
    upstream.then(Script::json("429 Too Many Requests", &busy));
    let request = keyed(&openai::chat(), "a");
    assert_eq!(gateway.send(&request).await.status, 502);
    assert_eq!(gateway.send(&request).await.status, 429);
    let good = gateway.send(&request).await;
    assert_eq!(
        (good.status, good.header("x-tollward-idempotency")),
        (200, Some("new"))
    );
    let again = gateway.send(&request).await;
    assert_eq!(again.header("x-tollward-idempotency"), Some("replayed"));
    assert_eq!(upstream.calls(), 3);
}

// C-30
#[tokio::test]
async fn a_stream_that_breaks_is_not_kept() {
    let upstream = Upstream::new(Script::stream_of(openai::stream(&["one"]))).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let begin = [openai::role(), openai::text("one")].concat();
    upstream.then(Script::stream().chunk(begin).reset());
    let request = keyed(&openai::stream_chat(), "a");
    let broken = gateway.send(&request).await;
    assert!(broken.text().contains("\"error\""), "{}", broken.text());
    let good = gateway.send(&request).await;
    assert!(good.text().ends_with(openai::DONE), "{}", good.text());
    assert_eq!(upstream.calls(), 2);
    let rows = gateway.home.rows(2).await;
    assert_eq!(rows[1]["outcome"], "upstream_error");
}

// C-30
#[tokio::test]
async fn who_joins_a_call_that_fails_hears_the_same_and_pays_nothing() {
    let gate = Gate::closed();
    let busy = openai::error("no", "server_error", None, None);
    let failing = Script::json("500 Internal Server Error", &busy);
    let upstream = Upstream::new(Script::new().gate(&gate).then(failing)).await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let request = keyed(&openai::chat(), "a");
    let (mut one, mut other) = (gateway.connect().await, gateway.connect().await);
    one.write(&request.to_bytes()).await;
    upstream.request(0).await;
    other.write(&request.to_bytes()).await;
    gateway.until_metric("tollward_inflight", &[], 2.0).await;
    gate.open();
    for client in [&mut one, &mut other] {
        let response = client.answer("POST").await.rest().await;
        response.error(502, "upstream_error");
    }
    for row in gateway.home.rows(2).await {
        assert_eq!(
            (&row["outcome"], &row["cost"]),
            (&json!("upstream_error"), &json!("0"))
        );
    }
    assert_eq!(upstream.calls(), 1);
}

// C-30
#[tokio::test]
async fn an_answer_outlives_a_kill() {
    let (upstream, gateway) = scene().await;
    let first = gateway.send(&keyed(&openai::chat(), "a")).await;
    kept(&gateway, 1.0).await;
    let gateway = gateway.kill().await.serve().await;
    let again = gateway.send(&keyed(&openai::chat(), "a")).await;
    assert_eq!(essence(&again), essence(&first));
    assert_eq!(again.header("x-tollward-idempotency"), Some("replayed"));
    assert_eq!(upstream.calls(), 1);
}

// C-30
#[tokio::test]
async fn an_answer_that_is_too_long_is_served_whole_and_not_kept() {
    let long = "word ".repeat(40_000);
    let pieces: Vec<String> = openai::stream(&[long.as_str(); 3]);
    let upstream = Upstream::new(Script::stream_of(&pieces)).await;
    let config = Config::one(&upstream).set("/server/idempotency/max_answer_bytes", json!("4KiB"));
    let gateway = Gateway::start(&config).await;
    for calls in 1..=2 {
        let response = gateway.send(&keyed(&openai::stream_chat(), "a")).await;
        assert!(response.text() == openai::stream_without_usage(&[long.as_str(); 3]));
        assert_eq!(upstream.calls(), calls);
    }
    let labels = ["result=\"unkept\""];
    let name = "tollward_idempotent_requests_total";
    gateway.until_metric(name, &labels, 2.0).await;
    until("the log says so", async || {
        let told = gateway.stderr.text();
        told.contains("too long to be kept").then_some(())
    })
    .await;
    gateway.assert_idle().await;
}

// C-30
#[tokio::test]
async fn an_answer_is_forgotten_when_its_time_is_up() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream).set("/server/idempotency/keep", json!("1s"));
    let gateway = Gateway::start(&config).await;
    gateway.send(&keyed(&openai::chat(), "a")).await;
    until("the call is made again", async || {
        gateway.send(&keyed(&openai::chat(), "a")).await;
        (upstream.calls() == 2).then_some(())
    })
    .await;
    let off = config.set("/server/idempotency/keep", json!("0s"));
    gateway.home.write(&off.text());
    gateway.signal("HUP").await;
    until("the header means nothing", async || {
        let response = gateway.send(&keyed(&openai::chat(), "a")).await;
        response
            .header("x-tollward-idempotency")
            .is_none()
            .then_some(())
    })
    .await;
}

// C-30
#[tokio::test]
async fn who_waits_no_longer_than_a_call_takes_is_told_that_it_runs() {
    let gate = Gate::closed();
    let whole = Script::json("200 OK", &openai::answer("hello"));
    let upstream = Upstream::new(Script::new().gate(&gate).then(whole)).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut first = gateway.connect().await;
    first.write(&keyed(&openai::chat(), "a").to_bytes()).await;
    upstream.request(0).await;
    let hasty = keyed(&openai::chat(), "a").header("x-tollward-timeout", "0.05");
    let response = gateway.send(&hasty).await;
    response.error(409, "idempotency_key_in_use");
    assert_eq!(response.header("retry-after"), Some("1"));
    let mut other = openai::chat();
    other["seed"] = json!(1);
    let other = gateway.send(&keyed(&other, "a")).await;
    other.error(422, "idempotency_key_reused");
    gate.open();
    assert_eq!(first.answer("POST").await.rest().await.status, 200);
    assert_eq!(upstream.calls(), 1);
}

// P-01, P-02
#[tokio::test]
async fn a_shutdown_waits_for_a_call_whose_client_left_and_cuts_it_in_the_end() {
    for (is_patient, outcome) in [(true, "complete"), (false, "shutdown")] {
        let gate = Gate::closed();
        let upstream = Upstream::new(gated_stream(&gate)).await;
        let drain = if is_patient { "20s" } else { "1s" };
        let config = Config::one(&upstream).set("/server/drain", json!(drain));
        let mut gateway = Gateway::start(&config).await;
        let mut client = gateway.connect().await;
        let request = keyed(&openai::stream_chat(), "a");
        client.open(&request).await.until("one").await;
        client.abort();
        gateway.signal("TERM").await;
        if is_patient {
            gate.open();
        }
        let status = gateway.exit(Duration::from_secs(10)).await;
        assert!(status.success(), "{status}: {}", gateway.stderr.text());
        assert_eq!(gateway.home.row().await["outcome"], outcome);
        assert_eq!(upstream.calls(), 1);
    }
}

#[tokio::test]
async fn what_the_key_may_not_use_has_no_answer_to_be_given_again() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let mut unknown = openai::chat();
    unknown["model"] = json!("other");
    for _ in 0..2 {
        let response = gateway.send(&keyed(&unknown, "a")).await;
        response.error(404, "model_not_found");
    }
    // Nor does what was refused block the name.
    let good = gateway.send(&keyed(&openai::chat(), "a")).await;
    assert_eq!(good.header("x-tollward-idempotency"), Some("new"));
}
