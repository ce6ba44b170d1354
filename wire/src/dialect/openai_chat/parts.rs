//! The parts of a message, for a vendor of the family.

use std::borrow::Cow;

use crate::chat::shape::{data_url_of, is_address, sniff};
use crate::chat::{Media, Part, Source, Traits, Unsupported};
use crate::json::{Json, Object};

pub(super) fn user_part<'a>(
    part: &Part<'a>,
    traits: Traits,
) -> Result<Option<Json<'a>>, Unsupported> {
    Ok(match part {
        Part::Text(text) if text.text.is_empty() => None,
        Part::Text(text) => Some(text_part(text.text.clone())),
        Part::Refusal(text) => Some(text_part(text.clone())),
        Part::Image(image) => Some(image_part(image)?),
        Part::Audio(audio) => Some(audio_part(audio)?),
        Part::File(file) => Some(file_part(file, traits)?),
        Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
    })
}

pub(super) fn tool_message<'a>(call: &Cow<'a, str>, text: String) -> Json<'a> {
    Object::new()
        .with("role", "tool")
        .with("tool_call_id", call.clone())
        .with("content", text)
        .into()
}

pub(super) fn text_part(text: Cow<'_, str>) -> Json<'_> {
    Object::new().with("type", "text").with("text", text).into()
}

/// One text is a string, which every server of the family takes; more are parts.
pub(super) fn plain(mut parts: Vec<Json<'_>>) -> Json<'_> {
    if let [Json::Object(only)] = parts.as_mut_slice()
        && only.get("type").and_then(Json::as_str) == Some("text")
        && let Some(text) = only.take("text")
    {
        return text;
    }
    Json::Array(parts)
}

pub(super) fn joined<'a>(parts: &[Part<'a>], between: &str) -> Cow<'a, str> {
    let mut texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(&text.text),
        _ => None,
    });
    let Some(first) = texts.next() else {
        return Cow::Borrowed("");
    };
    texts.fold(first.clone(), |all, next| {
        Cow::Owned([&all, between, next].concat())
    })
}

fn image_part<'a>(image: &Media<'a>) -> Result<Json<'a>, Unsupported> {
    let url = match &image.source {
        Source::Url(url) => Json::from(url.clone()),
        Source::Base64(data) => {
            let kind = sniff(data).or(image.media_type.as_deref());
            data_url_of(kind.unwrap_or("image/png"), data)
        }
        Source::Text(_) | Source::Id(_) => {
            return Err(Unsupported::new(
                "messages[].content[].image",
                "a picture must be given by URL or in base64",
            ));
        }
    };
    let inner = Object::new()
        .with("url", url)
        .with_some("detail", image.detail.clone());
    Ok(Object::new()
        .with("type", "image_url")
        .with("image_url", inner)
        .into())
}

fn audio_part<'a>(audio: &Media<'a>) -> Result<Json<'a>, Unsupported> {
    let Source::Base64(data) = &audio.source else {
        return Err(Unsupported::new(
            "messages[].content[].input_audio",
            "a recording must be given in base64",
        ));
    };
    let kind = sniff(data).filter(|it| it.starts_with("audio/"));
    let kind = kind.or(audio.media_type.as_deref());
    let Some(format) = kind.and_then(|it| it.strip_prefix("audio/")) else {
        return Err(Unsupported::new(
            "messages[].content[].input_audio.format",
            "a recording's format must be named",
        ));
    };
    let format = match format {
        "mpeg" => "mp3",
        "mp4" | "x-m4a" => "m4a",
        other => other,
    };
    let inner = Object::new()
        .with("data", data.clone())
        .with("format", format.to_owned());
    Ok(Object::new()
        .with("type", "input_audio")
        .with("input_audio", inner)
        .into())
}

fn file_part<'a>(file: &Media<'a>, traits: Traits) -> Result<Json<'a>, Unsupported> {
    let refused = |reason| Err(Unsupported::new("messages[].content[].file", reason));
    let kind = file.media_type.as_deref().unwrap_or("application/pdf");
    if kind.starts_with("video/") {
        return refused("there is no place for a video");
    }
    let inner = Object::new().with_some("filename", file.name.clone());
    let inner = match &file.source {
        Source::Text(text) => return Ok(text_part(text.clone())),
        Source::Id(id) if is_address(id) => {
            return refused("a file of another vendor's must be given in base64");
        }
        Source::Id(id) => inner.with("file_id", id.clone()),
        Source::Url(url) if traits.fetches_files => inner.with("file_data", url.clone()),
        Source::Url(_) => return refused("a file must be given in base64"),
        Source::Base64(data) => {
            let inner = match &file.name {
                Some(_) => inner,
                None => inner.with("filename", "document.pdf"),
            };
            inner.with("file_data", data_url_of(kind, data))
        }
    };
    let part = Object::new().with("type", "file").with("file", inner);
    Ok(part.into())
}
