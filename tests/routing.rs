//! Who answers: policies, rules, guards, names, and deployments that are left alone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

/// Three servers behind one model.
async fn three() -> ([Upstream; 3], Config) {
    let (servers, config) = Config::three().await;
    (
        servers,
        config.model("chat", &["alpha/m", "beta/m", "gamma/m"]),
    )
}

/// Who answered so many chats, and how often.
async fn answers(gateway: &Gateway, calls: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..calls {
        let response = gateway.chat(&openai::chat()).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let who = response.header("x-tollward-provider").unwrap().to_owned();
        *answers.entry(who).or_default() += 1;
    }
    answers
}

fn counted(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let counts = counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    counts.collect()
}

fn deployment(provider: &str, more: &Value) -> Value {
    let mut deployment = json!({"provider": provider, "model": "m"});
    for (key, value) in more.as_object().unwrap() {
        deployment[key] = value.clone();
    }
    deployment
}

#[tokio::test]
async fn calls_are_shared_out_by_weight_and_in_turn() {
    let (_servers, config) = three().await;
    let weighted = config.clone().set(
        "/models/chat",
        json!({
            "deployments": [
                deployment("alpha", &json!({"weight": 6})),
                deployment("beta", &json!({"weight": 3})),
                deployment("gamma", &json!({"weight": 0})),
            ],
            "policy": "weighted",
        }),
    );
    let answers_of_weighted = answers(&Gateway::start(&weighted).await, 90).await;
    let alpha = answers_of_weighted["alpha"];
    assert!((58..=62).contains(&alpha), "{answers_of_weighted:?}");
    assert_eq!(answers_of_weighted.get("gamma"), None);

    let in_turn = config.set("/models/chat/policy", json!("round_robin"));
    let answers = answers(&Gateway::start(&in_turn).await, 30).await;
    assert_eq!(
        answers,
        counted(&[("alpha", 10), ("beta", 10), ("gamma", 10)])
    );
}

#[tokio::test]
async fn a_rule_sends_a_request_to_another_models_deployments() {
    let (_servers, config) = three().await;
    let config = config
        .model("chat", &["alpha/m"])
        .model("long", &["beta/m"])
        .set(
            "/models/chat/rules",
            json!([
                {"name": "batch", "when": "\"batch\" in tags", "use": "long"},
                {"when": "tokens > 1000", "use": "long"},
            ]),
        );
    let gateway = Gateway::start(&config).await;
    let asked = async |headers: &[(&str, &str)], body: &Value| {
        let request = Request::chat(body);
        let request = headers
            .iter()
            .fold(request, |it, (name, value)| it.header(name, value));
        let response = gateway.send(&request).await;
        let who = response.header("x-tollward-provider").map(str::to_owned);
        let rule = response.header("x-tollward-rule").map(str::to_owned);
        (who.unwrap(), rule)
    };
    let chat = openai::chat();
    assert_eq!(asked(&[], &chat).await, ("alpha".to_owned(), None));
    let tagged = asked(&[("x-tollward-tags", "batch")], &chat).await;
    assert_eq!(tagged, ("beta".to_owned(), Some("batch".to_owned())));
    let mut long = openai::chat();
    long["messages"][0]["content"] = "many words ".repeat(2_000).into();
    let found = asked(&[], &long).await;
    assert_eq!(found, ("beta".to_owned(), Some("2".to_owned())));
}

