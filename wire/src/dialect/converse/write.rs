//! A request for Bedrock.

use std::borrow::Cow;

use super::extras::{Thinking, think};
use super::family::Family;
use super::identity;
use super::tools::Plan;
use super::turns::{Scribe, text_block};
use crate::chat::names::NameRule;
use crate::chat::turns::Conversation;
use crate::chat::{ChatRequest, Format, Names, Schema, Target, Traits, Unsupported, Written};
use crate::dialect::anthropic::{closed, lacks_thought};
use crate::dialect::openai_chat::tool_names;
use crate::json::{Json, Object};

/// What Bedrock takes as a tool's name.
const NAMES: NameRule = NameRule {
    max_bytes: 64,
    others: b"-",
    begins_with_any: true,
};
/// The room beside a budget of thought where nobody bounds the output: Bedrock's default counts
/// thoughts and may be smaller than the budget alone.
const ROOM_BESIDE_THOUGHT: u64 = 4_096;

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    request.want_one_plain_answer()?;
    let traits = target.traits;
    let family = Family::of(target.model);
    let names = Names::new(NAMES, &tool_names(request));
    let conversation = Conversation::of(&request.messages);
    let plan = Plan::of(request, traits, &conversation);
    let mut written = Written::new(Json::Null);
    written.answer_tool = plan.answer_tool();
    let mut extras = Object::new();
    let mut scribe = Scribe {
        family,
        names: &names,
        written: &mut written,
        is_flat: plan.is_flat,
        takes_prefill: traits.takes_prefill,
        cache_points: 0,
        documents: 0,
    };
    let mut system = scribe.system(&conversation.system);
    let tools = plan.config(traits, &mut scribe, &mut extras);
    let messages = scribe.messages(&conversation)?;
    request.web_search(None, &mut written)?;
    if request.messages.iter().any(|it| it.name.is_some()) {
        written.drop_field("messages[].name");
    }
    let format = format(request, &plan, traits, &mut system, &mut written);
    let is_barred = plan.is_forced() || (!plan.is_flat && lacks_thought(&conversation));
    let model = (family, traits);
    let (inference, thinking) = inference(request, model, is_barred, &mut extras, &mut written);
    let output = output(format, &thinking, &mut extras);
    let metadata = identity::metadata(request, &mut written);
    let tier = identity::tier(request, &mut written);
    request.leave_out(identity::takes, &mut written)?;
    let mut body = Object::new();
    for (field, value) in [
        ("system", some(system)),
        ("messages", Some(messages)),
        ("inferenceConfig", filled(inference)),
        ("toolConfig", tools),
        ("outputConfig", filled(output)),
        ("additionalModelRequestFields", filled(extras)),
        (
            "additionalModelResponseFieldPaths",
            stop_path(request, family),
        ),
        ("requestMetadata", filled(metadata)),
        ("serviceTier", tier),
    ] {
        body = body.with_some(field, value);
    }
    written.body = body.into();
    written.names = names;
    Ok(written)
}

fn some(blocks: Vec<Json<'_>>) -> Option<Json<'_>> {
    (!blocks.is_empty()).then_some(Json::Array(blocks))
}

fn filled(object: Object<'_>) -> Option<Json<'_>> {
    (!object.is_empty()).then_some(Json::Object(object))
}

/// The schema that the model itself is to keep to. What is not kept to is at least asked for.
fn format<'r, 'a>(
    request: &'r ChatRequest<'a>,
    plan: &Plan<'_, 'a>,
    traits: Traits,
    system: &mut Vec<Json<'a>>,
    written: &mut Written<'a>,
) -> Option<&'r Schema<'a>> {
    match &request.format {
        Format::Text => None,
        Format::JsonObject => {
            let line = "Answer with one JSON object and nothing else.";
            system.push(text_block(line.into()));
            written.drop_field("response_format");
            None
        }
        Format::JsonSchema(schema) if traits.takes_schema => Some(schema),
        Format::JsonSchema(_) => {
            if plan.answer_tool().is_none() {
                written.drop_field("response_format");
            }
            None
        }
    }
}

/// `outputConfig`. Claude's effort stands in its own field unless there is a schema, which would
/// be at the same place once Bedrock has put both in Claude's words.
fn output<'a>(
    schema: Option<&Schema<'a>>,
    thinking: &Thinking,
    extras: &mut Object<'a>,
) -> Object<'a> {
    let Some(schema) = schema else {
        if let Some(effort) = thinking.effort {
            extras.set("output_config", Object::new().with("effort", effort));
        }
        return Object::new();
    };
    // The schema is a text here.
    let inner = Object::new()
        .with("schema", closed(schema.schema.clone()).to_string())
        .with_some("name", schema.name.clone())
        .with_some("description", schema.description.clone());
    let format = Object::new()
        .with("type", "json_schema")
        .with("structure", Object::new().with("jsonSchema", inner));
    Object::new()
        .with("textFormat", format)
        .with_some("effort", thinking.effort)
}

