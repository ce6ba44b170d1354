//! Providers over HTTP/2: the same bytes, and streams of one connection that end apart.

use std::time::{Duration, Instant};

use h2::Reason;
use serde_json::{Value, json};

use crate::support::client::{Client, Request, Response};
use crate::support::config::Config;
use crate::support::frames::{
    ENHANCE_YOUR_CALM, FIRST, Frames, NO_ERROR, Reply, Then, body, go_away, head,
};
use crate::support::gateway::{Gateway, Home};
use crate::support::http2::{Script, Upstream};
use crate::support::openai;
use crate::support::script::Gate;
use crate::support::tls::{Authority, HOST, Identity};
use crate::support::{until, upstream};

/// How soon a stream that nobody wants must be reset.
const PROMPT: Duration = Duration::from_millis(100);
const JSON: &str = "application/json";

/// An authority, and a certificate of it.
struct Security {
    authority: Authority,
    identity: Identity,
}

impl Security {
    fn new() -> Self {
        let authority = Authority::new();
        let identity = authority.issue(HOST);
        Self {
            authority,
            identity,
        }
    }

    /// `chat` at `alpha/upstream-name`, without retries.
    fn config(addr: std::net::SocketAddr) -> Config {
        Config::empty()
            .tls_provider("alpha", addr)
            .model("chat", &["alpha/upstream-name"])
    }

    async fn gateway(&self, config: &Config) -> Gateway {
        Home::new(config)
            .file("ca.pem", &self.authority.pem())
            .serve()
            .await
    }

    /// A gateway before an upstream, without retries.
    async fn before(&self, addr: std::net::SocketAddr) -> Gateway {
        self.gateway(&Self::config(addr)).await
    }
}

/// What a call was booked as.
fn facts(row: &Value) -> (&Value, &Value, &Value, &Value) {
    (
        &row["status"],
        &row["outcome"],
        &row["attempts"],
        &row["estimated"],
    )
}

/// Whether the upstream may charge for a call that failed.
#[derive(Clone, Copy, PartialEq)]
enum Billed {
    Maybe,
    No,
}

/// The call has one row: one attempt, failed.
async fn assert_failed_once(gateway: &Gateway, billed: Billed) {
    let row = gateway.home.row().await;
    let booked = (
        &json!(502),
        &json!("upstream_error"),
        &json!(1),
        &json!(billed == Billed::Maybe),
    );
    assert_eq!(facts(&row), booked);
}

#[track_caller]
fn assert_unnoticed(response: &Response) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json(), openai::answer("hello"));
    assert_eq!(response.header("x-tollward-attempts"), Some("1"));
}

#[tokio::test]
async fn a_plain_answer_and_a_stream_pass_byte_for_byte() {
    let security = Security::new();
    let upstream = Upstream::healthy(&security.identity).await;
    let gateway = security.before(upstream.addr).await;
    let response = gateway.chat(&openai::chat()).await;
    let answer = openai::answer("hello").to_string();
    assert_eq!((response.status, response.text()), (200, answer));

    upstream.then(Script::stream_of(openai::stream(&[
        "a",
        "\u{d55c}\u{ad6d}",
    ])));
    let response = gateway.chat(&openai::stream_chat()).await;
    let stream = openai::stream_without_usage(&["a", "\u{d55c}\u{ad6d}"]);
    assert_eq!((response.status, response.text()), (200, stream));

    let plain = &upstream.seen()[0];
    let sent = openai::chat()
        .to_string()
        .replace("\"chat\"", "\"upstream-name\"");
    assert_eq!(plain.body, sent);
    assert_eq!(
        plain.uri,
        format!("https://{}/v1/chat/completions", upstream.addr)
    );
    let mut names: Vec<&str> = plain.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type"
        ]
    );
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_large_request_and_a_large_answer_pass_the_flow_control() {
    let security = Security::new();
    let text = "\u{d55c}\u{ad6d}\u{c5b4} ".repeat(400_000);
    let upstream = Upstream::new(&security.identity, Script::json(&openai::answer(&text))).await;
    let gateway = security.before(upstream.addr).await;
    let mut body = openai::chat();
    body["messages"][0]["content"] = json!(text);
    let response = gateway.chat(&body).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.text(), openai::answer(&text).to_string());
    let sent = body.to_string().replace("\"chat\"", "\"upstream-name\"");
    assert_eq!(upstream.seen()[0].body, sent);
}

