//! Budgets through the binary: what is held, sent along, charged and refused.

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::upstream::Upstream;
use crate::support::{until, within};

/// One dollar a million tokens in, ten out.
pub(crate) fn config(upstream: &Upstream) -> Config {
    let price = json!({
        "provider": "alpha", "model": "upstream-name", "input_per_mtok": "1", "output_per_mtok": "10",
    });
    let config = Config::one(upstream).keyed();
    config.set("/pricing", json!({"overrides": [price]}))
}

/// An upstream that writes as much as it is allowed to.
pub(crate) async fn talkative() -> Upstream {
    Upstream::answering(|seen| {
        let allowed = seen.json()["max_completion_tokens"]
            .as_u64()
            .unwrap_or(100_000);
        let mut answer = openai::answer("x");
        answer["usage"] = openai::usage(10, allowed);
        Script::json("200 OK", &answer)
    })
    .await
}

pub(crate) fn asking(key: &str, more: &[(&str, Value)]) -> Request {
    let mut body = openai::chat();
    for (field, value) in more {
        body[*field] = value.clone();
    }
    Request::chat(&body).key(key)
}

/// A gateway with a key `app` that has the budget `app`.
pub(crate) async fn budgeted(config: &Config, more: &[&str]) -> (Gateway, String) {
    let home = Home::new(config);
    let key = home.create_key("app", &[]).await;
    budget(&home, &[&["app", "--key", "app"], more].concat()).await;
    (home.serve().await, key)
}

pub(crate) async fn budget(home: &Home, arguments: &[&str]) {
    let made = home.run(&[&["budget", "create"], arguments].concat()).await;
    assert!(made.status.success(), "{}", made.stderr);
}

/// What the list says was spent of a budget, in nano-dollars.
pub(crate) async fn spent(home: &Home, name: &str) -> i64 {
    let budgets = home.json(&["budget", "list", "--json"]).await;
    let found = budgets
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == name);
    nano(found.unwrap()["spent"].as_str().unwrap())
}

pub(crate) fn nano(dollars: &str) -> i64 {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, ""));
    format!("{whole}{part:0<9}").parse().unwrap()
}

/// The books agree with themselves, and nothing is held.
pub(crate) async fn assert_verified(home: &Home) -> Value {
    let found = home.json(&["ledger", "verify", "--json"]).await;
    assert_eq!(
        (&found["open_holds"], &found["differences"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(found["rollups"]["differences"], json!([]));
    found
}

// K-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_calls_use_a_budget_up_and_never_overspend_it() {
    let upstream = talkative().await;
    // Each costs $0.10001, and up to $0.10059 is held for it: ten of them fit.
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "1.01"]).await;
    let request = asking(&key, &[("max_completion_tokens", json!(10_000))]);
    let calls = (0..200).map(|_| gateway.send(&request));
    let answers = futures_util::future::join_all(calls).await;
    let admitted = answers.iter().filter(|it| it.status == 200).count();
    assert_eq!((admitted, upstream.calls()), (10, 10));
    for refused in answers.iter().filter(|it| it.status != 200) {
        let code = refused.error_code().unwrap();
        assert!(
            ["insufficient_quota", "budget_reserved"].contains(&code.as_str()),
            "{code}"
        );
        assert_eq!(refused.status, 429);
    }
    gateway.assert_idle().await;
    let refused = gateway.send(&request).await;
    let error = refused.error(429, "insufficient_quota");
    assert_eq!(error["type"], "insufficient_quota");
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(spent(&gateway.home, "app").await, 1_000_100_000);
    assert_eq!(assert_verified(&gateway.home).await["entries"], 10);
}

#[tokio::test]
async fn what_runs_is_held_and_who_comes_meanwhile_is_told_to_try_again() {
    let upstream = Upstream::healthy().await;
    let gate = Gate::closed();
    upstream.then(
        Script::new()
            .gate(&gate)
            .then(Script::json("200 OK", &openai::answer("x"))),
    );
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "0.15"]).await;
    let request = asking(&key, &[("max_completion_tokens", json!(10_000))]);
    let (first, ()) = tokio::join!(gateway.send(&request), async {
        upstream.request(0).await;
        let second = gateway.send(&request).await;
        second.error(429, "budget_reserved");
        assert_eq!(second.header("retry-after"), Some("1"));
        assert_eq!(second.header("x-should-retry"), None);
        gate.open();
    });
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(gateway.send(&request).await.status, 200);
    assert_eq!(upstream.calls(), 2);
    // Ten tokens in and five out, twice.
    assert_eq!(spent(&gateway.home, "app").await, 2 * 60_000);
}

