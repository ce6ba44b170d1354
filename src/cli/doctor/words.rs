//! A vendor's own words, fit to be shown to the operator.
//!
//! A refusal may repeat the key that it is about, or the ends of it. Whatever looks like a part of
//! a secret that was sent is replaced before anybody sees it.

/// A part of a secret this long is no coincidence, in bytes.
const TELLING: usize = 5;
/// Longest text that is shown, in characters.
const LONGEST: usize = 240;
/// What stands for a secret.
const MASK: &str = "***";

/// `text` on one line, without anything of `secrets`.
pub(super) fn shown(text: &str, secrets: &[String]) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| masked(word, secrets))
        .collect();
    let text = words.join(" ");
    let text = text.trim_end_matches('.');
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// A word without its punctuation is masked as a whole: vendors write `sk-a***wxyz`.
fn masked(word: &str, secrets: &[String]) -> String {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "-_*./+=~".contains(it);
    let mut shown = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(begin) = rest.find(is_part) {
        let (before, from) = rest.split_at(begin);
        let end = from.find(|it| !is_part(it)).unwrap_or(from.len());
        let (part, after) = from.split_at(end);
        shown.push_str(before);
        shown.push_str(if tells(part, secrets) { MASK } else { part });
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// Whether a word has a part of a secret in it.
fn tells(word: &str, secrets: &[String]) -> bool {
    secrets.iter().any(|secret| {
        // The ends of a key, where the vendor hides the rest itself.
        let is_hidden = word.contains("**") || word.contains("...");
        let least = if is_hidden { 3 } else { TELLING };
        let least = least.min(secret.len().max(1));
        let parts = secret.as_bytes().windows(least);
        let word = word.as_bytes();
        parts
            .into_iter()
            .any(|part| word.windows(least).any(|it| it == part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_secret_is_shown() {
        let secrets = ["sk-proj-0123456789abcdef".to_owned(), "tiny".to_owned()];
        for (text, expected) in [
            (
                "Incorrect API key provided: sk-proj-0123456789abcdef. See https://h/keys.",
                "Incorrect API key provided: *** See https://h/keys",
            ),
            (
                "Incorrect API key provided: sk-p**********cdef.",
                "Incorrect API key provided: ***",
            ),
            ("key \"...def\" is bad", "key \"***\" is bad"),
            ("key=tiny,", "***,"),
            ("no\nkey\u{20}at  all", "no key at all"),
            ("{\"key\":\"56789\"}", "{\"key\":\"***\"}"),
            (
                "not authorized: bedrock:ListFoundationModels",
                "not authorized: bedrock:ListFoundationModels",
            ),
        ] {
            assert_eq!(shown(text, &secrets), expected, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let text = shown(&"ä".repeat(300), &[]);
        assert_eq!(text.chars().count(), LONGEST + 1);
        assert!(text.ends_with('…'));
    }
}
