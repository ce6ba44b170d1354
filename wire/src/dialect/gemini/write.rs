//! A request for a vendor.

use std::borrow::Cow;

use super::generation;
use super::tools::Tools;
use super::turns::Turns;
use crate::chat::names::NameRule;
use crate::chat::turns::Conversation;
use crate::chat::{ChatRequest, Format, Names, Target, ToolChoice, Traits, Unsupported, Written};
use crate::dialect::openai_chat::tool_names;
use crate::json::{Json, Object};

/// What Gemini takes as a tool's name; newer models take more.
const NAMES: NameRule = NameRule {
    max_bytes: 64,
    others: b".-",
    begins_with_any: false,
};
/// Most answers to one request.
const MAX_CHOICES: u32 = 8;
/// The tool that stands for a schema where the model takes none.
const ANSWER_TOOL: &str = "json";
/// What asks for JSON where nothing else can.
const JSON_LINE: &str = "Answer with one JSON object and nothing else.";

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    check_choices(request)?;
    let traits = target.traits;
    let names = Names::new(NAMES, &tool_names(request));
    let conversation = Conversation::of(&request.messages);
    let mut written = Written::new(Json::Null);
    let mut tools = Tools::of(request, traits, &names, &mut written)?;
    let mut config = generation::config(request, traits, &mut written);
    let line = format(request, traits, &mut tools, &mut config, &mut written)?;
    let mut turns = Turns {
        traits,
        names: &names,
        written: &mut written,
    };
    let mut system = turns.system(&conversation.system);
    system.extend(line.map(|it| Object::new().with("text", it).into()));
    let head = if traits.takes_system {
        Vec::new()
    } else {
        std::mem::take(&mut system)
    };
    let contents = turns.contents(&conversation, head)?;
    let mut body = Object::new();
    if !system.is_empty() {
        body = body.with("systemInstruction", Object::new().with("parts", system));
    }
    body = body.with("contents", contents);
    tools.put(&mut body);
    if !config.is_empty() {
        body = body.with("generationConfig", config);
    }
    hints(request, traits, &mut body, &mut written);
    request.leave_out(|it| TAKEN.contains(&it), &mut written)?;
    written.body = body.into();
    written.names = names;
    Ok(written)
}

fn check_choices(request: &ChatRequest<'_>) -> Result<(), Unsupported> {
    let reason = match request.choices {
        0 | 1 => return Ok(()),
        _ if request.is_stream => "a stream has one answer",
        2..=MAX_CHOICES => return Ok(()),
        _ => "at most 8 answers at a time can be asked for",
    };
    Err(Unsupported::new("n", reason))
}

/// Says what the text must be; returns a line for the prompt where nothing else can say it.
fn format<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    tools: &mut Tools<'a>,
    config: &mut Object<'a>,
    written: &mut Written<'a>,
) -> Result<Option<&'static str>, Unsupported> {
    if request.format == Format::Text {
        return Ok(None);
    }
    if !traits.takes_schema_with_tools && request.tool_choice == Some(ToolChoice::None) {
        tools.withhold();
    }
    let is_beside_tools = !tools.is_empty();
    let is_taken = traits.takes_schema_with_tools || !is_beside_tools;
    match &request.format {
        Format::JsonSchema(schema) if traits.takes_schema && is_taken => {
            generation::format(Some(schema), config);
        }
        Format::JsonSchema(schema) if !is_beside_tools => {
            let description = schema.description.clone();
            let description = description.unwrap_or(Cow::Borrowed("Gives the final answer."));
            let function = Object::new()
                .with("name", ANSWER_TOOL)
                .with("description", description)
                .with("parametersJsonSchema", schema.schema.clone());
            tools.force(ANSWER_TOOL, function);
            written.answer_tool = Some(ANSWER_TOOL);
        }
        Format::JsonSchema(_) => {
            return Err(Unsupported::new(
                "response_format",
                "a schema for the answer cannot be asked for beside tools",
            ));
        }
        _ if is_taken => generation::format(None, config),
        _ => {
            written.drop_field("response_format");
            return Ok(Some(JSON_LINE));
        }
    }
    Ok(None)
}

/// Hints that have a place, or are accounted for in [`hints`].
const TAKEN: [&str; 2] = ["safety_settings", "service_tier"];

fn hints<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    for (field, value) in &request.hints {
        match (*field, value) {
            ("safety_settings", Json::Array(_)) => {
                body.push(Cow::Borrowed("safetySettings"), value.clone());
            }
            ("safety_settings", _) => written.drop_field("safety_settings"),
            ("service_tier", value) => match value.as_str() {
                // What the vendor does by itself.
                Some("auto") => {}
                Some("default") if !traits.takes_service_tier => {}
                Some(tier @ ("default" | "flex" | "priority")) if traits.takes_service_tier => {
                    let tier = if tier == "default" { "standard" } else { tier };
                    body.push(Cow::Borrowed("serviceTier"), tier.to_owned().into());
                }
                _ => written.drop_field("service_tier"),
            },
            _ => {}
        }
    }
    if request.user.is_some() {
        written.drop_field("user");
    }
    if request.messages.iter().any(|it| it.name.is_some()) {
        written.drop_field("messages[].name");
    }
}
