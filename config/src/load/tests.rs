//! Whole files in, whole configurations or whole reports out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::schema::server::AuthMode;

const ENV: [(&str, &str); 4] = [
    ("OPENAI_API_KEY", "sk-canary-0123456789abcdef"),
    ("GROQ_SPARE_KEY", "gsk-canary-fedcba9876543210"),
    ("OPENAI_BATCH_API_KEY", "sk-canary-batch-0123456789"),
    ("GROQ_API_KEY", "gsk-canary-0123456789"),
];

/// Sources with one file of that name and text, and the test's kinds and variables.
fn sources(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> Sources {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    Sources {
        file: Some(file),
        env: ENV
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        overrides: Vec::new(),
        known_kinds: ["openai", "groq", "vllm", "ollama"]
            .map(String::from)
            .to_vec(),
    }
}

fn load_text(name: &str, text: impl AsRef<[u8]>) -> Result<Loaded, Report> {
    let folder = tempfile::tempdir().unwrap();
    load(&sources(folder.path(), name, text))
}

/// The report as it is printed, with the file's bare name.
fn report(name: &str, text: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let report = load(&sources(folder.path(), name, text))
        .map(|_| ())
        .unwrap_err();
    report
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "")
}

fn example(name: &str) -> Loaded {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    load_text(name, text).unwrap_or_else(|report| panic!("{name}:\n{report}"))
}

#[test]
fn every_example_loads_without_a_warning_and_means_the_same_in_each_syntax() {
    for name in ["minimal", "team", "full"] {
        let yaml = example(&format!("{name}.yaml"));
        assert_eq!(yaml.warnings, [], "{name}");
        for other in ["toml", "json"] {
            let loaded = example(&format!("{name}.{other}"));
            assert_eq!(loaded.warnings, [], "{name}.{other}");
            let mut models = (loaded.config.models.clone(), yaml.config.models.clone());
            if other == "toml" {
                // TOML wants plain values of a table before its subtables.
                models.0.sort_by(|a, b| a.0.cmp(&b.0));
                models.1.sort_by(|a, b| a.0.cmp(&b.0));
            }
            assert_eq!(models.0, models.1, "{name}.{other}");
            let config = Config {
                models: yaml.config.models.clone(),
                ..loaded.config
            };
            assert_eq!(config, yaml.config, "{name}.{other}");
        }
    }
}

#[test]
fn the_full_example_names_every_key() {
    let text = std::fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/full.yaml"),
    )
    .unwrap();
    let loaded = load_text("full.yaml", &text).unwrap();
    for entry in loaded.origins.entries() {
        assert_ne!(
            entry.origin, "default",
            "{} is not in the full example",
            entry.path
        );
    }
}

