//! A request for a vendor that speaks Messages.

use std::borrow::Cow;

use super::plan::{Offered, Plan};
use super::turns::Blocks;
use crate::chat::names::NameRule;
use crate::chat::turns::Conversation;
use crate::chat::{ChatRequest, Names, Sampling, Target, Traits, Unsupported, Written};
use crate::dialect::openai_chat::tool_names;
use crate::json::{Json, Object};

/// What Anthropic takes as a tool's name.
const NAMES: NameRule = NameRule {
    max_bytes: 128,
    others: b"-",
    begins_with_any: true,
};
/// The bound on output where neither the caller nor the catalog says one; Claude 3's.
const DEFAULT_MAX_OUTPUT: u64 = 4_096;

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    request.want_one_plain_answer()?;
    let traits = target.traits;
    let names = Names::new(NAMES, &tool_names(request));
    let conversation = Conversation::of(&request.messages);
    let mut written = Written::new(Json::Null);
    let mut blocks = Blocks {
        traits,
        names: &names,
        written: &mut written,
        cache_points: 0,
    };
    let system = blocks.system(&conversation.system);
    let offered = Offered::of(request, &mut blocks)?;
    let messages = blocks.messages(&conversation)?;
    let max_tokens = max_tokens(request, traits);
    let mut body = Object::new()
        .with("model", target.model.to_owned())
        .with("max_tokens", max_tokens)
        .with_some("system", system)
        .with("messages", messages);
    let mut plan = Plan {
        request,
        traits,
        names: &names,
        offered,
        output: Object::new(),
        choice: None,
    };
    plan.format(&mut body, &mut written);
    plan.choose();
    let thinks = plan.think(max_tokens, &conversation, &mut body, &mut written);
    plan.finish(&mut body);
    sampling(request, traits, thinks, &mut body, &mut written);
    identity(request, &mut body, &mut written);
    if request.messages.iter().any(|it| it.name.is_some()) {
        written.drop_field("messages[].name");
    }
    request.leave_out(
        |it| matches!(it, "service_tier" | "safety_identifier"),
        &mut written,
    )?;
    if request.is_stream {
        body = body.with("stream", true);
    }
    written.body = body.into();
    written.names = names;
    Ok(written)
}

fn max_tokens(request: &ChatRequest<'_>, traits: Traits) -> u64 {
    match (request.max_output, traits.max_output) {
        (Some(wanted), Some(most)) => wanted.min(most),
        (Some(wanted), None) => wanted,
        (None, most) => most.unwrap_or(DEFAULT_MAX_OUTPUT),
    }
}

fn sampling<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    thinks: bool,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let sampling = &request.sampling;
    let takes = traits.takes_sampling && !thinks;
    let is_hot = sampling.temperature.as_ref().and_then(Json::as_f64) > Some(1.0);
    let takes_top_p = takes && (traits.takes_both_sampling || sampling.temperature.is_none());
    let is_taken = |field: &str| match field {
        "temperature" | "top_k" => takes,
        "top_p" => takes_top_p,
        _ => false,
    };
    if takes && is_hot {
        body.push(Cow::Borrowed("temperature"), Json::from(1_u64));
        written.drop_field("temperature>1");
        let rest = Sampling {
            temperature: None,
            ..sampling.clone()
        };
        rest.carry(is_taken, body, written);
    } else {
        sampling.carry(is_taken, body, written);
    }
    let stop: Vec<Json<'a>> = request
        .stop
        .iter()
        .filter(|it| !it.trim().is_empty())
        .cloned()
        .map(Json::from)
        .collect();
    if stop.len() < request.stop.len() {
        written.drop_field("stop:blank");
    }
    if !stop.is_empty() {
        body.push(Cow::Borrowed("stop_sequences"), stop.into());
    }
}

/// Who asks, and for which tier of service.
fn identity<'a>(request: &ChatRequest<'a>, body: &mut Object<'a>, written: &mut Written<'a>) {
    let hint = |name: &str| request.hints.iter().find(|(it, _)| *it == name);
    let safety = hint("safety_identifier").map(|(_, value)| value.clone());
    if safety.is_some() && request.user.is_some() {
        written.drop_field("safety_identifier");
    }
    let user = request.user.clone().map(Json::from).or(safety);
    if let Some(user) = user {
        let metadata = Object::new().with("user_id", user);
        body.push(Cow::Borrowed("metadata"), metadata.into());
    }
    let Some((_, tier)) = hint("service_tier") else {
        return;
    };
    let tier = match tier.as_str() {
        Some("auto" | "priority") => "auto",
        Some("default") => "standard_only",
        _ => return written.drop_field("service_tier"),
    };
    body.push(Cow::Borrowed("service_tier"), tier.into());
}
