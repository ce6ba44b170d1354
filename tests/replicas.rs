//! Several gateways on one `PostgreSQL` database: one bill, one budget, and what becomes of them while it is away.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::database::Database;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::Upstream;

/// What each call is charged, in nano-dollars: ten tokens in, ten thousand out.
const COST: i64 = 100_010_000;

/// One dollar a million tokens in, ten out.
fn config(upstream: &Upstream) -> Config {
    let price = json!({
        "provider": "alpha", "model": "upstream-name", "input_per_mtok": "1", "output_per_mtok": "10",
    });
    let config = Config::one(upstream).keyed();
    config.set("/pricing", json!({"overrides": [price]}))
}

/// An upstream that writes as much as it is allowed to.
async fn talkative() -> Upstream {
    Upstream::answering(|seen| {
        let allowed = seen.json()["max_completion_tokens"].as_u64();
        let mut answer = openai::answer("x");
        answer["usage"] = openai::usage(10, allowed.unwrap_or(1));
        Script::json("200 OK", &answer)
    })
    .await
}

/// A call of which up to $0.10059 is held, and that costs $0.10001.
fn asking(key: &str) -> Request {
    let mut body = openai::chat();
    body["max_completion_tokens"] = json!(10_000);
    Request::chat(&body).key(key)
}

/// A key `app` with a budget of that many dollars, made beside no gateway.
async fn budgeted(home: &Home, limit: &str) -> String {
    let key = home.create_key("app", &[]).await;
    let create = ["budget", "create", "app", "--key", "app", "--limit", limit];
    let made = home.run(&create).await;
    assert!(made.status.success(), "{}", made.stderr);
    key
}

async fn spent(home: &Home) -> i64 {
    let budgets = home.json(&["budget", "list", "--json"]).await;
    let spent = budgets[0]["spent"].as_str().unwrap();
    let (whole, part) = spent.split_once('.').unwrap_or((spent, ""));
    format!("{whole}{part:0<9}").parse().unwrap()
}

async fn assert_verified(home: &Home) {
    let found = home.json(&["ledger", "verify", "--json"]).await;
    let (holds, differences) = (&found["open_holds"], &found["differences"]);
    assert_eq!((holds, differences), (&json!(0), &json!([])));
}

async fn nodes(home: &Home) -> Vec<Value> {
    let nodes = home.json(&["node", "list", "--json"]).await;
    nodes.as_array().unwrap().clone()
}