#[test]
fn nothing_at_all_is_the_default() {
    let loaded = load(&Sources::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    for name in ["empty.yaml", "empty.toml", "empty.json"] {
        assert_eq!(load_text(name, "").unwrap().config, Config::default());
    }
    assert_eq!(
        load_text("comment.yaml", "# nothing yet\n").unwrap().config,
        Config::default()
    );
}

#[test]
fn all_mistakes_are_reported_at_once_with_place_and_suggestion() {
    // P-17, D-26
    let text = "\
server:
  listn: 127.0.0.1:4000
  drain: 30
  max_body_bytes: 20 megabytes
providers:
  openai:
    api_key: ${OPENAI_API_KY}
  mine:
    kind: openia
models:
  chat:
    deployments: [opnai/gpt-5.6]
    fallbacks: [claude, chat]
    fallback: [claude]
  cluade: openai/gpt-5.6
retry:
  attempts: many
";
    let expected = "\
error: unknown field `listn`
 --> tollward.yaml:2:3
  |
2 |   listn: 127.0.0.1:4000
  |   ^^^^^ did you mean `listen`?
  = help: server accepts: listen, admin_listen, admin_hosts, max_body_bytes, max_upload_bytes, auth, max_in_flight, max_in_flight_bytes, keep_alive, drain, drain_accept, cache_bytes, idempotency

error: expected a duration such as `500ms`, `3s`, `2m` or `1h`, found the number `30`
 --> tollward.yaml:3:10
  |
3 |   drain: 30
  |          ^^

error: expected a size such as `20MiB`, `512KiB` or a number of bytes, found `20 megabytes`
 --> tollward.yaml:4:19
  |
4 |   max_body_bytes: 20 megabytes
  |                   ^^^^^^^^^^^^

error: the variable OPENAI_API_KY is not set
 --> tollward.yaml:7:14
  |
7 |     api_key: ${OPENAI_API_KY}
  |              ^^^^^^^^^^^^^^^^ did you mean `OPENAI_API_KEY`?
  = help: set it, or give a default: ${OPENAI_API_KY:-…}

error: unknown kind of provider `openia`
 --> tollward.yaml:9:11
  |
9 |     kind: openia
  |           ^^^^^^ did you mean `openai`?
  = help: the kinds are: openai, groq, vllm, ollama

error: no provider is named `opnai`
  --> tollward.yaml:12:19
   |
12 |     deployments: [opnai/gpt-5.6]
   |                   ^^^^^^^^^^^^^ did you mean `openai`?
   = help: the providers are: mine, openai, groq, vllm, ollama

error: no model is named `claude`
  --> tollward.yaml:13:17
   |
13 |     fallbacks: [claude, chat]
   |                 ^^^^^^ did you mean `cluade`?
   = help: the models are: cluade

error: `chat` falls back to itself
  --> tollward.yaml:13:25
   |
13 |     fallbacks: [claude, chat]
   |                         ^^^^

error: unknown field `fallback`
  --> tollward.yaml:14:5
   |
14 |     fallback: [claude]
   |     ^^^^^^^^ did you mean `fallbacks`?
   = help: models.chat accepts: deployments, timeouts, policy, spread_by, rules, fallbacks, context_fallbacks, filter_fallbacks, attempts, hedge, shadow, cache, max_cost_usd, on_unsupported

error: expected a whole number from 0 to 10, found `many`
  --> tollward.yaml:17:13
   |
17 |   attempts: many
   |             ^^^^
";
    assert_eq!(report("tollward.yaml", text), expected);
}

#[test]
fn a_mistake_has_the_same_words_in_every_syntax() {
    let texts = [
        ("a.yaml", "retry:\n  attempts: 99\n", "2:13"),
        ("a.toml", "[retry]\nattempts = 99\n", "2:12"),
        ("a.json", "{\n  \"retry\": {\"attempts\": 99}\n}", "2:25"),
    ];
    for (name, text, place) in texts {
        let report = report(name, text);
        let start = format!(
            "error: expected a whole number from 0 to 10, found the number `99`\n --> {name}:{place}\n"
        );
        assert!(report.starts_with(&start), "{report}");
    }
}

#[test]
fn duplicate_keys_are_refused_in_every_syntax() {
    // D-26
    let texts = [
        (
            "a.yaml",
            "log:\n  level: info\n  level: warn\n  format: text\n  format: json\n",
        ),
        (
            "a.toml",
            "[log]\nlevel = \"info\"\nlevel = \"warn\"\nformat = \"text\"\nformat = \"json\"\n",
        ),
        (
            "a.json",
            "{\"log\": {\n \"level\": \"info\",\n \"l\\u0065vel\": \"warn\",\n \"format\": \"text\",\n \"format\": \"json\"}}",
        ),
    ];
    for (name, text) in texts {
        let report = load_text(name, text).unwrap_err();
        let lines: Vec<_> = report
            .0
            .iter()
            .map(|found| found.location.as_ref().unwrap().line)
            .collect();
        assert_eq!(lines, [3, 5], "{report}");
        for found in &report.0 {
            assert!(found.message.contains("duplicate key"), "{report}");
        }
    }
}

#[test]
fn a_file_that_does_not_parse_is_shown_where_it_breaks() {
    // P-19
    let texts = [
        ("half.yaml", "server:\n  listen: \"127.0.0.1", 2),
        ("half.toml", "[server]\nlisten = \"127.0.0.1", 2),
        ("half.json", "{\"server\":\n {\"listen\": \"127.0.0.1", 2),
    ];
    for (name, text, line) in texts {
        let report = load_text(name, text).unwrap_err();
        assert!(
            report
                .0
                .iter()
                .all(|found| found.severity == Severity::Error)
        );
        let found = report.0[0].location.as_ref().unwrap();
        assert!(found.line >= line, "{report}");
    }
}

#[test]
fn environment_wins_over_file_and_command_line_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let text = "server:\n  listen: 127.0.0.1:1\n  admin_listen: 127.0.0.1:2\n  auth: keys\n";
    let mut sources = sources(folder.path(), "a.yaml", text);
    sources.env.push((
        String::from("TOLLWARD__SERVER__LISTEN"),
        String::from("127.0.0.1:11"),
    ));
    sources.env.push((
        String::from("TOLLWARD__SERVER__ADMIN_LISTEN"),
        String::from("127.0.0.1:12"),
    ));
    sources
        .env
        .push((String::from("TOLLWARD__RETRY__ATTEMPTS"), String::from("5")));
    sources
        .env
        .push((String::from("TOLLWARD_CONFIG"), String::from("ignored")));
    sources
        .overrides
        .push((String::from("server.listen"), String::from("127.0.0.1:21")));
    let loaded = load(&sources).unwrap();
    let server = &loaded.config.server;
    assert_eq!(server.listen, SocketAddr::from(([127, 0, 0, 1], 21)));
    assert_eq!(server.admin_listen, SocketAddr::from(([127, 0, 0, 1], 12)));
    assert_eq!(server.auth, AuthMode::Keys);
    assert_eq!(loaded.config.retry.attempts, 5);
    let origin = |path: &str| {
        let entry = loaded
            .origins
            .entries()
            .iter()
            .find(|entry| entry.path == path)
            .unwrap();
        entry
            .origin
            .replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(origin("server.listen"), "command line");
    assert_eq!(
        origin("server.admin_listen"),
        "variable TOLLWARD__SERVER__ADMIN_LISTEN"
    );
    assert_eq!(origin("server.auth"), "a.yaml:4:9");
    assert_eq!(origin("server.drain"), "default");
}

#[test]
fn mistakes_in_variables_and_options_name_them() {
    let sources = Sources {
        env: vec![
            (
                String::from("TOLLWARD__SERVR__LISTEN"),
                String::from("127.0.0.1:1"),
            ),
            (
                String::from("TOLLWARD__RETRY__ATTEMPTS"),
                String::from("some"),
            ),
            (String::from("TOLLWARD__LOG"), String::from("loud")),
        ],
        overrides: vec![
            (String::from("server.listen"), String::from("here")),
            (String::from("a[999999999]"), String::from("x")),
            (String::from("..."), String::from("x")),
        ],
        ..Sources::default()
    };
    let report = load(&sources).unwrap_err();
    let mut messages: Vec<_> = report
        .0
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    messages.sort_unstable();
    let expected = [
        "`...` is not a key path",
        "`a[999999999]` is not a key path",
        "expected a table of keys and values, found text (from the variable TOLLWARD__LOG)",
        "expected a whole number from 0 to 10, found `some` (from the variable TOLLWARD__RETRY__ATTEMPTS)",
        "expected an address such as `127.0.0.1:4000`, found `here` (from the command line)",
        "unknown field `servr` (from the variable TOLLWARD__SERVR__LISTEN)",
    ];
    assert_eq!(messages, expected);
    let stranger = report
        .0
        .iter()
        .find(|found| found.message.contains("servr"))
        .unwrap();
    assert_eq!(stranger.suggestion.as_deref(), Some("server"));
}

#[test]
fn lists_from_the_environment_are_split_at_commas() {
    let folder = tempfile::tempdir().unwrap();
    let text = "models:\n  a: openai/x\n  b: openai/x\n  c: {deployments: [openai/x]}\n";
    let mut sources = sources(folder.path(), "a.yaml", text);
    sources.env.push((
        String::from("TOLLWARD__MODELS__C__FALLBACKS"),
        String::from("a, b"),
    ));
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.model("c").unwrap().fallbacks, ["a", "b"]);
}