#[tokio::test]
async fn a_guard_keeps_requests_from_deployments_without_its_tag_at_every_hop() {
    let (servers, config) = three().await;
    let config = config
        .set(
            "/models/chat",
            json!({"deployments": [deployment("alpha", &json!({})), deployment("beta", &json!({"tags": ["eu"]}))], "fallbacks": ["spare"]}),
        )
        .model("spare", &["gamma/m"])
        .set(
            "/routing/guards",
            json!([{"name": "residency", "when": "user.startsWith(\"eu-\")", "only": ["eu"]}]),
        )
        .set("/retry", json!({"attempts": 2}));
    let gateway = Gateway::start(&config).await;
    let mut chat = openai::chat();
    chat["user"] = "eu-7".into();
    let response = gateway.chat(&chat).await;
    assert_eq!(response.header("x-tollward-provider"), Some("beta"));
    // Not even when the one that may answer fails.
    servers[1].always(Script::answer("500 Internal Server Error", &[], ""));
    let response = gateway.chat(&chat).await;
    response.error(502, "upstream_error");
    assert_eq!((servers[0].calls(), servers[2].calls()), (0, 0));
    chat["model"] = "spare".into();
    let response = gateway.chat(&chat).await;
    response.error(403, "excluded_by_policy");
    assert!(
        response.text().contains("guard `residency`"),
        "{}",
        response.text()
    );
}

// A guard that asks for a tag must not be passed by because the tag cannot be read.
#[tokio::test]
async fn tags_and_sessions_that_cannot_be_read_are_refused() {
    let (servers, config) = three().await;
    let guard = json!({"name": "secrets", "when": "\"sensitive\" in tags", "only": ["local"]});
    let gateway = Gateway::start(&config.set("/routing/guards", json!([guard]))).await;
    let asked = async |name: &str, value: &str| {
        let request = Request::chat(&openai::chat()).header(name, value);
        gateway.send(&request).await
    };
    let many = format!("{},sensitive", vec!["tag"; 32].join(","));
    let long = "x".repeat(129);
    for (name, value) in [
        ("x-tollward-tags", many.as_str()),
        ("x-litellm-tags", many.as_str()),
        ("x-tollward-tags", "größe,sensitive"),
        ("x-tollward-tags", &format!("{long},sensitive")),
        ("x-tollward-session", &long),
    ] {
        let refused = asked(name, value).await;
        refused.error(400, "invalid_header");
        assert!(refused.text().contains(name), "{}", refused.text());
    }
    let guarded = asked("x-tollward-tags", "batch, sensitive").await;
    guarded.error(403, "excluded_by_policy");
    assert!(servers.iter().all(|it| it.calls() == 0));
}

#[tokio::test]
async fn an_alias_and_a_pattern_lead_to_a_model() {
    let (servers, config) = three().await;
    let config = config
        .set("/routing/aliases", json!({"gpt-4": "chat"}))
        .set(
            "/models",
            json!({"chat": "alpha/m", "lab/*": "beta/team-*", "lab/special-*": "gamma/*"}),
        );
    let gateway = Gateway::start(&config).await;
    let asked = async |model: &str| {
        let mut chat = openai::chat();
        chat["model"] = model.into();
        let response = gateway.chat(&chat).await;
        let header = |name: &str| response.header(name).unwrap_or_default().to_owned();
        (header("x-tollward-deployment"), header("x-tollward-model"))
    };
    let of = |deployment: &str, model: &str| (deployment.to_owned(), model.to_owned());
    assert_eq!(asked("gpt-4").await, of("alpha/m", "chat"));
    assert_eq!(asked("lab/qwen").await, of("beta/team-qwen", "lab/qwen"));
    // The pattern that says more is meant.
    assert_eq!(asked("lab/special-x").await.0, "gamma/x");
    assert_eq!(servers[1].seen()[0].json()["model"], "team-qwen");
    let mut chat = openai::chat();
    chat["model"] = "lab/".into();
    let response = gateway.chat(&chat).await;
    response.error(404, "model_not_found");
}

#[tokio::test]
async fn a_pattern_falls_back_to_another_one_for_the_same_text() {
    let (servers, config) = three().await;
    let config = config
        .set(
            "/models",
            json!({
                "lab/*": {"deployments": ["alpha/*"], "fallbacks": ["spare/*"]},
                "spare/*": "beta/team-*",
            }),
        )
        .set("/retry", json!({"attempts": 2}));
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::answer("500 Internal Server Error", &[], ""));
    let mut chat = openai::chat();
    chat["model"] = "lab/qwen".into();
    let response = gateway.chat(&chat).await;
    let header = |name: &str| response.header(name).unwrap_or_default().to_owned();
    assert_eq!(header("x-tollward-deployment"), "beta/team-qwen");
    assert_eq!(header("x-tollward-model"), "spare/qwen");
    assert_eq!(servers[1].seen()[0].json()["model"], "team-qwen");
}

