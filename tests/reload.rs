//! Reload: whole or not at all, and never felt by a call.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai::{self, DONE};
use crate::support::script::{Gate, Script};
use crate::support::until;
use crate::support::upstream::Upstream;

async fn models(gateway: &Gateway) -> Vec<String> {
    let list = gateway.send(&Request::get("/v1/models")).await.json();
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn until_models(gateway: &Gateway, expected: &[&str]) {
    until(&format!("the models are {expected:?}"), async || {
        (models(gateway).await == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_changed_file_is_picked_up_by_itself() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream);
    let gateway = Gateway::start(&config).await;
    gateway
        .home
        .write(&config.model("second", &["alpha/other"]).text());
    until_models(&gateway, &["chat", "second"]).await;
    let mut body = openai::chat();
    body["model"] = json!("second");
    assert_eq!(gateway.chat(&body).await.status, 200);
    assert_eq!(upstream.only().json()["model"], "other");
}

// P-17
#[tokio::test]
async fn a_bad_configuration_changes_nothing_and_is_reported() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream);
    let gateway = Gateway::start(&config).await;
    let bad = [
        "models: [".to_owned(),
        config.clone().set("/serverr", json!({})).text(),
        config.clone().model("second", &["gamma/other"]).text(),
        config
            .clone()
            .set("/models/chat/fallbacks", json!(["absent"]))
            .text(),
        config
            .clone()
            .set("/providers/alpha/kind", json!("unheard-of"))
            .text(),
        config
            .clone()
            .set("/models/chat/fallbacks", json!(["chat"]))
            .text(),
    ];
    for (index, text) in bad.iter().enumerate() {
        gateway.home.write(text);
        gateway
            .until_metric("tollward_config_reload_success", &[], 0.0)
            .await;
        assert_eq!(
            (
                models(&gateway).await,
                gateway.chat(&openai::chat()).await.status
            ),
            (vec!["chat".to_owned()], 200),
            "{text}"
        );
        let name = format!("good-{index}");
        gateway
            .home
            .write(&config.clone().model(&name, &["alpha/other"]).text());
        gateway
            .until_metric("tollward_config_reload_success", &[], 1.0)
            .await;
        until_models(&gateway, &["chat", &name]).await;
        gateway.home.write(&config.text());
        until_models(&gateway, &["chat"]).await;
    }
    assert!(
        gateway.stderr.text().contains("tollward.yaml"),
        "the refusal names the file: {}",
        gateway.stderr.text()
    );
}

#[tokio::test]
async fn a_file_that_is_gone_or_empty_leaves_what_is_served() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream);
    let gateway = Gateway::start(&config).await;
    let refused = async || {
        let success = "tollward_config_reload_success";
        gateway.until_metric(success, &[], 0.0).await;
        assert_eq!(models(&gateway).await, ["chat"]);
        gateway.home.write(&config.text());
        gateway.until_metric(success, &[], 1.0).await;
    };
    std::fs::remove_file(gateway.home.config_file()).unwrap();
    refused().await;
    gateway.home.write("");
    refused().await;
}

// P-18
#[tokio::test]
async fn a_running_stream_finishes_on_the_configuration_it_began_with() {
    let gate = Gate::closed();
    let script = Script::stream()
        .chunk([openai::role(), openai::text("a")].concat())
        .gate(&gate);
    let old = Upstream::new(
        script
            .chunk(openai::finish())
            .chunk(openai::usage_only(10, 5))
            .chunk(DONE)
            .end(),
    )
    .await;
    let new = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&old).priced()).await;
    let mut client = gateway.connect().await;
    let mut stream = client.open(&Request::chat(&openai::stream_chat())).await;
    let begun = stream.until("\"a\"").await;
    let replaced = Config::empty()
        .provider("gamma", new.addr)
        .model("other", &["gamma/other"]);
    gateway.home.write(&replaced.text());
    until_models(&gateway, &["other"]).await;
    gateway
        .chat(&openai::chat())
        .await
        .error(404, "model_not_found");
    gate.open();
    let rest = stream.rest().await;
    assert_eq!(
        format!("{begun}{}", rest.text()),
        openai::stream_without_usage(&["a"])
    );
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["deployment"], &row["cost"], &row["outcome"]),
        (
            &json!("alpha/upstream-name"),
            &json!("0.00002"),
            &json!("complete")
        )
    );
}

// P-19
#[tokio::test]
async fn a_half_written_file_is_not_taken_for_the_new_one() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream);
    let gateway = Gateway::start(&config).await;
    let text = config.clone().model("second", &["alpha/other"]).text();
    std::fs::write(gateway.home.config_file(), &text[..text.len() / 2]).unwrap();
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    std::fs::write(gateway.home.config_file(), &text).unwrap();
    until_models(&gateway, &["chat", "second"]).await;
    gateway
        .until_metric("tollward_config_reload_success", &[], 1.0)
        .await;
}

// P-20
#[tokio::test]
async fn reloads_under_load_fail_no_call() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream);
    let gateway = Gateway::start(&config).await;
    let until_done = Instant::now() + Duration::from_secs(2);
    let load = async {
        let mut client = gateway.connect().await;
        let mut answered = 0;
        while Instant::now() < until_done {
            let response = client.send(&Request::chat(&openai::chat())).await;
            assert_eq!(response.status, 200, "{}", response.text());
            answered += 1;
        }
        answered
    };
    let reloads = async {
        let mut count = 0;
        while Instant::now() < until_done {
            gateway.home.write(
                &config
                    .clone()
                    .model(&format!("m{count}"), &["alpha/other"])
                    .text(),
            );
            gateway.signal("HUP").await;
            count += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        count
    };
    let (answered, reloaded) = tokio::join!(load, reloads);
    assert!(
        answered > 50 && reloaded > 20,
        "{answered} answers, {reloaded} reloads"
    );
    until_models(&gateway, &["chat", &format!("m{}", reloaded - 1)]).await;
    gateway.assert_idle().await;
}

// P-20
#[tokio::test]
async fn reloads_leave_memory_as_it_was() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream);
    let gateway = Gateway::start(&config).await;
    let reload = async |count: std::ops::Range<u32>| {
        for number in count {
            let name = format!("m{number}");
            let next = config.clone().model(&name, &["alpha/other"]);
            gateway.home.write(&next.text());
            gateway.signal("HUP").await;
            until_models(&gateway, &["chat", &name]).await;
            assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
        }
    };
    reload(0..10).await;
    let before = gateway.resident_bytes();
    reload(10..50).await;
    let grown = gateway.resident_bytes().saturating_sub(before);
    assert!(grown < 3 << 20, "40 reloads cost {grown} bytes");
    gateway.assert_idle().await;
}
