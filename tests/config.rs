//! Configuration as an operator meets it: `check`, `config show`, start-up errors, secrets.

use serde_json::json;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

const BROKEN: &str = "\
providers:
  alpha:
    kind: openai-compatible
    base_url: http://127.0.0.1:1/v1
    api_key: ${ABSENT_VARIABLE}
  beta:
    kind: opneai
models:
  chat:
    deployments: [alfa/x]
    fallback: [spare]
  second:
    deployments: [alpha/y]
    fallbacks: [thrid]
";

// P-17
#[tokio::test]
async fn check_reports_every_error_at_once_with_its_place_and_a_suggestion() {
    let home = Home::with_file(BROKEN);
    let output = home.run(&["check", "--config", "tollward.yaml"]).await;
    assert!(!output.status.success());
    let text = format!("{}{}", output.stdout, output.stderr);
    for expected in [
        "tollward.yaml:5:",
        "ABSENT_VARIABLE",
        "tollward.yaml:7:",
        "opneai",
        "openai",
        "tollward.yaml:10:",
        "alfa",
        "alpha",
        "tollward.yaml:11:",
        "`fallback`",
        "fallbacks",
        "tollward.yaml:14:",
        "thrid",
    ] {
        assert!(
            text.contains(expected),
            "{expected:?} is missing in:\n{text}"
        );
    }
    assert_eq!(text.matches("error").count().min(5), 5, "{text}");
    let json = home
        .run(&["check", "--config", "tollward.yaml", "--format", "json"])
        .await;
    assert!(!json.status.success());
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON on stdout");
    assert!(report.to_string().contains("ABSENT_VARIABLE"), "{report}");
}

/// What `check` says, as places and messages.
async fn told(home: &Home) -> (bool, Vec<(u64, String)>) {
    let checked = home.run(&["check", "--format", "json"]).await;
    let report: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    let told = report["diagnostics"].as_array().unwrap().iter();
    let told = told.map(|it| {
        let line = it["location"]["line"].as_u64().unwrap_or(0);
        (line, it["message"].as_str().unwrap().to_owned())
    });
    (checked.status.success(), told.collect())
}

#[tokio::test]
async fn check_reports_every_mistake_of_a_provider_also_beside_those_of_the_file() {
    let text = "\
providers:
  blue:
    kind: azure
    resourse: contoso
    api_key: ${KEY}
    client_id: x
    api_version: 2024 10
  my.red:
    kind: bedrock
    region: eu west
    guardrail: g1
    api: neither
  local.engine:
    kind: openai-compatible
    base_url: http://127.0.0.1:1/v1
    api_key: ${ABSENT}
models:
  gpt-4.1: {deployments: [blue/x, local.engine/y, nobody/z]}
passthrough: {providers: [local, blue]}
";
    let home = Home::with_file(text).variable("KEY", "sk-0123456789");
    let (is_right, told) = told(&home).await;
    assert!(!is_right);
    let about = |line: u64| -> Vec<&str> {
        let found = told.iter().filter(|(at, _)| *at == line);
        found.map(|(_, message)| message.as_str()).collect()
    };
    assert_eq!(about(4), ["unknown setting `resourse`"]);
    let missing = "setting `base_url` is missing: write it, or the name of the `resource`";
    assert_eq!(about(2), [missing]);
    for (line, word) in [
        (5, "api_key"),
        (7, "api_version"),
        (8, "guardrail_version"),
        (10, "region"),
        (12, "api"),
        (16, "ABSENT"),
        (18, "nobody"),
        (19, "the embedded engine"),
    ] {
        let about = about(line);
        assert!(
            about.len() == 1 && about[0].contains(word),
            "{line}: {told:#?}"
        );
    }
    assert_eq!(told.len(), 10, "{told:#?}");
    let text = home.run(&["check"]).await.stderr;
    assert_eq!(text.matches("expected one of").count(), 1, "{text}");
}