#[tokio::test]
async fn what_a_vendor_says_is_left_is_known_to_every_model_with_that_deployment() {
    let (servers, config) = three().await;
    let by_headroom = json!({"deployments": ["alpha/m", "beta/m"], "policy": "headroom"});
    let pattern = json!({"deployments": ["alpha/*", "beta/*"], "policy": ["headroom", "ordered"]});
    let config = config.set(
        "/models",
        json!({"one": by_headroom, "two": by_headroom, "lab/*": pattern}),
    );
    let gateway = Gateway::start(&config).await;
    let asked = async |model: &str| {
        let mut chat = openai::chat();
        chat["model"] = model.into();
        let response = gateway.chat(&chat).await;
        let who = response.header("x-tollward-deployment");
        who.unwrap_or_default().to_owned()
    };
    let left = |left: &str| {
        let limits = [
            ("content-type", "application/json"),
            ("x-ratelimit-limit-requests", "100"),
            ("x-ratelimit-remaining-requests", left),
        ];
        Script::answer("200 OK", &limits, openai::answer("Hi").to_string())
    };
    servers[0].always(left("5"));
    servers[1].always(left("60"));
    assert_eq!(asked("lab/m").await, "alpha/m");
    assert_eq!(asked("one").await, "beta/m");
    assert_eq!(asked("two").await, "beta/m");
    // Of another model there, nothing is known yet.
    assert_eq!(asked("lab/other").await, "alpha/other");
    assert_eq!(asked("lab/m").await, "beta/m");
}

// faults U-14, U-67: who fails is left alone and comes back, and no route is ever shut.
#[tokio::test]
async fn a_failing_deployment_is_left_alone_and_comes_back() {
    let (servers, config) = three().await;
    let config = config
        .model("chat", &["alpha/m", "beta/m"])
        .set(
            "/routing",
            json!({"breaker": {"failures": 3, "pause": "300ms", "recovery": "0s"}}),
        )
        .set("/retry", json!({"attempts": 2}));
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::answer("500 Internal Server Error", &[], ""));
    assert_eq!(answers(&gateway, 10).await, counted(&[("beta", 10)]));
    assert_eq!(servers[0].calls(), 3, "left alone after three failures");
    servers[0].always(Script::json("200 OK", &openai::answer("Hi")));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(answers(&gateway, 5).await, counted(&[("alpha", 5)]));
}

// faults U-67
#[tokio::test]
async fn when_all_are_left_alone_one_call_a_second_tries_and_the_others_are_told_when() {
    let upstream = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let config = Config::one(&upstream).set(
        "/routing",
        json!({"breaker": {"failures": 2, "pause": "30s"}}),
    );
    let gateway = Gateway::start(&config).await;
    for _ in 0..2 {
        gateway
            .chat(&openai::chat())
            .await
            .error(502, "upstream_error");
    }
    // One is let through, and then nobody for a second.
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_error");
    let told = gateway.chat(&openai::chat()).await;
    let after: u64 = told.header("retry-after").unwrap().parse().unwrap();
    assert!((25..=38).contains(&after), "{after}");
    told.error(503, "upstream_overloaded");
    assert_eq!(upstream.calls(), 3);
}

// faults U-09: who asks to be left alone is, while another one can answer.
#[tokio::test]
async fn a_deployment_that_asks_to_wait_is_asked_last_until_the_time_has_passed() {
    let (servers, config) = three().await;
    let config = config
        .model("chat", &["alpha/m", "beta/m"])
        .set("/retry", json!({"attempts": 2}));
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::answer(
        "429 Too Many Requests",
        &[("retry-after-ms", "700")],
        r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#,
    ));
    assert_eq!(answers(&gateway, 5).await, counted(&[("beta", 5)]));
    assert_eq!(servers[0].calls(), 1);
    servers[0].always(Script::json("200 OK", &openai::answer("Hi")));
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(answers(&gateway, 2).await, counted(&[("alpha", 2)]));
}

