//! `tollward doctor` and `tollward models --provider`: what people read when something is wrong.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::sigv4::verified;
use crate::support::tls::{Authority, Front, HOST};
use crate::support::upstream::{Upstream, dead_address};

const KEY: &str = "sk-upstream";

fn list(ids: &[&str]) -> Value {
    let models = ids.iter().map(
        |id| json!({"id": id, "object": "model", "created": 1_754_425_777, "owned_by": "acme"}),
    );
    json!({"object": "list", "data": models.collect::<Vec<_>>()})
}

/// An upstream that lists `ids` to who has a key of `keys`, and refuses all others.
async fn vendor(keys: &'static [&'static str], ids: &'static [&'static str]) -> Upstream {
    Upstream::answering(move |seen| {
        let key = seen.head.get("authorization").unwrap_or_default();
        let key = key.trim_start_matches("Bearer ");
        match (keys.contains(&key), seen.path()) {
            (true, "/v1/models") => Script::json("200 OK", &list(ids)),
            (true, _) => Script::json("404 Not Found", &json!({"detail": "Not Found"})),
            (false, _) => {
                let text = format!("Incorrect API key provided: {key}.");
                let error = openai::error(
                    &text,
                    "invalid_request_error",
                    None,
                    Some("invalid_api_key"),
                );
                Script::json("401 Unauthorized", &error)
            }
        }
    })
    .await
}

/// Ports of its own, so that what else runs on this machine does not matter.
fn quiet(config: Config) -> Config {
    config
        .set("/server/listen", json!("127.0.0.1:0"))
        .set("/server/admin_listen", json!("127.0.0.1:0"))
}

/// Status, and the lines about providers as `verdict subject message`, spaces made one.
async fn examined(home: &Home, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = home.run(&[&["doctor"], more].concat()).await;
    assert_eq!(output.stderr, "");
    assert!(!output.stdout.contains(KEY), "{}", output.stdout);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = output.stdout.lines().map(words).collect();
    (output.status.code(), lines)
}

/// The lines about `alpha` alone.
async fn alpha(config: Config) -> (Option<i32>, Vec<String>) {
    examined(&Home::new(&quiet(config)), &["--provider", "alpha"]).await
}

/// A message about an upstream at `addr`, with the time it took left out.
fn timeless(line: &str) -> String {
    match line.rsplit_once(", ") {
        Some((front, time)) if time.ends_with(" ms") => front.to_owned(),
        _ => line.to_owned(),
    }
}

#[tokio::test]
async fn an_account_that_is_well_is_one_line_and_costs_no_call() {
    let upstream = vendor(&[KEY], &["upstream-name", "other"]).await;
    let (status, lines) = alpha(Config::one(&upstream)).await;
    let lines: Vec<_> = lines.iter().map(|it| timeless(it)).collect();
    assert_eq!(
        (status, lines),
        (Some(0), vec!["ok alpha key accepted, 2 models".to_owned()])
    );
    for seen in upstream.seen() {
        assert_eq!(seen.head.first_line, "GET /v1/models HTTP/1.1");
        assert!(seen.body.is_empty());
    }
}

