//! `generationConfig`: how to choose tokens, how many, and what the text must be.

use std::borrow::Cow;

use super::thinking;
use crate::chat::{ChatRequest, Schema, Traits, Written};
use crate::json::{Json, Object};

/// Most stop texts.
const MAX_STOPS: usize = 5;

/// The config but for the answer's format.
pub(super) fn config<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    written: &mut Written<'a>,
) -> Object<'a> {
    let mut config = Object::new();
    sampling(request, traits, &mut config, written);
    if let Some(wanted) = request.max_output {
        let bound = traits.max_output.map_or(wanted, |most| wanted.min(most));
        config.push(Cow::Borrowed("maxOutputTokens"), bound.into());
    }
    stops(request, &mut config, written);
    if let Some(number) = request.logprobs {
        config.push(Cow::Borrowed("responseLogprobs"), true.into());
        if number > 0 {
            config.push(Cow::Borrowed("logprobs"), number.into());
        }
    }
    if request.choices > 1 {
        config.push(Cow::Borrowed("candidateCount"), request.choices.into());
    }
    if let Some(thinking) = thinking::config(request, traits, written) {
        config.push(Cow::Borrowed("thinkingConfig"), thinking);
    }
    config
}

fn sampling<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    config: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let sampling = &request.sampling;
    let takes = traits.takes_sampling;
    let is_alone = traits.takes_both_sampling || sampling.temperature.is_none();
    let is_seed = sampling.seed.as_ref().is_some_and(is_32_bit);
    for (field, name, value, is_taken) in [
        ("temperature", "temperature", &sampling.temperature, takes),
        ("top_p", "topP", &sampling.top_p, takes && is_alone),
        ("top_k", "topK", &sampling.top_k, takes),
        ("seed", "seed", &sampling.seed, is_seed),
        (
            "presence_penalty",
            "presencePenalty",
            &sampling.presence_penalty,
            takes,
        ),
        (
            "frequency_penalty",
            "frequencyPenalty",
            &sampling.frequency_penalty,
            takes,
        ),
        ("min_p", "", &sampling.min_p, false),
        (
            "repetition_penalty",
            "",
            &sampling.repetition_penalty,
            false,
        ),
        ("logit_bias", "", &sampling.logit_bias, false),
    ] {
        let Some(value) = value else { continue };
        if !is_taken {
            written.drop_field(field);
        } else if field == "temperature" && value.as_f64().is_some_and(|it| it > 2.0) {
            config.push(Cow::Borrowed(name), Json::from(2_u64));
            written.drop_field("temperature>2");
        } else {
            config.push(Cow::Borrowed(name), value.clone());
        }
    }
}

/// Seeds are whole numbers of 32 bits there.
fn is_32_bit(seed: &Json<'_>) -> bool {
    matches!(seed, Json::Number(digits) if digits.parse::<i32>().is_ok())
}

fn stops<'a>(request: &ChatRequest<'a>, config: &mut Object<'a>, written: &mut Written<'a>) {
    let stops = request.stop.iter().filter(|it| !it.is_empty());
    let mut stops: Vec<Json<'a>> = stops.cloned().map(Json::from).collect();
    if stops.len() < request.stop.len() {
        written.drop_field("stop:blank");
    }
    if stops.len() > MAX_STOPS {
        stops.truncate(MAX_STOPS);
        written.drop_field("stop[5..]");
    }
    if !stops.is_empty() {
        config.push(Cow::Borrowed("stopSequences"), stops.into());
    }
}

/// The answer is JSON, and if there is a schema, fits it.
pub(super) fn format<'a>(schema: Option<&Schema<'a>>, config: &mut Object<'a>) {
    config.push(Cow::Borrowed("responseMimeType"), "application/json".into());
    if let Some(schema) = schema {
        config.push(Cow::Borrowed("responseJsonSchema"), described(schema));
    }
}

/// The schema, with the name and the description that the caller gave beside it.
fn described<'a>(schema: &Schema<'a>) -> Json<'a> {
    let Json::Object(mut own) = schema.schema.clone() else {
        return schema.schema.clone();
    };
    // Nothing may stand beside a reference.
    if own.get("$ref").is_some() {
        return own.into();
    }
    for (field, value) in [
        ("title", &schema.name),
        ("description", &schema.description),
    ] {
        if let (None, Some(value)) = (own.get(field), value) {
            own.set(field, value.clone());
        }
    }
    own.into()
}