// faults U-15, U-19
#[tokio::test]
async fn a_deployment_that_is_overloaded_or_lacks_its_model_is_asked_last_for_a_while() {
    for status in ["529 Overloaded", "404 Not Found"] {
        let (servers, config) = three().await;
        let config = config
            .model("chat", &["alpha/m", "beta/m"])
            .set("/retry", json!({"attempts": 2}));
        let gateway = Gateway::start(&config).await;
        servers[0].then(Script::answer(status, &[], ""));
        assert_eq!(answers(&gateway, 5).await, counted(&[("beta", 5)]));
        assert_eq!(servers[0].calls(), 1, "{status}");
        // Its circuit is closed all the same: it is asked where nobody else answers.
        servers[1].always(Script::answer("500 Internal Server Error", &[], ""));
        assert_eq!(answers(&gateway, 1).await, counted(&[("alpha", 1)]));
    }
}

#[tokio::test]
async fn a_request_that_is_too_long_or_filtered_takes_its_own_way() {
    let (servers, config) = three().await;
    let config = config
        .model("chat", &["alpha/m"])
        .model("long", &["beta/m"])
        .model("mild", &["gamma/m"])
        .set("/models/chat/context_fallbacks", json!(["long"]))
        .set("/models/chat/filter_fallbacks", json!(["mild"]))
        .set("/retry", json!({"attempts": 2}));
    let gateway = Gateway::start(&config).await;
    let refuse = |code: &str| {
        let body =
            json!({"error": {"message": "no", "type": "invalid_request_error", "code": code}});
        servers[0].always(Script::answer("400 Bad Request", &[], body.to_string()));
    };
    refuse("context_length_exceeded");
    assert_eq!(answers(&gateway, 1).await, counted(&[("beta", 1)]));
    refuse("content_filter");
    assert_eq!(answers(&gateway, 1).await, counted(&[("gamma", 1)]));
    refuse("invalid_value");
    gateway
        .chat(&openai::chat())
        .await
        .error(400, "invalid_value");
}

#[tokio::test]
async fn a_model_that_takes_no_pictures_is_passed_over_for_one_that_does() {
    let (servers, config) = three().await;
    let vendor = |name: &str, kind: &str, server: &Upstream| {
        let base_url = format!("http://{}/v1", server.addr);
        (
            format!("/providers/{name}"),
            json!({"kind": kind, "base_url": base_url, "api_key": "sk-x"}),
        )
    };
    let (blind, of_blind) = vendor("blind", "groq", &servers[0]);
    let config = config
        .set(&blind, of_blind)
        .model("chat", &["blind/llama-3.1-8b-instant", "beta/m"]);
    let gateway = Gateway::start(&config).await;
    assert_eq!(answers(&gateway, 1).await, counted(&[("blind", 1)]));
    let mut chat = openai::chat();
    chat["messages"][0]["content"] =
        json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]);
    let response = gateway.chat(&chat).await;
    assert_eq!(response.header("x-tollward-provider"), Some("beta"));
}

#[tokio::test]
async fn what_is_wrong_with_a_route_is_told_with_its_place() {
    let (_servers, config) = three().await;
    let config = config
        .set("/models/chat/policy", json!(["stiky"]))
        .set(
            "/models/chat/rules",
            json!([{"when": "tokns > 3", "use": "chatt"}]),
        )
        .set("/routing/aliases", json!({"a": "nowhere"}));
    let output = Home::new(&config).run(&["check"]).await;
    let report = output.stderr;
    for said in ["no model is named `chatt`", "no model is named `nowhere`"] {
        assert!(report.contains(said), "{said}: {report}");
    }
}

