//! Beginnings, whole and cut at any byte.

use super::*;

#[test]
fn an_answer_is_told_by_its_first_bytes() {
    for (text, opening) in [
        ("data: {}\n\n", Opening::Events),
        ("data:[DONE]", Opening::Events),
        ("event: error\n", Opening::Events),
        ("id: 1\n", Opening::Events),
        ("retry: 5\n", Opening::Events),
        (": OPENROUTER PROCESSING\n\n", Opening::Events),
        ("\r\n\n data: {}\n", Opening::Events),
        ("\u{feff}data: {}\n", Opening::Events),
        ("{\"error\":{}}", Opening::Object),
        (" \n{", Opening::Object),
        ("\u{feff}{", Opening::Object),
        ("<!doctype html>", Opening::Other),
        ("[]", Opening::Other),
        ("error: no", Opening::Other),
        ("database is down", Opening::Other),
        ("\u{e9}", Opening::Other),
    ] {
        assert_eq!(Opening::of(text.as_bytes()), Some(opening), "{text:?}");
        let bytes = text.as_bytes();
        for cut in 0..bytes.len() {
            let early = Opening::of(bytes.get(..cut).unwrap_or_default());
            assert!(early.is_none_or(|it| it == opening), "{text:?} up to {cut}");
        }
    }
    for few in ["", " \r\n", "d", "data", "eve", "i", "retry"] {
        assert_eq!(Opening::of(few.as_bytes()), None, "{few:?}");
    }
}
