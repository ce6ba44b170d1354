//! The log of a gateway that ran, through another configuration, and that one run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;

const CALLS: u64 = 120;

/// Makes the calls of a day: every third has a tag, every other one a user.
async fn calls(gateway: &Gateway) {
    for number in 0..CALLS {
        let mut chat = openai::chat();
        if number % 2 == 0 {
            chat["user"] = format!("user-{}", number % 8).into();
        }
        let mut request = Request::chat(&chat);
        if number % 3 == 0 {
            request = request.header("x-tollward-tags", "secret");
        }
        let status = gateway.send(&request).await.status;
        assert!([200, 403].contains(&status), "{status}");
    }
}

/// What is booked of each deployment: calls and cost.
async fn booked(home: &Home) -> BTreeMap<String, (u64, f64)> {
    let sums = home.json(&["usage", "--by", "deployment", "--json"]).await;
    let dollars = |sum: &Value| sum["cost"].as_str().unwrap().parse().unwrap();
    let sums = sums.as_array().unwrap().iter().map(|sum| {
        let name = sum["group"].as_str().unwrap().to_owned();
        (name, (sum["requests"].as_u64().unwrap(), dollars(sum)))
    });
    sums.collect()
}

#[tokio::test]
async fn what_a_replay_says_of_a_log_is_what_comes_of_the_same_calls() {
    let (_servers, base) = Config::three().await;
    let price = |name: &str, dollars: &str| json!({"provider": name, "model": "m", "input_per_mtok": dollars, "output_per_mtok": dollars});
    let base = base.set(
        "/pricing",
        json!({"overrides": [price("alpha", "10"), price("beta", "2"), price("gamma", "1")]}),
    );
    let old = base.clone().model("chat", &["alpha/m"]);
    let weighed =
        |name: &str, weight: u32| json!({"provider": name, "model": "m", "weight": weight});
    let new = base
        .set(
            "/models/chat",
            json!({"deployments": [weighed("alpha", 1), weighed("beta", 3)], "policy": "weighted", "fallbacks": ["spare"]}),
        )
        .model("spare", &["gamma/m"])
        .set("/routing/guards", json!([{"name": "in", "when": "\"secret\" in tags", "only": ["in"]}]));

    let gateway = Home::new(&old).file("new.yaml", &new.text()).serve().await;
    calls(&gateway).await;
    let home = &gateway.home;
    let told = home
        .json(&["replay", "--config", "new.yaml", "--json"])
        .await;
    assert_eq!(told["was"]["calls"], CALLS);
    let was = booked(home).await;
    let lived = Gateway::start(&new).await;
    calls(&lived).await;
    let comes = booked(&lived.home).await;
    assert_eq!(
        told["denied"],
        json!({"excluded_by_policy, guard `in`": CALLS / 3})
    );
    for row in told["deployments"].as_array().unwrap() {
        let name = row["deployment"].as_str().unwrap();
        for (when, booked) in [("was", &was), ("would_be", &comes)] {
            let (calls, cost) = booked.get(name).copied().unwrap_or_default();
            let said = row[when]["calls"].as_u64().unwrap();
            // Counts begin anywhere: a share of eighty calls may be off by one or two.
            assert!(
                said.abs_diff(calls) <= 3,
                "{name} {when}: {said}, not {calls}"
            );
            let said: f64 = row[when]["cost_usd"].as_str().unwrap().parse().unwrap();
            let near = if calls == 0 { 0.0 } else { cost * 3.0 / 20.0 };
            assert!(
                (said - cost).abs() <= near,
                "{name} {when}: {said} $, not {cost} $"
            );
        }
    }

    let shown = home.run(&["replay", "--config", "new.yaml"]).await;
    let text = &shown.stdout;
    assert!(
        text.starts_with("120 calls from "),
        "{text}{}",
        shown.stderr
    );
    assert!(text.contains("(excluded_by_policy, guard `in`)"), "{text}");
    let again = home.run(&["replay", "--config", "new.yaml"]).await;
    assert_eq!(&again.stdout, text);
}

#[tokio::test]
async fn a_replay_of_nothing_says_what_to_do() {
    let (_servers, config) = Config::three().await;
    let home = Home::new(&config.model("chat", &["alpha/m"]));
    let refused = home.run(&["replay"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("`--store`"), "{}", refused.stderr);
    home.create_key("any", &[]).await;
    let empty = home.run(&["replay"]).await;
    assert!(empty.status.success(), "{}", empty.stderr);
    assert!(empty.stderr.contains("`--since`"), "{}", empty.stderr);
    let nothing = home
        .run(&["replay", "--since", "1h", "--until", "1d"])
        .await;
    assert!(
        nothing.stderr.contains("must be longer"),
        "{}",
        nothing.stderr
    );
}