#[test]
fn keys_that_are_paths_elsewhere_are_just_keys() {
    let report = load_text("a.yaml", "server.listen: 127.0.0.1:9\n\"a[7]\": 1\n").unwrap_err();
    let messages: Vec<_> = report
        .0
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    assert_eq!(
        messages,
        ["unknown field `server.listen`", "unknown field `a[7]`"]
    );
    let models = "models:\n  gpt-5.6: openai/gpt-5.6\n  \"a.b\":\n    deployments: [openai/x]\n    oops: 1\n";
    let report = load_text("a.yaml", models).unwrap_err();
    assert_eq!(report.0.len(), 1, "{report}");
    assert_eq!(report.0[0].path, "models.\"a.b\".oops");
}

#[test]
fn models_keep_the_order_of_the_file() {
    for (name, text) in [
        (
            "a.yaml",
            "models:\n  zeta: openai/x\n  alpha: openai/x\n  mid: openai/x\n",
        ),
        (
            "a.toml",
            "[models]\nzeta = \"openai/x\"\nalpha = \"openai/x\"\nmid = \"openai/x\"\n",
        ),
        (
            "a.json",
            "{\"models\":{\"zeta\":\"openai/x\",\"alpha\":\"openai/x\",\"mid\":\"openai/x\"}}",
        ),
    ] {
        let loaded = load_text(name, text).unwrap();
        let names: Vec<_> = loaded
            .config
            .models
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["zeta", "alpha", "mid"], "{name}");
        assert!(loaded.config.providers.contains_key("openai"));
    }
}

