//! Names and loops across sections.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::load::{Loaded, Sources, load};
use crate::report::{Diagnostic, Report};

fn mistakes(yaml: &str) -> Vec<Diagnostic> {
    loaded(yaml).map_or_else(|report| report.0, |loaded| loaded.warnings)
}

fn loaded(yaml: &str) -> Result<Loaded, Report> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, yaml).unwrap();
    let sources = Sources {
        file: Some(file),
        known_kinds: vec![String::from("openai")],
        ..Sources::default()
    };
    load(&sources)
}

fn messages(yaml: &str) -> Vec<String> {
    mistakes(yaml)
        .into_iter()
        .map(|found| found.message)
        .collect()
}

#[test]
fn each_circle_of_fallbacks_is_reported_once() {
    // P-17
    let model = |name: &str, fallbacks: &str| {
        format!("  {name}: {{deployments: [openai/x], fallbacks: [{fallbacks}]}}\n")
    };
    let yaml = format!(
        "models:\n{}{}{}{}{}",
        model("a", "b"),
        model("b", "c, d"),
        model("c", "a"),
        model("d", ""),
        model("e", "b"),
    );
    assert_eq!(
        messages(&yaml),
        ["fallbacks run in a circle: a → b → c → a"]
    );
    let diamond = format!(
        "models:\n{}{}{}{}",
        model("a", "b, c"),
        model("b", "d"),
        model("c", "d"),
        model("d", "")
    );
    assert_eq!(messages(&diamond), Vec::<String>::new());
}

#[test]
fn a_long_chain_is_no_circle_and_no_stack_overflow() {
    let mut yaml = String::from("models:\n");
    for step in 0..5_000 {
        let next = step + 1;
        let model = format!("  m{step}: {{deployments: [openai/x], fallbacks: [m{next}]}}\n");
        yaml += &model;
    }
    yaml += "  m5000: openai/x\n";
    assert_eq!(messages(&yaml), Vec::<String>::new());
}

