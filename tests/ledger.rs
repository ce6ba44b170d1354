//! What is booked: one row a call, priced with integers, however the call ended.

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

fn answer_with(usage: Value) -> Script {
    let mut answer = openai::answer("x");
    answer["usage"] = usage;
    Script::json("200 OK", &answer)
}

#[tokio::test]
async fn a_row_says_all_about_its_call() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    let response = gateway.chat(&openai::chat()).await;
    let mut row = gateway.home.row().await;
    let members = row.as_object_mut().unwrap();
    for (name, least) in [
        ("at_ms", 1_700_000_000_000_u64),
        ("duration_ms", 0),
        ("first_content_ms", 0),
    ] {
        let value = members.remove(name).unwrap().as_u64().unwrap();
        assert!(value >= least, "{name} {value}");
    }
    assert!(members.remove("price_id").unwrap().is_string());
    let tokens = json!({"input": 10, "cache_read": 0, "cache_write": 0, "audio_input": 0, "output": 5, "reasoning": 0, "audio_output": 0});
    let expected = json!({
        "request": response.header("x-request-id"), "attempt": 1, "key": null, "operation": "chat", "model": "chat",
        "provider": "alpha", "deployment": "alpha/upstream-name", "upstream_model": "upstream-name", "status": 200,
        "outcome": "complete", "streamed": false, "tokens": tokens, "cost": "0.00002", "cost_source": "computed",
        "estimated": false, "attempts": 1, "decision": {"v": 2, "tokens": 14},
    });
    // Stands for the conversation, in digits that say nothing else.
    let decision = row["decision"].as_object_mut().unwrap();
    let turn = decision.remove("turn").unwrap();
    assert!(u64::from_str_radix(turn.as_str().unwrap(), 16).is_ok());
    assert_eq!(row, expected);
}

#[tokio::test]
async fn token_classes_nest_and_each_has_its_price() {
    let usage = json!({
        "prompt_tokens": 100, "completion_tokens": 50, "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 20},
    });
    let upstream = Upstream::new(answer_with(usage)).await;
    let price = json!({
        "provider": "alpha", "model": "upstream-name", "input_per_mtok": "1.25", "output_per_mtok": "10", "cache_read_per_mtok": "0.125",
    });
    let gateway =
        Gateway::start(&Config::one(&upstream).set("/pricing", json!({"overrides": [price]})))
            .await;
    let response = gateway.chat(&openai::chat()).await;
    // 60 × 1.25 + 40 × 0.125 + 50 × 10 = 580 micro-dollars.
    assert_eq!(response.header("x-tollward-cost-usd"), Some("0.00058"));
    let row = gateway.home.row().await;
    assert_eq!(
        (
            &row["cost"],
            &row["tokens"]["cache_read"],
            &row["tokens"]["reasoning"]
        ),
        (&json!("0.00058"), &json!(40), &json!(20))
    );
}

#[tokio::test]
async fn a_cost_that_the_provider_reports_is_booked_unless_the_operator_wrote_a_price() {
    let upstream = Upstream::new(answer_with(
        json!({"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.000_123_4}),
    ))
    .await;
    let booked = async |config: Config| {
        let gateway = Gateway::start(&config).await;
        let response = gateway.chat(&openai::chat()).await;
        let header = |name: &str| response.header(name).unwrap_or_default().to_owned();
        let told = (
            header("x-tollward-cost-usd"),
            header("x-tollward-cost-source"),
        );
        assert_eq!(gateway.home.row().await["cost"], *told.0);
        told
    };
    let reported = booked(Config::one(&upstream)).await;
    assert_eq!(reported, ("0.0001234".to_owned(), "provider".to_owned()));
    let written = booked(Config::one(&upstream).priced()).await;
    assert_eq!(written, ("0.00002".to_owned(), "computed".to_owned()));
}

#[tokio::test]
async fn costs_round_up_to_the_nano_dollar() {
    let upstream = Upstream::new(answer_with(
        json!({"prompt_tokens": 1, "completion_tokens": 0}),
    ))
    .await;
    let price = json!({"provider": "alpha", "model": "upstream-name", "input_per_mtok": "0.0001", "output_per_mtok": "0"});
    let gateway =
        Gateway::start(&Config::one(&upstream).set("/pricing", json!({"overrides": [price]})))
            .await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(response.header("x-tollward-cost-usd"), Some("0.000000001"));
}

// P-27
#[tokio::test]
async fn a_model_without_a_price_costs_unknown_and_not_nothing() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (
            response.header("x-tollward-cost-usd"),
            response.header("x-tollward-cost-source")
        ),
        (None, Some("unknown"))
    );
    let row = gateway.home.row().await;
    assert_eq!(
        (&row["cost"], &row["cost_source"], &row["price_id"]),
        (&Value::Null, &json!("unknown"), &Value::Null)
    );
}

// P-27
#[tokio::test]
async fn a_price_of_zero_costs_nothing_and_a_negative_one_is_refused() {
    let upstream = Upstream::healthy().await;
    let priced = |input: &str| {
        let price = json!({"provider": "alpha", "model": "upstream-name", "input_per_mtok": input, "output_per_mtok": "0"});
        Config::one(&upstream).set("/pricing", json!({"overrides": [price]}))
    };
    let gateway = Gateway::start(&priced("0")).await;
    assert_eq!(
        gateway
            .chat(&openai::chat())
            .await
            .header("x-tollward-cost-usd"),
        Some("0")
    );
    for bad in ["-1", "NaN", "1e400", "free", ""] {
        let output = crate::support::gateway::Home::new(&priced(bad))
            .run(&["check", "--config", "tollward.yaml"])
            .await;
        assert!(!output.status.success(), "{bad:?} is no price");
        assert!(
            format!("{}{}", output.stdout, output.stderr).contains("input_per_mtok"),
            "{bad:?}: {}",
            output.stderr
        );
    }
}

#[tokio::test]
async fn usage_is_summed_by_model_key_deployment_and_day() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .priced()
        .keyed()
        .model("second", &["alpha/other"]);
    let gateway = crate::support::gateway::Home::new(&config).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    for model in ["chat", "chat", "second"] {
        let mut body = openai::chat();
        body["model"] = json!(model);
        assert_eq!(
            gateway.send(&Request::chat(&body).key(&key)).await.status,
            200
        );
    }
    gateway.home.rows(3).await;
    for (by, expected) in [
        ("model", vec!["chat", "second"]),
        ("deployment", vec!["alpha/upstream-name", "alpha/other"]),
        ("key", vec!["app"]),
    ] {
        let rows = gateway.home.json(&["usage", "--by", by, "--json"]).await;
        let rows = rows.as_array().unwrap();
        let groups: Vec<_> = rows
            .iter()
            .map(|row| row["group"].as_str().unwrap())
            .collect();
        assert_eq!(groups, expected, "dearest first");
        assert_eq!(
            rows.iter()
                .map(|row| row["requests"].as_u64().unwrap())
                .sum::<u64>(),
            3
        );
        assert_eq!(
            (
                &rows[0]["cost"],
                rows.iter()
                    .map(|row| row["unpriced"].as_u64().unwrap())
                    .sum::<u64>()
            ),
            (&json!("0.00004"), 1)
        );
    }
    let table = gateway.home.run(&["usage"]).await;
    assert!(
        table.status.success() && table.stdout.contains("chat"),
        "{}",
        table.stderr
    );
}
