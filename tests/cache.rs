//! Models whose answers are given to who asks exactly the same.

use std::time::{Duration, Instant};

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

fn cached(upstream: &Upstream) -> Config {
    let config = Config::one(upstream).priced();
    config.set("/models/chat/cache", json!({"ttl": "1h"}))
}

async fn scene() -> (Upstream, Gateway) {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&cached(&upstream)).await;
    (upstream, gateway)
}

/// What the cache says of an answer that was given.
#[track_caller]
fn result(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response
        .header("x-tollward-cache")
        .unwrap_or("none")
        .to_owned()
}

/// A whole answer, or a stream that has begun, that waits for the gate.
fn gated(gate: &Gate, is_stream: bool) -> Script {
    if !is_stream {
        let whole = Script::json("200 OK", &openai::answer("hello"));
        return Script::new().gate(gate).then(whole);
    }
    let mut pieces = openai::stream(&["one", "two"]).into_iter();
    let begin: String = pieces.by_ref().take(2).collect();
    let rest: String = pieces.collect();
    Script::stream().chunk(begin).gate(gate).chunk(rest).end()
}

#[tokio::test]
async fn the_same_request_is_given_the_answer_that_is_there() {
    let (upstream, gateway) = scene().await;
    let first = gateway.chat(&openai::chat()).await;
    assert_eq!(result(&first), "miss");
    let hit = until("the answer is there", async || {
        let response = gateway.chat(&openai::chat()).await;
        response
            .header("x-tollward-cache-age")
            .is_some()
            .then_some(response)
    })
    .await;
    assert_eq!(result(&hit), "hit");
    assert_eq!(hit.body, first.body);
    for name in ["content-type", "content-length", "x-tollward-deployment"] {
        assert_eq!(hit.header(name), first.header(name), "{name}");
    }
    assert_ne!(hit.header("x-request-id"), first.header("x-request-id"));
    assert_eq!(hit.header("x-tollward-cost-source"), Some("cached"));
    assert_eq!(hit.header("x-tollward-cost-usd"), Some("0"));
    assert_eq!(hit.header("x-tollward-cost-saved-usd"), Some("0.00002"));
    assert_eq!(hit.header("x-tollward-idempotency"), None);
    assert_eq!(upstream.calls(), 1);
    let rows = gateway.home.recent(9).await;
    assert_eq!(rows.last().unwrap()["cost"], usd(COST));
    let facts = ["cost", "cost_source", "saved", "outcome"].map(|it| &rows[0][it]);
    let expected = [json!("0"), json!("cached"), usd(COST), json!("complete")];
    assert_eq!(facts, expected.each_ref());
    let labels = ["result=\"miss\""];
    let name = "tollward_cache_requests_total";
    gateway.until_metric(name, &labels, 1.0).await;
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_stream_is_given_again_as_a_stream_and_a_whole_answer_whole() {
    let (upstream, gateway) = scene().await;
    upstream.then(Script::stream_of(openai::stream(&["one"])));
    for expected in ["miss", "hit"] {
        let stream = gateway.chat(&openai::stream_chat()).await;
        assert_eq!(result(&stream), expected);
        assert_eq!(stream.text(), openai::stream_without_usage(&["one"]));
        assert_eq!(stream.header("content-type"), Some("text/event-stream"));
        let whole = gateway.chat(&openai::chat()).await;
        assert_eq!(result(&whole), expected);
        assert_eq!(whole.json(), openai::answer("hello"));
    }
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test]
async fn whatever_differs_is_another_question() {
    let (upstream, gateway) = scene().await;
    let bodies = [
        r#"{"model":"chat","messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"model":"chat","messages":[{"role":"user","content":"hi"}] }"#,
        r#"{"messages":[{"role":"user","content":"hi"}],"model":"chat"}"#,
        r#"{"model":"chat","messages":[{"role":"user","content":"hi"}],"seed":1}"#,
        r#"{"model":"chat","messages":[{"role":"user","content":"hi"}],"user":"a"}"#,
    ];
    for body in bodies {
        let response = gateway
            .send(&Request::post("/v1/chat/completions", body))
            .await;
        assert_eq!(result(&response), "miss", "{body}");
    }
    let tagged = Request::chat(&openai::chat()).header("x-tollward-tags", "eu");
    assert_eq!(result(&gateway.send(&tagged).await), "miss");
    assert_eq!(upstream.calls(), bodies.len() + 1);
    let again = Request::post("/v1/chat/completions", bodies[2]);
    assert_eq!(result(&gateway.send(&again).await), "hit");
}

#[tokio::test]
async fn a_key_is_never_given_what_another_one_asked_for_unless_the_model_says_so() {
    for share in ["key", "everyone"] {
        let upstream = Upstream::healthy().await;
        let config = cached(&upstream)
            .keyed()
            .set("/models/chat/cache/share", json!(share));
        let gateway = Gateway::start(&config).await;
        let home = &gateway.home;
        let one = home.create_key("one", &[]).await;
        let other = home.create_key("other", &[]).await;
        let barred = home.create_key("barred", &["--models", "none"]).await;
        until("the keys are known", async || {
            let known = gateway.send(&Request::get("/v1/models").key(&barred)).await;
            (known.status == 200).then_some(())
        })
        .await;
        let ask = async |key: &str| gateway.send(&Request::chat(&openai::chat()).key(key)).await;
        assert_eq!(result(&ask(&one).await), "miss");
        assert_eq!(result(&ask(&one).await), "hit");
        let is_shared = share == "everyone";
        let expected = if is_shared { "hit" } else { "miss" };
        assert_eq!(result(&ask(&other).await), expected);
        ask(&barred).await.error(404, "model_not_found");
        assert_eq!(upstream.calls(), if is_shared { 1 } else { 2 });
    }
}

// K-15
#[tokio::test]
async fn a_hundred_at_once_are_one_call() {
    for body in [openai::chat(), openai::stream_chat()] {
        let gate = Gate::closed();
        let upstream = Upstream::new(gated(&gate, body.get("stream").is_some())).await;
        let gateway = Gateway::start(&cached(&upstream)).await;
        let mut clients = Vec::new();
        for _ in 0..100 {
            let mut client = gateway.connect().await;
            client.write(&Request::chat(&body).to_bytes()).await;
            clients.push(client);
        }
        gateway.until_metric("tollward_inflight", &[], 100.0).await;
        gate.open_times(100);
        let mut results = Vec::new();
        for client in &mut clients {
            let response = client.answer("POST").await.rest().await;
            assert!(response.is_whole);
            results.push(result(&response));
        }
        let hits = results.iter().filter(|it| *it == "hit").count();
        assert_eq!((hits, upstream.calls()), (99, 1));
        let rows = gateway.home.rows(100).await;
        let paid = rows.iter().filter(|it| it["cost"] == usd(COST)).count();
        let saved = rows.iter().filter(|it| it["saved"] == usd(COST)).count();
        assert_eq!((paid, saved), (1, 99));
        gateway.assert_idle().await;
    }
}

// K-16
#[tokio::test]
async fn who_made_the_call_may_leave_and_the_last_one_ends_it() {
    for body in [openai::chat(), openai::stream_chat()] {
        let gate = Gate::closed();
        let upstream = Upstream::new(gated(&gate, body.get("stream").is_some())).await;
        let gateway = Gateway::start(&cached(&upstream)).await;
        let request = Request::chat(&body).to_bytes();
        let (mut maker, mut follower) = (gateway.connect().await, gateway.connect().await);
        maker.write(&request).await;
        upstream.request(0).await;
        follower.write(&request).await;
        gateway.until_metric("tollward_inflight", &[], 2.0).await;
        maker.abort();
        gate.open();
        let response = follower.answer("POST").await.rest().await;
        assert!(response.is_whole);
        assert_eq!(result(&response), "hit");
        assert_eq!(upstream.calls(), 1);
        // A call that nobody else waits for ends with its client, as it does without a cache.
        let mut other = body.clone();
        other["seed"] = json!(1);
        let mut alone = gateway.connect().await;
        alone.write(&Request::chat(&other).to_bytes()).await;
        upstream.request(1).await;
        let left = Instant::now();
        alone.abort();
        let delay = upstream.closed_after(1, left).await;
        assert!(delay <= Duration::from_millis(100), "{delay:?}");
        until("the call is booked", async || {
            let rows = gateway.home.recent(9).await;
            rows.iter()
                .any(|it| it["outcome"] == "client_gone")
                .then_some(())
        })
        .await;
        gateway.assert_idle().await;
    }
}

#[tokio::test]
async fn a_caller_may_have_less_of_the_cache() {
    let (upstream, gateway) = scene().await;
    let ask = async |hint: &str| {
        let request = Request::chat(&openai::chat()).header("x-tollward-cache", hint);
        gateway.send(&request).await
    };
    assert_eq!(result(&ask("no-store").await), "bypass");
    assert_eq!(result(&ask("ttl=60").await), "miss");
    upstream.always(Script::json("200 OK", &openai::answer("newer")));
    assert_eq!(result(&ask("ttl=60").await), "hit");
    assert_eq!(result(&ask("no-store").await), "bypass");
    let newer = ask("no-cache").await;
    assert_eq!(
        (result(&newer).as_str(), newer.json()),
        ("miss", openai::answer("newer"))
    );
    until("the newer answer is there", async || {
        let hit = gateway.chat(&openai::chat()).await;
        assert_eq!(result(&hit), "hit");
        (hit.json() == openai::answer("newer")).then_some(())
    })
    .await;
    ask("max-age=60").await.error(400, "invalid_header");
    assert_eq!(upstream.calls(), 4);
}

#[tokio::test]
async fn what_failed_or_broke_off_is_not_kept() {
    let (upstream, gateway) = scene().await;
    let busy = openai::error("no", "server_error", None, None);
    upstream.then(Script::json("500 Internal Server Error", &busy));
    assert_eq!(gateway.chat(&openai::chat()).await.status, 502);
    assert_eq!(result(&gateway.chat(&openai::chat()).await), "miss");
    let begin = [openai::role(), openai::text("one")].concat();
    upstream.then(Script::stream().chunk(begin).reset());
    upstream.then(Script::stream_of(openai::stream(&["one"])));
    let broken = gateway.chat(&openai::stream_chat()).await;
    assert!(broken.text().contains("\"error\""), "{}", broken.text());
    assert_eq!(result(&gateway.chat(&openai::stream_chat()).await), "miss");
    assert_eq!(upstream.calls(), 4);
}

#[tokio::test]
async fn what_leaves_something_behind_is_not_looked_up() {
    let (upstream, gateway) = scene().await;
    let mut stored = openai::chat();
    stored["store"] = json!(true);
    let response = |more: Value| {
        let mut body = json!({"model": "chat", "input": "hi"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Request::post("/v1/responses", body.to_string())
    };
    let named = Request::chat(&openai::chat()).header("idempotency-key", "a");
    for _ in 0..2 {
        assert_eq!(result(&gateway.chat(&stored).await), "bypass");
        assert_eq!(result(&gateway.send(&response(json!({}))).await), "bypass");
    }
    assert_eq!(result(&gateway.send(&named).await), "none");
    let bare = response(json!({"store": false}));
    assert_eq!(result(&gateway.send(&bare).await), "miss");
    assert_eq!(result(&gateway.send(&bare).await), "hit");
    assert_eq!(upstream.calls(), 6);
}

#[tokio::test]
async fn an_answer_has_its_time_and_a_new_configuration_none_of_them() {
    let upstream = Upstream::healthy().await;
    let brief = cached(&upstream).set("/models/chat/cache/ttl", json!("1s"));
    let gateway = Gateway::start(&brief).await;
    gateway.chat(&openai::chat()).await;
    until("the call is made again", async || {
        gateway.chat(&openai::chat()).await;
        (upstream.calls() == 2).then_some(())
    })
    .await;
    gateway.home.write(&cached(&upstream).text());
    gateway.signal("HUP").await;
    until("a lasting answer is there", async || {
        let kept = gateway.chat(&openai::chat()).await;
        let age = kept.header("x-tollward-cache-age")?.parse::<u64>().ok()?;
        (age > 1).then_some(())
    })
    .await;
    gateway.home.write(&Config::one(&upstream).priced().text());
    gateway.signal("HUP").await;
    until("nothing is looked up", async || {
        let response = gateway.chat(&openai::chat()).await;
        response.header("x-tollward-cache").is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_long_answer_is_served_whole_and_not_kept() {
    let upstream = Upstream::healthy().await;
    let config = cached(&upstream).set("/server/cache_bytes", json!("1MiB"));
    let gateway = Gateway::start(&config).await;
    let long = openai::answer(&"word ".repeat(20_000));
    upstream.always(Script::json("200 OK", &long));
    for _ in 0..2 {
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(
            (result(&response).as_str(), response.json()),
            ("miss", long.clone())
        );
    }
    assert_eq!(upstream.calls(), 2);
}