// C-01, C-02, C-03
#[tokio::test]
async fn a_client_that_leaves_resets_its_stream_and_no_other() {
    let security = Security::new();
    let upstream = Upstream::healthy(&security.identity).await;
    let gateway = security.before(upstream.addr).await;
    let gate = Gate::closed();
    let bystander = Script::stream().data(openai::text("first")).gate(&gate);
    let bystander = bystander.data(openai::text("last")).data(openai::finish());
    upstream.then(bystander.data(openai::DONE).end());
    let mut other = gateway.connect().await;
    let mut beside = other.open(&Request::chat(&openai::stream_chat())).await;
    beside.until("first").await;

    let started = Script::stream().data(openai::text("word"));
    let cases = [
        (openai::chat(), Script::new().silence()),
        (openai::stream_chat(), Script::new().silence()),
        (
            openai::stream_chat(),
            Script::stream().data(openai::role()).silence(),
        ),
        (openai::stream_chat(), started.silence()),
    ];
    for (index, (body, script)) in (1..).zip(cases) {
        upstream.then(script);
        let mut client = gateway.connect().await;
        client.write(&Request::chat(&body).to_bytes()).await;
        upstream.request(index).await;
        if index == 4 {
            client.answer("POST").await.until("word").await;
        }
        let left = Instant::now();
        drop(client);
        let (delay, reason) = upstream.left_after(index, left).await;
        assert!(delay <= PROMPT, "stream {index} was reset after {delay:?}");
        assert_eq!(reason, Some(Reason::CANCEL), "stream {index}");
    }
    gate.open();
    assert!(beside.rest().await.text().ends_with(openai::DONE));
    assert_eq!(upstream.connections(), 1);
    for row in gateway.home.rows(5).await.iter().take(4) {
        assert_eq!(
            (&row["attempts"], &row["estimated"]),
            (&json!(1), &json!(true))
        );
    }
    gateway.assert_idle().await;
}

// U-61, U-27
#[tokio::test]
async fn a_stream_that_is_reset_after_content_ends_with_an_error_and_its_neighbours_live() {
    let security = Security::new();
    for reason in [
        Reason::INTERNAL_ERROR,
        Reason::REFUSED_STREAM,
        Reason::CANCEL,
    ] {
        let upstream = Upstream::healthy(&security.identity).await;
        let gateway = security.before(upstream.addr).await;
        let (cut, on) = (Gate::closed(), Gate::closed());
        let words = Script::stream().data(openai::text("one"));
        upstream.then(words.clone().gate(&cut).reset(reason));
        upstream.then(
            words
                .gate(&on)
                .data(openai::finish())
                .data(openai::DONE)
                .end(),
        );
        let (mut first, mut second) = (gateway.connect().await, gateway.connect().await);
        let mut broken = first.open(&Request::chat(&openai::stream_chat())).await;
        broken.until("one").await;
        let mut whole = second.open(&Request::chat(&openai::stream_chat())).await;
        whole.until("one").await;

        cut.open();
        let broken = broken.rest().await;
        let events = openai::events(&broken.body);
        let error: Value = serde_json::from_str(events.last().expect("an event")).unwrap();
        let code = error["error"]["code"].as_str().unwrap();
        assert!(
            matches!(code, "upstream_truncated" | "upstream_incomplete"),
            "{reason:?}: {code}"
        );
        assert!(!broken.text().contains("[DONE]"), "{reason:?}");
        on.open();
        let whole = whole.rest().await.text();
        assert!(whole.ends_with(openai::DONE), "{reason:?}: {whole}");
        assert_eq!((upstream.calls(), upstream.connections()), (2, 1));
        let rows = gateway.home.rows(2).await;
        let mut outcomes: Vec<_> = rows
            .iter()
            .map(|row| row["outcome"].as_str().unwrap())
            .collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["complete", "upstream_error"]);
    }
}

// U-61, U-26
#[tokio::test]
async fn a_stream_that_is_reset_before_content_falls_back() {
    let security = Security::new();
    let before_head = Script::new().reset(Reason::INTERNAL_ERROR);
    let before_content = Script::stream()
        .data(openai::role())
        .reset(Reason::INTERNAL_ERROR);
    for script in [before_head, before_content] {
        let upstream = Upstream::new(&security.identity, script).await;
        let pieces = openai::stream(&["spare"]);
        let spare =
            upstream::Upstream::new(crate::support::script::Script::stream_of(pieces)).await;
        let config = Security::config(upstream.addr)
            .provider("beta", spare.addr)
            .model("spare", &["beta/spare-name"])
            .set("/models/chat/fallbacks", json!(["spare"]))
            .set("/retry", json!({"attempts": 2}));
        let gateway = security.gateway(&config).await;
        let response = gateway.chat(&openai::stream_chat()).await;
        assert_eq!(response.text(), openai::stream_without_usage(&["spare"]));
        assert_eq!(
            response.header("x-tollward-fallback-reason"),
            Some("upstream_truncated")
        );
        assert_eq!((upstream.calls(), spare.calls()), (1, 1));
    }
}

