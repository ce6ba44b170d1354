//! A caller's request. Claude Code's is among them, so unknown fields are no error.

use std::borrow::Cow;

use super::{messages, tools};
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking};
use crate::document::FieldError;
use crate::json::{Json, Object};

/// What only says which form of the API is spoken.
const PASSING: [&str; 2] = ["anthropic_beta", "betas"];

/// Reads the request.
pub(crate) fn read_request(value: Json<'_>) -> Result<ChatRequest<'_>, FieldError> {
    let mut fields = Fields::of(value)?;
    fields.any("model");
    for field in PASSING {
        fields.any(field);
    }
    let mut unknown = Vec::new();
    let mut request = ChatRequest {
        messages: messages::read(&mut fields, &mut unknown)?,
        thinking: thinking(&mut fields, &mut unknown)?,
        stop: fields.texts("stop_sequences")?,
        max_output: fields.whole("max_tokens")?,
        sampling: Sampling {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.number("top_k")?,
            ..Sampling::default()
        },
        is_stream: fields.flag("stream")?.unwrap_or_default(),
        choices: 1,
        unknown,
        ..ChatRequest::default()
    };
    tools::read(&mut fields, &mut request)?;
    if let Some(mut output) = fields.object("output_config")? {
        let path = |it| within("output_config", it);
        let effort = output.text("effort").map_err(path)?;
        request.thinking.effort = match effort.as_deref() {
            None => request.thinking.effort,
            Some(word) => Some(Effort::of_word(word).ok_or_else(|| {
                FieldError::new("output_config.effort", "low, medium, high, xhigh or max")
            })?),
        };
        if let Some(mut format) = output.object("format").map_err(path)? {
            request.format = Format::JsonSchema(Schema {
                name: None,
                description: None,
                strict: Some(true),
                schema: format
                    .any("schema")
                    .unwrap_or_else(|| Json::Object(Object::new())),
            });
        }
        request.unknown.extend(output.rest_of("output_config"));
    }
    if let Some(mut metadata) = fields.object("metadata")? {
        request.user = metadata.text("user_id")?;
        request.unknown.extend(metadata.rest_of("metadata"));
    }
    if let Some(tier) = fields.text("service_tier")?
        && tier == "standard_only"
    {
        request.hints.push(("service_tier", "default".into()));
    }
    request.unknown.extend(fields.rest());
    Ok(request)
}

fn thinking<'a>(
    fields: &mut Fields<'a>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<Thinking, FieldError> {
    let Some(mut thinking) = fields.object("thinking")? else {
        return Ok(Thinking::default());
    };
    let path = |it| within("thinking", it);
    let kind: Option<Cow<'_, str>> = thinking.text("type").map_err(path)?;
    let display = thinking.text("display").map_err(path)?;
    let is_off = kind.as_deref() == Some("disabled");
    let budget = thinking.whole("budget_tokens").map_err(path)?;
    unknown.extend(thinking.rest_of("thinking"));
    Ok(Thinking {
        effort: is_off.then_some(Effort::None),
        is_on: Some(!is_off),
        budget,
        is_visible: display.map(|it| it != "omitted"),
    })
}
