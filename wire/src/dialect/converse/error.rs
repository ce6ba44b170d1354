//! AWS's exceptions, and the faults that they stand for.

use crate::error_body::ErrorBody;
use crate::eventstream::Frame;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::reader::StreamFault;

/// Texts, in small letters, by which a model on Bedrock says that the prompt is too long.
///
/// Looked for only where the request is said to be at fault: "too many tokens" is also what
/// Bedrock says of a rate. Source: litellm `exception_mapping_utils.py` (read 2026-11).
const CONTEXT: [&str; 7] = [
    "input is too long",
    "too many input tokens",
    "too many tokens",
    "prompt is too long",
    "expected maxlength:",
    "prompt: length: 1..",
    "exceed model maximum",
];

/// The fault that an exception stands for.
///
/// `name` is the exception's, from a frame, from the header `x-amzn-ErrorType` or from
/// `__type`, with whatever these put around it; `body` is its JSON.
pub fn fault(name: &str, body: &[u8]) -> StreamFault {
    fault_or(name, body, Fault::Server)
}

/// The same, where `unknown` stands for an exception of a name that is not known.
pub fn fault_or(name: &str, body: &[u8], unknown: Fault) -> StreamFault {
    let body = Json::parse(body);
    let text = |field: &str| body.as_ref().and_then(|it| it.str(field));
    let name = plain_name(match name {
        "" => text("__type").unwrap_or_default(),
        name => name,
    });
    let message = text("message").or_else(|| text("Message"));
    let original = text("originalMessage");
    let status = body
        .as_ref()
        .and_then(|it| it.get("originalStatusCode")?.as_u64());
    StreamFault {
        fault: class(name, status, message.or(original).unwrap_or_default()).unwrap_or(unknown),
        error: stated(name, message.or(original).unwrap_or(name)),
    }
}

/// The failure that a frame of a stream tells of, if it is an exception or an error.
pub(crate) fn in_frame(frame: &Frame) -> Option<StreamFault> {
    match frame.text(":message-type") {
        Some("exception") => {
            let name = frame.text(":exception-type").unwrap_or_default();
            Some(fault(name, frame.payload()))
        }
        Some("error") => {
            let name = frame.text(":error-code").unwrap_or_default();
            let message = frame.text(":error-message").unwrap_or_default();
            let body = Json::from(Object::new().with("message", message)).to_bytes();
            Some(fault(name, &body))
        }
        // An event, or what is not known yet.
        _ => None,
    }
}

/// The failure that a stop reason stands for: what the model wrote was of no use.
pub(super) fn malformed(reason: &str) -> StreamFault {
    let message = format!("the model stopped with {reason}");
    StreamFault {
        fault: Fault::Server,
        error: stated(reason, &message),
    }
}

/// Whether this is an exception's body rather than an answer.
pub(super) fn is_exception(value: &Json<'_>) -> bool {
    ["__type", "message", "Message"]
        .iter()
        .any(|it| value.get(it).is_some())
}

fn stated(name: &str, message: &str) -> Option<ErrorBody> {
    if message.is_empty() {
        return None;
    }
    let error = Object::new().with("message", message).with("type", name);
    ErrorBody::parse(&Json::from(error).to_bytes())
}

/// `com.amazonaws#ThrottlingException:http://…` is a `ThrottlingException`.
fn plain_name(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

fn class(name: &str, original_status: Option<u64>, message: &str) -> Option<Fault> {
    Some(match name.to_ascii_lowercase().as_str() {
        "throttlingexception" | "toomanyrequestsexception" => Fault::RateLimited,
        "servicequotaexceededexception" => Fault::Quota,
        "serviceunavailableexception" | "modelnotreadyexception" => Fault::Overloaded,
        "validationexception" if is_context(message) => Fault::ContextLength,
        "validationexception" => Fault::BadRequest,
        "accessdeniedexception"
        | "unrecognizedclientexception"
        | "expiredtokenexception"
        | "expiredtoken"
        | "invalidsignatureexception"
        | "signaturedoesnotmatch"
        | "incompletesignature"
        | "missingauthenticationtokenexception" => Fault::Auth,
        "resourcenotfoundexception" => Fault::NotFound,
        // What stands behind Bedrock failed; its own status says how.
        "modelstreamerrorexception" | "modelerrorexception" => match original_status {
            Some(400) if is_context(message) => Fault::ContextLength,
            Some(429) => Fault::RateLimited,
            Some(503 | 529) => Fault::Overloaded,
            _ => Fault::Server,
        },
        "internalserverexception" | "modeltimeoutexception" => Fault::Server,
        _ => return None,
    })
}

fn is_context(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    CONTEXT.iter().any(|it| message.contains(it))
}
