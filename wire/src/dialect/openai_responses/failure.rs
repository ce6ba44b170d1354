//! What a vendor says when it fails.

use crate::error_body::ErrorBody;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::reader::{StreamFault, stream_fault};

/// The fault that an `error` event or an answer with nothing but an error stands for.
pub(super) fn fault_in(value: &Json<'_>) -> StreamFault {
    fault_of(value.get("error").unwrap_or(value))
}

/// The fault that an error stands for.
pub(super) fn fault_of(error: &Json<'_>) -> StreamFault {
    let mut error = error.clone();
    if let Json::Object(fields) = &mut error {
        // In an event the type is the event's, not the error's.
        fields.retain(|key, value| key != "type" || value.as_str() != Some("error"));
    }
    let wrapped = Json::from(Object::new().with("error", error));
    let mut found = stream_fault(Some(&wrapped.to_bytes()));
    let Some(said) = &found.error else {
        return found;
    };
    let known = Fault::from_error(said).filter(|it| *it != Fault::Server);
    // A prompt that is too long is called a fault of the server; only the text tells.
    let by_text = || {
        let text = ErrorBody {
            code: None,
            ..said.clone()
        };
        Fault::from_error(&text).filter(|it| *it == Fault::ContextLength)
    };
    if let Some(fault) = known.or_else(by_text).or_else(|| class(said)) {
        found.fault = fault;
    }
    found
}

/// Codes of this API that no other has.
fn class(error: &ErrorBody) -> Option<Fault> {
    Some(match error.code.as_deref()? {
        "server_is_overloaded" | "slow_down" => Fault::Overloaded,
        "bio_policy"
        | "cyber_policy"
        | "misalignment_policy_violation"
        | "image_content_policy_violation" => Fault::ContentFilter,
        "data_residency_mismatch" => Fault::BadRequest,
        // An image is the caller's, whatever is wrong with it.
        code if code.contains("image") || code.starts_with("invalid_") => Fault::BadRequest,
        _ => return None,
    })
}
