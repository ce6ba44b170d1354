//! Limits of rate through the binary: who is let in, who waits, and how long.

use serde_json::json;

use crate::support::client::{Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::{Gate, Script};
use crate::support::until;
use crate::support::upstream::Upstream;

async fn limited(upstream: &Upstream, limits: &[&str]) -> (Gateway, String) {
    let home = Home::new(&Config::one(upstream).keyed());
    let key = home.create_key("app", &[]).await;
    set(&home, &[&["--key", "app"], limits].concat()).await;
    (home.serve().await, key)
}

async fn set(home: &Home, arguments: &[&str]) {
    let set = home.run(&[&["limit", "set"], arguments].concat()).await;
    assert!(set.status.success(), "{}", set.stderr);
}

fn chat(key: &str) -> Request {
    Request::chat(&openai::chat()).key(key)
}

fn number(response: &Response, name: &str) -> u64 {
    let text = response.header(name);
    let text = text.unwrap_or_else(|| panic!("{name} in {:?}", response.head));
    text.parse().unwrap()
}

// K-05
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_calls_at_once_as_many_are_served_as_the_key_may_make_in_a_minute() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = limited(&upstream, &["--rpm", "20"]).await;
    let request = chat(&key);
    let answers = futures_util::future::join_all((0..200).map(|_| gateway.send(&request))).await;
    let served = answers.iter().filter(|it| it.status == 200).count();
    // One more comes in every 3 s, should the test take as long.
    assert!((20..=22).contains(&served), "{served}");
    assert_eq!(upstream.calls(), served);
    let refused = answers.iter().find(|it| it.status != 200).unwrap();
    let error = refused.error(429, "rate_limit_exceeded");
    assert_eq!(error["type"], "requests");
    assert!((1..=3).contains(&number(refused, "retry-after")));
    assert_eq!(number(refused, "x-ratelimit-limit-requests"), 20);
    assert_eq!(number(refused, "x-ratelimit-remaining-requests"), 0);
    // Who waits as long as was said comes in.
    let refused = gateway.send(&request).await;
    let wait = number(&refused, "retry-after-ms") + 5;
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    assert_eq!(gateway.send(&request).await.status, 200);
    gateway.assert_idle().await;
}

#[tokio::test]
async fn answers_say_how_the_tightest_limit_stands() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream).keyed());
    let made = home.run(&["team", "create", "web"]).await;
    assert!(made.status.success(), "{}", made.stderr);
    let key = home.create_key("app", &["--team", "web"]).await;
    // So few that hardly any flow in while the test runs.
    set(&home, &["--key", "app", "--rpm", "60", "--tpm", "600"]).await;
    set(&home, &["--team", "web", "--rpm", "30"]).await;
    set(&home, &["--all", "--rpm", "1000", "--tpm", "1000000"]).await;
    let gateway = home.serve().await;
    let answer = gateway.send(&chat(&key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (name, expected) in [
        ("x-ratelimit-limit-requests", 30),
        ("x-ratelimit-remaining-requests", 29),
        ("x-ratelimit-limit-tokens", 600),
    ] {
        assert_eq!(number(&answer, name), expected, "{name}");
    }
    assert_eq!(answer.header("x-ratelimit-reset-requests"), Some("2s"));
    let left = number(&answer, "x-ratelimit-remaining-tokens");
    assert!((580..600).contains(&left), "{left}");
    let list = gateway.home.run(&["limit", "list"]).await;
    for word in ["team web", "key app", "everybody", "600"] {
        assert!(list.stdout.contains(word), "{word}: {}", list.stdout);
    }
}

#[tokio::test]
async fn tokens_are_counted_as_the_provider_counts_them_once_it_has() {
    let upstream = Upstream::healthy().await;
    let mut answer = openai::answer("x");
    answer["usage"] = openai::usage(10, 50_000);
    upstream.then(Script::json("200 OK", &answer));
    let (gateway, key) = limited(&upstream, &["--tpm", "30000"]).await;
    assert_eq!(gateway.send(&chat(&key)).await.status, 200);
    gateway.assert_idle().await;
    let refused = gateway.send(&chat(&key)).await;
    let error = refused.error(429, "rate_limit_exceeded");
    assert_eq!(error["type"], "tokens");
    // 20,010 tokens are owed, and 14 wanted: that takes 40 s.
    assert!(
        (38..=41).contains(&number(&refused, "retry-after")),
        "{:?}",
        refused.head
    );
    assert_eq!(upstream.calls(), 1);
}

// K-14
#[tokio::test]
async fn as_many_calls_run_at_once_as_the_key_may_have_and_each_place_comes_back() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = limited(&upstream, &["--parallel", "2"]).await;
    let held = || Script::new().gate(&Gate::closed());
    upstream.then(held());
    upstream.then(held());
    let mut clients = Vec::new();
    for place in 0..2 {
        let mut client = gateway.connect().await;
        client.write(&chat(&key).to_bytes()).await;
        upstream.request(place).await;
        clients.push(client);
    }
    gateway
        .send(&chat(&key))
        .await
        .error(429, "rate_limit_exceeded");
    for client in clients {
        client.abort();
    }
    until("the places are given back", async || {
        (gateway.send(&chat(&key)).await.status == 200).then_some(())
    })
    .await;
    gateway.assert_idle().await;
    let answers = [
        gateway.send(&chat(&key)).await,
        gateway.send(&chat(&key)).await,
    ];
    assert!(answers.iter().all(|it| it.status == 200));
}

#[tokio::test]
async fn limits_are_changed_and_cleared_while_the_gateway_runs() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = limited(&upstream, &["--rpm", "1"]).await;
    assert_eq!(gateway.send(&chat(&key)).await.status, 200);
    gateway
        .send(&chat(&key))
        .await
        .error(429, "rate_limit_exceeded");
    let cleared = gateway.home.run(&["limit", "clear", "--key", "app"]).await;
    assert!(cleared.status.success(), "{}", cleared.stderr);
    until("the limit is gone", async || {
        (gateway.send(&chat(&key)).await.status == 200).then_some(())
    })
    .await;
    for (arguments, told) in [
        (&["limit", "set", "--key", "app"][..], "nothing is limited"),
        (&["limit", "set", "--rpm", "5"], "--key"),
        (
            &["limit", "set", "--team", "web", "--rpm", "5"],
            "no team has the name",
        ),
    ] {
        let refused = gateway.home.run(arguments).await;
        assert!(
            !refused.status.success() && refused.stderr.contains(told),
            "{}",
            refused.stderr
        );
    }
    let listed = gateway.home.json(&["limit", "list", "--json"]).await;
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn a_call_that_never_came_to_a_provider_gives_its_tokens_back() {
    let upstream = Upstream::healthy().await;
    let (gateway, key) = limited(&upstream, &["--input-tpm", "100"]).await;
    let mut unknown = openai::chat();
    unknown["model"] = json!("unknown");
    for _ in 0..20 {
        let refused = gateway.send(&Request::chat(&unknown).key(&key)).await;
        refused.error(404, "model_not_found");
    }
    assert_eq!(gateway.send(&chat(&key)).await.status, 200);
}
