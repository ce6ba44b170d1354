//! Probes: the gateway asks deployments how they are, so that no call has to find out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::{Seen, Upstream};

/// `chat` at `alpha/upstream-name`, which is probed, and then at `beta/m`.
struct Pair {
    alpha: Upstream,
    beta: Upstream,
    /// Whether alpha answers.
    is_up: Arc<AtomicBool>,
    config: Config,
}

impl Pair {
    async fn new(probe: Value) -> Self {
        let is_up = Arc::new(AtomicBool::new(false));
        let works = Arc::clone(&is_up);
        let answer = move |seen: &Seen| match (works.load(Ordering::Relaxed), is_chat(seen)) {
            (false, _) => Script::answer("500 Internal Server Error", &[], ""),
            (true, true) => Script::json("200 OK", &openai::answer("from alpha")),
            (true, false) => Script::json("200 OK", &json!({"object": "list", "data": []})),
        };
        let (alpha, beta) = (Upstream::answering(answer).await, Upstream::healthy().await);
        let breaker = json!({"failures": 2, "pause": "500ms", "longest_pause": "500ms"});
        let config = Config::one(&alpha)
            .priced()
            .provider("beta", beta.addr)
            .set(
                "/models/chat/deployments",
                json!([{"provider": "alpha", "model": "upstream-name", "probe": probe}, "beta/m"]),
            )
            .set("/routing/breaker", breaker)
            .set("/retry", json!({"attempts": 1, "base_delay": "1ms"}));
        Self {
            alpha,
            beta,
            is_up,
            config,
        }
    }

    /// Alpha answers from now on, or not.
    fn turn(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Relaxed);
    }

    /// Calls that alpha got, and probes.
    fn seen(&self) -> [usize; 2] {
        let seen = self.alpha.seen();
        let calls = seen.iter().filter(|it| is_chat(it)).count();
        [calls, seen.len() - calls]
    }
}

fn is_chat(seen: &Seen) -> bool {
    seen.path().ends_with("/chat/completions")
}

/// Who answers the next call.
async fn answers(gateway: &Gateway) -> String {
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let deployment = response.header("x-tollward-deployment");
    deployment.unwrap().to_owned()
}

