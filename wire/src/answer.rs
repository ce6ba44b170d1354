//! A whole answer, not streamed.
//!
//! The body goes to the caller as it is; here it is only checked and measured. It must be
//! one JSON object, because a caller's SDK would fail on anything else after we had
//! reported success.

mod silence;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::de::IgnoredAny;

use self::silence::{Said, has_empty_text};
use crate::dialect::Dialect;
use crate::facts::{Facts, FailedFinish};
use crate::fault::Fault;
use crate::json::Json;
use crate::operation::Operation;
use crate::reader::{Named, Observed, StreamFault, error_in};
use crate::rerank;
use crate::usage::Usage;

/// What a good answer says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The vendor's token counts; `None` if absent or not believable.
    pub usage: Option<Usage>,
    /// Whether there was a usage report that cannot be true.
    pub usage_anomaly: bool,
    /// Whether the counts are from before the last words: of a stream that was put together.
    pub is_usage_partial: bool,
    /// Bytes of text in all choices: the base of an estimate without usage.
    pub output_bytes: u64,
    /// What the vendor calls it; `None` where nobody looks for it.
    pub named: Option<Box<Named>>,
}

/// A whole answer that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFault {
    /// What it is instead.
    pub found: StreamFault,
    /// What had come by then.
    pub passed: Box<Passed>,
}

/// What had come of an answer when it failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// What it used all the same, if the vendor says so.
    pub usage: Option<Usage>,
    /// That was counted before the last words.
    pub is_usage_partial: bool,
    /// Bytes of text, for an estimate.
    pub output_bytes: u64,
}

impl From<StreamFault> for AnswerFault {
    fn from(found: StreamFault) -> Self {
        Self {
            found,
            passed: Box::default(),
        }
    }
}

/// Checks the answer of an OpenAI-shaped upstream.
///
/// # Errors
/// [`Fault::Protocol`] if the body is not one JSON object; the error's own fault if a
/// 200 carries an `error`; [`Fault::Empty`] if it has no choices or nothing in them.
pub fn read_answer(operation: Operation, body: &Bytes) -> Result<Answer, AnswerFault> {
    if let Some(dialect) = operation.dialect()
        && !matches!(dialect, Dialect::OpenAiChat | Dialect::OpenAiCompletions)
    {
        return observe(dialect, body);
    }
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return Err(fault(Fault::Protocol).into());
    }
    let facts = Facts::read(operation, body);
    if !facts.is_whole {
        return Err(fault(Fault::Protocol).into());
    }
    let usage = match operation {
        Operation::Rerank => Json::parse(body).and_then(|it| rerank::answer::usage(&it)),
        Operation::Embeddings => facts.count(Usage::from_openai_input),
        _ => facts.count(Usage::from_openai),
    };
    let usage_anomaly = matches!(usage, Some(Err(_)));
    let usage = usage.and_then(Result::ok);
    if let Some(found) = fault_in(operation, &facts, body) {
        let passed = Passed {
            usage,
            ..Passed::default()
        };
        return Err(AnswerFault {
            found,
            passed: Box::new(passed),
        });
    }
    Ok(Answer {
        usage_anomaly,
        is_usage_partial: false,
        usage,
        output_bytes: facts.output_bytes,
        named: None,
    })
}

/// What is wrong with an answer that is one JSON object.
fn fault_in(operation: Operation, facts: &Facts<'_>, body: &Bytes) -> Option<StreamFault> {
    if facts.error.is_some() {
        let error = error_in(body);
        let class = error.as_ref().and_then(Fault::from_error);
        return Some(StreamFault {
            fault: class.unwrap_or(Fault::Server),
            error,
        });
    }
    let said = Said {
        words: facts.has_content,
        reason: facts.explains_empty,
        empty_text: facts.has_empty_text,
    };
    // An empty text of the older API is there in any case.
    let is_silent = operation == Operation::Chat && said.is_nothing();
    let is_empty = facts.choices.unwrap_or(0) == 0 || is_silent;
    match facts.failed_finish {
        Some(FailedFinish::Error) => Some(fault(Fault::Server)),
        Some(FailedFinish::Overloaded) => Some(fault(Fault::Overloaded)),
        None => is_empty.then(|| fault(Fault::Empty)),
    }
}

/// Checks an answer of another dialect by reading it.
fn observe(dialect: Dialect, body: &Bytes) -> Result<Answer, AnswerFault> {
    let mut seen = Observed::default();
    dialect.read_answer(body, &mut seen);
    answered(dialect, body, seen)
}

/// What was seen in a whole answer, as an answer or as the fault that it is.
pub(crate) fn answered(
    dialect: Dialect,
    body: &[u8],
    seen: Observed,
) -> Result<Answer, AnswerFault> {
    let said = Said {
        words: seen.has_words,
        reason: seen.explains_silence,
        empty_text: !seen.has_words && has_empty_text(dialect, body),
    };
    let is_empty = !seen.has_content || said.is_nothing();
    // One object counts once, and what it counts is all, also where it failed.
    let is_usage_partial = seen.fault.is_none() && is_partial(&seen);
    good_unless(is_empty, is_usage_partial, seen)
}

/// What was seen in a stream that was put together: as of any stream, its end is content.
pub(crate) fn put_together(seen: Observed) -> Result<Answer, AnswerFault> {
    good_unless(!seen.has_content, is_partial(&seen), seen)
}

/// Whether more words came after the count.
fn is_partial(seen: &Observed) -> bool {
    seen.usage.is_some() && !seen.usage_is_final()
}

fn good_unless(
    is_empty: bool,
    is_usage_partial: bool,
    seen: Observed,
) -> Result<Answer, AnswerFault> {
    let empty = || is_empty.then(|| fault(Fault::Empty));
    match seen.fault.clone().or_else(empty) {
        Some(found) => Err(AnswerFault {
            found,
            passed: Box::new(Passed {
                is_usage_partial,
                usage: seen.usage,
                output_bytes: seen.output_bytes,
            }),
        }),
        None => Ok(Answer {
            usage_anomaly: seen.is_usage_bad,
            is_usage_partial,
            usage: seen.usage,
            output_bytes: seen.output_bytes,
            named: Some(Box::new(seen.named)),
        }),
    }
}

fn fault(fault: Fault) -> StreamFault {
    StreamFault { fault, error: None }
}