// U-61
#[tokio::test]
async fn a_reset_before_the_head_may_have_been_billed_and_is_not_repeated() {
    let security = Security::new();
    let script = Script::new().reset(Reason::INTERNAL_ERROR);
    let upstream = Upstream::new(&security.identity, script).await;
    let gateway = security.before(upstream.addr).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_truncated");
    assert_eq!(upstream.calls(), 1);
    assert_failed_once(&gateway, Billed::Maybe).await;
}

// U-61
#[tokio::test]
async fn a_stream_that_was_refused_is_sent_again_unnoticed() {
    let security = Security::new();
    let upstream = Upstream::healthy(&security.identity).await;
    let gateway = security.before(upstream.addr).await;
    for _ in 0..3 {
        upstream.then(Script::new().reset(Reason::REFUSED_STREAM));
        assert_unnoticed(&gateway.chat(&openai::chat()).await);
    }
    assert_eq!(upstream.calls(), 6);
    for row in gateway.home.rows(3).await {
        let booked = (&json!(200), &json!("complete"), &json!(1), &json!(false));
        assert_eq!(facts(&row), booked);
    }
}

// U-61
#[tokio::test]
async fn an_upstream_that_refuses_every_stream_is_not_asked_for_ever() {
    let security = Security::new();
    let script = Script::new().reset(Reason::REFUSED_STREAM);
    let upstream = Upstream::new(&security.identity, script).await;
    let gateway = security.before(upstream.addr).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_unreachable");
    assert_eq!(upstream.calls(), 2);
    assert_failed_once(&gateway, Billed::No).await;
}

fn answered() -> Reply {
    let answer = openai::answer("hello").to_string();
    Reply {
        bytes: [head(FIRST, "200", JSON), body(FIRST, &answer)].concat(),
        then: Then::KeepStill,
    }
}

// U-61
#[tokio::test]
async fn a_call_that_met_the_end_of_its_connection_is_sent_again_on_a_new_one() {
    let security = Security::new();
    for (code, then) in [
        (NO_ERROR, Then::Close),
        (NO_ERROR, Then::KeepStill),
        (ENHANCE_YOUR_CALM, Then::Close),
    ] {
        let bytes = go_away(0, code);
        let upstream = Frames::new(&security.identity, [Reply { bytes, then }, answered()]).await;
        let gateway = security.before(upstream.addr).await;
        assert_unnoticed(&gateway.chat(&openai::chat()).await);
        assert_eq!(upstream.connections(), 2, "{code}, {then:?}");
        let row = gateway.home.row().await;
        assert_eq!(
            (&row["attempts"], &row["estimated"]),
            (&json!(1), &json!(false))
        );
    }
}

// U-61
#[tokio::test]
async fn a_call_that_a_going_upstream_still_took_is_answered_or_fails_but_is_not_repeated() {
    let security = Security::new();
    let mut farewell = answered();
    farewell.bytes = [go_away(FIRST, NO_ERROR), farewell.bytes].concat();
    farewell.then = Then::Close;
    let upstream = Frames::new(&security.identity, [farewell, answered()]).await;
    let gateway = security.before(upstream.addr).await;
    assert_unnoticed(&gateway.chat(&openai::chat()).await);
    assert_eq!(upstream.connections(), 1);
    assert_unnoticed(&gateway.chat(&openai::chat()).await);
    assert_eq!(
        upstream.connections(),
        2,
        "the connection that ended is left"
    );

    let taken = Reply {
        bytes: go_away(FIRST, NO_ERROR),
        then: Then::Close,
    };
    let upstream = Frames::new(&security.identity, [taken, answered()]).await;
    let gateway = security.before(upstream.addr).await;
    let response = gateway.chat(&openai::chat()).await;
    response.error(502, "upstream_truncated");
    assert_eq!(upstream.connections(), 1);
    assert_failed_once(&gateway, Billed::Maybe).await;
}

