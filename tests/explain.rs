//! Where a call would go, told without making it.

use serde_json::{Value, json};

use crate::support::client::{Client, Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

async fn asked(gateway: &Gateway, inquiry: &Value) -> Response {
    let request = Request::post("/admin/v1/explain", inquiry.to_string());
    let request = request.header("host", &gateway.admin.to_string());
    Client::connect(gateway.admin).await.send(&request).await
}

async fn explained(gateway: &Gateway, inquiry: &Value) -> Value {
    let response = asked(gateway, inquiry).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

/// The deployments that would be asked, in order.
fn order(explanation: &Value) -> Vec<String> {
    let candidates = explanation["candidates"].as_array().unwrap().iter();
    let asked = candidates.filter(|it| !it["place"].is_null());
    asked
        .map(|it| it["deployment"].as_str().unwrap().to_owned())
        .collect()
}

fn weighed(provider: &str, weight: u32) -> Value {
    json!({"provider": provider, "model": "m", "weight": weight})
}

#[tokio::test]
async fn the_first_of_an_explanation_is_who_answers_and_nobody_is_called_for_it() {
    for policy in [
        "ordered",
        "weighted",
        "round_robin",
        "least_busy",
        "cheapest",
    ] {
        let (servers, config) = Config::three().await;
        let deployments = [("alpha", 5), ("beta", 3), ("gamma", 2)];
        let deployments = deployments.map(|(name, weight)| weighed(name, weight));
        let model = json!({"deployments": deployments, "policy": policy});
        let config = config
            .set("/models/chat", model)
            .set("/retry", json!({"attempts": 1, "base_delay": "1ms"}));
        let gateway = Gateway::start(&config).await;
        let slow_down = openai::error("slow down", "requests", None, None).to_string();
        let busy = Script::answer("429 Too Many Requests", &[("retry-after", "60")], slow_down);
        for call in 0..12 {
            if call % 4 == 3 {
                // One of them is left alone for a while then.
                servers[call / 4].then(busy.clone());
            }
            let before: usize = servers.iter().map(Upstream::calls).sum();
            let inquiry = json!({"model": "chat", "body": openai::chat()});
            let first = order(&explained(&gateway, &inquiry).await).remove(0);
            assert_eq!(first, order(&explained(&gateway, &inquiry).await)[0]);
            let after: usize = servers.iter().map(Upstream::calls).sum();
            assert_eq!(before, after, "an explanation called somebody");
            let response = gateway.chat(&openai::chat()).await;
            let tried = response.header("x-tollward-tried").unwrap_or_default();
            let answered = response.header("x-tollward-deployment").unwrap_or_default();
            // It may have been asked, and have sent the call on.
            let is_first = answered == first || tried.starts_with(&first) || response.status == 429;
            assert!(is_first, "{policy}: {first}, not {answered}; {tried}");
        }
    }
}

#[tokio::test]
async fn an_explanation_says_why_each_candidate_has_its_place() {
    let (_servers, config) = Config::three().await;
    let config = config
        .set(
            "/models/chat",
            json!({
                "deployments": [
                    weighed("alpha", 1),
                    {"provider": "beta", "model": "m", "when": "tokens > 100000"},
                ],
                "policy": "weighted",
                "rules": [
                    {"name": "broken", "when": "request.nothing == 1", "use": "cheap"},
                    {"name": "batch", "when": "\"batch\" in tags", "use": "cheap"},
                ],
                "fallbacks": ["cheap"],
            }),
        )
        .set("/models/cheap", json!({"deployments": ["gamma/m"]}))
        .set(
            "/routing",
            json!({
                "aliases": {"gpt": "chat"},
                "guards": [{"name": "local", "when": "\"secret\" in tags", "only": ["local"]}],
            }),
        );
    let gateway = Gateway::start(&config).await;
    let plain = explained(&gateway, &json!({"model": "gpt"})).await;
    assert_eq!(
        (&plain["route"], &plain["found_by"], &plain["rule"]),
        (&json!("chat"), &json!("alias"), &json!(null))
    );
    assert_eq!(order(&plain), ["alpha/m", "gamma/m"]);
    let rules = json!([
        {"name": "broken", "holds": null, "use": "cheap"},
        {"name": "batch", "holds": false, "use": "cheap"},
    ]);
    assert_eq!(plain["rules"], rules);
    let last = &plain["candidates"][2];
    assert_eq!(last["deployment"], "beta/m");
    assert_eq!(last["obstacle"]["code"], "condition");

    let tagged = explained(&gateway, &json!({"model": "chat", "tags": ["batch"]})).await;
    assert_eq!(
        (&tagged["rule"], &tagged["goes_to"]),
        (&json!("batch"), &json!("cheap"))
    );
    assert_eq!(order(&tagged), ["gamma/m"]);

    let secret = explained(&gateway, &json!({"model": "chat", "tags": ["secret"]})).await;
    assert_eq!(order(&secret), [""; 0]);
    assert_eq!(secret["refused"]["status"], 403);
    assert_eq!(secret["refused"]["code"], "excluded_by_policy");

    asked(&gateway, &json!({"model": "nobody"}))
        .await
        .error(404, "model_not_found");
    let stranger = json!({"model": "chat", "key": "nobody"});
    asked(&gateway, &stranger).await.error(400, "key_not_found");
    let misspelt = json!({"model": "chat", "tag": "batch"});
    asked(&gateway, &misspelt).await.error(400, "invalid_json");
}

#[tokio::test]
async fn the_command_asks_the_gateway_and_without_one_the_configuration() {
    let (_servers, config) = Config::three().await;
    let config = config
        .set(
            "/models/chat",
            json!({"deployments": ["alpha/m", "beta/m"]}),
        )
        .set("/server/admin_listen", json!("127.0.0.1:1"))
        .keyed();
    let home = Home::new(&config);
    home.create_key("narrow", &["--models", "other"]).await;
    let gateway = home.serve().await;
    let url = format!("http://{}", gateway.admin);
    let asking = ["route", "explain", "-m", "chat", "--url", &url];
    let told = gateway
        .home
        .json(&[&asking[..], &["--json"]].concat())
        .await;
    assert_eq!(
        (&told["state"], order(&told)),
        (
            &json!("running"),
            vec!["alpha/m".to_owned(), "beta/m".to_owned()]
        )
    );
    let shown = gateway.home.run(&asking).await;
    assert!(
        shown.stdout.contains("CIRCUIT"),
        "{}{}",
        shown.stdout,
        shown.stderr
    );
    let refused = gateway
        .home
        .run(&[&asking[..], &["--key", "narrow"]].concat())
        .await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("does not exist or the key"),
        "{}",
        refused.stderr
    );

    // Nobody listens at the port that the configuration names.
    let home = gateway.kill().await;
    let offline = ["route", "explain", "-m", "chat"];
    let told = home.json(&[&offline[..], &["--json"]].concat()).await;
    assert_eq!((&told["state"], order(&told).len()), (&json!("unknown"), 2));
    let shown = home.run(&offline).await;
    assert!(
        shown.stderr.contains("the configuration alone"),
        "{}",
        shown.stderr
    );
    assert!(!shown.stdout.contains("CIRCUIT"), "{}", shown.stdout);
    let refused = home
        .run(&[&offline[..], &["--key", "narrow"]].concat())
        .await;
    assert_eq!(refused.status.code(), Some(1));
}

#[tokio::test]
async fn a_deployment_that_is_taken_out_gets_no_calls_until_it_is_put_back() {
    let ([alpha, beta, _gamma], config) = Config::three().await;
    let config = config.set(
        "/models/chat",
        json!({"deployments": ["alpha/m", "beta/m"]}),
    );
    let gateway = Gateway::start(&config).await;
    let url = format!("http://{}", gateway.admin);
    let operate = async |words: &[&str]| {
        let line = [&["route"][..], words, &["--url", &url]].concat();
        gateway.home.run(&line).await
    };
    assert!(operate(&["drain", "alpha/m"]).await.status.success());
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!((alpha.calls(), beta.calls()), (0, 1));
    let row = gateway.home.row().await;
    assert_eq!(row["tried"], "alpha/m:drained,beta/m:ok");

    let told = operate(&["list", "--json"]).await.stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let drained = |place: usize| told["deployments"][place]["drained"].clone();
    assert_eq!((drained(0), drained(1)), (json!(true), json!(false)));
    let shown = operate(&["list"]).await.stdout;
    assert!(shown.contains("DRAINED"), "{shown}");
    for name in [
        "tollward_deployment_circuit",
        "tollward_deployment_in_flight",
    ] {
        let page = gateway.metrics().await;
        assert!(
            page.contains(&format!("{name}{{deployment=\"beta/m\"}} 0")),
            "{page}"
        );
    }

    assert!(operate(&["drain", "beta/m"]).await.status.success());
    let refused = gateway.chat(&openai::chat()).await;
    refused.error(503, "deployments_drained");
    assert!(operate(&["undrain", "alpha/m"]).await.status.success());
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!((alpha.calls(), beta.calls()), (1, 1));
    let stranger = operate(&["drain", "alpha/n"]).await;
    assert_eq!(stranger.status.code(), Some(1));
    let told = "no deployment that a model names is called `alpha/n`; did you mean `alpha/m`?";
    assert!(stranger.stderr.contains(told), "{}", stranger.stderr);
    // The scheme may be left out.
    let bare = ["route", "list", "--url", &gateway.admin.to_string()];
    assert!(gateway.home.run(&bare).await.status.success());
}

#[tokio::test]
async fn a_deployment_that_a_pattern_leads_to_is_taken_out_by_its_own_name() {
    let ([alpha, beta, _gamma], config) = Config::three().await;
    let mut config = config;
    config.0["models"]["any/*"] = json!({"deployments": ["alpha/x-*", "beta/*"]});
    let gateway = Gateway::start(&config).await;
    let url = format!("http://{}", gateway.admin);
    let operate = async |words: &[&str]| {
        let line = [&["route"][..], words, &["--url", &url]].concat();
        gateway.home.run(&line).await
    };
    let ask = async |model: &str| {
        let mut chat = openai::chat();
        chat["model"] = json!(model);
        let answer = gateway.chat(&chat).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        (alpha.calls(), beta.calls())
    };
    // Nobody has asked for it yet.
    assert!(operate(&["drain", "alpha/x-m"]).await.status.success());
    assert_eq!(ask("any/m").await, (0, 1));
    assert_eq!(ask("any/n").await, (1, 1));
    let told = operate(&["list", "--json"]).await.stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let told = told["deployments"].as_array().unwrap().iter();
    let drained = |it: &Value| (it["deployment"].clone(), it["drained"].clone());
    let expected = [
        (json!("alpha/x-m"), json!(true)),
        (json!("alpha/x-n"), json!(false)),
        (json!("beta/m"), json!(false)),
        (json!("beta/n"), json!(false)),
    ];
    assert_eq!(told.map(drained).collect::<Vec<_>>(), expected);
    assert!(operate(&["undrain", "alpha/x-m"]).await.status.success());
    assert_eq!(ask("any/m").await, (2, 1));
    // Or all of them, those that nobody has called yet too.
    assert!(operate(&["drain", "alpha/x-*"]).await.status.success());
    assert_eq!(ask("any/n").await, (2, 2));
    assert_eq!(ask("any/o").await, (2, 3));
    let shown = operate(&["list"]).await.stdout;
    assert!(shown.contains("alpha/x-*"), "{shown}");
    assert!(operate(&["undrain", "alpha/x-*"]).await.status.success());
    assert_eq!(ask("any/o").await, (3, 3));
    assert_eq!(operate(&["drain", "alpha/y"]).await.status.code(), Some(1));
    let page = gateway.metrics().await;
    let circuits = "tollward_deployment_circuit{deployment=\"alpha/x-";
    assert!(!page.contains(circuits), "callers choose no labels: {page}");
}

#[tokio::test]
async fn a_web_page_cannot_ask_the_admin_api_by_its_own_name_or_for_another_site() {
    let (_servers, config) = Config::three().await;
    let config = config
        .model("chat", &["alpha/m"])
        .set("/server/admin_hosts", json!(["gateway.internal"]));
    let gateway = Gateway::start(&config).await;
    let asked = async |host: &str, origin: Option<&str>| {
        let drain = json!({"deployment": "alpha/m"}).to_string();
        let request = Request::post("/admin/v1/deployments/drain", drain).header("host", host);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        Client::connect(gateway.admin).await.send(&request).await
    };
    for (host, origin) in [
        ("evil.example:4001", None),
        ("evil.example:4001", Some("http://evil.example:4001")),
        ("localhost:4001", Some("http://evil.example")),
    ] {
        asked(host, origin).await.error(403, "cross_site_request");
    }
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    for (host, origin) in [
        ("gateway.internal:4001", None),
        ("localhost:4001", Some("http://localhost:4001")),
    ] {
        assert_eq!(asked(host, origin).await.status, 200, "{host}");
    }
    let metrics = Request::get("/metrics").header("host", "evil.example");
    let metrics = Client::connect(gateway.admin).await.send(&metrics).await;
    assert_eq!(metrics.status, 200);
}
