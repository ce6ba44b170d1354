//! References one by one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;
use crate::origins::Place;

const ENV: [(&str, &str); 4] = [
    ("NAME", "value"),
    ("EMPTY", ""),
    ("BRACES", "${NAME}"),
    ("OPENAI_API_KEY", "sk-1"),
];

/// The text after interpolation, or what went wrong, and the warnings.
fn run(text: &str, folder: &Path) -> (Result<Scalar, String>, usize) {
    let env = ENV.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let origins = Origins::default();
    let mut root = Node {
        value: Value::Scalar(Scalar::new(ScalarKind::Text, text)),
        place: Place::Override,
    };
    let config = folder.join("tollward.yaml");
    let mut found = Interpolator::new(&env, Some(&config), &origins).run(&mut root);
    let warnings = found.len();
    found.retain(|found| found.severity == crate::report::Severity::Error);
    let Value::Scalar(scalar) = root.value else {
        panic!("no scalar")
    };
    match found.into_iter().next() {
        Some(error) => (Err(error.message), warnings),
        None => (Ok(scalar), warnings),
    }
}

fn text_of(text: &str) -> Result<String, String> {
    run(text, Path::new("")).0.map(|scalar| scalar.text)
}

#[test]
fn variables_and_defaults_are_replaced() {
    for (text, expected) in [
        ("plain", "plain"),
        ("${NAME}", "value"),
        ("a ${NAME} b ${NAME}", "a value b value"),
        ("${MISSING:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${MISSING:-}", ""),
        ("$NAME", "$NAME"),
        ("$${NAME}", "${NAME}"),
        ("100$", "100$"),
        // What a variable holds is text, not another reference.
        ("${BRACES}", "${NAME}"),
    ] {
        assert_eq!(text_of(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_has_no_value_is_an_error() {
    for (text, expected) in [
        (
            "${MISSING}",
            "the variable MISSING is not set (from the command line)",
        ),
        (
            "${EMPTY}",
            "the variable EMPTY is empty (from the command line)",
        ),
        (
            "${NAME",
            "this `${` has no closing brace (from the command line)",
        ),
        (
            "${}",
            "`` is not the name of a variable (from the command line)",
        ),
        (
            "${a b}",
            "`a b` is not the name of a variable (from the command line)",
        ),
        (
            "${file:no/such}",
            "the file `no/such` does not exist (from the command line)",
        ),
    ] {
        assert_eq!(text_of(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn files_are_read_beside_the_configuration_without_their_last_line_end() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "secret text\r\n").unwrap();
    std::fs::write(folder.path().join("blank"), "\n").unwrap();
    std::fs::write(folder.path().join("large"), vec![b'x'; 70_000]).unwrap();
    std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    let scalar = run("${file:key}", folder.path()).0.unwrap();
    assert_eq!(scalar.text, "secret text");
    assert!(scalar.is_secret && scalar.is_loose);
    let absolute = format!("${{file:{}}}", folder.path().join("key").display());
    assert_eq!(
        run(&absolute, Path::new("/")).0.unwrap().text,
        "secret text"
    );
    for (name, reason) in [
        ("blank", "is empty"),
        ("large", "larger"),
        ("binary", "cannot be read"),
        (".", "not a regular file"),
    ] {
        let message = run(&format!("${{file:{name}}}"), folder.path())
            .0
            .map(|_| ())
            .unwrap_err();
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn the_spelling_of_litellm_works_with_a_warning() {
    let (scalar, warnings) = run("os.environ/OPENAI_API_KEY", Path::new(""));
    let scalar = scalar.unwrap();
    assert_eq!((scalar.text.as_str(), warnings), ("sk-1", 1));
    assert!(scalar.is_secret);
    assert!(run("os.environ/MISSING", Path::new("")).0.is_err());
}