#[test]
fn names_that_lead_nowhere_are_reported_where_they_stand() {
    let found = mistakes(
        "models:\n  a:\n    deployments:\n      - {provider: opnai, model: x}\n      - nothing\n    fallbacks: [b, b]\n  b: nowhere/x\npricing:\n  overrides:\n    - {provider: opena, model: x, input_per_mtok: 1, output_per_mtok: 1}\n",
    );
    let places: Vec<_> = found
        .iter()
        .map(|found| {
            let at = found.location.as_ref().unwrap();
            (at.line, at.column, found.message.as_str())
        })
        .collect();
    let expected = [
        (4, 20, "no provider is named `opnai`"),
        (5, 9, "`nothing` does not name a deployment"),
        (6, 20, "`b` is listed twice"),
        (7, 6, "no provider is named `nowhere`"),
        (10, 18, "no provider is named `opena`"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn only_a_pattern_falls_back_to_a_pattern() {
    let found = messages(
        "models:
  \"a/*\": {deployments: [openai/*], fallbacks: [\"b/*\", c], filter_fallbacks: [\"b/*\"], rules: [{when: stream, use: \"b/*\"}]}
  \"b/*\": openai/b-*
  c: {deployments: [openai/c], fallbacks: [\"b/*\"], context_fallbacks: [\"b/*\"], rules: [{when: stream, use: \"a/*\"}]}
routing:
  aliases: {gpt: \"b/*\"}
",
    );
    let (a, b) = (
        "`a/*` stands for many models",
        "`b/*` stands for many models",
    );
    assert_eq!(found, [b, b, b, a, b]);
}

#[test]
fn a_target_that_is_no_model_is_told_for_what_it_is() {
    let found = mistakes(
        "models:
  a: {deployments: [openai/x], fallbacks: [gpt, openai/x, clade, b]}
  claude: openai/y
  g: openai/*
routing: {aliases: {gpt: claude}}
",
    );
    let told: Vec<_> = found
        .iter()
        .map(|it| {
            let help = it.help.as_deref().unwrap_or_default();
            (it.message.as_str(), it.suggestion.as_deref(), help)
        })
        .collect();
    let models = "the models are: claude, g";
    let star = "a `*` stands for what the one in the public name does: \"openai/*\": openai/*";
    let expected = [
        (
            "no model is named `gpt`",
            None,
            "it is an alias of `claude`; write `claude`",
        ),
        (
            "no model is named `openai/x`",
            None,
            "this takes models, not deployments: give it a name under `models`",
        ),
        ("no model is named `clade`", Some("claude"), models),
        // A letter is near to every other one.
        ("no model is named `b`", None, models),
        ("`openai/*` has a `*`, and `g` has none", None, star),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_total_below_the_connect_that_nobody_wrote_is_taken() {
    let own = "models:\n  a: {deployments: [openai/x], timeouts: {total: 2s}}\n";
    assert_eq!(messages(own), Vec::<String>::new());
    assert_eq!(messages("timeouts: {total: 2s}\n"), Vec::<String>::new());
    let both = messages("timeouts: {total: 2s, connect: 3s}\n");
    assert_eq!(both, ["`total` is shorter than `connect`"]);
}

#[test]
fn what_a_route_is_made_of_is_shown() {
    let loaded = loaded(
        "models:
  a:
    deployments: [{provider: openai, model: x, when: stream}]
    attempts: 1
    max_cost_usd: 0.5
    rules: [{name: batch, when: tools, use: b}]
  b: openai/y
routing:
  aliases: {gpt: a}
  guards: [{name: eu, when: stream, only: [eu]}]
",
    )
    .unwrap();
    let entries = loaded.origins.entries();
    for (path, value) in [
        ("models.a.deployments[0].when", "stream"),
        ("models.a.attempts", "1"),
        ("models.a.max_cost_usd", "0.5"),
        ("models.a.rules[0].name", "batch"),
        ("models.a.rules[0].when", "tools"),
        ("models.a.rules[0].use", "b"),
        ("routing.aliases.gpt", "a"),
        ("routing.guards[0].name", "eu"),
        ("routing.guards[0].when", "stream"),
        ("routing.guards[0].only", "eu"),
    ] {
        let found = entries.iter().find(|it| it.path == path);
        assert_eq!(found.map(|it| it.value.as_str()), Some(value), "{path}");
    }
}

#[test]
fn a_model_needs_a_plain_name_and_a_deployment() {
    let found = messages("models:\n  \"two words\": openai/x\n  empty: {}\n  none:\n");
    let expected = [
        "`two words` is not a name for a model",
        "the model `empty` has no deployments",
        "the model `none` has no deployments",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_provider_that_is_no_kind_must_say_its_kind() {
    let found =
        messages("providers:\n  mine: {api_key: \"${X:-12345678}\"}\n  \"a/b\": {kind: openai}\n");
    let expected = [
        "`mine` is no kind of provider; say which `kind` it is",
        "`a/b` is not a name for a provider",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_reference_without_a_value_is_reported_once() {
    for yaml in [
        "models:\n  a: ${MISSING}\n",
        "models:\n  a:\n    deployments: ${MISSING}\n",
        "models:\n  a:\n    deployments: [\"${MISSING}\"]\n",
        "models:\n  a:\n    deployments: [{provider: \"${MISSING}\", model: x}]\n",
        "server:\n  listen: ${MISSING}\n",
        "server: ${MISSING}\n",
        "providers:\n  openai:\n    api_key: ${MISSING}\n",
        "log:\n  access: ${MISSING}\n  level: \"${MISSING:-info}\"\n",
    ] {
        assert_eq!(
            messages(yaml),
            ["the variable MISSING is not set"],
            "{yaml}"
        );
    }
}

#[test]
fn a_blank_credential_is_an_empty_one() {
    // P-28
    let found = messages("providers:\n  openai:\n    api_key:\n");
    assert_eq!(found, ["this credential is empty"]);
}