#[tokio::test]
async fn check_opens_the_files_that_identities_name() {
    let text = "\
providers:
  google: {kind: vertex, project: p, credentials_file: nowhere.json}
  page: {kind: vertex, project: p, credentials_file: page.json}
  entra: {kind: azure, resource: r, tenant_id: t, client_id: c, client_certificate: page.json}
  aws: {kind: bedrock, credentials: [{profile: there}, {profile: absent}]}
";
    let home = Home::with_file(text)
        .file("page.json", "{}")
        .file(
            "profiles",
            "[there]\naws_access_key_id = a\naws_secret_access_key = b\n",
        )
        .variable("AWS_SHARED_CREDENTIALS_FILE", "profiles");
    let (is_right, told) = told(&home).await;
    assert!(!is_right);
    let expected = [
        (
            2,
            "Google's credentials in nowhere.json cannot be read: No such file",
        ),
        (3, "page.json holds neither a service account"),
        (4, "page.json holds no certificate"),
        (5, "there is no AWS profile `absent`"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for ((line, message), (at, words)) in told.iter().zip(expected) {
        assert!(*line == at && message.starts_with(words), "{told:#?}");
    }
    // What only the environment names may be elsewhere where the gateway runs.
    let home = Home::with_file("providers: {google: {kind: vertex, project: p}}\n")
        .variable("GOOGLE_APPLICATION_CREDENTIALS", "nowhere.json");
    let (is_right, told) = self::told(&home).await;
    assert!(is_right && told[0].1.contains("nowhere.json"), "{told:#?}");
}

#[tokio::test]
async fn a_key_that_may_pass_through_and_does_not_exist_is_a_warning() {
    let text = "\
providers: {mine: {kind: openai-compatible, base_url: http://127.0.0.1:1/v1}}
models: {chat: {deployments: [mine/x]}}
passthrough: {providers: [mine], keys: [runner, runer]}
";
    let home = Home::with_file(text);
    // Without a store nobody knows which keys there are.
    let checked = home.run(&["check"]).await;
    assert_eq!(
        (&*checked.stdout, &*checked.stderr),
        ("tollward.yaml is right: 1 model, 1 provider\n", "")
    );
    home.create_key("runner", &[]).await;
    let (is_right, told) = told(&home).await;
    assert!(is_right);
    assert_eq!(told, [(3, "there is no key named `runer`".to_owned())]);
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named_where_it_is_used() {
    let home = Home::with_file("models:\n  chat: {deployments: [groq/x, openai/x]}\n")
        .variable("OPENAI_API_KEY", "sk-can ary");
    let checked = home.run(&["check"]).await;
    let text = checked.stderr;
    for line in [
        "error: provider `groq`: setting `api_key` is missing: write `api_key`, or set GROQ_API_KEY",
        " --> tollward.yaml:2:24",
        "error: provider `openai`: setting `api_key` is invalid",
        " --> tollward.yaml:2:32",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(
        text.contains("(from the variable OPENAI_API_KEY)"),
        "{text}"
    );
    assert!(!text.contains("ary"), "{text}");
}

#[tokio::test]
async fn the_embedded_engine_is_a_provider_that_is_not_declared() {
    let home = Home::with_file("models:\n  house: local/smollm2-135m-instruct\n");
    let output = home.run(&["check", "--config", "tollward.yaml"]).await;
    let text = format!("{}{}", output.stdout, output.stderr);
    // A build without the engine says so; either way `local` is a name that leads somewhere.
    assert!(!text.contains("provider"), "{text}");
    assert_eq!(
        output.status.success(),
        !text.contains("embedded engine"),
        "{text}"
    );
    let home = Home::with_file("providers:\n  local: {kind: vllm}\n");
    let output = home.run(&["check", "--config", "tollward.yaml"]).await;
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(text.contains("tollward.yaml:2:"), "{text}");
    assert!(text.contains("give the provider another name"), "{text}");
}

#[tokio::test]
async fn a_key_that_is_written_twice_is_an_error() {
    let home = Home::with_file("server:\n  auth: open\nserver:\n  auth: keys\n");
    let output = home.run(&["check", "--config", "tollward.yaml"]).await;
    assert!(!output.status.success());
    assert!(
        format!("{}{}", output.stdout, output.stderr).contains("tollward.yaml:3:"),
        "{}{}",
        output.stdout,
        output.stderr
    );
}

#[tokio::test]
async fn a_good_configuration_passes_in_all_three_syntaxes() {
    let upstream = Upstream::healthy().await;
    let base_url = upstream.base_url();
    let yaml = format!(
        "server: {{auth: open}}\nproviders:\n  alpha:\n    kind: openai-compatible\n    base_url: {base_url}\nmodels:\n  chat:\n    deployments:\n      - alpha/upstream-name\n"
    );
    let toml = format!(
        "[server]\nauth = \"open\"\n[providers.alpha]\nkind = \"openai-compatible\"\nbase_url = \"{base_url}\"\n[models.chat]\ndeployments = [\"alpha/upstream-name\"]\n"
    );
    let json = Config::one(&upstream).text();
    for (name, text) in [("a.yaml", yaml), ("a.toml", toml), ("a.json", json)] {
        let home = Home::with_file("");
        std::fs::write(home.path().join(name), text).unwrap();
        let checked = home.run(&["check", "--config", name]).await;
        assert!(
            checked.status.success(),
            "{name}: {}{}",
            checked.stdout,
            checked.stderr
        );
    }
}

// P-29
#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream));
    let taken = upstream.addr.to_string();
    let output = home
        .run(&[
            "serve",
            "--config",
            "tollward.yaml",
            "--listen",
            &taken,
            "--admin-listen",
            "127.0.0.1:0",
        ])
        .await;
    assert!(!output.status.success());
    assert!(output.stderr.contains(&taken), "{}", output.stderr);
}

#[tokio::test]
async fn a_broken_configuration_keeps_the_gateway_from_starting() {
    let output = Home::with_file(BROKEN)
        .run(&["serve", "--config", "tollward.yaml"])
        .await;
    assert!(!output.status.success());
    assert!(
        output.stderr.contains("tollward.yaml:5:") && output.stderr.contains("tollward.yaml:14:"),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let output = Home::with_file("")
        .run(&["serve", "--config", "absent.yaml"])
        .await;
    assert!(
        !output.status.success() && output.stderr.contains("absent.yaml"),
        "{}",
        output.stderr
    );
}

// S-03
#[tokio::test]
async fn no_secret_and_no_prompt_is_ever_printed() {
    let canary = "sk-canary-4f9d8e2b7a61";
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .keyed()
        .set("/providers/alpha/api_key", json!("${CANARY}"))
        .set("/log", json!({"level": "trace"}));
    let gateway = Home::new(&config).variable("CANARY", canary).serve().await;
    let key = gateway.home.create_key("app", &[]).await;
    let mut body = openai::chat();
    body["messages"][0]["content"] = json!("canary-prompt");
    let call = Request::chat(&body).key(&key);
    let mut answers = Vec::new();
    assert_eq!(gateway.send(&call).await.status, 200);
    assert_eq!(
        upstream.only().head.get("authorization"),
        Some(&*format!("Bearer {canary}"))
    );
    // A vendor that quotes the key back in every way it can.
    let error = openai::error(
        &format!("bad key {canary}"),
        "auth",
        Some(canary),
        Some("invalid_api_key"),
    );
    for status in [
        "401 Unauthorized",
        "403 Forbidden",
        "500 Internal Server Error",
        "404 Not Found",
    ] {
        upstream.then(Script::json(status, &error));
        answers.push(gateway.send(&call).await.text());
    }
    answers.push(
        gateway
            .send(&Request::chat(&body).key(&format!("{key}x")))
            .await
            .text(),
    );
    answers.push(
        gateway
            .send(&Request::post("/v1/chat/completions", "{\"model\":\"canary-prompt\"").key(&key))
            .await
            .text(),
    );
    answers.push(gateway.metrics().await);
    for arguments in [
        &["config", "show", "--config", "tollward.yaml"][..],
        &["config", "show", "--origin", "--config", "tollward.yaml"],
        &["check", "--config", "tollward.yaml"],
        &["key", "list", "--json"],
        &["usage", "--recent", "50", "--json"],
    ] {
        let output = gateway.home.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", output.stderr);
        answers.extend([output.stdout, output.stderr]);
    }
    gateway.home.rows(5).await;
    let secret_part = &key[3..];
    for text in answers.into_iter().chain([gateway.printed()]) {
        for secret in [canary, secret_part, "canary-prompt"] {
            assert!(!text.contains(secret), "{secret:?} is in:\n{text}");
        }
    }
}

#[tokio::test]
async fn config_show_names_where_each_value_comes_from() {
    let upstream = Upstream::healthy().await;
    let home = Home::new(&Config::one(&upstream)).variable("TOLLWARD__RETRY__ATTEMPTS", "1");
    let shown = home
        .run(&["config", "show", "--origin", "--config", "tollward.yaml"])
        .await;
    assert!(shown.status.success(), "{}", shown.stderr);
    let line = |key: &str| {
        shown
            .stdout
            .lines()
            .find(|line| line.contains(key))
            .unwrap_or_else(|| panic!("no {key} in\n{}", shown.stdout))
    };
    assert!(
        line("retry.attempts").contains("TOLLWARD__RETRY__ATTEMPTS"),
        "{}",
        line("retry.attempts")
    );
    assert!(
        line("providers.alpha.base_url").contains("tollward.yaml"),
        "{}",
        line("providers.alpha.base_url")
    );
    assert!(
        line("server.max_body_bytes").contains("default"),
        "{}",
        line("server.max_body_bytes")
    );
    assert!(!shown.stdout.contains("sk-upstream"));
}

#[tokio::test]
async fn the_access_log_is_one_json_line_a_call() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    let response = gateway.chat(&openai::chat()).await;
    let id = response.header("x-request-id").unwrap().to_owned();
    let line = crate::support::until("the line is written", async || {
        gateway
            .stderr
            .text()
            .lines()
            .find(|line| line.contains(&id))
            .map(str::to_owned)
    })
    .await;
    let line: serde_json::Value = serde_json::from_str(&line).expect("one JSON object a line");
    let facts = (
        &line["request.id"],
        &line["model"],
        &line["deployment.id"],
        &line["status"],
        &line["outcome"],
        &line["attempts"],
    );
    assert_eq!(
        facts,
        (
            &json!(id),
            &json!("chat"),
            &json!("alpha/upstream-name"),
            &json!(200),
            &json!("complete"),
            &json!(1)
        )
    );
}

#[tokio::test]
async fn an_engine_that_is_demanded_and_not_built_in_is_an_error() {
    let home = Home::new(&Config::empty().set("/engine/enabled", json!("on")));
    let checked = home.run(&["check"]).await;
    let is_built_in = home.json(&["version", "--json"]).await["engine"] == json!(true);
    assert_eq!(checked.status.success(), is_built_in, "{}", checked.stderr);
    assert_eq!(
        checked.stderr.contains("this build has no embedded engine"),
        !is_built_in
    );
}

#[tokio::test]
async fn weights_are_put_where_flag_variable_or_file_say_in_that_order() {
    let home = Home::with_file("engine: {models_dir: ./by-file}\n");
    for (flag, variable, place) in [
        (true, true, "by-flag/"),
        (false, true, "by-variable/"),
        (false, false, "by-file/"),
    ] {
        // Nothing can be fetched; what would help names the place.
        let mut command = home.command(&["pull", "qwen3-0.6b"]);
        command
            .env_remove("TOLLWARD_MODELS_DIR")
            .env("HF_ENDPOINT", "http://127.0.0.1:1");
        if flag {
            command.args(["--models-dir", "by-flag"]);
        }
        if variable {
            command.env("TOLLWARD_MODELS_DIR", "by-variable");
        }
        let output = command.output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(said.contains(&format!("{place}Qwen3")), "{place}: {said}");
    }
}
