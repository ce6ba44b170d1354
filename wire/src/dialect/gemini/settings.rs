//! A caller's `generationConfig`.

use super::names::nested;
use super::openapi::json_schema;
use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking};
use crate::document::FieldError;
use crate::json::Json;

/// Where the config stands.
const CONFIG: &str = "generationConfig";

/// Reads the config into the request.
pub(super) fn read<'a>(
    request: &mut ChatRequest<'a>,
    outer: &mut Fields<'a>,
) -> Result<(), FieldError> {
    let Some(mut config) = nested(outer, CONFIG)? else {
        return Ok(());
    };
    settings(request, &mut config).map_err(|error| within(CONFIG, error))?;
    let rest = config.rest().into_iter();
    request
        .unknown
        .extend(rest.map(|it| format!("{CONFIG}.{it}").into()));
    Ok(())
}

fn settings<'a>(request: &mut ChatRequest<'a>, config: &mut Fields<'a>) -> Result<(), FieldError> {
    request.sampling = Sampling {
        temperature: config.number("temperature")?,
        top_p: config.number("topP")?,
        top_k: config.number("topK")?,
        seed: config.number("seed")?,
        presence_penalty: config.number("presencePenalty")?,
        frequency_penalty: config.number("frequencyPenalty")?,
        ..Sampling::default()
    };
    request.max_output = config.whole("maxOutputTokens")?;
    request.stop = config.texts("stopSequences")?;
    let choices = config.whole("candidateCount")?.unwrap_or(1);
    request.choices = u32::try_from(choices).unwrap_or(u32::MAX);
    let wants_logprobs = config.flag("responseLogprobs")?.unwrap_or_default();
    let number = config.whole("logprobs")?.unwrap_or_default();
    request.logprobs = wants_logprobs.then_some(number);
    request.format = format(config)?;
    modalities(config)?;
    if let Some(mut thinking) = nested(config, "thinkingConfig")? {
        let path = |error| within("thinkingConfig", error);
        request.thinking = self::thinking(&mut thinking).map_err(path)?;
    }
    Ok(())
}

/// What the text must be. A schema may stand in one of three fields; one of its own kind comes first.
fn format<'a>(config: &mut Fields<'a>) -> Result<Format<'a>, FieldError> {
    let kind = config.text("responseMimeType")?;
    let openapi = config.any("responseSchema").map(json_schema);
    let private = config.any("_responseJsonSchema");
    let schema = config.any("responseJsonSchema").or(private).or(openapi);
    match (kind.as_deref(), schema) {
        (None | Some("" | "text/plain"), None) => Ok(Format::Text),
        (Some("application/json"), None) => Ok(Format::JsonObject),
        (None | Some("" | "application/json"), Some(schema)) => {
            Ok(Format::JsonSchema(Schema {
                name: None,
                description: None,
                schema,
                // Google holds the answer to it.
                strict: Some(true),
            }))
        }
        _ => Err(FieldError::new(
            "responseMimeType",
            "text/plain, or application/json with or without a schema",
        )),
    }
}

/// Answers are words. Pictures and recordings only Google's own models give.
fn modalities(config: &mut Fields<'_>) -> Result<(), FieldError> {
    let wanted = config.texts("responseModalities")?;
    if wanted.iter().all(|it| it.eq_ignore_ascii_case("TEXT")) {
        return Ok(());
    }
    Err(FieldError::new("responseModalities", "[\"TEXT\"]"))
}

/// A budget of -1 leaves to the model how much it thinks. Who wants to see thoughts wants some.
fn thinking(config: &mut Fields<'_>) -> Result<Thinking, FieldError> {
    let is_visible = config.flag("includeThoughts")?;
    let level = config.text("thinkingLevel")?;
    let effort = match level.map(|it| it.to_ascii_uppercase()).as_deref() {
        None | Some("" | "THINKING_LEVEL_UNSPECIFIED") => None,
        Some(word) => Some(Effort::of_word(&word.to_ascii_lowercase()).ok_or_else(|| {
            FieldError::new("thinkingLevel", "MINIMAL, LOW, MEDIUM, HIGH or XHIGH")
        })?),
    };
    let mut thinking = Thinking {
        effort,
        is_visible,
        is_on: is_visible.filter(|it| *it),
        budget: None,
    };
    match config.any("thinkingBudget") {
        None => {}
        Some(Json::Number(digits)) if digits == "-1" => thinking.is_on = Some(true),
        Some(number) => {
            let tokens = number.as_u64();
            let expected = || FieldError::new("thinkingBudget", "a number of tokens, or -1");
            thinking.budget = Some(tokens.ok_or_else(expected)?);
        }
    }
    Ok(thinking)
}
