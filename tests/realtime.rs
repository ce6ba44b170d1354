//! Sessions over websockets: what passes, what is booked, and how they end.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::websocket::{Refusal, Socket, Vendor};
use crate::support::within;

const TARGET: &str = "/v1/realtime?model=chat";

fn config(vendor: &Vendor) -> Config {
    Config::empty()
        .provider("alpha", vendor.addr)
        .model("chat", &["alpha/upstream-name"])
        .priced()
}

fn refusal(status: u16, code: &str) -> Refusal {
    let body = openai::error("no", "error", None, Some(code));
    (status, vec![("content-type", "application/json")], body)
}

async fn open(gateway: &Gateway, vendor: &mut Vendor) -> (Socket, Socket) {
    let client = Socket::open(gateway, TARGET, &[]).await.expect("a session");
    (client, vendor.session().await)
}

async fn refused(gateway: &Gateway, target: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let opened = Socket::open(gateway, target, headers).await;
    let (status, body) = opened.expect_err("a refusal");
    (status, body["error"]["code"].clone())
}

fn begun(id: &str) -> Value {
    json!({"type": "response.created", "response": {"id": id}})
}

fn done(id: &str, input: u64, output: u64) -> Value {
    json!({"type": "response.done", "response": {"id": id, "status": "completed", "usage": {
        "total_tokens": input + output, "input_tokens": input, "output_tokens": output,
        "input_token_details": {"text_tokens": input, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": 0, "audio_tokens": output}}}})
}

/// Of each row, newest first: the outcome, the status, input, output, the cost and whether it is an estimate.
async fn booked(home: &Home, rows: usize) -> Vec<Value> {
    let rows = home.rows(rows).await;
    rows.iter()
        .map(|row| {
            assert_eq!(row["operation"], "realtime");
            let tokens = &row["tokens"];
            json!([
                row["outcome"],
                row["status"],
                tokens["input"],
                tokens["output"],
                row["cost"],
                row["estimated"]
            ])
        })
        .collect()
}

#[tokio::test]
async fn messages_pass_both_ways_and_each_response_is_booked() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let headers = [
        ("authorization", "Bearer tw-callers"),
        ("openai-beta", "realtime=v1"),
        ("openai-safety-identifier", "user-1"),
        ("cookie", "a=b"),
        (
            "sec-websocket-protocol",
            "realtime, openai-insecure-api-key.tw-callers",
        ),
    ];
    let target = "/v1/realtime?model=chat&intent=transcription&x=y";
    let mut client = Socket::open(&gateway, target, &headers)
        .await
        .expect("a session");
    let mut session = vendor.session().await;
    assert_eq!(
        session.target,
        "/v1/realtime?model=upstream-name&intent=transcription"
    );
    for (name, value) in [
        ("authorization", Some("Bearer sk-upstream")),
        ("openai-beta", Some("realtime=v1")),
        ("openai-safety-identifier", Some("user-1")),
        ("sec-websocket-protocol", Some("realtime")),
        ("cookie", None),
        ("x-api-key", None),
    ] {
        assert_eq!(session.header(name), value, "{name}");
    }
    assert_eq!(client.header("sec-websocket-protocol"), Some("realtime"));
    assert_eq!(
        client.header("x-tollward-deployment"),
        Some("alpha/upstream-name")
    );
    assert_eq!(client.header("x-upstream-request-id"), Some("req_vendor"));

    let event = r#"{ "type" : "response.cancel", "n":1.0 }"#;
    let text = Message::text(event);
    let bytes = Message::Binary(Bytes::from_static(event.as_bytes()));
    for message in [&text, &bytes] {
        client.send(message.clone()).await;
        assert_eq!(session.next().await.as_ref(), Some(message));
        session.send(message.clone()).await;
        assert_eq!(client.next().await.as_ref(), Some(message));
    }
    let sound = Message::Binary(Bytes::from_static(&[0, 255, 1]));
    session.send(sound.clone()).await;
    assert_eq!(client.next().await, Some(sound));
    for (id, input, output) in [("r1", 100, 20), ("r2", 130, 5)] {
        for event in [begun(id), done(id, input, output)] {
            session.say(&event).await;
            assert_eq!(client.event().await, event);
        }
    }
    client.close(4001, "enough").await;
    assert_eq!(session.closed().await, (4001, "enough".to_owned()));
    assert_eq!(client.next().await, Some(client_close()));
    assert_eq!(
        booked(&gateway.home, 3).await,
        [
            json!(["complete", 101, 0, 0, "0", false]),
            json!(["complete", 200, 130, 5, "0.00014", false]),
            json!(["complete", 200, 100, 20, "0.00014", false]),
        ]
    );
    let rows = gateway.home.rows(3).await;
    assert!(rows.iter().all(|it| it["request"] == rows[0]["request"]));
    assert_eq!(rows[1]["tokens"]["audio_output"], 5);
    gateway.assert_idle().await;
}

/// What a client hears after its own close: that close.
fn client_close() -> Message {
    Message::Close(Some(tokio_tungstenite::tungstenite::protocol::CloseFrame {
        code: 4001.into(),
        reason: "enough".into(),
    }))
}

#[tokio::test]
async fn a_session_is_of_the_model_that_it_was_opened_for() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    let update = |model: &str| json!({"type": "session.update", "event_id": "mine", "session": {"model": model}});
    client.say(&update("chat")).await;
    assert_eq!(session.event().await, update("upstream-name"));
    client.say(&update("another")).await;
    let told = client.event().await;
    assert_eq!(
        (
            &told["type"],
            &told["error"]["code"],
            &told["error"]["param"],
            &told["error"]["event_id"],
        ),
        (
            &json!("error"),
            &json!("invalid_value"),
            &json!("session.model"),
            &json!("mine"),
        )
    );
    client
        .send(Message::Binary(update("another").to_string().into()))
        .await;
    assert_eq!(client.event().await["error"]["code"], "invalid_value");
    client
        .send(Message::text(r#"{"type":"a","type":"session.update"}"#))
        .await;
    assert_eq!(client.event().await["error"]["code"], "duplicate_key");
    // Python's servers read JSON in every encoding out of bytes.
    let wide = update("another").to_string();
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_be_bytes).collect();
    client.send(Message::Binary(wide.into())).await;
    assert_eq!(client.event().await["error"]["code"], "invalid_json");
    client.say(&json!({"type": "response.create"})).await;
    assert_eq!(session.event().await["type"], "response.create");
}

#[tokio::test]
async fn a_key_comes_in_a_header_or_a_subprotocol_and_opens_its_own_models() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let config = config(&vendor)
        .model("other", &["alpha/other-name"])
        .keyed();
    let gateway = Gateway::start(&config).await;
    let key = gateway.home.create_key("app", &["--models", "chat"]).await;
    let protocols = format!("realtime, openai-insecure-api-key.{key}");
    for headers in [
        ("authorization", format!("Bearer {key}")),
        ("sec-websocket-protocol", protocols.clone()),
    ] {
        let headers = [(headers.0, &*headers.1)];
        Socket::open(&gateway, TARGET, &headers)
            .await
            .expect("a session");
        let session = vendor.session().await;
        assert_eq!(session.header("authorization"), Some("Bearer sk-upstream"));
    }
    let own = [("sec-websocket-protocol", &*protocols)];
    let wrong = [(
        "sec-websocket-protocol",
        "realtime, openai-insecure-api-key.tw-x",
    )];
    let two = [own[0], ("authorization", "Bearer tw-another")];
    for (target, headers, status, code) in [
        (TARGET, &[][..], 401, "invalid_api_key"),
        (TARGET, &wrong, 401, "invalid_api_key"),
        (TARGET, &two, 400, "ambiguous_credentials"),
        ("/v1/realtime?model=other", &own, 404, "model_not_found"),
        ("/v1/realtime?model=nothing", &own, 404, "model_not_found"),
        ("/v1/realtime", &own, 400, "invalid_value"),
        (
            "/v1/realtime?model=chat&model=other",
            &own,
            400,
            "invalid_handshake",
        ),
        (
            "/v1/realtime?model=chat&call_id=rtc_1",
            &own,
            400,
            "invalid_handshake",
        ),
    ] {
        let found = refused(&gateway, target, headers).await;
        assert_eq!(found, (status, json!(code)), "{target}");
    }
    assert_eq!(vendor.keys().len(), 2);
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_session_where_there_are_no_keys() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let own = format!("http://{}", gateway.public);
    for header in [
        ("origin", "https://elsewhere.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let found = refused(&gateway, TARGET, &[header]).await;
        assert_eq!(found, (403, json!("cross_site_request")), "{header:?}");
    }
    for header in [("origin", &*own), ("sec-fetch-site", "same-origin")] {
        let opened = Socket::open(&gateway, TARGET, &[header]).await;
        opened.expect("a session");
        vendor.session().await;
    }
    let gateway = Gateway::start(&config(&vendor).keyed()).await;
    let key = gateway.home.create_key("page", &[]).await;
    let protocols = format!("realtime, openai-insecure-api-key.{key}");
    let headers = [
        ("origin", "https://elsewhere.example"),
        ("sec-websocket-protocol", &*protocols),
    ];
    let opened = Socket::open(&gateway, TARGET, &headers).await;
    opened.expect("a session");
}

#[tokio::test]
async fn without_a_websocket_there_is_nothing_to_open() {
    let vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let plain = gateway.send(&Request::get(TARGET)).await;
    plain.error(426, "upgrade_required");
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    assert_eq!(plain.header("sec-websocket-version"), Some("13"));
    let posted = gateway.send(&Request::post(TARGET, "{}")).await;
    posted.error(405, "method_not_allowed");
}

// U-13, U-18
#[tokio::test]
async fn a_refusal_before_the_session_is_that_of_any_call() {
    let mut vendor = Vendor::new(vec![refusal(401, "invalid_api_key")]).await;
    let list = json!(["sk-first-key", {"name": "spare", "api_key": "sk-second-key"}]);
    let config = config(&vendor).set(
        "/providers/alpha",
        json!({"kind": "openai-compatible", "credentials": list,
            "base_url": format!("http://{}/v1", vendor.addr)}),
    );
    let gateway = Gateway::start(&config).await;
    let (client, _session) = open(&gateway, &mut vendor).await;
    assert_eq!(vendor.keys(), ["sk-first-key", "sk-second-key"]);
    assert_eq!(client.header("x-tollward-credential"), Some("spare"));
    assert_eq!(vendor.refusals_left(), 0);

    let vendor = Vendor::new(vec![refusal(429, "rate_limit_exceeded"); 2]).await;
    let gateway = Gateway::start(&self::config(&vendor)).await;
    let found = refused(&gateway, TARGET, &[]).await;
    assert_eq!(found, (429, json!("rate_limit_exceeded")));
    let booked = booked(&gateway.home, 1).await;
    assert_eq!(booked, [json!(["upstream_error", 429, 0, 0, "0", false])]);
    gateway.assert_idle().await;
}

// faults S-12
#[tokio::test]
async fn a_key_that_a_vendor_repeats_in_a_refusal_is_not_told() {
    let message = "no header `Bearer sk-upstream` is known";
    let body = openai::error(message, "invalid_request_error", None, None);
    let vendor = Vendor::new(vec![(400, Vec::new(), body)]).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let opened = Socket::open(&gateway, TARGET, &[]).await;
    let (status, body) = opened.expect_err("a refusal");
    let told = &body["error"]["message"];
    assert_eq!(
        (status, told),
        (400, &json!("no header `Bearer ***` is known"))
    );
}

#[tokio::test]
async fn another_deployment_opens_what_the_first_one_does_not() {
    let first = Vendor::new(vec![refusal(500, "server_error")]).await;
    let mut second = Vendor::new(Vec::new()).await;
    let config = config(&first)
        .provider("beta", second.addr)
        .model("chat", &["alpha/upstream-name", "beta/its-name"])
        .set("/retry", json!({"attempts": 1}));
    let gateway = Gateway::start(&config).await;
    let (client, session) = open(&gateway, &mut second).await;
    assert_eq!(session.target, "/v1/realtime?model=its-name");
    assert_eq!(
        client.header("x-tollward-deployment"),
        Some("beta/its-name")
    );
    assert_eq!(client.header("x-tollward-attempts"), Some("2"));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_midst_of_an_answer_pays_for_what_came() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    session.say(&done("r1", 40, 10)).await;
    session.say(&begun("r2")).await;
    let sound = "A".repeat(32_000);
    session
        .say(&json!({"type": "response.output_audio.delta", "response_id": "r2", "delta": sound}))
        .await;
    for _ in 0..3 {
        client.event().await;
    }
    drop(client);
    assert_eq!(session.closed().await, (1001, "the client left".to_owned()));
    assert_eq!(
        booked(&gateway.home, 3).await,
        [
            json!(["client_gone", 101, 0, 0, "0", false]),
            // Fifty for what was said before, and half a second of speech.
            json!(["client_gone", 200, 50, 11, "0.000072", true]),
            json!(["complete", 200, 40, 10, "0.00006", false]),
        ]
    );
    gateway.assert_idle().await;
}

// faults C-04, U-47
#[tokio::test]
async fn what_was_asked_for_is_booked_though_nothing_came() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    session.say(&begun("r1")).await;
    let absurd = json!({"input_tokens": -1, "output_tokens": 10});
    session
        .say(&json!({"type": "response.done", "response": {"id": "r1", "usage": absurd}}))
        .await;
    for _ in 0..2 {
        client.event().await;
    }
    let instructions = "a".repeat(300);
    let asking = json!({"type": "response.create", "response": {"instructions": instructions}});
    client.say(&asking).await;
    session.event().await;
    drop(client);
    session.closed().await;
    assert_eq!(
        booked(&gateway.home, 3).await,
        [
            json!(["client_gone", 101, 0, 0, "0", false]),
            json!(["client_gone", 200, 100, 0, "0.0001", true]),
            json!(["complete", 200, 0, 0, "0", true]),
        ]
    );
    gateway.assert_idle().await;
}

#[tokio::test]
async fn how_the_vendor_ends_a_session_is_passed_on() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    session.close(1011, "a fault").await;
    assert_eq!(client.closed().await, (1011, "a fault".to_owned()));
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    session.say(&begun("r1")).await;
    client.event().await;
    drop(session);
    let broke_off = (1011, "the upstream broke off".to_owned());
    assert_eq!(client.closed().await, broke_off);
    assert_eq!(
        booked(&gateway.home, 3).await,
        [
            json!(["upstream_error", 101, 0, 0, "0", false]),
            json!(["upstream_error", 200, 0, 0, "0", true]),
            json!(["upstream_error", 101, 0, 0, "0", false]),
        ]
    );
}

#[tokio::test]
async fn a_message_beyond_the_bound_ends_the_session() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let gateway = Gateway::start(&config(&vendor)).await;
    let largest = |extra: usize| {
        let (head, tail) = (r#"{"type":"x","y":""#, r#""}"#);
        let padding = 16 * 1024 * 1024 + extra - head.len() - tail.len();
        Message::text([head, &"y".repeat(padding), tail].concat())
    };
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    client.send(largest(0)).await;
    assert!(
        session.next().await == Some(largest(0)),
        "it passes unchanged"
    );
    client.send(largest(1)).await;
    let told = (1009, "a message is larger than 16 MiB".to_owned());
    assert_eq!(client.closed().await, told);
    assert_eq!(session.closed().await.0, 1001);
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    let ((), told) = tokio::join!(session.send(largest(1)), client.closed());
    assert_eq!(
        told,
        (
            1011,
            "the upstream's message cannot be passed on".to_owned()
        )
    );
}

#[tokio::test]
async fn a_side_that_says_nothing_for_too_long_is_gone() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let config = config(&vendor)
        .set("/server/keep_alive", json!("100ms"))
        .set("/timeouts/idle", json!("1s"));
    let gateway = Gateway::start(&config).await;
    // Who answers pings may be silent for as long as it likes.
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    let quiet = tokio::time::timeout(Duration::from_millis(2_500), async {
        tokio::join!(client.next(), session.next())
    });
    assert!(quiet.await.is_err(), "the session lives");
    let _silent = session.into_silence();
    assert_eq!(
        client.closed().await,
        (1011, "the upstream broke off".to_owned())
    );
    let (client, mut session) = open(&gateway, &mut vendor).await;
    let _silent = client.into_silence();
    assert_eq!(session.closed().await, (1001, "the client left".to_owned()));
    let outcomes = booked(&gateway.home, 2).await;
    assert_eq!(
        (&outcomes[0][0], &outcomes[1][0]),
        (&json!("client_gone"), &json!("idle_timeout"))
    );
}

#[tokio::test]
async fn a_session_ends_when_its_key_is_revoked() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let config = config(&vendor)
        .keyed()
        .set("/server/keep_alive", json!("500ms"));
    let gateway = Gateway::start(&config).await;
    let key = gateway.home.create_key("app", &[]).await;
    let header = format!("Bearer {key}");
    let headers = [("authorization", &*header)];
    let mut client = Socket::open(&gateway, TARGET, &headers)
        .await
        .expect("a session");
    let _session = vendor.session().await;
    gateway.home.json(&["key", "revoke", "app", "--json"]).await;
    assert_eq!(
        client.closed().await,
        (1008, "the API key is not valid any more".to_owned())
    );
}

// P-01
#[tokio::test]
async fn at_shutdown_an_answer_is_heard_to_its_end_and_the_session_then_closed() {
    let mut vendor = Vendor::new(Vec::new()).await;
    let mut gateway = Gateway::start(&config(&vendor)).await;
    let (mut idle, _idle_session) = open(&gateway, &mut vendor).await;
    let (mut client, mut session) = open(&gateway, &mut vendor).await;
    session.say(&begun("r1")).await;
    client.event().await;
    gateway.signal("TERM").await;
    let told = (1001, "the gateway is shutting down".to_owned());
    assert_eq!(idle.closed().await, told);
    session.say(&done("r1", 10, 10)).await;
    assert_eq!(client.event().await["type"], "response.done");
    assert_eq!(client.closed().await, told);
    let (_, exit) = tokio::join!(
        within(
            Duration::from_secs(5),
            "the vendor's side",
            session.closed()
        ),
        gateway.exit(Duration::from_secs(10))
    );
    assert!(exit.success(), "{}", gateway.stderr.text());
    let rows = booked(&gateway.home, 3).await;
    assert!(rows.contains(&json!(["complete", 200, 10, 10, "0.00003", false])));
}
