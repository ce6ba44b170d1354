#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use super::*;

fn messages() -> Vec<ChatMessage> {
    [("system", "be <b>brief</b>"), ("user", "hi ")]
        .map(|(role, content)| ChatMessage {
            role: role.to_owned(),
            content: content.to_owned(),
        })
        .to_vec()
}

fn render(source: &str) -> Result<String, EngineError> {
    let messages = messages();
    let values = context! {
        messages => messages
            .iter()
            .map(|m| context! { role => &m.role, content => &m.content })
            .collect::<Vec<_>>(),
        add_generation_prompt => true,
        tools => (),
    };
    ChatTemplate::parse(source)
        .unwrap()
        .render(values, &messages)
}

#[test]
fn what_templates_in_the_field_use_is_there() {
    for (source, expected) in [
        ("{{ messages[0]['role'].upper() }}", "SYSTEM"),
        ("{{ messages[1].content.strip() + '|' }}", "hi|"),
        ("{{ messages[0].content }}", "be <b>brief</b>"),
        (
            "{{ messages[0] | tojson }}",
            r#"{"role": "system", "content": "be <b>brief</b>"}"#,
        ),
        (
            "{{ {'a': [1, 2]} | tojson(indent=2) }}",
            "{\n  \"a\": [\n    1,\n    2\n  ]\n}",
        ),
        ("{% generation %}x{% endgeneration %}", "x"),
        (
            "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% endfor %}",
            "user",
        ),
        ("{% if tools is not none %}tools{% endif %}.", "."),
        ("  {% if true %}\nx\n  {% endif %}\n", "x\n"),
    ] {
        assert_eq!(render(source).unwrap(), expected, "{source}");
    }
}

#[test]
fn the_date_is_written_as_asked() {
    let date = render("{{ strftime_now('%Y-%m-%d') }}").unwrap();
    assert_eq!(date.len(), 10, "{date}");
}

#[test]
fn a_raised_message_is_the_error() {
    let Err(EngineError::Template(reason)) =
        render("{{ raise_exception('roles must alternate') }}")
    else {
        panic!("the template raises");
    };
    assert_eq!(reason, "roles must alternate");
}

#[test]
fn hostile_templates_end_quickly() {
    // S-33, T-SSTI-1
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(90000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 'x' * 50000000 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ range(1000000000) | list }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
    ] {
        let start = Instant::now();
        assert!(render(source).is_err(), "{source}");
        assert!(start.elapsed() < Duration::from_secs(1), "{source}");
    }
}

#[test]
fn the_mark_is_a_character_that_no_message_has() {
    let mut messages = messages();
    assert_eq!(unused_character(&messages), '\u{FDD0}');
    if let Some(message) = messages.first_mut() {
        message.content.push_str("\u{FDD0}\u{FDD1}");
    }
    assert_eq!(unused_character(&messages), '\u{FDD2}');
}
