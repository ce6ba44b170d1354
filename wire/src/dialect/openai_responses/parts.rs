//! The parts that a message or a tool's output is made of, as a caller writes them.

use std::borrow::Cow;

use crate::chat::fields::{Fields, note, within};
use crate::chat::{Media, Part, Source, Text};
use crate::document::FieldError;
use crate::json::Json;

/// A field that holds one text, or parts; what is left out of these goes into `left_out`.
pub(super) fn content<'a>(
    fields: &mut Fields<'a>,
    name: &'static str,
    left_out: &mut Vec<Cow<'a, str>>,
) -> Result<Vec<Part<'a>>, FieldError> {
    match fields.any(name) {
        None => Ok(Vec::new()),
        Some(Json::String(text)) => Ok(vec![Part::from(text)]),
        Some(Json::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| {
                part(item, left_out).map_err(|it| within(&format!("{name}[{at}]"), it))
            })
            .collect(),
        Some(_) => Err(FieldError::new(name, "a string or an array of parts")),
    }
}

fn part<'a>(value: Json<'a>, left_out: &mut Vec<Cow<'a, str>>) -> Result<Part<'a>, FieldError> {
    let mut fields = Fields::of(value)?;
    let part = one_part(&mut fields)?;
    note(left_out, fields.rest_of("input[].content[]"));
    Ok(part)
}

fn one_part<'a>(fields: &mut Fields<'a>) -> Result<Part<'a>, FieldError> {
    let kind = fields.need_text("type")?;
    let cache = fields.any("prompt_cache_breakpoint");
    match &*kind {
        "input_text" | "output_text" | "text" => Ok(Part::Text(Text {
            text: fields.need_text("text")?,
            cache,
        })),
        "refusal" => Ok(Part::Refusal(fields.need_text("refusal")?)),
        "input_image" | "computer_screenshot" => image(fields, cache).map(Part::Image),
        "input_file" => file(fields, cache).map(Part::File),
        "input_audio" => audio(fields, cache).map(Part::Audio),
        _ => Err(FieldError::new(
            "type",
            "input_text, input_image, input_file, input_audio, output_text or refusal",
        )),
    }
}

fn image<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let detail = fields.text("detail")?;
    let media = match fields.text("file_id")? {
        Some(id) => with_id(id),
        None => Media::at(fields.need_text("image_url")?),
    };
    Ok(Media {
        detail,
        cache,
        ..media
    })
}

fn file<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let name = fields.text("filename")?;
    let detail = fields.text("detail")?;
    let media = if let Some(id) = fields.text("file_id")? {
        with_id(id)
    } else if let Some(url) = fields.text("file_url")? {
        Media::at(url)
    } else {
        data(fields.need_text("file_data")?)
    };
    Ok(Media {
        name,
        detail,
        cache,
        ..media
    })
}

/// A data URL, or bare base64.
fn data(text: Cow<'_, str>) -> Media<'_> {
    match Media::at(text) {
        Media {
            source: Source::Url(data),
            ..
        } => plain(Source::Base64(data)),
        media => media,
    }
}

fn audio<'a>(fields: &mut Fields<'a>, cache: Option<Json<'a>>) -> Result<Media<'a>, FieldError> {
    let Some(mut audio) = fields.object("input_audio")? else {
        return Err(FieldError::new("input_audio", "an object"));
    };
    let path = |it| within("input_audio", it);
    let data = audio.need_text("data").map_err(path)?;
    let format = audio.text("format").map_err(path)?;
    Ok(Media {
        media_type: format.map(|it| match &*it {
            "mp3" => Cow::Borrowed("audio/mpeg"),
            other => Cow::Owned(format!("audio/{other}")),
        }),
        cache,
        ..plain(Source::Base64(data))
    })
}

fn with_id(id: Cow<'_, str>) -> Media<'_> {
    plain(Source::Id(id))
}

fn plain(source: Source<'_>) -> Media<'_> {
    Media {
        source,
        media_type: None,
        name: None,
        detail: None,
        cache: None,
    }
}
