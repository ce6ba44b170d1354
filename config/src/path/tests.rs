//! Joining and splitting agree.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn plain_keys_are_joined_with_dots_and_others_are_quoted() {
    assert_eq!(join("", "server"), "server");
    assert_eq!(join("models", "openai/gpt-5"), "models.openai/gpt-5");
    assert_eq!(join("models", "gpt-5.6"), "models.\"gpt-5.6\"");
    assert_eq!(join("a", ""), "a.\"\"");
    assert_eq!(item("a.b", 3), "a.b[3]");
}

#[test]
fn the_last_step_is_found_and_unquoted_again() {
    for key in [
        "plain", "gpt-5.6", "a\"b", "a\\b", "", "[0]", "한글", "a\\\".",
    ] {
        let path = join("models.x", key);
        assert_eq!(last(&path), key);
        assert_eq!(parent(&path).unwrap(), "models.x");
    }
    assert_eq!(parent("models.x[12]"), Some("models.x"));
    assert_eq!(parent("models"), Some(""));
    assert_eq!(parent(""), None);
}
