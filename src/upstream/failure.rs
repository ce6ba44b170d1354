//! What is known of an attempt that failed.

use std::time::Duration;

use http::StatusCode;
use tollward_providers::EncodeError;
use tollward_wire::answer::AnswerFault;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;
use tollward_wire::reader::StreamFault;
use tollward_wire::usage::Usage;

use crate::credentials::fetcher::FetchError;
use crate::policy::obstacle::Pause;
use crate::upstream::client::SendError;

/// A failed attempt.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, not a state"
)]
pub struct AttemptFailure {
    /// What went wrong.
    pub fault: Fault,
    /// The vendor's own words, when it had any.
    pub error: Option<ErrorBody>,
    /// The vendor's status, when there was a head.
    pub status: Option<StatusCode>,
    /// What the vendor asked us to wait, relative to now.
    pub retry_after: Option<Duration>,
    /// The vendor may bill for this attempt: it had the whole request and did not refuse it.
    pub may_be_billed: bool,
    /// What the attempt used, as far as the vendor said so.
    pub used: Option<Used>,
    /// Bytes of text that had come, for an estimate.
    pub output_bytes: u64,
    /// This deployment cannot be asked such a thing: nothing was sent, and another one may take it.
    pub is_inexpressible: bool,
    /// The words in `error` are this gateway's own: of its engine, or because nothing was sent.
    pub is_ours: bool,
    /// This machine lacks something, such as descriptors: the deployment has not failed.
    pub is_shortage: bool,
    /// For the log, never for the client.
    pub detail: String,
}

/// What a failed attempt used.
#[derive(Clone, Debug)]
pub struct Used {
    /// The count.
    pub usage: Usage,
    /// It is an estimate in part.
    pub is_guess: bool,
}

impl Used {
    /// A vendor's own count.
    pub fn told(usage: Usage) -> Self {
        Self {
            usage,
            is_guess: false,
        }
    }
}

impl AttemptFailure {
    /// A failure that we found, without words of the vendor.
    pub fn of(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            fault,
            error: None,
            status: None,
            retry_after: None,
            may_be_billed: false,
            used: None,
            output_bytes: 0,
            is_inexpressible: false,
            is_ours: false,
            is_shortage: false,
            detail: detail.into(),
        }
    }

    /// No attempt was made: the deployment is left alone for a while.
    pub fn resting(pause: &Pause) -> Self {
        Self {
            retry_after: Some(pause.left),
            ..Self::of(pause.fault, "it is left alone for a while")
        }
    }

    /// A failure of an attempt that the vendor may bill.
    pub fn billed(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            may_be_billed: true,
            ..Self::of(fault, detail)
        }
    }

    /// An error that a vendor told inside a good answer.
    pub fn from_stream(found: StreamFault) -> Self {
        Self {
            error: found.error,
            ..Self::billed(found.fault, "error inside a 200 answer")
        }
    }

    /// A whole answer that is none, with what the vendor says that it used.
    pub fn from_answer(fault: AnswerFault) -> Self {
        let passed = *fault.passed;
        Self {
            used: passed.usage.map(|usage| Used {
                usage,
                is_guess: passed.is_usage_partial,
            }),
            output_bytes: passed.output_bytes,
            ..Self::from_stream(fault.found)
        }
    }
}

impl From<SendError> for AttemptFailure {
    fn from(error: SendError) -> Self {
        Self {
            may_be_billed: error.was_sent,
            is_shortage: error.is_shortage,
            ..Self::of(error.fault, error.to_string())
        }
    }
}

impl From<FetchError> for AttemptFailure {
    fn from(error: FetchError) -> Self {
        Self::of(Fault::Auth, error.to_string())
    }
}

/// A request that this vendor cannot be sent.
pub(super) fn unencodable(error: &EncodeError) -> AttemptFailure {
    let body = ErrorBody {
        message: error.to_string(),
        kind: "invalid_request_error".into(),
        param: error.param().map(str::to_owned),
        code: Some("unsupported_parameter".into()),
        filtered: None,
    };
    AttemptFailure {
        error: Some(body),
        is_inexpressible: true,
        is_ours: true,
        ..AttemptFailure::of(Fault::BadRequest, error.to_string())
    }
}

/// A request that would have to be changed for this vendor, where the operator forbids it.
pub(super) fn left_out(param: &str, all: &str) -> AttemptFailure {
    let message = format!("this model's API does not take: {all}");
    let body = ErrorBody {
        message: message.clone(),
        kind: "invalid_request_error".into(),
        param: Some(param.to_owned()),
        code: Some("unsupported_parameter".into()),
        filtered: None,
    };
    AttemptFailure {
        error: Some(body),
        is_inexpressible: true,
        is_ours: true,
        ..AttemptFailure::of(Fault::BadRequest, message)
    }
}
