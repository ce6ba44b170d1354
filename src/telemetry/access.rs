//! The access log: one JSON line per call, written off the data path.
//!
//! A line is formatted into a shared buffer and written by a background thread
//! a few times a second. The buffer is bounded: when its reader is stuck, the
//! newest lines are dropped and counted, and calls go on (faults P-26).

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use http::{HeaderValue, StatusCode};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use tollward_store::{Entry, KeyId, Outcome, RequestId};
use tollward_wire::operation::Operation;

use crate::pipeline::authenticate::Caller;
use crate::telemetry::outlet::Outlet;

/// One call, as the line tells it.
pub struct AccessLine<'a> {
    /// The call's final ledger row.
    pub entry: &'a Entry,
    /// Who called.
    pub caller: &'a Caller,
    /// The credential of the last attempt; empty if there was no choice.
    pub credential: &'a str,
    /// The id that the client gave the call.
    pub client_request_id: Option<&'a HeaderValue>,
    /// The code of why the call failed, if it did: that of the last attempt, or what was wrong with the caller's body.
    pub fault: Option<&'static str>,
    /// Time spent in the gateway itself.
    pub overhead: Duration,
}

/// A request that was refused before it became a call.
pub struct Refusal<'a> {
    /// The request's id.
    pub request: RequestId,
    /// When it came, in Unix milliseconds.
    pub at_ms: i64,
    /// Which endpoint was called.
    pub operation: Operation,
    /// The answer's status.
    pub status: StatusCode,
    /// The error's code.
    pub code: &'a str,
}

#[derive(Serialize)]
struct RefusalLine<'a> {
    #[serde(rename = "request.id")]
    request: RequestId,
    at_ms: i64,
    operation: &'static str,
    status: u16,
    outcome: Outcome,
    code: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "request.id")]
    request: RequestId,
    #[serde(rename = "client_request.id", skip_serializing_if = "Option::is_none")]
    client_request: Option<&'a str>,
    at_ms: i64,
    #[serde(rename = "key.id", skip_serializing_if = "Option::is_none")]
    key: Option<KeyId>,
    #[serde(rename = "key.name", skip_serializing_if = "Option::is_none")]
    key_name: Option<&'a str>,
    operation: &'a str,
    model: &'a str,
    #[serde(rename = "deployment.id")]
    deployment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    credential: &'a str,
    status: u16,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tried: Option<&'a str>,
    stream: bool,
    input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nano_usd: Option<i64>,
    estimated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_content_ms: Option<u32>,
    duration_ms: u32,
    overhead_us: u64,
}

/// Where lines go; cheap to share.
pub struct AccessLog {
    outlet: Option<Outlet>,
    dropped: Counter,
}

impl AccessLog {
    /// No access log.
    pub fn off() -> Self {
        Self {
            outlet: None,
            dropped: Counter::default(),
        }
    }

    /// Lines to standard error, or appended to the file at `path`. Dropped lines are counted in `dropped`.
    ///
    /// # Errors
    /// The file cannot be opened or the writer's thread not started.
    pub fn open(path: Option<&Path>, dropped: Counter) -> io::Result<Self> {
        let target: Box<dyn Write + Send> = match path {
            Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
            None => Box::new(io::stderr()),
        };
        let outlet = Some(Outlet::open("access-log", target)?);
        Ok(Self { outlet, dropped })
    }

    /// Writes a finished call.
    pub fn write(&self, access: &AccessLine<'_>) {
        if let Some(outlet) = &self.outlet {
            self.append(outlet, &line(access));
        }
    }

    /// Writes a request that was refused.
    pub fn refuse(&self, refusal: &Refusal<'_>) {
        if let Some(outlet) = &self.outlet {
            let &Refusal {
                request,
                at_ms,
                operation,
                status,
                code,
            } = refusal;
            let outcome = Outcome::Refused;
            self.append(
                outlet,
                &RefusalLine {
                    request,
                    at_ms,
                    operation: operation.name(),
                    status: status.as_u16(),
                    outcome,
                    code,
                },
            );
        }
    }

    /// Puts a line into the buffer; drops it when the buffer is full.
    fn append(&self, outlet: &Outlet, line: &impl Serialize) {
        let is_taken = outlet.push(|buffer| {
            // Writing into memory cannot fail, and every field has a JSON form.
            let _ = serde_json::to_writer(&mut *buffer, line);
            buffer.push(b'\n');
        });
        if !is_taken {
            self.dropped.inc();
        }
    }

    /// Writes what waits and ends the writer.
    pub fn close(&self) {
        if let Some(outlet) = &self.outlet {
            outlet.close();
        }
    }
}

fn line<'a>(access: &AccessLine<'a>) -> Line<'a> {
    let entry = access.entry;
    let key = access.caller.key();
    Line {
        request: entry.request,
        client_request: access.client_request_id.and_then(|id| id.to_str().ok()),
        at_ms: entry.at_ms,
        key: entry.key,
        key_name: key.map(|key| key.name.as_str()),
        operation: &entry.operation,
        model: &entry.model,
        deployment: &entry.deployment,
        credential: access.credential,
        status: entry.status,
        outcome: entry.outcome,
        fault: access.fault,
        attempts: entry.attempts,
        rule: entry.course.rule.as_deref(),
        tried: entry.course.tried.as_deref(),
        stream: entry.streamed,
        input_tokens: entry.tokens.input,
        output_tokens: entry.tokens.output,
        cost_nano_usd: entry.cost.map(|cost| cost.0),
        estimated: entry.estimated,
        first_content_ms: entry.first_content_ms,
        duration_ms: entry.duration_ms,
        overhead_us: u64::try_from(access.overhead.as_micros()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests;