#[tokio::test]
async fn an_answer_and_its_row_tell_what_was_tried_and_why() {
    let ([alpha, _beta, _gamma], config) = three().await;
    let config = config
        .set("/retry", json!({"attempts": 3}))
        .set("/models/fast", json!({"deployments": ["beta/m"]}))
        .set(
            "/models/chat/rules",
            json!([{"name": "nightly", "when": "\"batch\" in tags", "use": "fast"}]),
        );
    let gateway = Gateway::start(&config).await;
    alpha.then(Script::json(
        "400 Bad Request",
        &openai::error("no", "invalid_request_error", None, None),
    ));
    let refused = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (refused.status, refused.header("x-tollward-tried")),
        (400, None)
    );
    alpha.then(Script::json(
        "429 Too Many Requests",
        &openai::error("slow down", "requests", None, None),
    ));
    let answered = gateway.chat(&openai::chat()).await;
    let tried = "alpha/m:rate_limit_exceeded,beta/m:ok";
    assert_eq!(answered.header("x-tollward-tried"), Some(tried));
    // It rests now, so nobody asks it.
    let passed = gateway.chat(&openai::chat()).await;
    assert_eq!(passed.header("x-tollward-tried"), None);
    let tagged = Request::chat(&openai::chat()).header("x-tollward-tags", "batch,eu");
    assert_eq!(gateway.send(&tagged).await.status, 200);

    let rows = gateway.home.rows(4).await;
    let told = |it: &Value| (it["rule"].clone(), it["tried"].clone());
    let told: Vec<(Value, Value)> = rows.iter().rev().map(told).collect();
    let expected = [
        (json!(null), json!("alpha/m:invalid_request")),
        (json!(null), json!(tried)),
        (json!(null), json!("alpha/m:resting,beta/m:ok")),
        (json!("nightly"), json!(null)),
    ];
    assert_eq!(told, expected);
    let decision = &rows[0]["decision"];
    assert_eq!(decision["tags"], json!(["batch", "eu"]));
    assert!(decision["tokens"].as_u64() > Some(0), "{decision}");
}

#[tokio::test]
async fn turns_of_a_conversation_go_where_the_first_one_went_and_move_when_that_fails() {
    let (servers, config) = three().await;
    let config = config
        .set("/models/chat/policy", json!(["sticky", "round_robin"]))
        .set("/retry", json!({"attempts": 2}));
    let gateway = Gateway::start(&config).await;
    let mut conversations: Vec<Vec<Value>> = (0..6)
        .map(|it| vec![json!({"role": "user", "content": format!("question {it}")})])
        .collect();
    let mut who: Vec<Option<String>> = vec![None; 6];
    for turn in 0..4 {
        for (messages, who) in conversations.iter_mut().zip(&mut who) {
            let response = gateway
                .chat(&json!({"model": "chat", "messages": messages}))
                .await;
            let answered = response.header("x-tollward-provider").map(str::to_owned);
            let affinity = response.header("x-tollward-affinity");
            assert_eq!(affinity, Some(if turn == 0 { "miss" } else { "hit" }));
            if turn > 0 {
                assert_eq!(*who, answered);
            }
            *who = answered;
            messages.push(json!({"role": "assistant", "content": "an answer"}));
            messages.push(json!({"role": "user", "content": format!("and {turn}?")}));
        }
    }
    for server in &servers {
        assert_eq!(server.calls(), 8, "new ones are placed in turn");
    }
    let names = ["alpha", "beta", "gamma"];
    let first = who[0].as_deref().unwrap();
    let place = names.iter().position(|it| *it == first).unwrap();
    servers[place].always(Script::answer("500 Internal Server Error", &[], ""));
    let chat = json!({"model": "chat", "messages": conversations[0]});
    let response = gateway.chat(&chat).await;
    assert_eq!(response.header("x-tollward-affinity"), Some("repin"));
    let response = gateway.chat(&chat).await;
    assert_eq!(response.header("x-tollward-affinity"), Some("hit"));
}