// S-26
#[tokio::test]
async fn who_does_not_bound_an_answer_gets_a_bound_that_is_sent_along() {
    let upstream = talkative().await;
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "0.2"]).await;
    let answer = gateway.send(&asking(&key, &[])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = upstream.only().json();
    assert_eq!(asked["max_completion_tokens"], 16_384);
    assert_eq!(
        answer.header("x-tollward-max-tokens-applied"),
        Some("16384")
    );
    // What is left is $0.03615: an answer as long as that.
    let answer = gateway.send(&asking(&key, &[])).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let applied: u64 = answer
        .header("x-tollward-max-tokens-applied")
        .unwrap()
        .parse()
        .unwrap();
    assert!((3_500..3_615).contains(&applied), "{applied}");
    assert_eq!(
        upstream.request(1).await.json()["max_completion_tokens"],
        applied
    );
    // Now there is less than an answer.
    gateway
        .send(&asking(&key, &[]))
        .await
        .error(429, "insufficient_quota");
    let short = asking(&key, &[("max_tokens", json!(1))]);
    // Where there is room for a short one, it is answered, and what is spent stays within the limit.
    let answer = gateway.send(&short).await;
    assert!([200, 429].contains(&answer.status), "{}", answer.text());
    let charged = spent(&gateway.home, "app").await;
    assert!((190_000_000..=200_000_000).contains(&charged), "{charged}");
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn several_choices_are_held_for_as_many() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "0.15"]).await;
    let thrice = [("n", json!(3)), ("max_completion_tokens", json!(5_000))];
    gateway
        .send(&asking(&key, &thrice))
        .await
        .error(429, "insufficient_quota");
    let once = [("max_completion_tokens", json!(5_000))];
    assert_eq!(gateway.send(&asking(&key, &once)).await.status, 200);
}

// K-03
#[tokio::test]
async fn a_call_counts_towards_its_key_its_team_its_organisation_and_everybody() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&config(&upstream));
    for arguments in [
        &["org", "create", "acme"][..],
        &["team", "create", "web", "--org", "acme"],
        &["team", "create", "ops"],
    ] {
        let made = home.run(arguments).await;
        assert!(made.status.success(), "{}", made.stderr);
    }
    let web = home.create_key("web", &["--team", "web"]).await;
    let ops = home.create_key("ops", &["--team", "ops"]).await;
    budget(
        &home,
        &[
            "all",
            "--all",
            "--limit",
            "100",
            "--per",
            "month",
            "--zone",
            "Asia/Seoul",
        ],
    )
    .await;
    budget(
        &home,
        &["acme", "--org", "acme", "--limit", "50", "--per", "week"],
    )
    .await;
    budget(
        &home,
        &["web", "--team", "web", "--limit", "20", "--per", "day"],
    )
    .await;
    budget(&home, &["key", "--key", "web", "--limit", "10"]).await;
    budget(
        &home,
        &[
            "claude", "--team", "web", "--limit", "0", "--models", "claude-*",
        ],
    )
    .await;
    budget(
        &home,
        &[
            "beta",
            "--team",
            "web",
            "--limit",
            "0",
            "--providers",
            "beta",
        ],
    )
    .await;
    budget(
        &home,
        &[
            "nightly", "--team", "web", "--limit", "0", "--tags", "nightly",
        ],
    )
    .await;
    let gateway = home.serve().await;
    for key in [&web, &web, &ops] {
        let answer = gateway.send(&asking(key, &[])).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let home = &gateway.home;
    for (name, calls) in [
        ("all", 3),
        ("acme", 2),
        ("web", 2),
        ("key", 2),
        ("claude", 0),
        ("beta", 0),
    ] {
        assert_eq!(spent(home, name).await, calls * 60_000, "{name}");
    }
    let nightly = asking(&web, &[]).header("x-tollward-tags", "nightly");
    gateway
        .send(&nightly)
        .await
        .error(429, "insufficient_quota");

    let closed = gateway.home.run(&["org", "close", "acme"]).await;
    assert!(closed.status.success(), "{}", closed.stderr);
    until(
        "the keys of a closed organisation stop working",
        async || {
            let status = gateway.send(&asking(&web, &[])).await.status;
            (status == 401).then_some(())
        },
    )
    .await;
    assert_eq!(gateway.send(&asking(&ops, &[])).await.status, 200);
    assert_verified(&gateway.home).await;
}