/// `inferenceConfig`, and how the model thinks, which weighs on all of it.
fn inference<'a>(
    request: &ChatRequest<'a>,
    (family, traits): (Family, Traits),
    is_barred: bool,
    extras: &mut Object<'a>,
    written: &mut Written<'a>,
) -> (Object<'a>, Thinking) {
    let bound = bound(request, traits, written);
    let thinking = think(
        request,
        (family, traits),
        (bound.or(traits.max_output), is_barred),
        extras,
        written,
    );
    let bound = bound.or_else(|| {
        let room = |budget| traits.max_output.unwrap_or(budget + ROOM_BESIDE_THOUGHT);
        thinking.budget.map(room)
    });
    let mut sampling = Sampling {
        takes: traits.takes_sampling && !thinking.rules_out_sampling,
        request,
        written,
        config: Object::new().with_some("maxTokens", bound),
    };
    sampling.write(family, traits, extras);
    (sampling.config, thinking)
}

/// The caller's bound on output, within the model's.
fn bound(request: &ChatRequest<'_>, traits: Traits, written: &mut Written<'_>) -> Option<u64> {
    let wanted = request.max_output?;
    if wanted == 0 {
        written.drop_field("max_completion_tokens:0");
    }
    let most = traits.max_output.unwrap_or(u64::MAX);
    Some(wanted.clamp(1, most.max(1)))
}

/// Claude tells which text stopped it where it is asked to.
fn stop_path<'a>(request: &ChatRequest<'_>, family: Family) -> Option<Json<'a>> {
    if family != Family::Claude || request.stop.is_empty() {
        return None;
    }
    let path = if request.is_stream {
        "/delta/stop_sequence"
    } else {
        "/stop_sequence"
    };
    Some(vec![Json::from(path)].into())
}

/// `inferenceConfig`, and what only Claude takes of it.
struct Sampling<'w, 'a> {
    takes: bool,
    request: &'w ChatRequest<'a>,
    written: &'w mut Written<'a>,
    config: Object<'a>,
}

impl<'a> Sampling<'_, 'a> {
    fn write(&mut self, family: Family, traits: Traits, extras: &mut Object<'a>) {
        let sampling = &self.request.sampling;
        self.number("temperature", "temperature", sampling.temperature.as_ref());
        let takes = self.takes;
        self.takes &= traits.takes_both_sampling || sampling.temperature.is_none();
        self.number("topP", "top_p", sampling.top_p.as_ref());
        match &sampling.top_k {
            Some(it) if takes && family == Family::Claude => extras.set("top_k", it.clone()),
            Some(_) => self.written.drop_field("top_k"),
            None => {}
        }
        for (field, value) in [
            ("min_p", &sampling.min_p),
            ("seed", &sampling.seed),
            ("presence_penalty", &sampling.presence_penalty),
            ("frequency_penalty", &sampling.frequency_penalty),
            ("repetition_penalty", &sampling.repetition_penalty),
            ("logit_bias", &sampling.logit_bias),
        ] {
            if value.is_some() {
                self.written.drop_field(field);
            }
        }
        self.stop();
    }

    /// A number from 0 to 1; what lies outside is moved to the nearer end.
    fn number(&mut self, theirs: &'static str, field: &'static str, value: Option<&Json<'a>>) {
        let Some(value) = value else { return };
        if !self.takes {
            return self.written.drop_field(field);
        }
        let (end, mark) = match value.as_f64() {
            Some(it) if it > 1.0 => (1_u64, ">1"),
            Some(it) if it < 0.0 => (0, "<0"),
            _ => return self.config.push(Cow::Borrowed(theirs), value.clone()),
        };
        self.config.push(Cow::Borrowed(theirs), end.into());
        self.written.drop_field(format!("{field}{mark}"));
    }

    fn stop(&mut self) {
        let texts = self.request.stop.iter();
        let stop: Vec<Json<'a>> = texts
            .filter(|it| !it.trim().is_empty())
            .cloned()
            .map(Json::from)
            .collect();
        if stop.len() < self.request.stop.len() {
            self.written.drop_field("stop:blank");
        }
        if !stop.is_empty() {
            self.config
                .push(Cow::Borrowed("stopSequences"), stop.into());
        }
    }
}