/// Sends until the database was not too slow to say whether there is room: tests have little of a machine.
async fn persistent(gateway: &Gateway, request: &Request) -> Response {
    loop {
        let answer = gateway.send(request).await;
        if answer.status != 503 {
            return answer;
        }
        answer.error(503, "ledger_unavailable");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// K-01, K-11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_three_gateways_use_a_budget_up_and_never_overspend_it() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    // 39 of them fit.
    let key = budgeted(&home, "4").await;
    let gateways = [
        home.serve().await,
        Home::new(&config).serve().await,
        Home::new(&config).serve().await,
    ];
    let request = asking(&key);
    let calls = (0..1_000).map(|call| persistent(&gateways[call % 3], &request));
    let answers = join_all(calls).await;
    let admitted = answers.iter().filter(|it| it.status == 200).count();
    assert_eq!(admitted, upstream.calls());
    assert!((38..=39).contains(&admitted), "{admitted}");
    for refused in answers.iter().filter(|it| it.status != 200) {
        let code = refused.error_code().unwrap();
        let is_budget = ["insufficient_quota", "budget_reserved"].contains(&code.as_str());
        assert!(refused.status == 429 && is_budget, "{}", refused.text());
    }
    for gateway in gateways {
        gateway.assert_idle().await;
        drop(gateway.stop().await);
    }
    // What a gateway that runs has in its journal the database does not know yet.
    let home = Home::new(&config);
    assert_verified(&home).await;
    assert_eq!(nodes(&home).await.len(), 3);
    assert_eq!(spent(&home).await, COST * i64::try_from(admitted).unwrap());
    for node in nodes(&home).await {
        assert_eq!(
            (&node["state"], &node["unspent_nano"]),
            (&json!("stopped"), &json!(0))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_does_not_use_another_gets_within_seconds() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    let key = budgeted(&home, "1.01").await;
    let (first, second) = (home.serve().await, Home::new(&config).serve().await);
    let request = asking(&key);
    assert_eq!(first.send(&request).await.status, 200);
    // What was granted ahead comes back: all of it can be spent elsewhere.
    for call in 1..10 {
        until(
            "the second gateway gets what the first does not use",
            async || {
                let answer = second.send(&request).await;
                assert!(
                    answer.status == 200
                        || answer.error_code().as_deref() == Some("budget_reserved"),
                    "{call}: {}",
                    answer.text()
                );
                (answer.status == 200).then_some(())
            },
        )
        .await;
    }
    let refused = second.send(&request).await;
    let error = refused.error(429, "insufficient_quota");
    assert!(
        error["message"].as_str().unwrap().contains("1.01"),
        "{error}"
    );
    first.assert_idle().await;
    second.assert_idle().await;
    until("both have told what was spent", async || {
        (spent(&first.home).await == 10 * COST).then_some(())
    })
    .await;
    assert_verified(&first.home).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_budgets_made_at_one_gateway_hold_at_the_other_within_a_second() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    let key = budgeted(&home, "0.05").await;
    let (first, second) = (home.serve().await, Home::new(&config).serve().await);
    second
        .send(&asking(&key))
        .await
        .error(429, "insufficient_quota");
    let late = first.home.create_key("late", &[]).await;
    until("the key is known", async || {
        (second.send(&asking(&late)).await.status == 200).then_some(())
    })
    .await;
    let revoked = first.home.run(&["key", "revoke", "late"]).await;
    assert!(revoked.status.success(), "{}", revoked.stderr);
    until("the key is refused", async || {
        (second.send(&asking(&late)).await.status == 401).then_some(())
    })
    .await;
}

/// Sends until something else than 200 is answered.
async fn use_up(gateway: &Gateway, request: &Request) -> (usize, Response) {
    for admitted in 0..100 {
        let answer = gateway.send(request).await;
        if answer.status != 200 {
            return (admitted, answer);
        }
    }
    panic!("nothing was ever refused");
}

// P-11, K-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_gateway_spends_its_part_and_serves_who_has_no_budget() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    let key = budgeted(&home, "1.01").await;
    let free = home.create_key("free", &[]).await;
    let gateway = home.serve().await;
    let request = asking(&key);
    assert_eq!(gateway.send(&request).await.status, 200);
    database.cut();
    let (admitted, refused) = use_up(&gateway, &request).await;
    // Half of what was left is its part, without asking.
    assert!((3..=5).contains(&admitted), "{admitted}");
    refused.error(503, "ledger_unavailable");
    assert_eq!(refused.header("retry-after"), Some("2"));
    for _ in 0..20 {
        assert_eq!(gateway.send(&asking(&free)).await.status, 200);
    }
    database.heal();
    until("the database is asked again", async || {
        (gateway.send(&request).await.status == 200).then_some(())
    })
    .await;
    let (more, refused) = use_up(&gateway, &request).await;
    refused.error(429, "insufficient_quota");
    assert_eq!(1 + admitted + 1 + more, 10);
    let home = gateway.stop().await;
    assert_eq!(spent(&home).await, 10 * COST);
    assert_eq!(home.recent(100).await.len(), upstream.calls());
    assert_verified(&home).await;
}

// P-13
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_froze_holds_a_call_for_half_a_second_and_the_next_not_at_all() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    let key = budgeted(&home, "1000").await;
    let free = home.create_key("free", &[]).await;
    let gateway = home.serve().await;
    database.freeze();
    let asked = Instant::now();
    gateway
        .send(&asking(&key))
        .await
        .error(503, "ledger_unavailable");
    let waited = asked.elapsed();
    assert!(
        waited >= Duration::from_millis(400) && waited < Duration::from_secs(2),
        "{waited:?}"
    );
    let asked = Instant::now();
    gateway
        .send(&asking(&key))
        .await
        .error(503, "ledger_unavailable");
    assert_eq!(gateway.send(&asking(&free)).await.status, 200);
    assert!(
        asked.elapsed() < Duration::from_millis(400),
        "{:?}",
        asked.elapsed()
    );
    database.heal();
    until("the database is asked again", async || {
        (gateway.send(&asking(&key)).await.status == 200).then_some(())
    })
    .await;
    let home = gateway.stop().await;
    assert_eq!(spent(&home).await, COST);
    assert_verified(&home).await;
}

// K-11, P-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_part_of_a_gateway_that_was_killed_is_back_when_it_is() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    let key = budgeted(&home, "1.01").await;
    let first = home.serve().await;
    let request = asking(&key);
    assert_eq!(first.send(&request).await.status, 200);
    let home = first.kill().await;
    let second = Home::new(&config).serve().await;
    let (admitted, refused) = use_up(&second, &request).await;
    // Nobody knows what the dead one did with its part.
    assert!((4..=6).contains(&admitted), "{admitted}");
    refused.error(429, "budget_reserved");
    let first = home.serve().await;
    let more = until("its part is given back", async || {
        let (more, refused) = use_up(&second, &request).await;
        (refused.error_code().as_deref() == Some("insufficient_quota")).then_some(more)
    })
    .await;
    assert_eq!(1 + admitted + more, 10);
    drop(second.stop().await);
    let home = first.stop().await;
    assert_eq!(spent(&home).await, 10 * COST);
    assert_verified(&home).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_gateway_is_charged_with_can_be_seen_and_it_is_not_forgotten_while_it_runs() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let config = database.of(&config(&upstream));
    let home = Home::new(&config);
    let key = budgeted(&home, "1.01").await;
    let gateway = home.serve().await;
    assert_eq!(gateway.send(&asking(&key)).await.status, 200);
    let listed = until("the gateway has given a sign", async || {
        let listed = nodes(&gateway.home).await;
        (listed[0]["state"] == "running").then_some(listed)
    })
    .await;
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let refused = gateway.home.run(&["node", "forget", &id]).await;
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("30 seconds"), "{}", refused.stderr);
    let home = gateway.stop().await;
    let forgotten = home.run(&["node", "forget", &id]).await;
    assert!(forgotten.status.success(), "{}", forgotten.stderr);
    assert_eq!(nodes(&home).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_answers_nobody_ends_the_start_and_is_not_repeated_with_its_password() {
    let home = Home::new(&Config::empty().set(
        "/store",
        json!({"postgres": "postgres://u:hunter2@127.0.0.1:1/d", "pepper": "x".repeat(40)}),
    ));
    let listed = home.run(&["key", "list"]).await;
    assert!(!listed.status.success());
    assert!(
        listed.stderr.contains("postgres://127.0.0.1:1/d"),
        "{}",
        listed.stderr
    );
    let shown = home.run(&["config", "show", "--origin"]).await;
    for text in [listed.stderr, shown.stdout, shown.stderr] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// A call that costs nothing to speak of.
fn light(key: &str) -> Request {
    Request::chat(&openai::chat()).key(key)
}

async fn limited(home: &Home, rpm: &str) -> String {
    let key = home.create_key("app", &[]).await;
    let set = home
        .run(&["limit", "set", "--key", "app", "--rpm", rpm])
        .await;
    assert!(set.status.success(), "{}", set.stderr);
    key
}

// K-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_calls_at_three_gateways_as_many_come_in_as_the_limit_says() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let redis = Database::redis().await;
    let config = redis.limiting(&database.of(&config(&upstream)));
    let home = Home::new(&config);
    let key = limited(&home, "100").await;
    let gateways = [
        home.serve().await,
        Home::new(&config).serve().await,
        Home::new(&config).serve().await,
    ];
    let began = Instant::now();
    let request = light(&key);
    let mut answers = Vec::new();
    // Not all at once: on a machine that is busy the gateways would not hear from Redis in time.
    for _ in 0..34 {
        let calls = (0..30).map(|call| gateways[call % 3].send(&request));
        answers.extend(join_all(calls).await);
    }
    let admitted = answers.iter().filter(|it| it.status == 200).count();
    // While they were made, 100 came in and one more every 600 ms.
    let more = usize::try_from(began.elapsed().as_millis() / 600).unwrap() + 1;
    assert!((100..=100 + more).contains(&admitted), "{admitted}, {more}");
    let refused = answers.iter().rfind(|it| it.status != 200).unwrap();
    refused.error(429, "rate_limit_exceeded");
    assert_eq!(refused.header("x-ratelimit-limit-requests"), Some("100"));
    let wait: u64 = refused.header("retry-after-ms").unwrap().parse().unwrap();
    assert!(wait <= 600, "{wait}");
    // Who waits as long as it says comes in.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(gateways[0].send(&request).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calls_used_is_settled_for_all_gateways() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let redis = Database::redis().await;
    let config = redis.limiting(&database.of(&config(&upstream)));
    let home = Home::new(&config);
    let key = home.create_key("app", &[]).await;
    let set = ["limit", "set", "--key", "app", "--tpm", "10000"];
    assert!(home.run(&set).await.status.success());
    let (first, second) = (home.serve().await, Home::new(&config).serve().await);
    // It uses ten thousand tokens, which nobody could know before.
    assert_eq!(first.send(&asking(&key)).await.status, 200);
    let refused = until("the other gateway hears of it", async || {
        let answer = second.send(&light(&key)).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused.error(429, "rate_limit_exceeded");
    assert_eq!(refused.header("x-ratelimit-remaining-tokens"), Some("0"));
}

// P-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_gateways_keep_to_their_shares() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let redis = Database::redis().await;
    let config = redis.limiting(&database.of(&config(&upstream)));
    let home = Home::new(&config);
    let key = limited(&home, "20").await;
    let (first, second) = (home.serve().await, Home::new(&config).serve().await);
    // Both know of each other.
    until("both run", async || {
        let running = nodes(&first.home).await;
        (running.iter().all(|it| it["state"] == "running") && running.len() == 2).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    redis.freeze();
    let request = light(&key);
    for gateway in [&first, &second] {
        let asked = Instant::now();
        let mut admitted = 0;
        for _ in 0..20 {
            admitted += usize::from(gateway.send(&request).await.status == 200);
        }
        assert!((10..=13).contains(&admitted), "{admitted}");
        assert!(
            asked.elapsed() < Duration::from_secs(8),
            "{:?}",
            asked.elapsed()
        );
    }
    redis.heal();
    until("the common buckets are asked again", async || {
        let answer = first.send(&request).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

// K-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_free_is_served_under_a_budget_while_the_database_is_away() {
    let (upstream, database) = (talkative().await, Database::start().await);
    let free = json!({
        "provider": "alpha", "model": "upstream-name", "input_per_mtok": "0", "output_per_mtok": "0",
    });
    let config = config(&upstream).set("/pricing", json!({"overrides": [free]}));
    let home = Home::new(&database.of(&config));
    let key = home.create_key("app", &[]).await;
    let gateway = home.serve().await;
    let create = ["budget", "create", "app", "--key", "app", "--limit", "1"];
    let made = gateway.home.run(&create).await;
    assert!(made.status.success(), "{}", made.stderr);
    // It takes a second until the gateway has heard of it; nothing is asked about the window before.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    database.cut();
    let answer = gateway.send(&light(&key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // A bound is set for calls under a budget that do not say one: it does hold.
    let applied = answer.header("x-tollward-max-tokens-applied");
    assert!(applied.is_some());
}