#[test]
fn a_deployment_replaces_only_the_limits_it_names() {
    let loaded = example("team.yaml");
    let limits = loaded.config.model("house").unwrap().deployments[0]
        .timeouts
        .unwrap();
    assert_eq!(limits.first_byte, Duration::from_secs(10));
    assert_eq!(limits.total, loaded.config.timeouts.total);
}

#[test]
fn a_deployments_own_connect_limit_is_told_where_it_belongs() {
    let text = "\
models:
  chat:
    deployments:
      - provider: openai
        model: gpt-5.6
        timeouts:
          connect: 1s
          frst_byte: 2s
";
    let expected = "\
error: `connect` is the same for all deployments
 --> tollward.yaml:7:11
  |
7 |           connect: 1s
  |           ^^^^^^^
  = help: write it in the section `timeouts`

error: unknown field `frst_byte`
 --> tollward.yaml:8:11
  |
8 |           frst_byte: 2s
  |           ^^^^^^^^^ did you mean `first_byte`?
  = help: models.chat.deployments[0].timeouts accepts: first_byte, first_byte_plain, first_content, idle, total
";
    assert_eq!(report("tollward.yaml", text), expected);
}

#[test]
fn a_credential_shows_up_nowhere() {
    // P-18, D-25
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "canary-from-a-file-0123456789\n").unwrap();
    let text = "\
providers:
  openai: {api_key: \"sk-canary-inline-01234567\", hedaers: 1, base_url: \"https://u:canary@h/v1\"}
  two:
    kind: openai
    api_key: ${OPENAI_API_KEY}
    headers: {x-auth: canary-header-0123}
  three:
    kind: openai
    api_key: ${file:key}
    base_url: ${GROQ_API_KEY}
models:
  a: openai/x
";
    let sources = sources(folder.path(), "a.yaml", text);
    let loaded = load(&sources).unwrap();
    let settings = loaded.config.providers["three"].settings.expose();
    assert_eq!(settings["api_key"], "canary-from-a-file-0123456789");
    let entries = format!("{:?}", loaded.origins.entries());
    let found =
        loaded
            .origins
            .diagnose("providers.openai.hedaers", String::from("no"), &["headers"]);
    let broken = text.replace("models:", "models: [");
    let report = load_text("b.yaml", &broken).unwrap_err();
    let wrong = load_text("c.yaml", text.replace("a: openai/x", "a: oops")).unwrap_err();
    for shown in [
        format!("{loaded:?}"),
        format!("{sources:?}"),
        entries,
        format!("{found} {found:?}"),
        format!("{:?}", loaded.warnings),
        format!("{report} {report:?} {}", report.to_json()),
        format!("{wrong} {wrong:?} {}", wrong.to_json()),
    ] {
        // A setting has that name as well.
        let shown = shown.replace("canary: None", "");
        assert!(!shown.contains("canary"), "{shown}");
    }
    assert_eq!(found.suggestion.as_deref(), Some("headers"));
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
}

#[test]
fn empty_and_short_credentials_are_noticed() {
    // P-28
    let report = load_text("a.yaml", "providers:\n  openai:\n    api_key: \"\"\n").unwrap_err();
    assert_eq!(report.0[0].message, "this credential is empty");
    assert_eq!(report.0[0].path, "providers.openai.api_key");
    let loaded = load_text("a.yaml", "providers:\n  openai:\n    api_key: ${X:-abc}\n").unwrap();
    assert_eq!(loaded.warnings[0].message, "this credential is very short");
    assert_eq!(loaded.warnings[0].severity, Severity::Warning);
}

