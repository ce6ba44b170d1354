//! What a caller says about a call beside the call: `x-tollward-tags`, `x-tollward-session`,
//! `x-tollward-timeout`, `x-tollward-priority`, `x-tollward-cache` and `Idempotency-Key`.
//!
//! What cannot be read is refused and never left out: a guard may ask for the tag that is missing.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::http::ingress::IngressError;
use crate::policy::share::Priority;

/// Most tags of one call.
const MAX_TAGS: usize = 32;
/// Longest tag, and longest name of a session, in bytes.
const MAX_BYTES: usize = 128;
/// The header of tags, and the one under which other gateways' callers send them.
const TAGS: [&str; 2] = ["x-tollward-tags", "x-litellm-tags"];
/// The header that says which conversation a call belongs to.
const SESSION: &str = "x-tollward-session";
/// The header that says how many seconds the caller waits.
const TIMEOUT: &str = "x-tollward-timeout";

/// The header that says whether the call can wait.
const PRIORITY: &str = "x-tollward-priority";
/// The header that says how little of the cache the caller wants.
const CACHE: &str = "x-tollward-cache";
/// The header that names a call, so that it is made once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest name of a call, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// Whether a call can wait, as its caller says.
///
/// # Errors
/// [`IngressError::Header`]: it is none of the classes.
pub fn priority(headers: &HeaderMap) -> Result<Priority, IngressError> {
    match headers.get(PRIORITY).map(HeaderValue::as_bytes) {
        None | Some(b"interactive") => Ok(Priority::Interactive),
        Some(b"batch") => Ok(Priority::Batch),
        Some(_) => Err(IngressError::Header {
            name: PRIORITY,
            expected: "`batch` or `interactive`",
        }),
    }
}

/// What a caller says about a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Words that conditions ask for.
    pub tags: Vec<Box<str>>,
    /// Which conversation it belongs to; empty if it does not say.
    pub session: Box<str>,
    /// How long the caller waits for the whole answer.
    pub timeout: Option<Duration>,
    /// The name under which the call is made once, however often it is sent.
    pub idempotency_key: Option<Box<str>>,
    /// How little of the cache the caller wants.
    pub cache: CacheHint,
}

/// How little of the cache a caller wants, where the model has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheHint {
    /// Nothing is looked up and nothing kept.
    pub is_no_store: bool,
    /// Nothing is looked up; the answer is kept.
    pub is_no_cache: bool,
    /// No older answer will do, and this one need not be kept for longer.
    pub ttl: Option<Duration>,
}

impl Hints {
    /// Reads the headers.
    ///
    /// # Errors
    /// [`IngressError::Header`]: one is too long, has too many tags or is no plain text.
    pub fn read(headers: &HeaderMap) -> Result<Self, IngressError> {
        let values = |name| headers.get_all(name).into_iter().map(move |it| (name, it));
        let words = TAGS.into_iter().flat_map(values);
        let session = headers.get(SESSION).map_or(&b""[..], HeaderValue::as_bytes);
        let timeout = headers.get(TIMEOUT).map(|it| {
            let seconds = it.to_str().ok().and_then(seconds);
            seconds.ok_or(IngressError::Header {
                name: TIMEOUT,
                expected: "a number of seconds from 0.001 to 86400, such as 30 or 2.5",
            })
        });
        Ok(Self {
            timeout: timeout.transpose()?,
            idempotency_key: idempotency_key(headers)?,
            cache: cache_hint(headers)?,
            ..Self::of(words.map(|(name, it)| (name, it.as_bytes())), session)?
        })
    }

    /// The same of a call that is not made.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn told(tags: &[String], session: &str) -> Result<Self, IngressError> {
        let [name, _] = TAGS;
        let words = tags.iter().map(|it| (name, it.as_bytes()));
        Self::of(words, session.as_bytes())
    }

    /// What values with several tags, set apart by commas, and the name of a session say.
    fn of<'a>(
        values: impl Iterator<Item = (&'static str, &'a [u8])>,
        session: &[u8],
    ) -> Result<Self, IngressError> {
        let mut tags: Vec<Box<str>> = Vec::new();
        for (name, value) in values {
            let refused = || IngressError::Header {
                name,
                expected: "up to 32 tags, set apart by commas, each of up to 128 characters of ASCII",
            };
            let words = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            for word in words.filter(|it| !it.is_empty()) {
                tags.push(plain(word).ok_or_else(refused)?.into());
            }
            if tags.len() > MAX_TAGS {
                return Err(refused());
            }
        }
        let session = plain(session).ok_or(IngressError::Header {
            name: SESSION,
            expected: "up to 128 characters of ASCII",
        })?;
        Ok(Self {
            tags,
            session: session.into(),
            timeout: None,
            idempotency_key: None,
            cache: CacheHint::default(),
        })
    }
}