#[tokio::test]
async fn each_way_to_be_wrong_has_its_line() {
    let upstream = vendor(&["sk-another-key"], &[]).await;
    let (status, lines) = alpha(Config::one(&upstream)).await;
    let refused = "fail alpha the key is refused (401): Incorrect API key provided: ***; \
                   write one that is valid: `providers.alpha.api_key`";
    assert_eq!((status, lines), (Some(1), vec![refused.to_owned()]));

    let body = openai::error("your country is not supported", "x", None, None);
    let upstream = Upstream::new(Script::json("403 Forbidden", &body)).await;
    let (status, lines) = alpha(Config::one(&upstream)).await;
    let forbidden = "fail alpha the account or its key may not do this (403): your country is not supported; \
                     look at what the account and the key in `providers.alpha.api_key` are allowed";
    assert_eq!((status, lines), (Some(1), vec![forbidden.to_owned()]));

    let upstream = vendor(&[KEY], &[]).await;
    let address = format!("http://{}/openai", upstream.addr);
    let config = Config::one(&upstream).set("/providers/alpha/base_url", json!(address));
    let (status, lines) = alpha(config).await;
    let lost = format!(
        "fail alpha {} has nothing at /openai/models (404): Not Found; \
         does `providers.alpha.base_url` lack `/v1` at its end?",
        upstream.addr
    );
    assert_eq!((status, lines), (Some(1), vec![lost]));

    let page = Script::answer(
        "200 OK",
        &[("content-type", "text/html")],
        "<h1>Welcome</h1>",
    );
    let upstream = Upstream::new(page).await;
    let (status, lines) = alpha(Config::one(&upstream)).await;
    let page = format!(
        "fail alpha what {} answers at /v1/models is no list of models (200); \
         is `providers.alpha.base_url` the address of its API?",
        upstream.addr
    );
    assert_eq!((status, lines), (Some(1), vec![page]));
}

#[tokio::test]
async fn what_does_not_answer_is_told_by_the_step_that_failed() {
    let dead = dead_address().await;
    let config = Config::empty().provider("alpha", dead);
    let (status, lines) = alpha(config).await;
    let line = lines.join("\n");
    assert_eq!(status, Some(1));
    assert!(
        line.starts_with(&format!("fail alpha nothing answers at {dead}: ")),
        "{line}"
    );
    assert!(line.contains("refused"), "{line}");

    let upstream = Upstream::healthy().await;
    let front = Front::before(upstream.addr, &Authority::new().issue(HOST)).await;
    let config = Config::empty()
        .tls_provider("alpha", front.addr)
        .set("/upstream", json!({}));
    let (status, lines) = alpha(config).await;
    let line = lines.join("\n");
    assert_eq!(status, Some(1));
    assert!(
        line.starts_with(&format!("fail alpha no TLS with {}: ", front.addr)),
        "{line}"
    );
    assert!(
        line.ends_with("name the authority that signed its certificate in `upstream.ca_file`"),
        "{line}"
    );

    let upstream = Upstream::new(Script::new().black_hole()).await;
    let (status, lines) = alpha(Config::one(&upstream)).await;
    let silent = format!(
        "fail alpha {} took the connection and then said nothing in time; \
         try again, or look at the provider's status page",
        upstream.addr
    );
    assert_eq!((status, lines), (Some(1), vec![silent]));
}

#[tokio::test]
async fn a_key_that_nobody_asks_for_is_not_called_accepted() {
    let upstream = Upstream::new(Script::json("200 OK", &list(&["upstream-name"]))).await;
    let (status, lines) = alpha(Config::one(&upstream)).await;
    let open = "warn alpha answers without a key too, so the key is not proven";
    assert_eq!((status, lines), (Some(0), vec![open.to_owned()]));
}

