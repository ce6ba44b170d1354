//! What a caller says about a call beside the call: `x-tollward-tags` and `x-tollward-session`.

use http::HeaderMap;

/// Tags that are kept of one call.
const MAX_TAGS: usize = 32;
/// Longest tag, and longest name of a session, in bytes.
const MAX_BYTES: usize = 128;
/// The header of tags, and the one under which other gateways' callers send them.
const TAGS: [&str; 2] = ["x-tollward-tags", "x-litellm-tags"];
/// The header that says which conversation a call belongs to.
const SESSION: &str = "x-tollward-session";

/// What a caller says about a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Words that conditions ask for.
    pub tags: Vec<Box<str>>,
    /// Which conversation it belongs to; empty if it does not say.
    pub session: Box<str>,
}

impl Hints {
    /// Reads the headers; what is too long or no text is left out.
    pub fn read(headers: &HeaderMap) -> Self {
        let values = TAGS.iter().flat_map(|name| headers.get_all(*name));
        let words = values.filter_map(|it| it.to_str().ok());
        let session = headers.get(SESSION).and_then(|it| it.to_str().ok());
        Self::of(words, session.unwrap_or_default())
    }

    /// What `words`, with several tags set apart by commas, and the name of a session say.
    pub fn of<'a>(words: impl Iterator<Item = &'a str>, session: &str) -> Self {
        let tags = words.flat_map(|it| it.split(',')).map(str::trim);
        let is_usable = |it: &&str| (1..=MAX_BYTES).contains(&it.len());
        Self {
            tags: tags
                .filter(is_usable)
                .take(MAX_TAGS)
                .map(Box::from)
                .collect(),
            session: Some(session).filter(is_usable).unwrap_or_default().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn tags_come_from_every_header_of_theirs_and_what_is_no_tag_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.append("x-tollward-tags", "batch, eu,,".parse().unwrap());
        headers.append("x-tollward-tags", "x".repeat(200).parse().unwrap());
        headers.append("x-litellm-tags", "legacy".parse().unwrap());
        headers.append("x-tollward-session", "s-1".parse().unwrap());
        let hints = Hints::read(&headers);
        let tags: Vec<&str> = hints.tags.iter().map(|it| &**it).collect();
        assert_eq!(tags, ["batch", "eu", "legacy"]);
        assert_eq!(&*hints.session, "s-1");
        assert_eq!(Hints::read(&HeaderMap::new()), Hints::default());
    }
}
