//! Bytes as Google's JSON has them: base64 in either alphabet, padded or not (the JSON mapping of
//! proto3; google-genai for Python writes the URL-safe one). Other vendors take the standard one only.

use std::borrow::Cow;

use ::base64::alphabet;
use ::base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The same bytes in the standard alphabet, padded. What is in it already is not copied.
pub(super) fn standard(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_standard =
        text.len().is_multiple_of(4) && !text.bytes().any(|it| matches!(it, b'-' | b'_'));
    if is_standard {
        return text;
    }
    let mut standard = text.replace('-', "+").replace('_', "/");
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    Cow::Owned(standard)
}

/// The bytes; `None` if the text is no base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    ANY_PADDING.decode(&*standard(Cow::Borrowed(text))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_alphabet_is_read_and_put_into_the_standard_one() {
        let bytes = [0xfb, 0xef, 0xff, 0x01];
        for text in ["++//AQ==", "--__AQ==", "--__AQ"] {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_slice()), "{text}");
            assert_eq!(standard(text.into()), "++//AQ==", "{text}");
        }
        assert!(matches!(standard("++//".into()), Cow::Borrowed(_)));
        assert_eq!(decode("not base64!"), None);
    }
}
