//! Providers over TLS: whose certificates hold, and what happens when one does not.

use serde_json::json;

use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::tls::{Authority, Front, HOST, Identity};
use crate::support::until;
use crate::support::upstream::Upstream;
use crate::support::websocket::{Socket, Vendor};

/// `chat` at `alpha/upstream-name` behind TLS, with retries allowed.
fn config(front: &Front) -> Config {
    Config::empty()
        .tls_provider("alpha", front.addr)
        .model("chat", &["alpha/upstream-name"])
        .set("/retry", json!({"attempts": 2, "base_delay": "1ms"}))
}

async fn serve(config: &Config, authority: &Authority) -> Gateway {
    Home::new(config)
        .file("ca.pem", &authority.pem())
        .serve()
        .await
}

#[tokio::test]
async fn a_provider_with_a_certificate_of_a_private_authority_is_reached() {
    let authority = Authority::new();
    let upstream = Upstream::healthy().await;
    let front = Front::before(upstream.addr, &authority.issue(HOST)).await;
    let gateway = serve(&config(&front), &authority).await;
    let response = gateway.chat(&openai::chat()).await;
    let answer = openai::answer("hello").to_string();
    assert_eq!((response.status, response.text()), (200, answer));

    upstream.then(Script::stream_of(openai::stream(&["a", "b"])));
    let response = gateway.chat(&openai::stream_chat()).await;
    let stream = openai::stream_without_usage(&["a", "b"]);
    assert_eq!((response.status, response.text()), (200, stream));
    assert_eq!(front.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn a_session_is_opened_behind_tls() {
    let authority = Authority::new();
    let mut vendor = Vendor::new(Vec::new()).await;
    let front = Front::before(vendor.addr, &authority.issue(HOST)).await;
    let gateway = serve(&config(&front), &authority).await;
    let target = "/v1/realtime?model=chat";
    let mut client = Socket::open(&gateway, target, &[])
        .await
        .expect("a session");
    let mut session = vendor.session().await;
    let event = json!({"type": "response.cancel"});
    client.say(&event).await;
    assert_eq!(session.event().await, event);
    session.say(&event).await;
    assert_eq!(client.event().await, event);
    client.close(1000, "enough").await;
    assert_eq!(session.closed().await, (1000, "enough".to_owned()));
}

// U-05
#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused_and_not_asked_for_again() {
    let authority = Authority::new();
    let cases: [(&str, Identity); 3] = [
        ("expired", authority.issue_expired(HOST)),
        ("another host's", authority.issue("other.test")),
        ("a stranger's", Authority::new().issue(HOST)),
    ];
    for (name, identity) in cases {
        let upstream = Upstream::healthy().await;
        let front = Front::before(upstream.addr, &identity).await;
        let gateway = serve(&config(&front), &authority).await;
        let response = gateway.chat(&openai::chat()).await;
        let error = response.error(502, "upstream_tls");
        assert!(
            !error["message"].as_str().unwrap().contains("ertificate"),
            "what is wrong with it is for the log: {name}: {error}"
        );
        assert_eq!((front.connections(), upstream.calls()), (1, 0), "{name}");
        let row = gateway.home.row().await;
        let facts = (&row["attempts"], &row["tokens"]["input"], &row["estimated"]);
        assert_eq!(facts, (&json!(1), &json!(0), &json!(false)), "{name}");

        let spare = Upstream::new(Script::json("200 OK", &openai::answer("from the spare"))).await;
        let config = config(&front)
            .provider("beta", spare.addr)
            .model("spare", &["beta/spare-name"])
            .set("/models/chat/fallbacks", json!(["spare"]));
        let gateway = serve(&config, &authority).await;
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(response.json(), openai::answer("from the spare"), "{name}");
        assert_eq!(
            response.header("x-tollward-fallback-reason"),
            Some("upstream_tls"),
            "{name}"
        );
        assert_eq!((front.connections(), upstream.calls()), (2, 0), "{name}");
    }
}

// U-05: a private authority is believed only where the configuration names it.
#[tokio::test]
async fn a_private_authority_is_unknown_until_its_file_is_named() {
    let authority = Authority::new();
    let upstream = Upstream::healthy().await;
    let front = Front::before(upstream.addr, &authority.issue(HOST)).await;
    let mut config = config(&front);
    config.0["upstream"] = json!({});
    let gateway = serve(&config, &authority).await;
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_tls");
    assert_eq!(upstream.calls(), 0);
}

// U-62
#[tokio::test]
async fn a_pooled_tls_connection_that_the_upstream_closed_is_replaced_unnoticed() {
    let authority = Authority::new();
    let upstream = Upstream::healthy().await;
    let front = Front::before(upstream.addr, &authority.issue(HOST)).await;
    let gateway = serve(&config(&front), &authority).await;
    for _ in 0..20 {
        upstream.then(Script::json("200 OK", &openai::answer("hello")).fin());
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(
            (response.status, response.header("x-tollward-attempts")),
            (200, Some("1")),
            "{}",
            response.text()
        );
    }
    assert_eq!((upstream.calls(), front.connections()), (20, 20));
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_used_is_a_configuration_error() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream).set("/upstream/ca_file", json!("ca.pem"));
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let cases = [
        (None, "the file cannot be read"),
        (Some(""), "the file has no certificate in it"),
        (Some("garbage"), "the file has no certificate in it"),
        (Some(key), "the file has no certificate in it"),
    ];
    for (content, reason) in cases {
        let home = Home::new(&config);
        let home = match content {
            Some(text) => home.file("ca.pem", text),
            None => home,
        };
        let line = config
            .text()
            .lines()
            .position(|line| line.contains("ca_file"));
        let place = format!("tollward.yaml:{}:", line.unwrap() + 1);
        for command in ["check", "serve"] {
            let output = home.run(&[command, "--config", "tollward.yaml"]).await;
            assert!(!output.status.success(), "{command}: {content:?}");
            let text = output.stderr;
            assert!(
                text.contains(reason) && text.contains(&place),
                "{command}: {text}"
            );
        }
        let checked = home
            .run(&["check", "--config", "tollward.yaml", "--format", "json"])
            .await;
        assert!(
            checked.stdout.contains("\"upstream.ca_file\""),
            "{}",
            checked.stdout
        );
    }
}

// P-17
#[tokio::test]
async fn a_reload_that_names_a_bad_file_of_authorities_changes_nothing() {
    let authority = Authority::new();
    let upstream = Upstream::healthy().await;
    let front = Front::before(upstream.addr, &authority.issue(HOST)).await;
    let config = config(&front);
    let gateway = serve(&config, &authority).await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    let worse = config.clone().set("/upstream/ca_file", json!("absent.pem"));
    gateway.home.write(&worse.text());
    until("the reload is refused", async || {
        gateway.stderr.text().contains("absent.pem").then_some(())
    })
    .await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
}
