//! Tokens when the provider told none.
//!
//! A stream that was cut has been paid for, so its ledger row must not say
//! zero. We count bytes, three to a token and rounded up: for English that is
//! above what byte-pair tokenizers make, for Korean or Chinese about right.
//! Rows made from an estimate carry the flag `estimated`.

use memchr::memmem;

/// Bytes taken for one token.
const BYTES_PER_TOKEN: u64 = 3;

/// Strings shorter than this are counted without a look, in bytes.
const LEAST_LOOK: usize = 64;
/// A string of base64 without a mark before it is taken for data from this length on, in bytes.
const LEAST_DATA: usize = 1_024;

/// Tokens that `bytes` of text are taken for.
pub fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Input tokens of a request body, base64 data left out.
///
/// An image of a megabyte costs a vendor about a thousand tokens, not the
/// 350,000 that its base64 text would suggest; what it costs exactly is known
/// to the vendor alone. It is known by `base64,` before it, or by being a long
/// string of nothing else. Prose that says `base64,` stays text: what has a
/// blank or is not ASCII is no data (faults S-26).
pub fn input_tokens(body: &[u8]) -> u64 {
    let mut text = 0;
    let mut rest = body;
    loop {
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let (string, after) = rest.split_at(end);
        text += string.len() - data_bytes(string);
        match after.split_first() {
            Some((_, after)) => (text, rest) = (text + 1, after),
            None => return tokens(text as u64),
        }
    }
}

/// How many bytes of a string are base64 data.
fn data_bytes(string: &[u8]) -> usize {
    const MARK: &[u8] = b"base64,";
    // Most strings are short, and what they could hide is little.
    if string.len() < LEAST_LOOK {
        return 0;
    }
    let marked = memmem::find(string, MARK).map(|at| at + MARK.len());
    let data = string.get(marked.unwrap_or(0)..).unwrap_or_default();
    let is_long_enough = marked.is_some() || data.len() >= LEAST_DATA;
    let is_data = |it: &u8| it.is_ascii_alphanumeric() || b"+/=_-\\".contains(it);
    if is_long_enough && data.iter().all(is_data) {
        data.len()
    } else {
        0
    }
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
    fn images_without_a_mark_do_not_count_as_text_either() {
        let image = "A+/9".repeat(250_000);
        let claude = format!(r#"{{"type":"base64","media_type":"image/png","data":"{image}"}}"#);
        assert!(input_tokens(claude.as_bytes()) < 30);
        let words = format!(r#"{{"text":"{}"}}"#, "word ".repeat(1_000));
        assert!(input_tokens(words.as_bytes()) > 1_600);
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
