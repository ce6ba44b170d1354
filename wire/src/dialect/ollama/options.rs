//! How a caller wants its answer: `options`, `format` and `think`.

use std::borrow::Cow;

use crate::chat::fields::{Fields, within};
use crate::chat::{ChatRequest, Effort, Format, Sampling, Schema, Thinking};
use crate::document::FieldError;
use crate::json::Json;

/// How a server of one's own uses its machine: nothing that shows in an answer.
const MACHINE: [&str; 13] = [
    "numa",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "low_vram",
    "f16_kv",
    "logits_all",
    "vocab_only",
    "use_mmap",
    "use_mlock",
    "num_thread",
    "draft_num_predict",
    "embedding_only",
];

/// Reads `options`; what others have nothing like and an answer would show is noted as unknown.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    let Some(options) = fields.object("options")? else {
        return Ok(());
    };
    read_options(options, request).map_err(|it| within("options", it))
}

fn read_options<'a>(
    mut options: Fields<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), FieldError> {
    request.sampling = Sampling {
        temperature: options.number("temperature")?,
        top_p: options.number("top_p")?,
        top_k: options.number("top_k")?,
        min_p: options.number("min_p")?,
        // A negative one stands for chance.
        seed: options.number("seed")?.filter(|it| !is_negative(it)),
        presence_penalty: options.number("presence_penalty")?,
        frequency_penalty: options.number("frequency_penalty")?,
        repetition_penalty: options.number("repeat_penalty")?,
        logit_bias: None,
    };
    request.stop = options.texts("stop")?;
    request.max_output = max_output(&mut options)?;
    for name in MACHINE {
        options.any(name);
    }
    let mirostat = options.number("mirostat")?;
    if mirostat.is_some_and(|it| it.as_f64() != Some(0.0)) {
        request.unknown.push(Cow::Borrowed("options.mirostat"));
    }
    options.any("mirostat_tau");
    options.any("mirostat_eta");
    let rest = options.rest().into_iter();
    request
        .unknown
        .extend(rest.map(|it| Cow::Owned(format!("options.{it}"))));
    Ok(())
}

/// `num_predict`; 0 and less stand for no bound.
fn max_output(options: &mut Fields<'_>) -> Result<Option<u64>, FieldError> {
    let Some(number) = options.number("num_predict")? else {
        return Ok(None);
    };
    match number.as_u64() {
        Some(bound) => Ok(Some(bound).filter(|it| *it > 0)),
        None if is_negative(&number) => Ok(None),
        None => Err(FieldError::new("num_predict", "a whole number")),
    }
}

fn is_negative(number: &Json<'_>) -> bool {
    number.as_f64().is_some_and(|it| it < 0.0)
}

/// `format`: the word `json`, or a schema.
pub(super) fn format<'a>(fields: &mut Fields<'a>) -> Result<Format<'a>, FieldError> {
    match fields.any("format") {
        None => Ok(Format::Text),
        Some(Json::String(word)) if word.is_empty() => Ok(Format::Text),
        Some(Json::String(word)) if word == "json" => Ok(Format::JsonObject),
        Some(schema @ Json::Object(_)) => Ok(Format::JsonSchema(Schema {
            name: Some(Cow::Borrowed("response")),
            description: None,
            schema,
            strict: None,
        })),
        Some(_) => Err(FieldError::new("format", "\"json\" or a JSON schema")),
    }
}

/// `think`: whether, or how much.
pub(super) fn thinking(fields: &mut Fields<'_>) -> Result<Thinking, FieldError> {
    let effort = match fields.any("think") {
        None => None,
        Some(Json::Bool(true)) => Some(Effort::Medium),
        Some(Json::Bool(false)) => Some(Effort::None),
        Some(Json::String(word)) if word.is_empty() => None,
        Some(Json::String(word)) if Effort::of_word(&word).is_some() => Effort::of_word(&word),
        Some(_) => {
            return Err(FieldError::new(
                "think",
                "true, false, \"low\", \"medium\", \"high\" or \"max\"",
            ));
        }
    };
    Ok(Thinking {
        effort,
        ..Thinking::default()
    })
}