// K-08
#[tokio::test]
async fn a_budget_is_lowered_raised_and_ended_while_the_gateway_runs() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "1"]).await;
    let ask = async || {
        gateway
            .send(&asking(&key, &[("max_tokens", json!(100))]))
            .await
            .status
    };
    let change = async |arguments: &[&str], expected: u16| {
        let changed = gateway.home.run(&[&["budget"], arguments].concat()).await;
        assert!(changed.status.success(), "{}", changed.stderr);
        until(&format!("{arguments:?} makes it {expected}"), async || {
            (ask().await == expected).then_some(())
        })
        .await;
    };
    assert_eq!(ask().await, 200);
    change(&["change", "app", "--limit", "0.00001"], 429).await;
    change(&["raise", "app", "--by", "0.5", "--for", "1h"], 200).await;
    change(&["change", "app", "--limit", "0", "--models", "other"], 200).await;
    change(&["change", "app", "--models", ""], 200).await;
    change(&["end", "app"], 200).await;
    let list = gateway.home.run(&["budget", "list"]).await;
    assert!(list.stderr.contains("No budgets yet"), "{}", list.stderr);
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn what_a_budget_has_no_room_for_goes_to_another_model_where_it_says_so() {
    let (dear, free) = (talkative().await, Upstream::healthy().await);
    let config = config(&dear)
        .provider("beta", free.addr)
        .model("small", &["beta/small"]);
    let prices = json!({"overrides": [
        {"provider": "alpha", "model": "upstream-name", "input_per_mtok": "1", "output_per_mtok": "10"},
        {"provider": "beta", "model": "small", "input_per_mtok": "0", "output_per_mtok": "0"},
    ]});
    let config = config.set("/pricing", prices);
    let (gateway, key) = budgeted(&config, &["--limit", "0.1", "--then", "small"]).await;
    let request = asking(&key, &[("max_tokens", json!(9_000))]);
    let first = gateway.send(&request).await;
    assert_eq!(
        first.header("x-tollward-deployment"),
        Some("alpha/upstream-name")
    );
    let second = gateway.send(&request).await;
    assert_eq!(second.status, 200, "{}", second.text());
    assert_eq!(second.header("x-tollward-deployment"), Some("beta/small"));
    assert_eq!(second.header("x-tollward-rule"), Some("budget app"));
    let row = &gateway.home.rows(2).await[0];
    assert_eq!((&row["model"], &row["cost"]), (&json!("chat"), &json!("0")));
    assert_verified(&gateway.home).await;
}

// P-27
#[tokio::test]
async fn what_nobody_can_bound_is_refused_to_keys_with_a_budget_and_to_no_others() {
    let upstream = Upstream::healthy().await;
    let config = config(&upstream).model("unpriced", &["alpha/unknown"]);
    let (gateway, key) = budgeted(&config, &["--limit", "100"]).await;
    let other = gateway.home.create_key("other", &[]).await;
    let unpriced = [("model", json!("unpriced"))];
    gateway
        .send(&asking(&key, &unpriced))
        .await
        .error(400, "model_unpriced");
    let searching = [("web_search_options", json!({}))];
    gateway
        .send(&asking(&key, &searching))
        .await
        .error(400, "cost_unbounded");
    let far = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]);
    let far = [("messages", far)];
    gateway
        .send(&asking(&key, &far))
        .await
        .error(400, "cost_unbounded");
    let spoken = Request::post(
        "/v1/audio/speech",
        r#"{"model":"chat","input":"hi","voice":"a"}"#,
    );
    // Speech that is paid by tokens: how many there will be is not said.
    let refused = gateway.send(&spoken.key(&key)).await;
    refused.error(400, "cost_unbounded");
    assert_eq!(upstream.calls(), 0);
    for more in [&unpriced, &searching, &far] {
        assert_eq!(gateway.send(&asking(&other, more)).await.status, 200);
    }
}

// K-02
#[tokio::test]
async fn every_attempt_that_may_be_billed_is_charged_and_no_other() {
    let upstream = Upstream::healthy().await;
    let retry = json!({"attempts": 2, "base_delay": "1ms", "max_delay": "2ms"});
    let config = config(&upstream)
        .set("/retry", retry)
        .set("/routing", json!({"breaker": {"failures": 0}}));
    let (gateway, key) = budgeted(&config, &["--limit", "1"]).await;
    upstream.then(Script::json(
        "429 Too Many Requests",
        &openai::error("slow", "requests", None, Some("rate_limit_exceeded")),
    ));
    upstream.then(Script::json("200 OK", &openai::answer("x")));
    assert_eq!(gateway.send(&asking(&key, &[])).await.status, 200);
    assert_eq!(spent(&gateway.home, "app").await, 60_000);
    // A stream that breaks before its first words has cost its input.
    upstream.then(Script::stream().chunk(openai::role()).reset());
    upstream.then(Script::json("200 OK", &openai::answer("x")));
    let answer = gateway
        .send(&asking(&key, &[("stream", json!(true))]))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    gateway.assert_idle().await;
    assert!(spent(&gateway.home, "app").await > 60_000 + 10_000);
    let verified = assert_verified(&gateway.home).await;
    assert_eq!(verified["entries"], 3);
}

