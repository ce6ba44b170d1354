//! Names and loops across sections.

#![expect(clippy::unwrap_used, reason = "tests")]

use crate::load::{Sources, load};
use crate::report::Diagnostic;

fn mistakes(yaml: &str) -> Vec<Diagnostic> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.yaml");
    std::fs::write(&file, yaml).unwrap();
    let sources = Sources {
        file: Some(file),
        known_kinds: vec![String::from("openai")],
        ..Sources::default()
    };
    load(&sources).map_or_else(|report| report.0, |loaded| loaded.warnings)
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
