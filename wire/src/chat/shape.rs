//! Small conversions that several dialects share.

use std::borrow::Cow;

use crate::chat::message::Source;
use crate::json::{Json, Object};

/// Where the bytes of a URL are, and the media type that a data URL states.
///
/// `data:image/png;base64,…` is taken apart; anything else stays a URL.
pub fn source_of(url: Cow<'_, str>) -> (Source<'_>, Option<Cow<'_, str>>) {
    let Some((kind, start)) = data_url(&url) else {
        return (Source::Url(url), None);
    };
    match url {
        Cow::Borrowed(url) => {
            let (kind, data) = (url.get(kind), url.get(start..));
            (
                Source::Base64(Cow::Borrowed(data.unwrap_or_default())),
                kind.filter(|it| !it.is_empty()).map(media_type),
            )
        }
        Cow::Owned(url) => {
            let (kind, data) = (url.get(kind), url.get(start..));
            (
                Source::Base64(Cow::Owned(data.unwrap_or_default().to_owned())),
                kind.filter(|it| !it.is_empty())
                    .map(|it| Cow::Owned(media_type(it).into_owned())),
            )
        }
    }
}

/// Whether a file's id is an address, as those of Google's Files API and of buckets are.
pub fn is_address(id: &str) -> bool {
    id.contains("://")
}

/// The span of the media type and the start of the data in a base64 data URL.
fn data_url(url: &str) -> Option<(std::ops::Range<usize>, usize)> {
    let scheme = url.get(..5)?;
    if !scheme.eq_ignore_ascii_case("data:") {
        return None;
    }
    let comma = memchr::memchr(b',', url.as_bytes())?;
    let head = url.get(5..comma)?;
    let (parameters, coding) = head.rsplit_once(';')?;
    if !coding.eq_ignore_ascii_case("base64") {
        return None;
    }
    let kind = parameters.split(';').next().unwrap_or_default();
    Some((5..5 + kind.len(), comma + 1))
}

/// A media type in its proper name.
fn media_type(name: &str) -> Cow<'_, str> {
    match name {
        "image/jpg" => Cow::Borrowed("image/jpeg"),
        "audio/mp3" => Cow::Borrowed("audio/mpeg"),
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Cow::Borrowed("audio/wav"),
        "audio/x-flac" => Cow::Borrowed("audio/flac"),
        other => Cow::Borrowed(other),
    }
}

/// The media type that the first bytes of base64 data show; callers' own words are often wrong.
pub fn sniff(base64: &str) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 9] = [
        ("/9j/", "image/jpeg"),
        ("iVBORw0KGgo", "image/png"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
        ("SUkqA", "image/tiff"),
        ("SUQz", "audio/mpeg"),
        ("ZkxhQ", "audio/flac"),
        ("T2dnUw", "audio/ogg"),
    ];
    // The first bytes of both say RIFF; only the third word tells a recording from a picture.
    if base64.starts_with("UklGR") && base64.get(12..16) == Some("QVZF") {
        return Some("audio/wav");
    }
    let found = SIGNS.iter().find(|(sign, _)| base64.starts_with(sign));
    found.map(|(_, kind)| *kind)
}

/// A data URL, whose data is not copied.
pub fn data_url_of<'a>(media_type: &str, base64: &Cow<'a, str>) -> Json<'a> {
    let head = format!("data:{media_type};base64,");
    Json::Joined(vec![Cow::Owned(head), base64.clone()])
}

/// The lifetime of a prompt-cache point in the two words that vendors know: `5m` or `1h`.
///
/// Reads Anthropic's `cache_control` and `OpenAI`'s `prompt_cache_breakpoint`.
pub fn cache_ttl(point: &Json<'_>) -> Option<&'static str> {
    match point.str("ttl")? {
        "5m" => Some("5m"),
        _ => Some("1h"),
    }
}

/// Arguments as a JSON object: nothing is `{}`, and what is no object is kept under a name.
pub fn arguments_object(arguments: &str) -> Json<'_> {
    if arguments.trim().is_empty() {
        return Json::Object(Object::new());
    }
    match Json::parse(arguments.as_bytes()) {
        Some(object @ Json::Object(_)) => object,
        Some(other) => Object::new().with("rawInvalidInput", other).into(),
        None => Object::new().with("rawInvalidInput", arguments).into(),
    }
}

/// A citation of a page of the web in `OpenAI`'s shape; the span counts characters of the answer.
pub fn url_citation<'a>(span: std::ops::Range<u64>, url: &'a str, title: &'a str) -> Json<'a> {
    let inner = Object::new()
        .with("start_index", span.start)
        .with("end_index", span.end)
        .with("url", url)
        .with("title", title);
    Object::new()
        .with("type", "url_citation")
        .with("url_citation", inner)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_is_taken_apart_and_its_type_put_right() {
        let (source, kind) = source_of("data:image/jpg;base64,/9j/4A==".into());
        assert_eq!(source, Source::Base64("/9j/4A==".into()));
        assert_eq!(kind.as_deref(), Some("image/jpeg"));
        let (source, kind) = source_of("DATA:;base64,AA==".into());
        assert_eq!((source, kind), (Source::Base64("AA==".into()), None));
        let (source, _) = source_of("https://example.com/a,b;base64".into());
        assert!(matches!(source, Source::Url(_)));
        let (source, _) = source_of("data:text/plain,hello".into());
        assert!(matches!(source, Source::Url(_)));
    }

    #[test]
    fn a_recording_is_no_picture_though_both_begin_alike() {
        assert_eq!(sniff("UklGRiQAAABXQVZFZm10IA=="), Some("audio/wav"));
        assert_eq!(sniff("UklGRiQAAABXRUJQVlA4IA=="), Some("image/webp"));
        assert_eq!(sniff("SUQzBAAAAAA="), Some("audio/mpeg"));
        assert_eq!(sniff("ZkxhQwAAACI="), Some("audio/flac"));
        assert_eq!(sniff("T2dnUwACAAA="), Some("audio/ogg"));
        assert_eq!(sniff("AAAA"), None);
    }

    #[test]
    fn arguments_are_always_an_object() {
        let text = |it: &'static str| arguments_object(it).to_string();
        assert_eq!(text(""), "{}");
        assert_eq!(text(" {\"a\" : 1.0} "), "{\"a\":1.0}");
        assert_eq!(text("[1]"), "{\"rawInvalidInput\":[1]}");
        assert_eq!(text("{\"a\":"), "{\"rawInvalidInput\":\"{\\\"a\\\":\"}");
    }
}
