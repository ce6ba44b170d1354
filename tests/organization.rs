//! The usage and costs API: what was used and what it cost, as OpenAI tells its customers.

use std::time::{SystemTime, UNIX_EPOCH};

use ::async_openai::Client as Sdk;
use ::async_openai::config::OpenAIConfig;
use ::async_openai::traits::RequestOptionsBuilder;
use ::async_openai::types::admin::usage::{UsageResponse, UsageResult};
use serde_json::{Value, json};

use crate::support::client::{Client, Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

const COSTS: &str = "/v1/organization/costs";
const COMPLETIONS: &str = "/v1/organization/usage/completions";

/// A key of a team and one of nobody; what each call costs a float cannot hold.
struct Books {
    _upstream: Upstream,
    gateway: Gateway,
    team_key: String,
    own_key: String,
}

/// Two calls of the team's key, one of the other.
async fn books() -> Books {
    let mut answer = openai::answer("x");
    answer["usage"] = openai::usage(999_999_999, 1);
    let upstream = Upstream::new(Script::json("200 OK", &answer)).await;
    let price = json!({
        "provider": "alpha", "model": "upstream-name",
        "input_per_mtok": "9001.000001", "output_per_mtok": "0.001",
    });
    let config = Config::one(&upstream)
        .keyed()
        .set("/pricing", json!({"overrides": [price]}));
    let home = Home::new(&config);
    for made in [
        ["org", "create", "acme"].as_slice(),
        &["team", "create", "web", "--org", "acme"],
    ] {
        assert!(home.run(made).await.status.success());
    }
    let team_key = home.create_key("app", &["--team", "web"]).await;
    let own_key = home.create_key("own", &[]).await;
    let gateway = home.serve().await;
    for key in [&team_key, &team_key, &own_key] {
        let answer = gateway.send(&Request::chat(&openai::chat()).key(key)).await;
        assert_eq!(answer.status, 200);
    }
    Books {
        _upstream: upstream,
        gateway,
        team_key,
        own_key,
    }
}

/// From yesterday on, so that midnight may pass meanwhile.
fn since_yesterday() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs() - 86_400
}