#[test]
fn an_open_public_listener_is_warned_about() {
    // P-28
    let loaded = load_text("a.yaml", "server:\n  listen: 0.0.0.0:4000\n  auth: open\n").unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].path, "server.auth");
}

#[test]
fn the_report_for_machines_has_the_place_and_the_suggestion() {
    let report = load_text("a.yaml", "servr: {}\n").unwrap_err();
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let found = &json["diagnostics"][0];
    assert_eq!(found["severity"], "error");
    assert_eq!(found["location"]["line"], 1);
    assert_eq!(found["location"]["column"], 1);
    assert_eq!(found["suggestion"], "server");
    assert_eq!(found["path"], "servr");
}

#[test]
fn what_is_no_readable_file_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    let load_path = |path: PathBuf| {
        let sources = Sources {
            file: Some(path),
            ..Sources::default()
        };
        load(&sources).map(|_| ()).unwrap_err().to_string()
    };
    assert!(load_path(folder.path().join("no.yaml")).contains("cannot be read"));
    assert!(load_path(folder.path().join("no.ini")).contains("no known extension"));
    std::fs::create_dir(folder.path().join("dir.yaml")).unwrap();
    assert!(load_path(folder.path().join("dir.yaml")).contains("not a regular file"));
    let report = load_text("a.yaml", b"log:\n  level: \xff\n").unwrap_err();
    assert_eq!(report.0[0].message, "this is not UTF-8 text");
    assert_eq!(report.0[0].location.as_ref().unwrap().line, 2);
    assert!(
        load_text("a.yaml", vec![b' '; 2_000_000])
            .unwrap_err()
            .to_string()
            .contains("1 MiB")
    );
}

/// Text that looks like a configuration more often than noise does.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("server:".to_owned()),
        Just("\n  ".to_owned()),
        Just("[models]".to_owned()),
        Just("listen".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("\"".to_owned()),
        Just("${".to_owned()),
        Just("}".to_owned()),
        Just("&a ".to_owned()),
        Just("*a ".to_owned()),
        Just("<<: ".to_owned()),
        Just(": ".to_owned()),
        Just("= ".to_owned()),
        Just("- ".to_owned()),
        Just("'".to_owned()),
        Just("|\n".to_owned()),
        Just("가나".to_owned()),
        Just("\t".to_owned()),
        Just("\r\n".to_owned()),
        Just("---\n".to_owned()),
        Just("!!int ".to_owned()),
        Just("1e999".to_owned()),
        Just(",".to_owned()),
        Just("api_key: ".to_owned()),
        "\\PC{0,6}",
    ];
    let pieces =
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![3 => pieces, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_a_configuration_or_mistakes_with_places(bytes in hostile()) {
        // P-17, P-19
        for name in ["a.yaml", "a.toml", "a.json"] {
            if let Err(report) = load_text(name, &bytes) {
                prop_assert!(report.error_count() > 0);
                for found in &report.0 {
                    let location = found.location.as_ref();
                    prop_assert!(location.is_some_and(|at| at.line > 0 && at.column > 0), "{report}");
                }
                prop_assert!(!report.to_string().is_empty());
            }
        }
    }
}

/// Every key path that a JSON Schema allows; list items and chosen names are `*`.
fn schema_paths(
    schema: &serde_json::Value,
    root: &serde_json::Value,
    at: &str,
    out: &mut BTreeSet<String>,
) {
    if let Some(name) = schema.get("$ref").and_then(|name| name.as_str()) {
        let target = root.pointer(name.trim_start_matches('#')).unwrap();
        schema_paths(target, root, at, out);
    }
    for (name, child) in schema
        .get("properties")
        .and_then(|found| found.as_object())
        .into_iter()
        .flatten()
    {
        out.insert(format!("{at}.{name}"));
        schema_paths(child, root, &format!("{at}.{name}"), out);
    }
    for key in ["additionalProperties", "items"] {
        if let Some(child) = schema.get(key).filter(|child| child.is_object()) {
            schema_paths(child, root, &format!("{at}.*"), out);
        }
    }
    for choice in schema
        .get("anyOf")
        .and_then(|found| found.as_array())
        .into_iter()
        .flatten()
    {
        schema_paths(choice, root, at, out);
    }
}

