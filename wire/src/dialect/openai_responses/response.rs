//! The response object: what was asked for, and what became of it.

use super::frames::member;
use super::namespace::Namespaces;
use super::read::ENCRYPTED;
use super::usage;
use crate::chat::Finish;
use crate::chat::seal::Seal;
use crate::dialect::Echo;
use crate::json::{Json, Object};
use crate::usage::Usage;

/// Fields of the request that the response repeats, with what they are where the caller says
/// nothing. Those without such a value are left out then.
const ECHOED: [(&str, Option<&str>); 22] = [
    ("background", Some("false")),
    ("instructions", Some("null")),
    ("max_output_tokens", Some("null")),
    ("max_tool_calls", Some("null")),
    ("metadata", Some("{}")),
    ("moderation", None),
    ("parallel_tool_calls", Some("true")),
    ("previous_response_id", Some("null")),
    ("prompt_cache_key", None),
    ("prompt_cache_options", None),
    ("prompt_cache_retention", None),
    ("reasoning", Some("{\"effort\":null,\"summary\":null}")),
    ("safety_identifier", None),
    ("service_tier", None),
    ("store", Some("true")),
    ("temperature", Some("null")),
    ("text", Some("{\"format\":{\"type\":\"text\"}}")),
    ("tool_choice", Some("\"auto\"")),
    ("tools", Some("[]")),
    ("top_logprobs", None),
    ("top_p", Some("null")),
    ("truncation", Some("\"disabled\"")),
];
/// Those of them that may be `null`; any other `null` is as good as nothing.
const NULLABLE: [&str; 2] = ["metadata", "reasoning"];

/// All of a response that does not change while it is written.
#[derive(Debug)]
pub(super) struct Frame {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Whether the caller gets thoughts in cipher.
    pub(super) shows_cipher: bool,
    pub(super) seal: Seal,
    /// The caller's tools that stand in a namespace.
    pub(super) namespaces: Namespaces,
}

/// What became of a response.
#[derive(Debug, Default)]
pub(super) struct Outcome<'o> {
    /// `status`
    pub(super) status: &'static str,
    /// `incomplete_details.reason`
    pub(super) incomplete: Option<&'static str>,
    /// `error`
    pub(super) error: Option<Object<'o>>,
    /// The vendor's count.
    pub(super) usage: Option<&'o Usage>,
}

impl Frame {
    pub(super) fn new(echo: &Echo<'_>) -> Self {
        let mut head = Vec::new();
        let begin = Object::new()
            .with("id", format!("resp_{}", echo.id))
            .with("object", "response")
            .with("created_at", echo.created)
            .with("model", echo.model);
        Json::from(begin).write(&mut head);
        head.pop();
        let mut tail = Vec::new();
        for (field, default) in ECHOED {
            let asked = echo.request.raw(field).filter(|raw| {
                *raw != b"null" || NULLABLE.contains(&field) || default == Some("null")
            });
            // Written anew because a line end inside would end an event's line; digits stay.
            let value = asked.and_then(Json::trusted);
            let default = default.and_then(|it| Json::trusted(it.as_bytes()));
            if let Some(value) = value.or(default) {
                member(field, &value, &mut tail);
            }
        }
        if let Some(user) = echo.request.raw("user").and_then(Json::trusted) {
            member("user", &user, &mut tail);
        }
        Self {
            head,
            tail,
            shows_cipher: includes(echo, ENCRYPTED),
            seal: echo.seal.clone(),
            namespaces: Namespaces::of(echo.request),
        }
    }

    /// Writes the object; `output` are its items, with commas between them.
    pub(super) fn write(&self, outcome: &Outcome<'_>, output: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        member("status", &outcome.status.into(), out);
        let error = outcome.error.clone().map_or(Json::Null, Json::from);
        member("error", &error, out);
        let details = outcome.incomplete.map_or(Json::Null, |reason| {
            Object::new().with("reason", reason).into()
        });
        member("incomplete_details", &details, out);
        out.extend_from_slice(b",\"output\":[");
        out.extend_from_slice(output);
        out.push(b']');
        let usage = outcome
            .usage
            .map_or(Json::Null, |it| usage::object(it).into());
        member("usage", &usage, out);
        out.extend_from_slice(&self.tail);
        out.push(b'}');
    }
}

impl Outcome<'_> {
    /// What becomes of an answer that ends so.
    pub(super) fn of(finish: &Finish) -> Self {
        let (status, incomplete) = match finish {
            Finish::Stop | Finish::StopText(_) | Finish::ToolCalls => ("completed", None),
            Finish::Length => ("incomplete", Some("max_output_tokens")),
            Finish::ContentFilter | Finish::Refusal(_) => ("incomplete", Some("content_filter")),
        };
        Self {
            status,
            incomplete,
            ..Self::default()
        }
    }
}

fn includes(echo: &Echo<'_>, word: &str) -> bool {
    let include = echo.request.raw("include").and_then(Json::trusted);
    let words = include
        .as_ref()
        .and_then(Json::as_array)
        .unwrap_or_default();
    words.iter().any(|it| it.as_str() == Some(word))
}