impl Books {
    /// Asks the public listener.
    async fn ask(&self, key: &str, path: &str, query: &str) -> Value {
        let target = format!("{path}?start_time={}&{query}", since_yesterday());
        let answer = self.gateway.send(&Request::get(&target).key(key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Asks the admin listener.
    async fn ask_all(&self, path: &str, query: &str) -> Value {
        let answer = self.ask_as(None, path, query).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Asks the admin listener with a token, or without.
    async fn ask_as(&self, token: Option<&str>, path: &str, query: &str) -> Response {
        let target = format!("{path}?start_time={}&{query}", since_yesterday());
        let request = Request::get(&target).header("host", &self.gateway.admin.to_string());
        let request = match token {
            Some(token) => request.key(token),
            None => request,
        };
        let mut client = Client::connect(self.gateway.admin).await;
        client.send(&request).await
    }

    /// A new admin token.
    async fn token(&self, more: &[&str]) -> String {
        let made = self
            .gateway
            .home
            .run(&[&["token", "create"], more].concat())
            .await;
        assert!(made.status.success(), "{}", made.stderr);
        made.stdout.trim().to_owned()
    }
}

// S-29
#[tokio::test]
async fn with_admin_tokens_the_bill_is_shown_to_their_holders_as_far_as_they_reach() {
    let books = books().await;
    let owner = books.token(&["me", "--role", "owner"]).await;
    let web = books
        .token(&["web", "--role", "viewer", "--team", "web"])
        .await;
    let calls = async |token: &str| {
        let answer = books.ask_as(Some(token), COMPLETIONS, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        results(&answer.json())[0]["num_model_requests"].clone()
    };
    assert_eq!(calls(&owner).await, 3);
    assert_eq!(calls(&web).await, 2);
    for stranger in [None, Some(books.team_key.as_str()), Some("twa-nobody")] {
        let refused = books.ask_as(stranger, COSTS, "").await;
        assert_eq!(refused.status, 401, "{}", refused.text());
    }
}

fn results(page: &Value) -> Vec<Value> {
    let buckets = page["data"].as_array().unwrap();
    let results = buckets
        .iter()
        .flat_map(|it| it["results"].as_array().unwrap());
    results.cloned().collect()
}

#[tokio::test]
async fn a_key_sees_its_own_calls_and_the_admin_listener_all_of_them() {
    let books = books().await;
    for (key, calls) in [(&books.team_key, 2), (&books.own_key, 1)] {
        let page = books.ask(key, COMPLETIONS, "").await;
        let [line] = results(&page).try_into().unwrap();
        assert_eq!(line["num_model_requests"], calls);
        assert_eq!(line["input_tokens"].as_u64(), Some(999_999_999 * calls));
    }
    // Nor is another's to be had by naming it.
    let page = books
        .ask(
            &books.own_key,
            COMPLETIONS,
            "api_key_ids=app&project_ids=web",
        )
        .await;
    assert_eq!(results(&page), Vec::<Value>::new());
    let page = books
        .ask_all(COMPLETIONS, "group_by=project_id&group_by=api_key_id")
        .await;
    let mut lines = results(&page);
    lines.sort_by_key(|it| it["num_model_requests"].as_u64());
    let calls = |it: &Value| {
        (
            it["num_model_requests"].as_u64(),
            it["project_id"].is_string(),
        )
    };
    assert_eq!(
        [calls(&lines[0]), calls(&lines[1])],
        [(Some(1), false), (Some(2), true)]
    );
    let page = books.ask_all(COMPLETIONS, "project_ids=web").await;
    assert_eq!(results(&page)[0]["num_model_requests"], 2);
}

#[tokio::test]
async fn an_amount_has_every_digit_that_was_booked() {
    let books = books().await;
    let target = format!(
        "{COSTS}?start_time={}&group_by=line_item",
        since_yesterday()
    );
    let request = Request::get(&target).key(&books.team_key);
    let text = books.gateway.send(&request).await.text();
    // 999,999,999 tokens at $9001.000001 a million and one at $0.001, twice.
    let amount = r#""amount":{"value":18001999.983998002,"currency":"usd"}"#;
    assert!(text.contains(amount), "{text}");
}

#[tokio::test]
async fn who_is_not_known_and_what_cannot_be_meant_are_refused() {
    let books = books().await;
    let target = format!("{COSTS}?start_time=0");
    let stranger = books.gateway.send(&Request::get(&target)).await;
    stranger.error(401, "invalid_api_key");
    let bad = format!("{COMPLETIONS}?start_time=0&project_id=web");
    let refused = books
        .gateway
        .send(&Request::get(&bad).key(&books.own_key))
        .await;
    let error = refused.error(400, "invalid_value");
    assert_eq!(error["param"], "project_id");
    // A web page must not read the bill by way of its own name.
    let request = Request::get(&target).header("host", "evil.example");
    let answer = Client::connect(books.gateway.admin)
        .await
        .send(&request)
        .await;
    answer.error(403, "cross_site_request");
}

#[tokio::test]
async fn an_open_gateway_tells_of_calls_without_a_key_only() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream).set("/server/auth", json!("open")));
    let key = home.create_key("app", &[]).await;
    let gateway = home.serve().await;
    gateway.chat(&openai::chat()).await;
    let target = format!("{COMPLETIONS}?start_time={}", since_yesterday());
    let page = gateway.send(&Request::get(&target).key(&key)).await.json();
    assert_eq!(results(&page)[0]["num_model_requests"], 1);
}

fn sdk(base: String, key: &str) -> Sdk<OpenAIConfig> {
    Sdk::with_config(OpenAIConfig::new().with_api_base(base).with_api_key(key))
}

fn one(page: UsageResponse) -> UsageResult {
    let results = page.data.into_iter().flat_map(|it| it.results);
    results.last().expect("a result")
}

#[tokio::test]
async fn the_rust_sdk_reads_every_endpoint() {
    let books = books().await;
    let client = sdk(
        format!("http://{}/v1", books.gateway.public),
        &books.team_key,
    );
    let query = json!({"start_time": since_yesterday(), "group_by[]": "model"});
    let admin = client.admin();
    let UsageResult::Completions(found) = one(admin
        .usage()
        .query(&query)
        .unwrap()
        .completions()
        .await
        .unwrap())
    else {
        panic!("completions");
    };
    let told = (
        found.num_model_requests,
        found.output_tokens,
        found.model.as_deref(),
    );
    assert_eq!(told, (2, 2, Some("chat")));
    let costs = json!({"start_time": since_yesterday(), "group_by[]": "line_item"});
    let UsageResult::Costs(found) =
        one(admin.usage().query(&costs).unwrap().costs().await.unwrap())
    else {
        panic!("costs");
    };
    assert_eq!(found.line_item.as_deref(), Some("alpha/upstream-name"));
    assert_eq!(found.amount.currency, "usd");
    let plain = json!({"start_time": since_yesterday()});
    let usage = || admin.usage().query(&plain).unwrap();
    for page in [
        usage().embeddings().await,
        usage().moderations().await,
        usage().images().await,
        usage().audio_speeches().await,
        usage().audio_transcriptions().await,
        usage().vector_stores().await,
        usage().code_interpreter_sessions().await,
        usage().file_search_calls().await,
        usage().web_search_calls().await,
    ] {
        let page = page.unwrap();
        assert_eq!((page.data.len(), page.has_more), (2, false));
        assert!(page.data.iter().all(|it| it.results.is_empty()));
    }
}

#[tokio::test]
async fn charges_are_exported_and_a_vendors_bill_is_held_against_them() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).priced()).await;
    gateway.chat(&openai::chat()).await;
    let exported = gateway
        .home
        .run(&["usage", "export", "--format", "focus"])
        .await;
    assert!(exported.status.success(), "{}", exported.stderr);
    let lines: Vec<&str> = exported.stdout.lines().collect();
    let [names, charge] = lines.try_into().unwrap();
    let place = |name| names.split(',').position(|it| it == name).unwrap();
    let fields: Vec<&str> = charge.split(',').collect();
    assert_eq!(fields[place("BilledCost")], "0.00002");
    let day = &fields[place("ChargePeriodStart")][..10];
    for (billed, is_right) in [("0.02", false), ("0.00002", true)] {
        let bill = format!("usage_date_utc,model,cost_usd\n{day},Upstream Name,{billed}\n");
        let path = gateway.home.path().join("bill.csv");
        std::fs::write(&path, bill).unwrap();
        let path = path.display().to_string();
        let line = ["reconcile", "--provider", "alpha", "--csv", &path];
        let told = gateway.home.run(&line).await;
        assert_eq!(
            told.status.success(),
            is_right,
            "{}{}",
            told.stdout,
            told.stderr
        );
        assert!(told.stdout.contains("upstream-name"), "{}", told.stdout);
    }
}
