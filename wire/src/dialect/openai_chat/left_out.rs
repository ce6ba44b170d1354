//! What a request says that the family has no place for, by name.
//!
//! Servers of the family keep prompt caches by themselves, so that a cache point is a hint
//! that is lost; it is named once, however many there are.

use crate::chat::{ChatRequest, Message, Part, Role, Source, Tool, Traits, Written};
use crate::dialect::anthropic::{holds_to_grammar, is_allowed};

/// Longest name of an end user that `OpenAI` takes, in characters.
pub(super) const MAX_USER: usize = 64;

/// Names all of it.
pub(super) fn note(request: &ChatRequest<'_>, traits: Traits, written: &mut Written<'_>) {
    for message in &request.messages {
        note_message(message, written);
    }
    for tool in request.tools.iter().filter(|it| is_allowed(request, it)) {
        note_tool(tool, traits, written);
    }
    let thinking = request.thinking;
    if traits.thinks && thinking.is_visible == Some(false) {
        written.drop_field("reasoning.exclude");
    }
    let is_bounded = thinking.effort.is_none() && thinking.budget.is_some_and(|it| it > 0);
    if traits.thinks && is_bounded {
        written.drop_field("reasoning.max_tokens");
    }
    let user = request.user.as_deref().unwrap_or_default();
    if user.chars().nth(MAX_USER).is_some() {
        written.drop_field("user[64..]");
    }
}

fn note_message(message: &Message<'_>, written: &mut Written<'_>) {
    for part in &message.parts {
        note_cache(part, written);
        match part {
            Part::Image(_) | Part::Audio(_) | Part::File(_) if message.role != Role::User => {
                written.drop_field("messages[].content[]:media");
            }
            Part::File(file) if matches!(file.source, Source::Text(_)) && file.name.is_some() => {
                written.drop_field("messages[].content[].file.filename");
            }
            Part::ToolCall(call) if call.signature.is_some() => {
                written.drop_field("messages[].tool_calls[].extra_content");
            }
            Part::ToolResult(result) => {
                for part in &result.parts {
                    note_cache(part, written);
                }
            }
            _ => {}
        }
    }
}

fn note_cache(part: &Part<'_>, written: &mut Written<'_>) {
    if part.cache().is_some() {
        written.drop_field("cache_control");
    }
}

fn note_tool(tool: &Tool<'_>, traits: Traits, written: &mut Written<'_>) {
    if tool.cache.is_some() {
        written.drop_field("cache_control");
    }
    if tool.strict == Some(true) && !traits.takes_strict_tools {
        written.drop_field("tools[].function.strict");
    }
    let format = tool.custom.as_ref().and_then(Option::as_ref);
    if holds_to_grammar(format) && !traits.takes_custom_tools {
        written.drop_field("tools[].custom.format");
    }
}
