//! Suggestions and the printed form.

use super::*;

#[test]
fn a_suggestion_is_a_likely_misspelling_and_nothing_else() {
    let known = ["listen", "admin_listen", "max_body_bytes", "auth", "drain"];
    for (written, expected) in [
        ("listn", Some("listen")),
        ("LISTEN", Some("listen")),
        ("lisetn", Some("listen")),
        ("max_body", Some("max_body_bytes")),
        ("aut", Some("auth")),
        ("port", None),
        ("x", None),
        ("", None),
        ("listen", None),
    ] {
        assert_eq!(closest(written, known), expected, "{written}");
    }
}

#[test]
fn names_from_files_are_quoted_short_and_printable() {
    assert_eq!(quote("a\u{1b}[0m\nb"), "`a\u{fffd}[0m\u{fffd}b`");
    assert_eq!(quote(&"x".repeat(300)).chars().count(), 83);
}

#[test]
fn what_has_no_place_is_printed_without_one() {
    let report = Report(vec![
        Diagnostic::error("server.listen", "no").with_candidates("lisen", ["listen"]),
        Diagnostic::error("", "odd")
            .as_warning()
            .with_help("do this"),
    ]);
    let expected = "error: no\n  = did you mean `listen`?\n\nwarning: odd\n  = help: do this\n";
    assert_eq!(report.to_string(), expected);
    assert_eq!(report.error_count(), 1);
}
