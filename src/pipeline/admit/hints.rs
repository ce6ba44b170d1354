//! What a caller says about a call beside the call: `x-tollward-tags`, `x-tollward-session` and
//! `x-tollward-timeout`.

use std::time::Duration;

use http::HeaderMap;

use crate::http::ingress::IngressError;

/// Tags that are kept of one call.
const MAX_TAGS: usize = 32;
/// Longest tag, and longest name of a session, in bytes.
const MAX_BYTES: usize = 128;
/// The header of tags, and the one under which other gateways' callers send them.
const TAGS: [&str; 2] = ["x-tollward-tags", "x-litellm-tags"];
/// The header that says which conversation a call belongs to.
const SESSION: &str = "x-tollward-session";

/// The header that says how many seconds the caller waits.
const TIMEOUT: &str = "x-tollward-timeout";

/// What a caller says about a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Words that conditions ask for.
    pub tags: Vec<Box<str>>,
    /// Which conversation it belongs to; empty if it does not say.
    pub session: Box<str>,
    /// How long the caller waits for the whole answer.
    pub timeout: Option<Duration>,
}

impl Hints {
    /// Reads the headers; a tag or session that is too long or no text is left out.
    ///
    /// # Errors
    /// [`IngressError::Timeout`]: a time that is none, for who gave it relies on it.
    pub fn read(headers: &HeaderMap) -> Result<Self, IngressError> {
        let values = TAGS.iter().flat_map(|name| headers.get_all(*name));
        let words = values.filter_map(|it| it.to_str().ok());
        let session = headers.get(SESSION).and_then(|it| it.to_str().ok());
        let timeout = headers.get(TIMEOUT).map(|it| {
            let seconds = it.to_str().ok().and_then(seconds);
            seconds.ok_or(IngressError::Timeout)
        });
        Ok(Self {
            timeout: timeout.transpose()?,
            ..Self::of(words, session.unwrap_or_default())
        })
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
            timeout: None,
        }
    }
}

/// A time in seconds, between a millisecond and a day.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    let is_sane = (0.001..=86_400.0).contains(&seconds);
    is_sane.then(|| Duration::from_secs_f64(seconds))
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
        let hints = Hints::read(&headers).unwrap();
        let tags: Vec<&str> = hints.tags.iter().map(|it| &**it).collect();
        assert_eq!(tags, ["batch", "eu", "legacy"]);
        assert_eq!(&*hints.session, "s-1");
        assert_eq!(Hints::read(&HeaderMap::new()).unwrap(), Hints::default());
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds_or_refused() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, text.parse().unwrap());
            Hints::read(&headers).map(|it| it.timeout)
        };
        for (text, millis) in [("30", 30_000), ("2.5", 2_500), ("0.001", 1)] {
            assert_eq!(read(text).unwrap(), Some(Duration::from_millis(millis)));
        }
        for text in ["0", "-1", "NaN", "inf", "30s", "1e9", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
