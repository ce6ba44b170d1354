//! What an answer is, told by its first bytes.
//!
//! For answers whose content type is not the one that was asked for: some vendors send
//! an event stream and call it JSON (`OpenAI`, in a recording of 2023-10-23). A label that fits
//! is believed without a look.

#[cfg(test)]
mod tests;

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Fields by which a stream may begin, besides a comment (WHATWG HTML, section 9.2.6).
const FIELDS: [&[u8]; 4] = [b"data:", b"event:", b"id:", b"retry:"];

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Server-sent events.
    Events,
    /// A JSON object.
    Object,
    /// Anything else, such as a page for people.
    Other,
}

impl Opening {
    /// Judges an answer that begins with `bytes`; `None` if they are too few to tell.
    pub fn of(bytes: &[u8]) -> Option<Opening> {
        if bytes.len() < BOM.len() && BOM.starts_with(bytes) {
            return None;
        }
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
        match text.first()? {
            b'{' => Some(Self::Object),
            b':' => Some(Self::Events),
            _ if FIELDS.iter().any(|field| text.starts_with(field)) => Some(Self::Events),
            _ if FIELDS.iter().any(|field| field.starts_with(text)) => None,
            _ => Some(Self::Other),
        }
    }
}