#[test]
fn the_schema_for_editors_lists_the_keys_that_are_read() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../schema/tollward.schema.json")).unwrap();
    let mut listed = BTreeSet::new();
    schema_paths(&schema, &schema, "", &mut listed);
    // A file with every listed key: the reader may dislike values, but no key.
    let mut tree = serde_json::json!({});
    for path in &listed {
        let mut node = &mut tree;
        let steps: Vec<_> = path.trim_start_matches('.').split('.').collect();
        for (index, step) in steps.iter().enumerate() {
            let is_list = steps.get(index + 1) == Some(&"*")
                && ["deployments", "overrides", "credentials", "rules", "guards"].contains(step);
            let fresh = if is_list {
                serde_json::json!([{}])
            } else {
                serde_json::json!({})
            };
            node = match node {
                serde_json::Value::Array(items) => &mut items[0],
                node => node.as_object_mut().unwrap().entry(*step).or_insert(fresh),
            };
        }
    }
    let report = load_text("all.json", tree.to_string()).unwrap_err();
    let unknown: Vec<_> = report
        .0
        .iter()
        .filter(|found| found.message.contains("unknown field"))
        .map(|found| &found.path)
        .collect();
    assert_eq!(unknown, Vec::<&String>::new());
    // And the full example, which names every key that is read, uses no other.
    let loaded = example("full.yaml");
    for entry in loaded.origins.entries() {
        let path: String = entry
            .path
            .replace("[0]", ".*")
            .replace("[1]", ".*")
            .split('.')
            .fold(String::new(), |path, step| {
                let is_chosen = matches!(
                    path.as_str(),
                    ".providers" | ".models" | ".providers.*.headers" | ".routing.aliases"
                );
                format!("{path}.{}", if is_chosen { "*" } else { step })
            });
        let is_listed = listed.contains(&path) || path.ends_with(".*");
        assert!(is_listed, "{} is read, but not in the schema", entry.path);
    }
}

#[cfg(unix)]
#[test]
fn credentials_in_a_file_that_everyone_may_read_are_warned_about() {
    // P-28
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(
        folder.path(),
        "a.yaml",
        "providers:\n  openai:\n    api_key: sk-0123456789\n",
    );
    for (mode, is_said) in [(0o644, true), (0o600, false)] {
        let file = sources.file.as_ref().unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = load(&sources).unwrap();
        assert_eq!(loaded.warnings.len(), 1);
        assert_eq!(
            loaded.warnings[0].message.contains("every user"),
            is_said,
            "{mode:o}"
        );
    }
}

#[test]
fn a_setting_is_reported_at_its_place_by_whoever_knows_it() {
    let text = "providers:\n  \"my.box\":\n    kind: vllm\n    base_url: nowhere\n    heders: {}\n";
    let loaded = load_text("a.yaml", text).unwrap();
    let at = |setting: &str, candidates: &[&str]| {
        let path = format!("{}.{setting}", Origins::provider_path("my.box"));
        let found = loaded
            .origins
            .diagnose(&path, String::from("no"), candidates);
        let place = found.location.unwrap();
        (place.line, place.column, found.suggestion)
    };
    assert_eq!(at("base_url", &[]), (4, 15, None));
    assert_eq!(
        at("heders", &["headers", "base_url"]),
        (5, 5, Some(String::from("headers")))
    );
    // What is missing is reported at the provider's name.
    assert_eq!(at("api_key", &[]), (2, 3, None));
}

#[test]
fn who_needs_one_section_is_not_stopped_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"store": {"path": "here.db"}, "nonsense": 1,
        "providers": {"a": {"kind": "openai", "api_key": "${UNSET}"}}}"#;
    let mixed = sources(folder.path(), "mixed.json", text);
    assert_eq!(load(&mixed).unwrap_err().error_count(), 2);
    let loaded = load_sections(&mixed, &["store"]).unwrap();
    assert!(loaded.config.store.path.unwrap().ends_with("here.db"));
    assert!(load_sections(&mixed, &["providers"]).is_err());
    let broken = sources(folder.path(), "broken.json", "{");
    assert!(load_sections(&broken, &["store"]).is_err());
}