#[tokio::test]
async fn prompts_that_are_alike_are_no_conversation_and_keys_do_not_meet() {
    let (servers, config) = three().await;
    let config = config
        .set("/models/chat/policy", json!(["sticky", "round_robin"]))
        .keyed();
    let home = Home::new(&config);
    let keys = [
        home.create_key("one", &[]).await,
        home.create_key("two", &[]).await,
    ];
    let gateway = home.serve().await;
    for _ in 0..9 {
        let request = Request::chat(&openai::chat()).key(&keys[0]);
        assert_eq!(gateway.send(&request).await.status, 200);
    }
    for server in &servers {
        assert_eq!(server.calls(), 3, "one prompt, again and again");
    }
    let mut second = openai::chat();
    let messages = second["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": "an answer"}));
    messages.push(json!({"role": "user", "content": "and?"}));
    for (key, affinity) in [(&keys[1], "miss"), (&keys[0], "hit")] {
        let response = gateway.send(&Request::chat(&second).key(key)).await;
        assert_eq!(response.header("x-tollward-affinity"), Some(affinity));
    }
}

#[tokio::test]
async fn one_without_weight_is_asked_last_under_every_policy() {
    let (servers, config) = three().await;
    let deployments = json!([
        deployment("alpha", &json!({"weight": 0})),
        deployment("beta", &json!({})),
        deployment("gamma", &json!({})),
    ]);
    let config = config
        .set("/models/chat/deployments", deployments)
        .set("/retry", json!({"attempts": 2}));
    for policy in ["ordered", "round_robin", "cheapest", "fastest", "sticky"] {
        let config = config.clone().set("/models/chat/policy", json!(policy));
        let gateway = Gateway::start(&config).await;
        let answers = answers(&gateway, 6).await;
        assert_eq!(answers.get("alpha"), None, "{policy}");
    }
    for server in &servers[1..] {
        server.always(Script::answer("500 Internal Server Error", &[], ""));
    }
    let gateway = Gateway::start(&config).await;
    assert_eq!(answers(&gateway, 1).await, counted(&[("alpha", 1)]));
}

#[tokio::test]
async fn settings_that_do_nothing_are_told() {
    let (_servers, config) = three().await;
    let rule = |name: &str| json!({"name": name, "when": "stream", "use": "spare"});
    let config = config
        .set(
            "/models/chat",
            json!({
                "deployments": [deployment("alpha", &json!({"weight": 9})), "beta/m"],
                "spread_by": "user",
                "rules": [rule("one"), rule("one")],
            }),
        )
        .set(
            "/models/spare",
            json!({
                "deployments": [deployment("alpha", &json!({"weight": 0}))],
                "policy": ["sticky", "sticky", "weighted", "cheapest"],
            }),
        )
        .set(
            "/routing/guards",
            json!([{"name": "eu", "when": "stream", "only": ["eu"]}]),
        );
    let output = Home::new(&config).run(&["check"]).await;
    assert!(output.status.success(), "{}", output.stderr);
    for said in [
        "this weight does nothing under the policy `ordered`",
        "`spread_by` does nothing under the policy `ordered`",
        "a rule before it is called `one` as well",
        "no deployment of `spare` has a weight",
        "the policy `sticky` is listed twice",
        "the policy `cheapest` decides nothing after `weighted`",
        "no deployment has eu",
    ] {
        let warned = format!("warning: {said}");
        assert!(output.stderr.contains(&warned), "{said}: {}", output.stderr);
    }
    let mistaken = Config::empty()
        .set(
            "/models/chat",
            json!({"deployments": ["openai/m"], "policy": []}),
        )
        .set(
            "/models/spare",
            json!({"deployments": ["openai/m"], "policy": "wieghted"}),
        )
        .set(
            "/models/other",
            json!({"deployments": ["openai/m"], "rules": [rule("a\nb")]}),
        )
        .set("/routing/aliases", json!({"gpt-*": "chat"}));
    let output = Home::new(&mistaken).run(&["check"]).await;
    for said in [
        "the list of policies is empty",
        "no policy is named `wieghted`",
        "did you mean `weighted`?",
        "cannot stand in a header",
        "`gpt-*` has a `*`, and an alias is one name",
    ] {
        assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
    }
}

