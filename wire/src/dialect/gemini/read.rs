//! A caller's request. Unknown fields are no error: they are named as left out.

use super::contents::History;
use super::names::{fields, nested};
use super::{declared, settings};
use crate::chat::ChatRequest;
use crate::chat::fields::{Fields, within};
use crate::document::FieldError;
use crate::json::Json;

/// Reads the request. The model and whether to stream are in the address, not here.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut outer = fields(value)?;
    outer.any("model");
    if outer.has("cachedContent") {
        return Err(FieldError::new(
            "cachedContent",
            "left out: what Google keeps only one of its models can go on from",
        ));
    }
    let mut history = History::default();
    if let Some(mut system) = nested(&mut outer, "systemInstruction")? {
        let read = history.system(&mut system);
        read.map_err(|error| within("systemInstruction", error))?;
    }
    outer.each("contents", |it| history.content(it))?;
    let (messages, left_out) = history.finish();
    let mut request = ChatRequest {
        messages,
        choices: 1,
        unknown: left_out,
        ..ChatRequest::default()
    };
    declared::read(&mut request, &mut outer)?;
    settings::read(&mut request, &mut outer)?;
    tier(&mut request, &mut outer)?;
    request.unknown.extend(outer.rest());
    Ok(request)
}

/// The tier of service, in `OpenAI`'s words.
fn tier<'a>(request: &mut ChatRequest<'a>, outer: &mut Fields<'a>) -> Result<(), FieldError> {
    let tier = outer.text("serviceTier")?.map(|it| it.to_ascii_lowercase());
    let word = match tier.as_deref() {
        None | Some("" | "unspecified" | "service_tier_unspecified") => return Ok(()),
        Some("standard") => "default",
        Some("flex") => "flex",
        Some("priority") => "priority",
        Some(_) => {
            let expected = "standard, flex or priority";
            return Err(FieldError::new("serviceTier", expected));
        }
    };
    request.hints.push(("service_tier", word.into()));
    Ok(())
}