#[tokio::test]
async fn a_list_for_everybody_does_not_prove_a_key() {
    let upstream =
        Upstream::answering(|seen| match (seen.path(), seen.head.get("authorization")) {
            ("/v1/models", _) => Script::json("200 OK", &list(&["a/b"])),
            ("/v1/key", Some("Bearer sk-right-key")) => {
                Script::json("200 OK", &json!({"data": {}}))
            }
            _ => Script::json(
                "401 Unauthorized",
                &json!({"error": {"message": "no", "code": 401}}),
            ),
        })
        .await;
    for (key, verdict) in [("sk-right-key", "ok"), ("sk-wrong-key", "fail")] {
        let provider =
            json!({"kind": "openrouter", "base_url": upstream.base_url(), "api_key": key});
        let (_, lines) = alpha(Config::empty().set("/providers/alpha", provider)).await;
        assert!(
            lines[0].starts_with(&format!("{verdict} alpha ")),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn each_credential_is_checked_and_so_is_each_model() {
    let upstream = vendor(&["sk-first-key", "sk-third-key"], &["upstream-name"]).await;
    let credentials =
        json!(["sk-first-key", {"name": "spare", "api_key": "sk-second-key"}, "sk-third-key"]);
    let provider = json!({"kind": "openai-compatible", "base_url": upstream.base_url(), "credentials": credentials});
    let config = Config::one(&upstream)
        .set("/providers/alpha", provider)
        .model("other", &["alpha/upstream-nam"]);
    let (status, lines) = alpha(config).await;
    let lines: Vec<_> = lines.iter().map(|it| timeless(it)).collect();
    let missing = "`upstream-nam` is not among the account's models; did you mean `upstream-name`?";
    let expected = [
        "ok alpha/1 key accepted, 1 model".to_owned(),
        format!("warn alpha/1 {missing}"),
        "fail alpha/spare the key is refused (401): Incorrect API key provided: ***; \
         write one that is valid: `providers.alpha.credentials`"
            .to_owned(),
        "ok alpha/3 key accepted, 1 model".to_owned(),
        format!("warn alpha/3 {missing}"),
    ];
    assert_eq!((status, lines), (Some(1), expected.into()));
}

// faults U-64
#[tokio::test]
async fn a_clock_that_is_wrong_is_told_of_though_signatures_get_through() {
    let ahead = SystemTime::now() + Duration::from_mins(10);
    let ahead = ahead.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let ahead = jiff::Timestamp::from_second(i64::try_from(ahead.as_secs()).unwrap()).unwrap();
    let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let upstream = Upstream::answering(move |seen| {
        let body = match seen.path() {
            "/foundation-models" => json!({"modelSummaries": [{"modelId": "a.b-v1:0"}]}),
            _ => json!({"inferenceProfileSummaries": [{"inferenceProfileId": "eu.a.b-v1:0"}]}),
        };
        let status = match seen.head.get("authorization") {
            Some(_) => "200 OK",
            None => "403 Forbidden",
        };
        Script::answer(status, &[("date", &date)], body.to_string())
    })
    .await;
    let provider = json!({
        "kind": "bedrock", "region": "eu-west-1", "base_url": format!("http://{}", upstream.addr),
        "access_key_id": "AKIDEXAMPLE", "secret_access_key": "canary/secret",
    });
    let config = Config::empty()
        .set("/providers/alpha", provider)
        .model("chat", &["alpha/eu.a.b-v1:0"]);
    let (status, lines) = alpha(config).await;
    let lines: Vec<_> = lines.iter().map(|it| timeless(it)).collect();
    let skewed = lines.last().unwrap();
    assert_eq!(
        (status, &*lines[0], lines.len()),
        (Some(0), "ok alpha key accepted, 2 models", 2)
    );
    assert!(
        skewed.starts_with("warn alpha this machine's clock is "),
        "{skewed}"
    );
    assert!(
        skewed.contains("min behind the provider's; set it by NTP"),
        "{skewed}"
    );
    let signed = upstream.seen();
    let signed = signed
        .iter()
        .find(|it| it.head.get("authorization").is_some());
    verified(signed.unwrap(), "canary/secret", "bedrock");
}

#[tokio::test]
async fn a_machine_is_examined_beside_its_providers_and_programs_can_read_it() {
    let upstream = vendor(&[KEY], &["upstream-name"]).await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    gateway.home.create_key("laptop", &[]).await;
    let config = Config::one(&upstream)
        .set("/server/listen", json!(gateway.public.to_string()))
        .set("/server/admin_listen", json!(gateway.admin.to_string()));
    gateway.home.write(&config.text());
    let report = gateway.home.json(&["doctor", "--json"]).await;
    let findings = report["findings"].as_array().unwrap();
    let found = |check: &str| -> Vec<(&str, &str)> {
        let of = findings.iter().filter(|it| it["check"] == check);
        of.map(|it| {
            (
                it["verdict"].as_str().unwrap(),
                it["subject"].as_str().unwrap(),
            )
        })
        .collect()
    };
    assert_eq!(found("key"), [("ok", "alpha")]);
    assert_eq!(found("state"), [("ok", "state")]);
    assert_eq!(found("database"), [("ok", "database")]);
    assert_eq!(
        found("listener"),
        [("ok", "server.listen"), ("ok", "server.admin_listen")]
    );
    assert_eq!(found("catalog").len(), 1);
    assert_eq!(found("config")[0], ("ok", "config"));
    assert!(!report.to_string().contains(KEY));

    let before = upstream.calls();
    let offline = gateway.home.run(&["doctor", "--offline"]).await;
    assert!(!offline.stdout.contains("alpha "), "{}", offline.stdout);
    assert_eq!(upstream.calls(), before, "offline asks nobody");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_told_line_by_line_and_nobody_is_asked() {
    let upstream = vendor(&[KEY], &[]).await;
    let config =
        quiet(Config::one(&upstream)).set("/providers/alpha/api_key", json!("${ABSENT_KEY}"));
    let home = Home::new(&config);
    let (status, lines) = examined(&home, &[]).await;
    assert_eq!((status, upstream.calls()), (Some(1), 0));
    let about = lines.iter().find(|it| it.contains("ABSENT_KEY"));
    let about = about.unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(about.starts_with("fail tollward.yaml:"), "{about}");
    assert!(
        lines.iter().any(|it| it.starts_with("ok state ")),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn an_empty_machine_is_told_what_it_lacks_and_has_not_failed() {
    let home = Home::with_file("models: {}\n");
    let (status, lines) = examined(&home, &["--offline"]).await;
    let first =
        "warn config tollward.yaml names no model; no call will be answered: write `models`";
    assert_eq!(lines[0], first);
    let failed: Vec<_> = lines.iter().filter(|it| it.starts_with("fail")).collect();
    // Somebody else may have the usual ports of this machine.
    assert!(failed.iter().all(|it| it.contains("server.")), "{failed:?}");
    assert_eq!(status, Some(i32::from(!failed.is_empty())));
}

#[tokio::test]
async fn an_unknown_provider_is_an_error_that_names_the_known_ones() {
    let upstream = vendor(&[KEY], &[]).await;
    let home = Home::new(&quiet(
        Config::one(&upstream).provider("beta", upstream.addr),
    ));
    for command in ["doctor", "models"] {
        let output = home.run(&[command, "--provider", "alhpa"]).await;
        let text =
            "error: there is no provider `alhpa`; did you mean `alpha`? There are alpha, beta\n";
        assert_eq!(
            (output.status.code(), &*output.stderr),
            (Some(1), text),
            "{command}"
        );
    }
}

#[tokio::test]
async fn models_say_what_is_missing_and_whether_the_gateway_that_was_named_answers() {
    let home = Home::with_file("");
    std::fs::remove_file(home.config_file()).unwrap();
    let run = async |home: &Home, more: &[&str]| {
        let output = home.run(&[&["models"], more].concat()).await;
        (output.status.code(), output.stderr, output.stdout)
    };
    let (status, said, _) = run(&home, &["--provider", "openai"]).await;
    assert_eq!(status, Some(1));
    let expected = "error: there is no provider `openai`: set OPENAI_API_KEY";
    assert!(said.starts_with(expected), "{said}");
    let (status, said, told) = run(&home, &["--provider", "local"]).await;
    assert_eq!(status, Some(0));
    assert!(
        !said.contains("gateway") && told.contains("smollm2"),
        "{said}{told}"
    );
    let dead = format!("http://{}", crate::support::upstream::dead_address().await);
    let (status, said, _) = run(&home, &["--url", &dead]).await;
    assert_eq!(status, Some(1));
    assert!(said.contains("No gateway answers"), "{said}");

    let home = home.variable("OPENAI_API_KEY", "\"sk-canary\"");
    let (_, said, _) = run(&home, &["--provider", "openai"]).await;
    assert!(
        said.contains("OPENAI_API_KEY cannot be used: stands in quotes"),
        "{said}"
    );
    let (_, lines) = examined(&home, &["--offline"]).await;
    let named: Vec<_> = lines
        .iter()
        .filter(|it| it.contains("OPENAI_API_KEY cannot"))
        .collect();
    assert_eq!(named.len(), 1, "{lines:#?}");
    assert!(!said.contains("canary") && !lines.concat().contains("canary"));
}

#[tokio::test]
async fn an_accounts_models_are_listed_with_their_prices_and_their_use() {
    let upstream = vendor(&[KEY], &["upstream-name", "other"]).await;
    let home = Home::new(&quiet(
        Config::one(&upstream)
            .priced()
            .model("wrong", &["alpha/absent"]),
    ));
    let listed = home
        .json(&["models", "--provider", "alpha", "--json"])
        .await;
    let model = |id: &str, input: Value, output: Value, served: Value| {
        json!({
            "id": id, "aliases": [], "owner": "acme", "created": "2025-08-05", "context_tokens": null,
            "input_per_mtok": input, "output_per_mtok": output, "served_as": served,
        })
    };
    let expected = json!({
        "provider": "alpha", "kind": "openai-compatible", "covers": "account", "cut": false,
        "models": [
            model("upstream-name", json!("1.00"), json!("2.00"), json!(["chat"])),
            model("other", Value::Null, Value::Null, json!([])),
        ],
        "unlisted": [{"model": "absent", "served_as": ["wrong"]}],
    });
    assert_eq!(listed, expected);
    let table = home.run(&["models", "--provider", "alpha"]).await;
    let rows: Vec<Vec<&str>> = table
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1],
        ["upstream-name", "1.00", "2.00", "2025-08-05", "chat"]
    );
    assert_eq!(
        table.stderr,
        "`absent`, served as wrong, is not in the list.\n"
    );

    let refused = vendor(&["sk-another-key"], &[]).await;
    let output = Home::new(&quiet(Config::one(&refused)))
        .run(&["models", "--provider", "alpha"])
        .await;
    let line = "error: alpha: the key is refused (401): Incorrect API key provided: ***; \
                write one that is valid: `providers.alpha.api_key`\n";
    assert_eq!((output.status.code(), &*output.stderr), (Some(1), line));
}

#[tokio::test]
async fn all_pages_of_a_list_are_asked_for_with_the_first_key_that_gets_one() {
    let upstream = Upstream::answering(|seen| {
        let page = |id: &str, has_more: bool| {
            let models = json!([{"type": "model", "id": id, "created_at": "2026-02-04T00:00:00Z"}]);
            let page = json!({"data": models, "has_more": has_more, "first_id": id, "last_id": id});
            Script::json("200 OK", &page)
        };
        match (seen.head.get("x-api-key"), seen.path()) {
            (Some("sk-second-key"), "/v1/models?limit=1000") => page("claude-a-20260204", true),
            (Some("sk-second-key"), "/v1/models?limit=1000&after_id=claude-a-20260204") => {
                page("claude-b-20260204", false)
            }
            _ => Script::json("401 Unauthorized", &json!({"error": {"message": "no"}})),
        }
    })
    .await;
    let provider = json!({
        "kind": "anthropic", "base_url": upstream.base_url(),
        "credentials": ["sk-first-key", "sk-second-key"],
    });
    let config = Config::empty()
        .set("/providers/alpha", provider)
        .model("chat", &["alpha/claude-b"]);
    let home = Home::new(&quiet(config));
    let listed = home
        .json(&["models", "--provider", "alpha", "--json"])
        .await;
    let models = listed["models"].as_array().unwrap();
    let ids: Vec<_> = models.iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["claude-a-20260204", "claude-b-20260204"]);
    assert_eq!(models[1]["served_as"], json!(["chat"]));
    assert_eq!(listed["unlisted"], json!([]), "an undated name is known");
    for seen in upstream.seen() {
        assert_eq!(seen.head.get("anthropic-version"), Some("2023-06-01"));
    }
}
