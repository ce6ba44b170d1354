//! Places and excerpts, and what an excerpt must not show.

use super::*;

fn excerpt(line: &str, needle: &str) -> Excerpt {
    let text = format!("first\n{line}\nlast\n");
    let start = text.find(needle).unwrap_or_default();
    let file = SourceFile::new(String::from("f"), text);
    file.excerpt(Span::new(start, start + needle.len()))
}

#[test]
fn columns_count_characters_and_carets_count_cells() {
    let file = SourceFile::new(String::from("f"), String::from("a\n가나: x\n"));
    let at = file.location("a\n가나: ".len());
    assert_eq!((at.line, at.column), (2, 5));
    let found = excerpt("가나: x", "x");
    assert_eq!((found.indent, found.width), (6, 1));
    assert_eq!(excerpt("k: 가나", "가나").width, 4);
}

#[test]
fn offsets_anywhere_have_a_place() {
    let file = SourceFile::new(String::from("f"), String::from("é\n"));
    for (offset, expected) in [
        (0, (1, 1)),
        (1, (1, 1)),
        (2, (1, 2)),
        (3, (2, 1)),
        (99, (2, 1)),
    ] {
        let at = file.location(offset);
        assert_eq!((at.line, at.column), expected, "{offset}");
        assert!(file.excerpt(Span::new(offset, 99)).width >= 1);
    }
}

#[test]
fn a_span_over_lines_underlines_the_first() {
    let file = SourceFile::new(String::from("f"), String::from("ab: [\n  1]\n"));
    let found = file.excerpt(Span::new(4, 10));
    assert_eq!(
        (found.text.as_str(), found.indent, found.width),
        ("ab: [", 4, 1)
    );
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let found = excerpt("a: \u{1b}[31mred\tb", "red");
    assert!(
        found.text.chars().all(|c| !c.is_control()),
        "{:?}",
        found.text
    );
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let line = format!("{}here{}", "x".repeat(500), "y".repeat(500));
    let found = excerpt(&line, "here");
    assert!(found.text.chars().count() <= 121, "{}", found.text);
    let marked: String = found
        .text
        .chars()
        .skip(found.indent)
        .take(found.width)
        .collect();
    assert_eq!(marked, "here");
}

#[test]
fn credentials_are_masked_in_every_syntax() {
    // D-25
    for line in [
        "    api_key: sk-canary-1",
        "    api_key: \"sk-canary-1\"  # the key",
        "api_key = 'sk-canary-1'",
        "{\"api_key\": \"sk-canary-1\", \"kind\": \"x\"}",
        "{\"a\": 1, \"client_secret\":\"sk-canary-1\"}",
        "  authorization: Bearer sk-canary-1",
        "headers = { Authorization = \"Bearer sk-canary-1\" }",
        "  base_url: https://user:canary@host/v1",
        "  api_key: sk-canary-1, canary",
        "  api-key: sk-\"canary\"-1",
    ] {
        let shown = excerpt(line, line).text;
        assert!(!shown.contains("canary"), "{line} → {shown}");
    }
    for text in [
        "credentials:\n  - sk-canary=\n",
        "credentials:\n  - ${OPENAI_API_KEY}\n  - sk-canary\n",
        "\"credentials\": [\n  \"${A}\", \"sk-canary\"\n]",
        "credentials = [\n  'sk:canary',\n]",
        "api_key:\n  sk-canary\n",
    ] {
        let shown = excerpt(text, "canary").text;
        assert!(shown.contains("******"), "{text} → {shown}");
    }
    let list = "credentials:\n  - \"${OPENAI_API_KEY}\"\n";
    assert_eq!(excerpt(list, "${").text, "  - \"${OPENAI_API_KEY}\"");
    let shown = excerpt("api_key: ${OPENAI_API_KEY}", "api").text;
    assert_eq!(shown, "api_key: ${OPENAI_API_KEY}");
    assert_eq!(
        excerpt("context_tokens: 2048", "2048").text,
        "context_tokens: 2048"
    );
}
