//! Tokens when the provider told none.
//!
//! A stream that was cut has been paid for, so its ledger row must not say
//! zero. We count bytes, three to a token and rounded up: for English that is
//! above what byte-pair tokenizers make, for Korean or Chinese about right.
//! Rows made from an estimate carry the flag `estimated`.

use memchr::memmem;

/// Bytes taken for one token.
const BYTES_PER_TOKEN: u64 = 3;

/// Tokens that `bytes` of text are taken for.
pub fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Input tokens of a request body, inline base64 data left out.
///
/// An image of a megabyte costs a vendor about a thousand tokens, not the
/// 350,000 that its base64 text would suggest; what it costs exactly is known
/// to the vendor alone. Prose that says `base64,` stays text: the data ends at
/// the first blank, and what is not ASCII is none (faults S-26).
pub fn input_tokens(body: &[u8]) -> u64 {
    let mut text = 0;
    let mut rest = body;
    while let Some(start) = memmem::find(rest, b"base64,") {
        let (before, data) = rest.split_at(start);
        text += before.len();
        let end = memchr::memchr2(b'"', b' ', data).unwrap_or(data.len());
        let (data, after) = data.split_at(end);
        text += if data.is_ascii() { 0 } else { data.len() };
        rest = after;
    }
    tokens((text + rest.len()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_counts_three_bytes_to_a_token_rounded_up() {
        assert_eq!(input_tokens(b"1234567"), 3);
        assert_eq!(tokens(0), 0);
        assert_eq!(tokens(1), 1);
    }

    // S-26
    #[test]
    fn prose_is_not_free_because_it_names_base64() {
        let english = format!(r#""base64, {}""#, "word ".repeat(1_000));
        let chinese = format!(r#""base64,{}""#, "\u{6587}".repeat(1_000));
        assert!(input_tokens(english.as_bytes()) > 1_600);
        assert!(input_tokens(chinese.as_bytes()) >= 1_000);
    }

    #[test]
    fn inline_images_do_not_count_as_text() {
        let image = "A".repeat(1_000_000);
        let body = format!(r#"{{"url":"data:image/png;base64,{image}","text":"hello"}}"#);
        assert!(
            input_tokens(body.as_bytes()) < 30,
            "{}",
            input_tokens(body.as_bytes())
        );
    }
}
