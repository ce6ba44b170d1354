//! Whether what is in a request beside words is here, and what it is.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::walk::unescape;

/// Characters of base64 that tell what something is: 24 bytes.
const HEAD: usize = 32;

/// What a string stands for where a medium is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A picture, all of it. A vendor counts pictures by their size in dots.
    Picture,
    /// A text, all of it: a token of it has at least a byte.
    Text,
    /// Something that has more tokens than bytes, or is somewhere else.
    Open,
    /// Nothing.
    Nothing,
}

/// Where a medium stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Where only a picture can be.
    Picture,
    /// Where anything can be.
    Any,
}

impl Medium {
    /// Of a JSON string that is an address, a data URL or base64.
    pub(super) fn of_address(raw: &[u8], holder: Holder) -> Self {
        let text = text(raw);
        let text = text.trim_ascii();
        let scheme = memchr::memchr(b':', text.get(..text.len().min(HEAD)).unwrap_or_default());
        let Some((scheme, rest)) = scheme.and_then(|at| text.split_at_checked(at)) else {
            return Self::of_bytes(text, None, holder);
        };
        if !scheme.eq_ignore_ascii_case(b"data") {
            return Self::Open;
        }
        let Some(comma) = memchr::memchr(b',', rest) else {
            return Self::Open;
        };
        let declared = rest.get(1..comma).unwrap_or_default();
        let payload = rest.get(comma + 1..).unwrap_or_default();
        Self::of_bytes(payload, Some(declared), holder)
    }

    /// Of a JSON string that is base64 or words, said to be of that media type.
    pub(super) fn of_data(raw: &[u8], declared: Option<&[u8]>, holder: Holder) -> Self {
        let declared = declared.map(text);
        Self::of_bytes(text(raw).trim_ascii(), declared.as_deref(), holder)
    }

    fn of_bytes(payload: &[u8], declared: Option<&[u8]>, holder: Holder) -> Self {
        if payload.is_empty() {
            return Self::Nothing;
        }
        let is = |kind: &[u8]| {
            let head = declared.and_then(|it| it.trim_ascii_start().get(..kind.len()));
            head.is_some_and(|it| it.eq_ignore_ascii_case(kind))
        };
        let may_be_picture = is(b"image/") || (declared.is_none() && holder == Holder::Picture);
        if may_be_picture && is_picture(payload) {
            return Self::Picture;
        }
        // Who reads files looks at their first bytes, whatever they are said to be.
        let is_file = payload.starts_with(b"JVBERi");
        if !is_file && (is(b"text/") || is(b"application/json")) {
            return Self::Text;
        }
        Self::Open
    }
}

/// Whether base64 begins as a picture of a kind that has one frame, or of which one counts.
fn is_picture(payload: &[u8]) -> bool {
    let head = payload.get(..payload.len().min(HEAD)).unwrap_or_default();
    let head = head.split(|it| *it == b'=').next().unwrap_or_default();
    let whole = head.get(..head.len() / 4 * 4).unwrap_or_default();
    let Ok(bytes) = STANDARD_NO_PAD.decode(whole) else {
        return false;
    };
    bytes.starts_with(b"\xff\xd8\xff")
        || bytes.starts_with(b"\x89PNG")
        || bytes.starts_with(b"GIF8")
        || (bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"))
}

/// What a JSON string says.
pub(super) fn text(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', raw).is_some() {
        return unescape(raw).map_or(Cow::Borrowed(raw), |it| Cow::Owned(it.into_bytes()));
    }
    let inner = raw
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    Cow::Borrowed(inner.unwrap_or(raw))
}
