//! The request body as a row wants it: splices over what the caller sent.
//!
//! Only named values change. Each step is one habit of a row; a row without habits costs
//! the model name and, in a stream, the request for usage.

use std::borrow::Cow;

use serde_json::json;
use tollward_wire::chat::Replay;
use tollward_wire::document::{Document, Edit, Object};
use tollward_wire::operation::Operation;
use tollward_wire::segments::Segments;

use super::format;
use super::models::{is_deepseek_v4, is_reasoning_model};
use super::row::{EffortHabit, FormatHabit, MaxTokens, Quirks, Row, StreamUsage};
use super::tool_id;
use crate::provider::{Call, EncodeError};

/// The body, and the paths of the fields that were left out; `known` is the vendor's own name of
/// the model, by which it is told what it takes.
///
/// # Errors
/// [`EncodeError`] if the vendor cannot do what the caller asks for.
pub(super) fn body(
    row: &Row,
    call: &Call<'_>,
    known: &str,
) -> Result<(Segments, Vec<Cow<'static, str>>), EncodeError> {
    refuse(row, call)?;
    let quirks = &row.quirks;
    let document = call.document;
    let mut edit = document.edit();
    let mut dropped = Vec::new();
    if call.view.model != call.upstream_model {
        edit.set("model", call.upstream_model);
    }
    for &field in quirks.dropped {
        if document.raw(field).is_some() {
            edit.remove(field);
            dropped.push(field.into());
        }
    }
    for &(operation, ours, theirs) in quirks.renamed {
        if operation == call.operation {
            edit.rename(ours, theirs);
        }
    }
    if call.operation == Operation::Chat {
        name_output_bound(quirks.max_tokens, call, known, &mut edit);
        if quirks.spells_required_any && document.raw("tool_choice") == Some(b"\"required\"") {
            edit.set("tool_choice", "any");
        }
        say_effort(quirks, document, &mut edit, &mut dropped);
        if quirks.takes_only_lists_of_stops {
            list_stops(document, &mut edit);
        }
        if quirks.format == FormatHabit::UnderValue {
            format::under_value(row.facts.kind, document, &mut edit)?;
        }
        let keeps_thoughts = quirks.thoughts == Replay::AlwaysAsText && is_deepseek_v4(known);
        edit_messages(quirks, keeps_thoughts, document, &mut edit, &mut dropped);
    }
    if call.view.is_stream && quirks.stream_usage == StreamUsage::Ask && !call.view.asks_usage {
        ask_usage(document, &mut edit);
    }
    Ok((edit.finish(), dropped))
}

fn refuse(row: &Row, call: &Call<'_>) -> Result<(), EncodeError> {
    let unsupported = |param, reason| {
        Err(EncodeError::Unsupported {
            kind: row.facts.kind,
            param: Cow::Borrowed(param),
            reason,
        })
    };
    if row.quirks.is_single_choice && call.view.choices != 1 {
        return unsupported("n", "only one choice can be asked for");
    }
    let refused = &row.quirks.refused;
    match refused.iter().find(|(field, _)| call.document.has(field)) {
        Some((field, reason)) => unsupported(field, reason),
        None => Ok(()),
    }
}

fn name_output_bound(habit: MaxTokens, call: &Call<'_>, known: &str, edit: &mut Edit<'_>) {
    match habit {
        MaxTokens::Both => {}
        MaxTokens::Legacy => edit.rename("max_completion_tokens", "max_tokens"),
        MaxTokens::ByModel if !is_reasoning_model(known) => {}
        // The newer name wins when both are there.
        MaxTokens::ByModel if call.document.has("max_completion_tokens") => {
            edit.remove("max_tokens");
        }
        MaxTokens::ByModel => edit.rename("max_tokens", "max_completion_tokens"),
    }
}

/// Says how hard to think in the vendor's words, or not to think where a tool is forced and
/// both at once are refused.
fn say_effort(
    quirks: &Quirks,
    document: &Document,
    edit: &mut Edit<'_>,
    dropped: &mut Vec<Cow<'static, str>>,
) {
    const EFFORT: &str = "reasoning_effort";
    const THINKING: &str = "thinking";
    if document.has(THINKING) {
        // The caller speaks the vendor's own words.
        return;
    }
    let word = document.get::<String>(EFFORT).ok().flatten();
    let known = quirks
        .efforts
        .iter()
        .find(|(it, _)| Some(*it) == word.as_deref());
    let habit = known.map(|(_, habit)| *habit);
    let is_forced = quirks.cannot_force_while_thinking && forces_a_tool(document);
    if is_forced || habit == Some(EffortHabit::Disabled) {
        edit.remove(EFFORT);
        edit.set(THINKING, json!({ "type": "disabled" }));
        if word.is_some() && habit != Some(EffortHabit::Disabled) {
            dropped.push(EFFORT.into());
        }
    } else if let Some(EffortHabit::Word(theirs)) = habit {
        edit.set(EFFORT, theirs);
    }
}

/// Puts a single stop sequence into a list.
fn list_stops(document: &Document, edit: &mut Edit<'_>) {
    if let Ok(Some(stop)) = document.get::<String>("stop") {
        edit.set("stop", [stop]);
    }
}

/// Whether the model must call a tool.
fn forces_a_tool(document: &Document) -> bool {
    let raw = document.raw("tool_choice").unwrap_or(b"null");
    !matches!(raw, b"null" | b"\"auto\"" | b"\"none\"")
}

/// Where `DeepSeek` has the words of a thought.
const THOUGHTS: &str = "reasoning_content";

/// `keeps_thoughts`: whether each turn of the assistant must have its thought, if an empty one.
fn edit_messages(
    quirks: &Quirks,
    keeps_thoughts: bool,
    document: &Document,
    edit: &mut Edit<'_>,
    dropped: &mut Vec<Cow<'static, str>>,
) {
    if quirks.dropped_in_messages.is_empty()
        && !quirks.has_no_developer_role
        && !quirks.has_short_tool_ids
        && !keeps_thoughts
    {
        return;
    }
    for message in document.objects("messages").unwrap_or_default() {
        if quirks.has_no_developer_role && role_is(&message, document, "developer") {
            edit.set_in(&message, "role", "system");
        }
        if quirks.has_short_tool_ids {
            tool_id::shorten(&message, document, edit);
        }
        // Else: "The `reasoning_content` in the thinking mode must be passed back to the API."
        if keeps_thoughts
            && role_is(&message, document, "assistant")
            && !message.has(document, THOUGHTS)
        {
            edit.set_in(&message, THOUGHTS, "");
        }
        for field in quirks.dropped_in_messages {
            let is_known = field
                .known_in
                .is_some_and(|role| role_is(&message, document, role));
            let says_nothing = match message.raw(document, field.name) {
                None => continue,
                Some(raw) => raw == b"null",
            };
            if is_known || (field.is_empty_only && !says_nothing) {
                continue;
            }
            edit.remove_in(&message, field.name);
            if !says_nothing && !dropped.iter().any(|it| it == field.path) {
                dropped.push(field.path.into());
            }
        }
    }
}

fn role_is(message: &Object, document: &Document, role: &str) -> bool {
    message
        .raw(document, "role")
        .and_then(|raw| raw.strip_prefix(b"\"")?.strip_suffix(b"\""))
        == Some(role.as_bytes())
}

fn ask_usage(document: &Document, edit: &mut Edit<'_>) {
    match document.object("stream_options") {
        Some(options) => edit.set_in(&options, "include_usage", true),
        None => edit.set("stream_options", json!({ "include_usage": true })),
    }
}
