//! The three parsers: places, corners, and input made to hurt.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::node::{Scalar, ScalarKind, Value};

fn tree(syntax: Syntax, text: &str) -> Node {
    let parsed = syntax.parse(text);
    let errors: Vec<_> = parsed
        .errors
        .iter()
        .map(|error| error.message.clone())
        .collect();
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    parsed.root.unwrap()
}

fn errors(syntax: Syntax, text: &str) -> Vec<String> {
    syntax
        .parse(text)
        .errors
        .into_iter()
        .map(|error| error.message)
        .collect()
}

fn scalar(node: &Node, key: &str) -> Scalar {
    match &node.child(key).unwrap_or_else(|| panic!("no {key}")).value {
        Value::Scalar(scalar) => scalar.clone(),
        Value::List(_) | Value::Table(_) => panic!("{key} is no scalar"),
    }
}

/// The text that a key and its value are said to stand at.
fn spans<'t>(node: &Node, key: &str, text: &'t str) -> (&'t str, &'t str) {
    let Place::File { key, value } = &node.child(key).unwrap().place else {
        panic!("{key} is not from the file")
    };
    (
        text.get(key.start..key.end).unwrap(),
        text.get(value.start..value.end).unwrap(),
    )
}

#[test]
fn keys_and_values_know_their_place() {
    for (syntax, text, key, value) in [
        (Syntax::Yaml, "# 가\nkey: value # c\n", "key", "value"),
        (Syntax::Yaml, "{\"key\": 'value'}", "\"key\"", "'value'"),
        (
            Syntax::Toml,
            "# 가\nkey = \"value\" # c\n",
            "key",
            "\"value\"",
        ),
        (
            Syntax::Json,
            "{\n \"key\" : \"value\" }",
            "\"key\"",
            "\"value\"",
        ),
    ] {
        let root = tree(syntax, text);
        assert_eq!(spans(&root, "key", text), (key, value), "{text}");
        assert_eq!(scalar(&root, "key").text, "value");
    }
}

#[test]
fn yaml_scalars_follow_the_core_schema() {
    use ScalarKind::{Bool, Float, Integer, Null, Text};
    for (written, kind, text) in [
        ("12", Integer, "12"),
        ("+12", Integer, "12"),
        ("0x1F", Integer, "31"),
        ("0o17", Integer, "15"),
        ("0.150", Float, "0.150"),
        ("1e3", Float, "1e3"),
        ("1.2.3", Text, "1.2.3"),
        ("127.0.0.1:4000", Text, "127.0.0.1:4000"),
        ("True", Bool, "true"),
        ("yes", Text, "yes"),
        ("on", Text, "on"),
        ("~", Null, ""),
        ("", Null, ""),
        ("\"12\"", Text, "12"),
        ("!!str 12", Text, "12"),
        ("!!int 12", Integer, "12"),
        (".inf", Text, ".inf"),
    ] {
        let found = scalar(&tree(Syntax::Yaml, &format!("k: {written}")), "k");
        assert!(found.kind == kind, "{written}");
        assert_eq!(found.text, text, "{written}");
    }
}

#[test]
fn yaml_anchors_and_merge_keys_are_followed() {
    let text = "base: &b {a: 1, b: 2}\none: {<<: *b, b: 3}\ntwo:\n  <<: [*b, {c: 4}]\n  d: *b\n";
    let root = tree(Syntax::Yaml, text);
    let one = root.child("one").unwrap();
    assert_eq!(scalar(one, "a").text, "1");
    assert_eq!(scalar(one, "b").text, "3");
    let two = root.child("two").unwrap();
    assert_eq!(scalar(two, "c").text, "4");
    assert_eq!(scalar(two.child("d").unwrap(), "b").text, "2");
}

#[test]
fn yaml_that_is_more_than_a_configuration_is_refused() {
    for (text, expected) in [
        ("a: 1\n---\nb: 2\n", "second one"),
        ("a: !secret x\n", "tags"),
        ("a: !!binary eA==\n", "tags"),
        ("? [a, b]\n: 1\n", "plain text"),
        ("a: &x [*x]\n", "contains it"),
        ("a: *nowhere\n", "invalid YAML"),
        ("a: [1\nb: 2\n", "invalid YAML"),
    ] {
        let found = errors(Syntax::Yaml, text);
        assert!(
            found.iter().any(|error| error.contains(expected)),
            "{text} → {found:?}"
        );
    }
}

#[test]
fn json_is_read_by_its_standard() {
    let text = r#"{"a": "\u00e9\n\ud83d\ude00", "n": -1.5e3, "t": true, "z": null, "l": [1, []]}"#;
    let root = tree(Syntax::Json, text);
    assert_eq!(scalar(&root, "a").text, "é\n😀");
    assert_eq!(scalar(&root, "n").text, "-1.5e3");
    assert!(scalar(&root, "z").kind == ScalarKind::Null);
    for text in [
        "{",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"b",
        "{} {}",
        "tru",
        "{\"a\":nul}",
        "// no\n{}",
        "{\"a\":--1}",
        "{\"a\":-}",
    ] {
        assert_eq!(errors(Syntax::Json, text).len(), 1, "{text}");
    }
}

#[test]
fn toml_keeps_the_order_of_the_file_and_every_number() {
    let text = "z = 1\na = 0xff\nm = 1_000.50\n[t.\"x.y\"]\nd = 2026-01-01\n";
    let root = tree(Syntax::Toml, text);
    let Value::Table(entries) = &root.value else {
        panic!("no table")
    };
    let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["z", "a", "m", "t"]);
    assert_eq!(scalar(&root, "m").text, "1000.50");
    assert_eq!(
        scalar(root.child("t").unwrap().child("x.y").unwrap(), "d").text,
        "2026-01-01"
    );
}

#[test]
fn toml_reports_several_broken_lines_at_once() {
    assert!(errors(Syntax::Toml, "a = \nb = 1\nc = \n").len() >= 2);
}

#[test]
fn depth_and_aliases_have_a_bound() {
    let deep = 100_000;
    for (syntax, text) in [
        (Syntax::Yaml, "[".repeat(deep)),
        (Syntax::Yaml, "{a: ".repeat(deep)),
        (Syntax::Yaml, "- ".repeat(deep)),
        (Syntax::Json, "[".repeat(deep)),
        (Syntax::Json, "{\"a\":".repeat(deep)),
        (Syntax::Toml, format!("a = {}", "[".repeat(deep))),
        (Syntax::Toml, format!("a{} = 1", ".a".repeat(10_000))),
        (Syntax::Toml, format!("[a{}]", ".a".repeat(10_000))),
    ] {
        assert!(
            !errors(syntax, &text).is_empty(),
            "{}",
            text.get(..20).unwrap()
        );
    }
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = level - 1;
        let items = vec![format!("*a{below}"); 10].join(", ");
        let line = format!("a{level}: &a{level} [{items}]\n");
        bomb += &line;
    }
    let found = errors(Syntax::Yaml, &bomb);
    assert!(
        found.iter().any(|error| error.contains("aliases unfolded")),
        "{found:?}"
    );
}