#[tokio::test]
async fn a_call_that_would_be_too_dear_goes_where_it_is_not_or_nowhere() {
    let (_servers, config) = three().await;
    let price = |provider: &str, usd: &str| {
        json!({
            "provider": provider, "model": "m",
            "input_per_mtok": usd, "output_per_mtok": usd,
        })
    };
    let config = config
        .set(
            "/pricing",
            json!({"overrides": [price("alpha", "100"), price("gamma", "1")]}),
        )
        .set("/models/chat/max_cost_usd", json!(0.001));
    let gateway = Gateway::start(&config).await;
    let mut chat = openai::chat();
    // Of beta's price nothing is known, and alpha's 300 tokens would be three cents.
    let response = gateway.chat(&chat).await;
    assert_eq!(response.header("x-tollward-provider"), Some("gamma"));
    chat["messages"][0]["content"] = "many words ".repeat(2_000).into();
    let response = gateway.chat(&chat).await;
    response.error(403, "excluded_by_policy");
    assert!(response.text().contains("more than it may"));
}

#[tokio::test]
async fn a_model_has_attempts_and_limits_of_its_own() {
    let upstream = Upstream::new(Script::answer("500 Internal Server Error", &[], "")).await;
    let config = Config::one(&upstream)
        .set("/retry", json!({"base_delay": "1ms", "max_delay": "2ms"}))
        .set("/models/chat/attempts", json!(1))
        .set(
            "/models/slow",
            json!({"deployments": ["alpha/m"], "timeouts": {"first_byte_plain": "200ms"}}),
        );
    let gateway = Gateway::start(&config).await;
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_error");
    assert_eq!(upstream.calls(), 2);
    upstream.always(Script::new().black_hole());
    let mut chat = openai::chat();
    chat["model"] = "slow".into();
    let told = gateway.chat(&chat).await;
    told.error(504, "upstream_timeout");
}

#[tokio::test]
async fn embeddings_have_no_output_that_could_be_too_dear() {
    let upstream = Upstream::new(Script::json(
        "200 OK",
        &json!({
            "object": "list", "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3},
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        }),
    ))
    .await;
    let price = json!({"provider": "alpha", "model": "upstream-name", "input_per_mtok": "0.02"});
    let config = Config::one(&upstream)
        .set("/pricing", json!({"overrides": [price]}))
        .set("/models/chat/max_cost_usd", json!(0.001));
    let gateway = Gateway::start(&config).await;
    let body = json!({"model": "chat", "input": "a few words"});
    let request = Request::post("/v1/embeddings", body.to_string());
    let response = gateway.send(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
}

#[tokio::test]
async fn a_canary_that_fails_too_often_is_taken_out_until_it_is_put_back() {
    let (servers, config) = three().await;
    let config = config
        .set(
            "/models/chat",
            json!({
                "deployments": [
                    deployment("alpha", &json!({"weight": 50, "canary": {"percent": 20, "calls": 10}})),
                    deployment("beta", &json!({"weight": 50})),
                ],
                "policy": "weighted",
            }),
        )
        .set("/retry", json!({"attempts": 2}))
        .set("/routing", json!({"breaker": {"failures": 0}}));
    let gateway = Gateway::start(&config).await;
    servers[0].always(Script::answer("500 Internal Server Error", &[], ""));
    assert_eq!(answers(&gateway, 20).await, counted(&[("beta", 20)]));
    assert_eq!(servers[0].calls(), 2, "two failures of ten are the limit");
    servers[0].always(Script::json("200 OK", &openai::answer("Hi")));
    assert_eq!(answers(&gateway, 10).await, counted(&[("beta", 10)]));
    let url = format!("http://{}", gateway.admin);
    let output = gateway
        .home
        .run(&["route", "undrain", "alpha/m", "--url", &url])
        .await;
    assert!(output.status.success(), "{}", output.stderr);
    let answers = answers(&gateway, 10).await;
    assert!(answers["alpha"] >= 4, "{answers:?}");
}