// P-04, K-04
#[tokio::test]
async fn calls_that_run_when_the_gateway_is_killed_are_charged_what_was_held() {
    let upstream = Upstream::healthy().await;
    let config = config(&upstream);
    let (gateway, key) = budgeted(&config, &["--limit", "10"]).await;
    assert_eq!(gateway.send(&asking(&key, &[])).await.status, 200);
    let bounded = asking(&key, &[("max_completion_tokens", json!(10_000))]);
    let mut home = {
        let mut client = gateway.connect().await;
        upstream.then(Script::new().gate(&Gate::closed()));
        client.write(&bounded.to_bytes()).await;
        upstream.request(1).await;
        gateway.kill().await
    };
    for round in 1..4_i64 {
        let gateway = home.serve().await;
        until("what is left is told of", async || {
            let told = gateway.stderr.text();
            told.contains("booked with all that was held").then_some(())
        })
        .await;
        let held = spent(&gateway.home, "app").await - 60_000;
        assert!(
            (round * 100_000_000..round * 101_000_000).contains(&held),
            "{held}"
        );
        let verified = assert_verified(&gateway.home).await;
        assert_eq!(verified["entries"], 1 + round);
        let row = &gateway.home.recent(1).await[0];
        assert_eq!(
            (&row["outcome"], &row["estimated"]),
            (&json!("recovered"), &json!(true))
        );
        let mut client = gateway.connect().await;
        let before = upstream.calls();
        upstream.then(Script::new().gate(&Gate::closed()));
        client.write(&bounded.to_bytes()).await;
        upstream.request(before).await;
        home = gateway.kill().await;
    }
}

#[tokio::test]
async fn what_was_spent_is_known_after_a_restart() {
    let upstream = talkative().await;
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "0.15"]).await;
    let request = asking(&key, &[("max_completion_tokens", json!(10_000))]);
    assert_eq!(gateway.send(&request).await.status, 200);
    // The row is in the journal, perhaps not in the database.
    let gateway = gateway.kill().await.serve().await;
    gateway
        .send(&request)
        .await
        .error(429, "insufficient_quota");
    assert_eq!(upstream.calls(), 1);
    let listed = within(
        std::time::Duration::from_secs(20),
        "the list",
        gateway.home.run(&["budget", "list"]),
    )
    .await;
    assert!(listed.stdout.contains("key app"), "{}", listed.stdout);
}

