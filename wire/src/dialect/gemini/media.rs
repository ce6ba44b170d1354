//! Pictures, recordings and documents as parts.

use std::borrow::Cow;

use crate::chat::shape::sniff;
use crate::chat::{Media, Source, Traits, Unsupported, Written};
use crate::json::Object;

/// What kind of thing a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Image,
    Audio,
    File,
}

impl Kind {
    fn field(self) -> &'static str {
        match self {
            Self::Image => "messages[].content[].image_url",
            Self::Audio => "messages[].content[].input_audio",
            Self::File => "messages[].content[].file",
        }
    }

    /// The media type where nothing tells; the vendor wants one.
    fn default_type(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Audio => "audio/wav",
            Self::File => "application/pdf",
        }
    }
}

/// Media types by the ending of a name.
const ENDINGS: [(&str, &str); 16] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("mp4", "video/mp4"),
    ("mov", "video/mov"),
    ("webm", "video/webm"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
];

/// Starts of addresses that the Gemini API reads by itself. A bucket (`gs://`) is not among
/// them: it would be opened with the operator's credential, and the caller is somebody else.
const READABLE: [&str; 3] = [
    "https://generativelanguage.googleapis.com/",
    "https://www.youtube.com/",
    "https://youtu.be/",
];

/// Writes the part.
pub(super) fn part<'a>(
    media: &Media<'a>,
    kind: Kind,
    traits: Traits,
    written: &mut Written<'a>,
) -> Result<Object<'a>, Unsupported> {
    if media.name.is_some() {
        written.drop_field("messages[].content[].file.filename");
    }
    if media.detail.as_deref().is_some_and(|it| it != "auto") {
        written.drop_field("messages[].content[].image_url.detail");
    }
    let is_bucket = |url: &str| url.starts_with("gs://");
    let is_readable = |url: &str| READABLE.iter().any(|it| url.starts_with(it));
    match &media.source {
        Source::Base64(data) => Ok(inline(media, kind, data)),
        Source::Text(text) => Ok(Object::new().with("text", text.clone())),
        Source::Url(url) | Source::Id(url) if is_bucket(url) => Err(Unsupported::new(
            kind.field(),
            "a bucket would be opened in the operator's name: give the data in base64",
        )),
        Source::Url(url) if traits.fetches_urls || is_readable(url) => Ok(linked(media, kind, url)),
        Source::Url(_) => Err(Unsupported::new(
            kind.field(),
            "the model's API fetches nothing: it must be given in base64",
        )),
        Source::Id(id) if is_readable(id) => Ok(linked(media, kind, id)),
        Source::Id(_) => Err(Unsupported::new(
            kind.field(),
            "a file must be given in base64 or by its address in Google's Files API",
        )),
    }
}

fn inline<'a>(media: &Media<'a>, kind: Kind, data: &Cow<'a, str>) -> Object<'a> {
    let said = media.media_type.clone();
    let seen = || sniff(data).map(Cow::Borrowed);
    let media_type = match kind {
        // Callers are often wrong about pictures.
        Kind::Image => seen().or(said),
        Kind::Audio => said.map(google_type),
        Kind::File => said.map(google_type).or_else(seen),
    };
    let blob = Object::new()
        .with(
            "mimeType",
            media_type.unwrap_or(Cow::Borrowed(kind.default_type())),
        )
        .with("data", data.clone());
    Object::new().with("inlineData", blob)
}

/// The name that Google has for a type.
fn google_type(media_type: Cow<'_, str>) -> Cow<'_, str> {
    match &*media_type {
        "audio/mpeg" => Cow::Borrowed("audio/mp3"),
        _ => media_type,
    }
}

fn linked<'a>(media: &Media<'a>, kind: Kind, url: &Cow<'a, str>) -> Object<'a> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let of_ending = ENDINGS
        .iter()
        .find(|(it, _)| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(it)))
        .map(|(_, media_type)| Cow::Borrowed(*media_type));
    let media_type = media.media_type.clone().map(google_type).or(of_ending);
    // The Files API knows the type of what was uploaded.
    let is_known = url.contains("generativelanguage.googleapis.com/");
    let default = (!is_known).then_some(Cow::Borrowed(kind.default_type()));
    let file = Object::new()
        .with_some("mimeType", media_type.or(default))
        .with("fileUri", url.clone());
    Object::new().with("fileData", file)
}