#[tokio::test]
async fn no_call_finds_out_whether_a_deployment_works_again() {
    let pair = Pair::new(json!({})).await;
    let gateway = Gateway::start(&pair.config).await;
    for _ in 0..2 {
        assert_eq!(answers(&gateway).await, "beta/m");
    }
    // Its pause is over several times, and nobody but us has asked.
    until("three probes failed", async || {
        assert_eq!(answers(&gateway).await, "beta/m");
        (pair.seen()[1] >= 3).then_some(())
    })
    .await;
    assert_eq!(pair.seen()[0], 2);
    let probe = pair.alpha.seen().into_iter().find(|it| !is_chat(it));
    let probe = probe.unwrap();
    assert_eq!(probe.head.first_line, "GET /v1/models HTTP/1.1");
    assert_eq!(probe.head.get("authorization"), Some("Bearer sk-upstream"));
    let failed = ["deployment=\"alpha/upstream-name\"", "outcome=\"failed\""];
    assert!(gateway.metric("tollward_probes_total", &failed).await >= 3.0);
    pair.turn(true);
    until("alpha is called again", async || {
        (answers(&gateway).await == "alpha/upstream-name").then_some(())
    })
    .await;
    // Probes are no calls: none of them is in the books, and none counts as a failure.
    gateway
        .home
        .rows(pair.beta.calls() + pair.seen()[0] - 2)
        .await;
    for said in ["does not answer probes", "answers probes again"] {
        until(said, async || {
            gateway.stderr.text().contains(said).then_some(())
        })
        .await;
    }
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_waited_for_by_probes_alone_and_delays_no_shutdown() {
    let pair = Pair::new(json!({})).await;
    let alpha = Upstream::new(Script::new().black_hole()).await;
    let config = pair
        .config
        .clone()
        .provider("alpha", alpha.addr)
        .set("/timeouts", json!({"first_byte_plain": "200ms"}));
    let mut gateway = Gateway::start(&config).await;
    for _ in 0..2 {
        assert_eq!(answers(&gateway).await, "beta/m");
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(answers(&gateway).await, "beta/m");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = alpha.seen();
    let calls = seen.iter().filter(|it| is_chat(it)).count();
    assert_eq!((calls, seen.len()), (2, 3), "one probe, which still waits");
    gateway.signal("TERM").await;
    assert!(gateway.exit(Duration::from_secs(5)).await.success());
}

#[tokio::test]
async fn a_probe_that_is_answered_shortens_one_pause_where_calls_go_on_to_fail() {
    let pair = Pair::new(json!({"ask": "models"})).await;
    // It tells its list, and its model is broken.
    let answer = |seen: &Seen| {
        if is_chat(seen) {
            Script::answer("500 Internal Server Error", &[], "")
        } else {
            Script::json("200 OK", &json!({"object": "list", "data": []}))
        }
    };
    let alpha = Upstream::answering(answer).await;
    let breaker = json!({"failures": 2, "pause": "60s", "longest_pause": "60s"});
    let config = pair
        .config
        .clone()
        .provider("alpha", alpha.addr)
        .set("/routing/breaker", breaker);
    let gateway = Gateway::start(&config).await;
    let calls = || alpha.seen().iter().filter(|it| is_chat(it)).count();
    until("a call tries before the pause is over", async || {
        answers(&gateway).await;
        (calls() == 3).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    answers(&gateway).await;
    assert_eq!(calls(), 3, "the next pause is sat out");
}

#[tokio::test]
async fn a_spare_that_nobody_calls_is_known_to_be_down_before_it_is_needed() {
    let pair = Pair::new(json!({"ask": "chat", "every": "1s"})).await;
    pair.turn(true);
    let gateway = Gateway::start(&pair.config).await;
    let row = until("a probe is booked", async || {
        gateway.home.recent(9).await.pop()
    })
    .await;
    let facts = [
        &row["deployment"],
        &row["model"],
        &row["rule"],
        &row["key"],
        &row["outcome"],
    ];
    let expected = json!(["alpha/upstream-name", "chat", "probe", null, "complete"]);
    assert_eq!(json!(facts), expected);
    assert_eq!(row["cost"], json!("0.00002"), "10 tokens in and 5 out");
    let asked = pair.alpha.request(0).await.json();
    assert_eq!(
        (&asked["model"], &asked["max_tokens"]),
        (&json!("upstream-name"), &json!(16))
    );
    pair.turn(false);
    until("probes find it down", async || {
        let failed = gateway
            .metric("tollward_probes_total", &["outcome=\"failed\""])
            .await;
        (failed >= 2.0).then_some(())
    })
    .await;
    let before = pair.seen()[0];
    let response = gateway.chat(&openai::chat()).await;
    assert_eq!(response.header("x-tollward-deployment"), Some("beta/m"));
    assert_eq!(response.header("x-tollward-attempts"), Some("1"));
    let rows = gateway.home.recent(20).await;
    let call = rows.iter().find(|it| it["deployment"] == "beta/m").unwrap();
    assert_eq!(call["tried"], json!("alpha/upstream-name:broken,beta/m:ok"));
    // A probe may have come between, and no call.
    assert!(pair.seen()[0] <= before + 1);
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_reload_ends_probes() {
    let pair = Pair::new(json!({"every": "1s"})).await;
    let gateway = Gateway::start(&pair.config).await;
    pair.alpha.request(1).await;
    let config = pair.config.clone().set(
        "/models/chat/deployments",
        json!(["alpha/upstream-name", "beta/m"]),
    );
    gateway.home.write(&config.text());
    let mut last = usize::MAX;
    until("nobody asks any more", async || {
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        let now = pair.seen()[1];
        (std::mem::replace(&mut last, now) == now).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_probed_is_a_mistake() {
    let upstream = Upstream::healthy().await;
    let any = json!([{"provider": "alpha", "model": "*", "probe": {}}]);
    let config = Config::one(&upstream).set("/models/alpha~1*/deployments", any);
    let text = config.text().replace("alpha~1*", "alpha/*");
    let home = Home::new(&config);
    home.write(&text);
    let checked = home.run(&["check"]).await;
    assert!(!checked.status.success());
    let said = checked.stderr;
    assert!(
        said.contains("only a deployment whose model is named can be probed"),
        "{said}"
    );
}
