//! From a call to an answer with a good head: shape, sign, send, wait.
//!
//! A call for the embedded engine takes the other branch here (`local`) and looks like
//! any other answer from then on.

use std::borrow::Cow;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tollward_config::OnUnsupported;
use tollward_providers::shape::{Reading, Shaped, shape};
use tollward_providers::{Call, Outbound, Provider};
use tollward_wire::dialect::Dialect;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::reader::{Framing, UsageChunk};

use super::{UpstreamBody, UpstreamHead, batch, within};
use crate::clock;
use crate::snapshot::{Deployment, Target};
use crate::upstream::client::SendError;
use crate::upstream::exchange::local::open_local;
use crate::upstream::failure::{AttemptFailure, left_out, unencodable};
use crate::upstream::lanes::Carried;
use crate::upstream::refusal::refusal;
use crate::upstream::sender::Sender;
use crate::upstream::upload::Upload;

/// An answer with a good head.
pub(super) struct Opened {
    pub(super) head: UpstreamHead,
    /// What was read of the body already.
    pub(super) first: Bytes,
    pub(super) body: UpstreamBody,
    pub(super) usage_chunk: UsageChunk,
    pub(super) framing: Framing,
    pub(super) reading: Reading,
    /// What its content type says.
    pub(super) is_stream: bool,
}

/// Whether the answer is a stream; one that does not say what it is, is taken for what was asked for.
fn is_stream(headers: &HeaderMap, call: &Call<'_>, stream_type: &str) -> bool {
    let declared = headers.get(header::CONTENT_TYPE);
    let declared = declared.filter(|kind| !is_type(kind, "application/octet-stream"));
    declared.map_or(call.view.is_stream, |kind| is_type(kind, stream_type))
}

/// Whether a content type is `name`, with or without parameters. Media types have no case (RFC 9110 §8.3.1).
fn is_type(content_type: &HeaderValue, name: &str) -> bool {
    let start = content_type.as_bytes().get(..name.len());
    start.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
}

/// A call as its deployment takes it.
pub struct Prepared<'a>(pub(super) Ready<'a>);

pub(super) enum Ready<'a> {
    /// One request.
    Http(Box<Request<'a>>),
    /// Several of them.
    Batch(Box<batch::Shaped<'a>>),
    /// The engine is at work on it.
    Local(Box<Opened>),
}

/// A request that was not sent yet.
pub(super) struct Request<'a> {
    provider: &'a dyn Provider,
    shaped: Shaped,
    dropped: Vec<Cow<'static, str>>,
}

impl<'a> Request<'a> {
    /// The vendor and the request itself.
    pub(super) fn into_parts(self) -> (&'a dyn Provider, Outbound) {
        (self.provider, self.shaped.outbound)
    }
}

/// Puts a call into the words of `deployment`. Nothing is sent; only the embedded engine begins at once.
///
/// # Errors
/// The deployment cannot be asked such a thing, or its engine cannot take the call.
pub fn prepare<'a>(
    deployment: &'a Deployment,
    call: &Call<'a>,
) -> Result<Prepared<'a>, Box<AttemptFailure>> {
    let provider = match &deployment.target {
        Target::Http(provider) => &**provider,
        Target::Local(model) => {
            let opened = open_local(&**model, deployment, call)?;
            return Ok(Prepared(Ready::Local(Box::new(opened))));
        }
    };
    if let Some(batch) = batch::of(deployment, provider, call)? {
        return Ok(Prepared(Ready::Batch(Box::new(batch))));
    }
    let shaped = shape(provider, call).map_err(|error| Box::new(unencodable(&error)))?;
    let dropped = reported(deployment.on_unsupported, shaped.outbound.dropped.clone());
    Ok(Prepared(Ready::Http(Box::new(Request {
        provider,
        shaped,
        dropped: dropped?,
    }))))
}