/// The key of `Idempotency-Key`, taken as it is: with quotes around it, it is another one.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<Box<str>>, IngressError> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).into_iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let is_plain = |it: &u8| *it == b' ' || it.is_ascii_graphic();
    let bytes = key.as_bytes();
    let is_sane = (1..=MAX_KEY_BYTES).contains(&bytes.len())
        && bytes.iter().all(is_plain)
        && keys.all(|it| it == key);
    let key = str::from_utf8(bytes).ok().filter(|_| is_sane);
    key.map(|it| Some(it.into())).ok_or(IngressError::Header {
        name: IDEMPOTENCY_KEY,
        expected: "one key of 1 to 255 characters of ASCII, such as a UUID",
    })
}

/// The words of `x-tollward-cache`, set apart by commas.
fn cache_hint(headers: &HeaderMap) -> Result<CacheHint, IngressError> {
    let mut hint = CacheHint::default();
    for value in headers.get_all(CACHE) {
        let refused = || IngressError::Header {
            name: CACHE,
            expected: "`no-store`, `no-cache` or `ttl=` and whole seconds",
        };
        let words = value.to_str().map_err(|_| refused())?.split(',');
        for word in words.map(str::trim) {
            match word.split_once('=') {
                None if word == "no-store" => hint.is_no_store = true,
                None if word == "no-cache" => hint.is_no_cache = true,
                Some(("ttl", seconds)) => {
                    let seconds = seconds.parse().map_err(|_| refused())?;
                    hint.ttl = Some(Duration::from_secs(seconds));
                }
                _ => return Err(refused()),
            }
        }
    }
    Ok(hint)
}

/// A time in seconds, between a millisecond and a day.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    let is_sane = (0.001..=86_400.0).contains(&seconds);
    is_sane.then(|| Duration::from_secs_f64(seconds))
}

/// A text of ASCII that is short enough.
fn plain(bytes: &[u8]) -> Option<&str> {
    let is_plain = |it: &u8| *it == b' ' || it.is_ascii_graphic();
    let bytes = Some(bytes).filter(|it| it.len() <= MAX_BYTES && it.iter().all(is_plain))?;
    str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(name: &'static str, value: &[u8]) -> Option<Hints> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        Hints::read(&headers).ok()
    }

    #[test]
    fn tags_come_from_every_header_of_theirs() {
        let mut headers = HeaderMap::new();
        headers.append("x-tollward-tags", "batch, eu,,".parse().unwrap());
        headers.append("x-tollward-tags", "two words".parse().unwrap());
        headers.append("x-litellm-tags", "legacy".parse().unwrap());
        headers.append("x-tollward-session", "s-1".parse().unwrap());
        let hints = Hints::read(&headers).unwrap();
        let tags: Vec<&str> = hints.tags.iter().map(|it| &**it).collect();
        assert_eq!(tags, ["batch", "eu", "two words", "legacy"]);
        assert_eq!(&*hints.session, "s-1");
        assert_eq!(Hints::read(&HeaderMap::new()).unwrap(), Hints::default());
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_never_left_out() {
        let many = vec!["tag"; 32].join(",");
        assert!(read("x-tollward-tags", many.as_bytes()).is_some());
        for value in [
            format!("{many},sensitive").into_bytes(),
            format!("{},sensitive", "x".repeat(129)).into_bytes(),
            "größe,sensitive".as_bytes().to_vec(),
            b"gr\xf6\xdfe,sensitive".to_vec(),
        ] {
            assert_eq!(read("x-tollward-tags", &value), None, "{value:?}");
            assert_eq!(read("x-litellm-tags", &value), None, "{value:?}");
        }
        assert_eq!(read("x-tollward-session", "ü".as_bytes()), None);
        assert_eq!(read("x-tollward-session", &[b'x'; 129]), None);
        let long = read("x-tollward-session", &[b'x'; 128]);
        assert_eq!(long.unwrap().session.len(), 128);
    }

    #[test]
    fn a_priority_is_one_of_the_classes_or_refused() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(PRIORITY, text.parse().unwrap());
            priority(&headers)
        };
        assert_eq!(priority(&HeaderMap::new()).unwrap(), Priority::Interactive);
        assert_eq!(read("interactive").unwrap(), Priority::Interactive);
        assert_eq!(read("batch").unwrap(), Priority::Batch);
        for text in ["", "high", "Batch"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_call_has_one_name_that_can_be_written_down() {
        let read = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
            }
            Hints::read(&headers).map(|it| it.idempotency_key.map(String::from))
        };
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[b"a b", b"a b"]).unwrap().as_deref(), Some("a b"));
        assert!(read(&[&[b'x'; 255]]).is_ok());
        for wrong in [
            &[&b""[..]][..],
            &[&[b'x'; 256]],
            &[b"a", b"b"],
            &[b"\xc3\xbc"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_cache_is_asked_for_less_in_a_few_words() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE, text.parse().unwrap());
            Hints::read(&headers).map(|it| it.cache)
        };
        let hint = CacheHint {
            is_no_store: false,
            is_no_cache: true,
            ttl: Some(Duration::from_secs(60)),
        };
        assert_eq!(read("no-cache, ttl=60").unwrap(), hint);
        assert!(read("no-store").unwrap().is_no_store);
        for text in ["", "max-age=60", "ttl=-1", "ttl", "ttl=1.5", "no-store;"] {
            assert!(read(text).is_err(), "{text}");
        }
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
