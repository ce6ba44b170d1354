//! The question how many tokens a request has, as a row wants it.

use tollward_wire::dialect::Dialect;
use tollward_wire::dialect::openai_responses::state::without_foreign_thoughts;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;
use tollward_wire::segments::Segments;
use tollward_wire::view::RequestView;

use super::encode;
use super::row::{Counting, Row};
use crate::provider::{Call, EncodeError};

/// Parameters of `responses.create` that `responses.input_tokens.count` lacks in openai-python 3.57
/// (read 2026-11). Not among them is `prompt`: what it stands for would be missing in the count.
const UNCOUNTED: [&str; 19] = [
    "background",
    "context_management",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
];

/// The body of the question.
///
/// # Errors
/// [`EncodeError`] if the vendor would not take the request.
pub(super) fn body(
    row: &Row,
    counting: &Counting,
    request: &Document,
    model: &str,
) -> Result<Segments, EncodeError> {
    if counting.counter.dialect == Dialect::OpenAiResponses {
        let freed = without_foreign_thoughts(request)?;
        let mut edit = freed.as_ref().unwrap_or(request).edit();
        edit.set("model", model);
        for field in UNCOUNTED {
            edit.remove(field);
        }
        return Ok(edit.finish());
    }
    // The servers that are asked by a chat take it as they would to answer it.
    let view = RequestView::read(Operation::Chat, request)?;
    let call = Call {
        operation: Operation::Chat,
        document: request,
        form: None,
        betas: None,
        view: &view,
        upstream_model: model,
    };
    Ok(encode::body(row, &call, model)?.0)
}