/// Sends the request and waits for a good head.
pub(super) async fn open(
    sender: Sender<'_>,
    deployment: &Deployment,
    call: &Call<'_>,
    request: Request<'_>,
    deadline: Instant,
) -> Result<Opened, AttemptFailure> {
    let Request {
        provider,
        shaped: Shaped { outbound, reading },
        dropped,
    } = request;
    let limit = if call.view.is_stream {
        deployment.timeouts.first_byte
    } else {
        deployment.timeouts.whole_first_byte
    };
    let limits = Patience {
        head: limit,
        idle: deployment.timeouts.idle,
        deadline,
    };
    let (parts, body) = send(sender, provider, &outbound, limits).await?;
    let stream_type = match &reading {
        // AWS's frames, whatever is in them.
        Reading::Relay if outbound.framing == Framing::Frames => Some(Dialect::Converse),
        Reading::Relay => call.operation.dialect(),
        Reading::Translate(way) => Some(way.from),
    }
    .unwrap_or(Dialect::OpenAiChat)
    .stream_type();
    Ok(Opened {
        head: UpstreamHead {
            request_id: request_id(&parts.headers),
            content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
            dropped,
        },
        first: Bytes::new(),
        body: UpstreamBody::Http(body),
        usage_chunk: outbound.usage_chunk,
        framing: outbound.framing,
        reading,
        is_stream: is_stream(&parts.headers, call, stream_type),
    })
}

/// How long a response head is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// From the request, all of it sent, to the head.
    pub(super) head: Duration,
    /// Between two moves of an upload.
    pub(super) idle: Duration,
    /// When the call ends.
    pub(super) deadline: Instant,
}

/// Sends a request and waits for a good head.
///
/// # Errors
/// The vendor refused, could not be reached or was late.
pub(super) async fn send(
    sender: Sender<'_>,
    provider: &dyn Provider,
    outbound: &Outbound,
    patience: Patience,
) -> Result<(Parts, Carried), AttemptFailure> {
    let sending = sender.send(provider.host_scope(), Method::POST, outbound);
    let response = headed(sending, sender.upload, patience).await??;
    let (parts, body) = response.into_parts();
    if parts.status != StatusCode::OK {
        return Err(refusal(sender.signer, provider, &parts, body).await);
    }
    if let Some(coding) = parts.headers.get(header::CONTENT_ENCODING)
        && coding != "identity"
    {
        return Err(AttemptFailure::billed(
            Fault::Protocol,
            "the answer is compressed in a way that was not asked for",
        ));
    }
    Ok((parts, body))
}

/// Waits for a response head. While there is an upload the limit is `idle` and begins anew whenever it
/// moves: a recording of 200 MB may take longer than any answer.
pub(super) async fn headed<T>(
    sending: impl Future<Output = Result<T, SendError>>,
    upload: Option<&Upload>,
    patience: Patience,
) -> Result<Result<T, SendError>, AttemptFailure> {
    let Patience {
        head,
        idle,
        deadline,
    } = patience;
    let Some(upload) = upload else {
        return within(head, Phase::FirstByte, deadline, sending).await;
    };
    let mut sending = pin!(sending);
    let began = clock::mono();
    loop {
        let (limit, phase) = if upload.is_sent() {
            (head, Phase::FirstByte)
        } else {
            (idle, Phase::Idle)
        };
        // What another attempt left undone is not this one's silence.
        let until = upload.moved().max(began) + limit;
        let left = until.saturating_duration_since(clock::mono());
        let waited = within(left, phase, deadline, sending.as_mut()).await;
        let limit = if upload.is_sent() { head } else { idle };
        let has_moved = upload.moved() + limit > clock::mono();
        match waited {
            Err(failure) if failure.fault == Fault::Timeout(phase) && has_moved => {}
            answered => return answered,
        }
    }
}

/// The fields that were left out.
///
/// # Errors
/// The operator wants a call refused rather than changed.
pub(super) fn reported(
    policy: OnUnsupported,
    dropped: Vec<Cow<'static, str>>,
) -> Result<Vec<Cow<'static, str>>, Box<AttemptFailure>> {
    match policy {
        OnUnsupported::Warn | OnUnsupported::Drop => Ok(dropped),
        OnUnsupported::Reject => match dropped.first() {
            None => Ok(dropped),
            Some(first) => Err(Box::new(left_out(first, &dropped.join(", ")))),
        },
    }
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    [
        "x-request-id",
        "request-id",
        "x-generation-id",
        "x-amzn-requestid",
    ]
    .iter()
    .find_map(|name| headers.get(*name))
    .cloned()
}