// U-21
#[tokio::test]
async fn interim_heads_are_skipped() {
    let security = Security::new();
    let mut hinted = answered();
    let hints = head(FIRST, "103", JSON);
    hinted.bytes = [hints.clone(), hints, hinted.bytes].concat();
    let upstream = Frames::new(&security.identity, [hinted]).await;
    let gateway = security.before(upstream.addr).await;
    assert_unnoticed(&gateway.chat(&openai::chat()).await);
}

// U-08, U-24, U-25
#[tokio::test]
async fn a_head_without_measure_and_a_length_that_is_wrong_are_protocol_errors() {
    let security = Security::new();
    let answer = openai::answer("x").to_string();
    let long = "v".repeat(100 * 1024);
    let (short, far) = (answer.len() - 5, answer.len() + 5);
    for (name, value) in [
        ("x-long", long.as_str()),
        ("content-length", &short.to_string()),
        ("content-length", &far.to_string()),
    ] {
        let head = Script::new().head(&[("content-type", JSON), (name, value)]);
        let upstream = Upstream::new(&security.identity, head.data(answer.clone()).end()).await;
        let gateway = security.before(upstream.addr).await;
        let response = gateway.chat(&openai::chat()).await;
        response.error(502, "upstream_protocol");
    }
}

fn gated(gate: &Gate) -> Script {
    let words = Script::stream().data(openai::text("word")).gate(gate);
    words.data(openai::finish()).data(openai::DONE).end()
}

/// Opens `count` streams at once, each of which waits at the gate, and ends them all.
async fn stream_at_once(gateway: &Gateway, upstream: &Upstream, gate: &Gate, count: usize) {
    let before = upstream.calls();
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..count {
        let public = gateway.public;
        streams.spawn(async move {
            let request = Request::chat(&openai::stream_chat());
            Client::connect(public).await.send(&request).await
        });
    }
    until("all streams run at once", async || {
        (upstream.calls() == before + count).then_some(())
    })
    .await;
    gate.open_times(count);
    for response in streams.join_all().await {
        assert!(
            response.text().ends_with(openai::DONE),
            "{}",
            response.text()
        );
    }
    gateway.assert_idle().await;
}

#[tokio::test]
async fn sixty_four_streams_share_one_connection() {
    let security = Security::new();
    let gate = Gate::closed();
    let upstream = Upstream::new(&security.identity, gated(&gate)).await;
    upstream.then(Script::json(&openai::answer("warm")));
    let gateway = security.before(upstream.addr).await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    stream_at_once(&gateway, &upstream, &gate, 64).await;
    assert_eq!(upstream.connections(), 1);
}

// A vendor takes some hundred streams on a connection; the next call must not wait for one of them.
#[tokio::test]
async fn more_streams_than_a_connection_may_have_get_another_connection() {
    let security = Security::new();
    let gate = Gate::closed();
    let upstream = Upstream::limited(&security.identity, gated(&gate), 100).await;
    upstream.then(Script::json(&openai::answer("warm")));
    let gateway = security.before(upstream.addr).await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    stream_at_once(&gateway, &upstream, &gate, 150).await;
    assert!(upstream.connections() > 1);
}

// C-06
#[tokio::test]
async fn a_client_that_does_not_read_leaves_its_neighbours_on_the_connection_alone() {
    let security = Security::new();
    let gate = Gate::closed();
    let upstream = Upstream::new(&security.identity, gated(&gate)).await;
    let gateway = security.before(upstream.addr).await;
    let mut neighbour = gateway.connect().await;
    let mut beside = neighbour.open(&Request::chat(&openai::stream_chat())).await;
    beside.until("word").await;

    // Far more events than the sockets between here and there hold, each in a frame of its own.
    let event = openai::text("x");
    let count = 100_000;
    let script = (0..count).fold(Script::stream(), |script, _| script.data(event.clone()));
    upstream.then(script.data(openai::finish()).data(openai::DONE).end());
    let mut stuck = gateway.connect().await;
    let mut unread = stuck.open(&Request::chat(&openai::stream_chat())).await;
    // Nothing to poll for: the claim is that nothing breaks.
    tokio::time::sleep(Duration::from_millis(500)).await;

    gate.open();
    assert!(beside.rest().await.text().ends_with(openai::DONE));
    let whole = unread.rest().await;
    assert!(
        whole.text().ends_with(openai::DONE),
        "the stream goes on when it is read"
    );
    assert_eq!(whole.text().matches(&event).count(), count);
    assert_eq!(upstream.connections(), 1);
    gateway.assert_idle().await;
}
