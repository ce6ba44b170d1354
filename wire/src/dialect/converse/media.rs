//! Pictures, documents and recordings as Converse's blocks.
//!
//! All of it must be in the request: a place in the account's storage would be read with the
//! gateway's credentials, so no caller may name one.

use std::borrow::Cow;

use crate::chat::shape::sniff;
use crate::chat::{Media, Source, Unsupported};
use crate::json::{Json, Object};

/// Media types of documents, and what Converse calls them; endings of file names are the same words.
const DOCUMENTS: [(&str, &str); 11] = [
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/plain", "txt"),
    ("application/json", "txt"),
    ("application/xml", "txt"),
];

/// Media types of recordings, and what Converse calls them.
const RECORDINGS: [(&str, &str); 10] = [
    ("audio/mpeg", "mp3"),
    ("audio/wav", "wav"),
    ("audio/opus", "opus"),
    ("audio/aac", "aac"),
    ("audio/flac", "flac"),
    ("audio/mp4", "mp4"),
    ("audio/m4a", "m4a"),
    ("audio/ogg", "ogg"),
    ("audio/pcm", "pcm"),
    ("audio/webm", "webm"),
];

/// A picture.
pub(super) fn image<'a>(image: &Media<'a>) -> Result<Json<'a>, Unsupported> {
    const FIELD: &str = "messages[].content[].image_url";
    let Source::Base64(data) = &image.source else {
        return Err(Unsupported::new(FIELD, "pictures must be given in base64"));
    };
    // What callers say of a picture is often wrong; what is neither said nor seen is a guess.
    let kind = sniff(data).or(image.media_type.as_deref());
    let format = match kind {
        Some("image/png") | None => "png",
        Some("image/jpeg") => "jpeg",
        Some("image/gif") => "gif",
        Some("image/webp") => "webp",
        Some(_) => {
            return Err(Unsupported::new(
                FIELD,
                "pictures must be PNG, JPEG, GIF or WebP",
            ));
        }
    };
    let block = Object::new()
        .with("format", format)
        .with("source", bytes(data));
    Ok(Object::new().with("image", block).into())
}

/// A document, under a name that only counts: a file's own would speak to the model.
pub(super) fn document<'a>(file: &Media<'a>, number: usize) -> Result<Json<'a>, Unsupported> {
    const FIELD: &str = "messages[].content[].file";
    let (seen, source) = match &file.source {
        Source::Base64(data) => (sniff(data), bytes(data)),
        Source::Text(text) => (None, Object::new().with("text", text.clone())),
        Source::Url(_) | Source::Id(_) => {
            return Err(Unsupported::new(
                FIELD,
                "files must be given in base64 or as text",
            ));
        }
    };
    let is_text = matches!(file.source, Source::Text(_));
    let said = seen.or(file.media_type.as_deref()).and_then(format_of_type);
    let ending = file.name.as_deref().and_then(|it| it.rsplit_once('.'));
    let named = ending.and_then(|(_, ending)| format_of_ending(ending));
    let is_unsaid = file.media_type.is_none() && file.name.is_none();
    let format = match said.or(named) {
        Some(format) => format,
        None if is_text => "txt",
        None if is_unsaid => "pdf",
        None => {
            return Err(Unsupported::new(
                FIELD,
                "files must be PDF, Word, Excel, CSV, HTML, Markdown or plain text",
            ));
        }
    };
    let block = Object::new()
        .with("format", format)
        .with("name", format!("document-{number}"))
        .with("source", source);
    Ok(Object::new().with("document", block).into())
}

fn format_of_type(media_type: &str) -> Option<&'static str> {
    let known = DOCUMENTS.iter().find(|(kind, _)| *kind == media_type);
    match known {
        Some((_, format)) => Some(format),
        None if media_type.starts_with("text/") => Some("txt"),
        None => None,
    }
}

fn format_of_ending(ending: &str) -> Option<&'static str> {
    let known = DOCUMENTS
        .iter()
        .find(|(_, format)| format.eq_ignore_ascii_case(ending));
    known.map(|(_, format)| *format)
}

/// A recording.
pub(super) fn audio<'a>(audio: &Media<'a>) -> Result<Json<'a>, Unsupported> {
    const FIELD: &str = "messages[].content[].input_audio";
    let Source::Base64(data) = &audio.source else {
        return Err(Unsupported::new(
            FIELD,
            "recordings must be given in base64",
        ));
    };
    let kind = audio.media_type.as_deref().unwrap_or("audio/wav");
    let known = RECORDINGS.iter().find(|(it, _)| *it == kind);
    let Some((_, format)) = known else {
        return Err(Unsupported::new(
            FIELD,
            "recordings must be in a format that Bedrock knows",
        ));
    };
    let block = Object::new()
        .with("format", *format)
        .with("source", bytes(data));
    Ok(Object::new().with("audio", block).into())
}

fn bytes<'a>(base64: &Cow<'a, str>) -> Object<'a> {
    Object::new().with("bytes", base64.clone())
}
