//! The text of a string as it is written.
//!
//! Models cut a character in two and vendors pass the halves on, as half an escape or as
//! broken bytes. Of such a string everything else is kept.

use std::borrow::Cow;

use crate::walk::unescape;

/// The text between the quotes of a string; what is no character becomes U+FFFD.
pub(super) fn text(inner: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner).is_none() {
        return String::from_utf8_lossy(inner);
    }
    let quoted = [b"\"", inner, b"\""].concat();
    Cow::Owned(unescape(&quoted).unwrap_or_else(|| unescape_lossy(inner)))
}

fn unescape_lossy(inner: &[u8]) -> String {
    let escaped = String::from_utf8_lossy(inner);
    let mut text = String::with_capacity(escaped.len());
    let mut rest = &*escaped;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut chars = after.chars();
        let (character, left) = match chars.next() {
            Some('u') => unit(chars.as_str()),
            Some('b') => ('\u{8}', chars.as_str()),
            Some('f') => ('\u{c}', chars.as_str()),
            Some('n') => ('\n', chars.as_str()),
            Some('r') => ('\r', chars.as_str()),
            Some('t') => ('\t', chars.as_str()),
            Some(plain) => (plain, chars.as_str()),
            None => break,
        };
        text.push(character);
        rest = left;
    }
    text.push_str(rest);
    text
}

/// The character of an escape in UTF-16, of its pair if it is one, and what follows.
fn unit(after: &str) -> (char, &str) {
    let Some((first, rest)) = digits(after) else {
        return (char::REPLACEMENT_CHARACTER, after);
    };
    if let 0xd800..0xdc00 = first
        && let Some((second @ 0xdc00..0xe000, rest)) = rest.strip_prefix("\\u").and_then(digits)
    {
        let pair = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (character(pair), rest);
    }
    (character(first), rest)
}

fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    // faults U-41, U-42
    #[test]
    fn half_a_character_costs_itself_and_nothing_else() {
        for (written, expected) in [
            (&br"a\ud83d"[..], "a\u{fffd}"),
            (br"\ude00b", "\u{fffd}b"),
            (br"\ud83d\ud83d\ude00\n", "\u{fffd}\u{1f600}\n"),
            (br"\ud83d\u0041\t\\", "\u{fffd}A\t\\"),
            (b"caf\xc3", "caf\u{fffd}"),
            (b"\\\"\xff\\\"", "\"\u{fffd}\""),
            (br"\ud83d\ude00", "\u{1f600}"),
        ] {
            assert_eq!(text(written), expected, "{}", written.escape_ascii());
        }
    }

    #[test]
    fn a_string_of_characters_is_not_copied() {
        assert!(matches!(text("é".as_bytes()), Cow::Borrowed("é")));
    }
}