// demand 3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_allow_themselves_much_and_use_little_use_a_learned_budget_up() {
    let upstream = Upstream::answering(|_| {
        let mut answer = openai::answer("x");
        answer["usage"] = openai::usage(10, 800);
        Script::json("200 OK", &answer)
    })
    .await;
    let learned = &["--limit", "4", "--estimate", "learned"];
    let (gateway, key) = budgeted(&config(&upstream), learned).await;
    let request = asking(&key, &[("max_completion_tokens", json!(64_000))]);
    // Each costs $0.00801.
    let agent = async || {
        let (mut admitted, mut refused) = (0, 0);
        while refused < 3 {
            match gateway.send(&request).await.status {
                200 => admitted += 1,
                _ => refused += 1,
            }
        }
        admitted
    };
    let agents = futures_util::future::join_all((0..20).map(|_| agent())).await;
    let admitted: i64 = agents.iter().sum();
    let spent = spent(&gateway.home, "app").await;
    assert_eq!(spent, admitted * 8_010_000);
    // Nobody is refused before 96 % of it is spent: all sixty refusals come after.
    assert!((3_840_000_000..=4_000_000_000).contains(&spent), "{spent}");
    let asked = upstream.request(0).await.json();
    assert_eq!(asked["max_completion_tokens"], 64_000);
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn a_stream_that_outgrows_a_learned_budget_is_cut_as_if_it_were_long_enough() {
    let upstream = Upstream::healthy().await;
    let words: Vec<String> = (0..4_000)
        .map(|_| openai::text("word word word word "))
        .collect();
    let pieces = [
        vec![openai::role()],
        words,
        vec![openai::finish(), openai::DONE.to_owned()],
    ]
    .concat();
    upstream.always(Script::stream_of(pieces));
    let learned = &["--limit", "0.05", "--estimate", "learned"];
    let (gateway, key) = budgeted(&config(&upstream), learned).await;
    let streamed = asking(&key, &[("stream", json!(true))]);
    let answer = gateway.send(&streamed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = answer.text();
    assert!(
        text.contains(r#""finish_reason":"length""#) && text.ends_with(openai::DONE),
        "{}",
        &text[text.len() - 600..]
    );
    gateway.assert_idle().await;
    let spent = spent(&gateway.home, "app").await;
    // A step of 1,024 tokens is $0.01024.
    assert!((38_000_000..=50_300_000).contains(&spent), "{spent}");
    gateway
        .send(&streamed)
        .await
        .error(429, "insufficient_quota");
    assert_verified(&gateway.home).await;
}

// K-10
#[tokio::test]
async fn a_key_that_is_revoked_while_its_call_runs_is_charged_for_it() {
    let upstream = Upstream::healthy().await;
    let gate = Gate::closed();
    let answer = Script::json("200 OK", &openai::answer("x"));
    upstream.then(Script::new().gate(&gate).then(answer));
    let (gateway, key) = budgeted(&config(&upstream), &["--limit", "1"]).await;
    let request = asking(&key, &[]);
    let (answer, ()) = tokio::join!(gateway.send(&request), async {
        upstream.request(0).await;
        let revoked = gateway.home.run(&["key", "revoke", "app"]).await;
        assert!(revoked.status.success(), "{}", revoked.stderr);
        until("the key is refused", async || {
            (gateway.send(&request).await.status == 401).then_some(())
        })
        .await;
        gate.open();
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    let calls = i64::try_from(upstream.calls()).unwrap();
    assert_eq!(spent(&gateway.home, "app").await, calls * 60_000);
    assert_verified(&gateway.home).await;
}

#[tokio::test]
async fn somebody_is_told_once_of_each_part_that_is_spent() {
    let (upstream, hook) = (Upstream::healthy().await, Upstream::healthy().await);
    let address = format!("http://{}/hook/secret", hook.addr);
    // Two calls of $0.00006 are more than half of it, a third one is more than all.
    let warned = &[
        "--limit",
        "0.0001",
        "--estimate",
        "learned",
        "--warn",
        "50,100",
    ];
    let home = Home::new(&config(&upstream));
    let key = home.create_key("app", &[]).await;
    let told = [&["app", "--key", "app", "--webhook", &address], &warned[..]].concat();
    budget(&home, &told).await;
    let gateway = home.serve().await;
    let small = asking(&key, &[("max_tokens", json!(5))]);
    assert_eq!(gateway.send(&small).await.status, 200);
    let told = hook.request(0).await;
    assert_eq!(
        (told.path(), told.head.get("content-type")),
        ("/hook/secret", Some("application/json"))
    );
    let told = told.json();
    for (field, value) in [
        ("event", json!("budget_spent")),
        ("name", json!("app")),
        ("percent", json!(50)),
        ("spent", json!("0.00006")),
    ] {
        assert_eq!(told[field], value, "{told}");
    }
    assert!(!told.to_string().contains("secret"), "{told}");
    gateway
        .until_metric("tollward_budget_alerts_total", &[], 1.0)
        .await;
    let list = gateway.home.run(&["budget", "list", "--json"]).await;
    assert!(
        list.status.success() && !list.stdout.contains("secret"),
        "{}",
        list.stdout
    );
    assert!(
        !gateway.printed().contains("secret"),
        "{}",
        gateway.printed()
    );
    let refused = gateway
        .home
        .run(&["budget", "change", "app", "--webhook", "ftp://x"])
        .await;
    assert!(
        refused.stderr.contains("webhook is no http"),
        "{}",
        refused.stderr
    );
    assert_eq!(hook.calls(), 1);
}

#[tokio::test]
async fn what_changes_something_unread_is_refused_to_a_key_with_any_budget() {
    let upstream = Upstream::new(Script::json("200 OK", &json!({"id": "batch_1"}))).await;
    let passed = json!({"providers": ["alpha"], "keys": ["*"]});
    let config = config(&upstream).set("/passthrough", passed);
    let scoped = &["--limit", "5", "--models", "other", "--estimate", "learned"];
    let (gateway, key) = budgeted(&config, scoped).await;
    let other = gateway.home.create_key("other", &[]).await;
    let batch = |key: &str| Request::post("/v1/batches", "{}").key(key);
    gateway
        .send(&batch(&key))
        .await
        .error(400, "cost_unbounded");
    let looking = Request::get("/v1/batches").key(&key);
    assert_eq!(gateway.send(&looking).await.status, 200);
    assert_eq!(gateway.send(&batch(&other)).await.status, 200);
    assert_eq!(upstream.calls(), 2);
}
