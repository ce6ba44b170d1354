//! One attempt: send the call, wait for the head, read the answer or its first content.
//! A request that a connection did not take is sent once more; that is the same attempt.
//!
//! The result is either something a client may be given (a whole answer that
//! parsed, or a stream whose first content event is in hand) or a failure that
//! `policy/retry.rs` can judge. Nothing reaches the client from here.
//!
//! Time limits are separate and named: `connect` (in the client), `first_byte`
//! until the head, `first_content` until the first content event, `idle`
//! between bytes, `total` for the call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tollward_providers::{Call, EncodeError, Provider};
use tollward_wire::answer::{Answer, read_answer};
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::opening::Opening;
use tollward_wire::reader::{Seen, StreamReader, UsageChunk};
use tollward_wire::segments::Segments;

use crate::clock;
use crate::snapshot::{Deployment, LocalModel, Target};
use crate::upstream::body::SegmentsBody;
use crate::upstream::client::Client;
use crate::upstream::failure::{AttemptFailure, refused, unencodable};
use crate::upstream::lanes::Carried;

/// Largest error body that is read, in bytes; the rest is not waited for.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// Largest whole answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that a stream may send before its first content; comments and roles are a few hundred.
const MAX_PRELUDE_BYTES: usize = 1024 * 1024;
/// An error body must be complete within this.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limits of one call on one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the response head of a stream.
    pub first_byte: Duration,
    /// Until the response head of a whole answer: the model writes all of it first.
    pub whole_first_byte: Duration,
    /// From the head of a stream until its first content event.
    pub first_content: Duration,
    /// Between two reads of a body.
    pub idle: Duration,
    /// The call, all attempts together.
    pub total: Duration,
}

/// An answer that may be given to the client.
pub enum Exchanged {
    /// A complete answer.
    Whole {
        /// What the vendor's head said that we pass on.
        head: UpstreamHead,
        /// The answer's bytes, as they came.
        body: Bytes,
        /// What was read in it.
        answer: Answer,
    },
    /// A stream, committed.
    Stream(Box<Committed>),
}

/// A stream whose first content event is in hand.
pub struct Committed {
    /// What the vendor's head said that we pass on.
    pub head: UpstreamHead,
    /// Bytes that the client may have already.
    pub ready: Segments,
    /// The rest.
    pub rest: UpstreamBody,
    /// Has read everything in `ready`.
    pub reader: StreamReader,
    /// What the last read brought: the content alone, or the end of the stream with it.
    pub last: Seen,
}

/// What we keep of an upstream's response head.
#[derive(Clone, Debug, Default)]
pub struct UpstreamHead {
    /// The vendor's own request id.
    pub request_id: Option<HeaderValue>,
    /// Fields of the request that the vendor does not take and was not sent.
    pub dropped: Vec<&'static str>,
}

/// A response body of an upstream: a socket or the embedded engine.
pub enum UpstreamBody {
    /// From a socket.
    Http(Carried),
    /// From the engine.
    Local(LocalBody),
}

/// The engine's answer as a body; it never fails as a body, errors are in its text.
pub type LocalBody = Pin<Box<dyn Body<Data = Bytes, Error = hyper::Error> + Send>>;

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Http(body) => Pin::new(body).poll_frame(context),
            Self::Local(body) => body.as_mut().poll_frame(context),
        }
    }
}

/// Sends `call` to `deployment` once.
///
/// # Errors
/// The upstream refused, broke off, met a limit or made no sense.
///
/// # Cancellation
/// Dropping the future closes the upstream connection or frees the engine's slot.
pub async fn exchange(
    client: &Client,
    deployment: &Deployment,
    call: &Call<'_>,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let opened = open(client, deployment, call, deadline).await?;
    let timeouts = deployment.timeouts;
    let patience = clock::mono() + timeouts.first_content;
    match (call.view.is_stream, opened.is_event_stream) {
        (true, true) => streamed(opened, call, timeouts, (patience, deadline)).await,
        (false, false) => whole(opened, call, timeouts, deadline).await,
        (true, false) => mislabelled(opened, call, timeouts, (patience, deadline)).await,
        (false, true) => Err(AttemptFailure::billed(
            Fault::Protocol,
            "a stream came and none was asked for",
        )),
    }
}

/// Reads an answer to a request for a stream whose label is another: its first bytes say what it is.
async fn mislabelled(
    mut opened: Opened,
    call: &Call<'_>,
    timeouts: Timeouts,
    (patience, deadline): (Instant, Instant),
) -> Result<Exchanged, AttemptFailure> {
    let limit = patience.saturating_duration_since(clock::mono());
    let phase = Phase::FirstContent;
    let opening;
    (opening, opened.first) = within(limit, phase, deadline, look(&mut opened.body)).await??;
    match opening {
        Opening::Events => streamed(opened, call, timeouts, (patience, deadline)).await,
        // An error that it holds is the vendor's; a good answer is not what was asked for, and is paid for.
        Opening::Object => {
            let exchanged = whole(opened, call, timeouts, deadline).await?;
            let usage = match exchanged {
                Exchanged::Whole { answer, .. } => answer.usage,
                Exchanged::Stream(_) => None,
            };
            let detail = "a stream was asked for and a whole answer came";
            Err(AttemptFailure {
                usage,
                ..AttemptFailure::billed(Fault::Protocol, detail)
            })
        }
        Opening::Other => Err(AttemptFailure::billed(
            Fault::Protocol,
            "a stream was asked for and another content type came",
        )),
    }
}

/// Reads until it is clear what the answer is.
async fn look(body: &mut UpstreamBody) -> Result<(Opening, Bytes), AttemptFailure> {
    let mut first = BytesMut::new();
    loop {
        if let Some(opening) = Opening::of(&first) {
            return Ok((opening, first.freeze()));
        }
        match next_chunk(body).await {
            Some(Ok(chunk)) if first.len() <= MAX_PRELUDE_BYTES => first.extend_from_slice(&chunk),
            Some(Ok(_)) | None => return Ok((Opening::Other, first.freeze())),
            Some(Err(error)) => {
                return Err(AttemptFailure::billed(Fault::Truncated, error.to_string()));
            }
        }
    }
}

/// Reads a stream up to its first content.
async fn streamed(
    opened: Opened,
    call: &Call<'_>,
    timeouts: Timeouts,
    limits: (Instant, Instant),
) -> Result<Exchanged, AttemptFailure> {
    let stream = Committed {
        head: opened.head,
        ready: Segments::default(),
        rest: opened.body,
        reader: StreamReader::new(call.operation, opened.usage_chunk),
        last: Seen::Nothing,
    };
    first_content(opened.first, stream, timeouts, limits).await
}

/// An answer with a good head.
struct Opened {
    head: UpstreamHead,
    /// What was read of the body already.
    first: Bytes,
    body: UpstreamBody,
    usage_chunk: UsageChunk,
    /// What its content type says.
    is_event_stream: bool,
}

/// Whether the answer is a stream; one that does not say what it is, is taken for what was asked for.
fn is_event_stream(headers: &HeaderMap, call: &Call<'_>) -> bool {
    let declared = headers.get(header::CONTENT_TYPE);
    let declared = declared.filter(|kind| !is_type(kind, "application/octet-stream"));
    declared.map_or(call.view.is_stream, |kind| {
        is_type(kind, "text/event-stream")
    })
}

/// Whether a content type is `name`, with or without parameters. Media types have no case (RFC 9110 §8.3.1).
fn is_type(content_type: &HeaderValue, name: &str) -> bool {
    let start = content_type.as_bytes().get(..name.len());
    start.is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
}

/// Sends the request and waits for a good head.
async fn open(
    client: &Client,
    deployment: &Deployment,
    call: &Call<'_>,
    deadline: Instant,
) -> Result<Opened, AttemptFailure> {
    let provider = match &deployment.target {
        Target::Http(provider) => provider,
        Target::Local(model) => return open_local(&**model, call).map_err(|failure| *failure),
    };
    let (usage_chunk, dropped, first) =
        request(&**provider, call).map_err(|error| unencodable(&error))?;
    let limit = if call.view.is_stream {
        deployment.timeouts.first_byte
    } else {
        deployment.timeouts.whole_first_byte
    };
    let sending = async {
        match client.send(provider.host_scope(), first).await {
            // A connection that ended under our hands is no failure of the call and costs no retry.
            Err(error) if error.is_untaken => {
                tracing::debug!(%error, deployment.id = %deployment.id, "the request was not taken and is sent again");
                let (.., again) =
                    request(&**provider, call).map_err(|error| unencodable(&error))?;
                let sent = client.send(provider.host_scope(), again).await;
                sent.map_err(AttemptFailure::from)
            }
            sent => sent.map_err(AttemptFailure::from),
        }
    };
    let response = within(limit, Phase::FirstByte, deadline, sending).await??;
    let (parts, body) = response.into_parts();
    if parts.status != StatusCode::OK {
        let text = error_text(body).await;
        return Err(refused(
            provider.fault(parts.status, &parts.headers, &text),
            parts.status,
        ));
    }
    if let Some(coding) = parts.headers.get(header::CONTENT_ENCODING)
        && coding != "identity"
    {
        return Err(AttemptFailure::billed(
            Fault::Protocol,
            "the answer is compressed, which was not asked for",
        ));
    }
    Ok(Opened {
        head: UpstreamHead {
            request_id: request_id(&parts.headers),
            dropped,
        },
        first: Bytes::new(),
        body: UpstreamBody::Http(body),
        usage_chunk,
        is_event_stream: is_event_stream(&parts.headers, call),
    })
}

/// The request for a vendor, and what its encoder did to it.
fn request(
    provider: &dyn Provider,
    call: &Call<'_>,
) -> Result<(UsageChunk, Vec<&'static str>, Request<SegmentsBody>), EncodeError> {
    let outbound = provider.encode(call)?;
    let mut request = Request::new(SegmentsBody::from(outbound.body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = outbound.uri;
    *request.headers_mut() = outbound.headers;
    provider.authorize(request.headers_mut());
    Ok((outbound.usage_chunk, outbound.dropped, request))
}

/// Hands the call to the embedded engine, which has no head of its own.
fn open_local(model: &dyn LocalModel, call: &Call<'_>) -> Result<Opened, Box<AttemptFailure>> {
    let body = model.open(call)?;
    let usage_chunk = if call.view.asks_usage {
        UsageChunk::Keep
    } else {
        UsageChunk::Hide
    };
    Ok(Opened {
        head: UpstreamHead::default(),
        first: Bytes::new(),
        body: UpstreamBody::Local(body),
        usage_chunk,
        is_event_stream: call.view.is_stream,
    })
}

fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    ["x-request-id", "request-id", "x-generation-id"]
        .iter()
        .find_map(|name| headers.get(*name))
        .cloned()
}

/// Reads an error body as far as it comes: half an error is better than none.
async fn error_text(mut body: Carried) -> Bytes {
    let mut text = BytesMut::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                text.extend_from_slice(
                    data.get(..data.len().min(MAX_ERROR_BYTES - text.len()))
                        .unwrap_or_default(),
                );
            }
            if text.len() == MAX_ERROR_BYTES {
                break;
            }
        }
    };
    // A late error body is used as far as it came.
    let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, reading).await;
    text.freeze()
}

/// Reads on until the first content event: the commit point.
async fn first_content(
    first: Bytes,
    mut stream: Committed,
    timeouts: Timeouts,
    (patience, deadline): (Instant, Instant),
) -> Result<Exchanged, AttemptFailure> {
    let mut first = (!first.is_empty()).then_some(first);
    // The idle limit is between two reads: before the first one the engine may still load.
    let mut has_read = false;
    loop {
        let left = patience.saturating_duration_since(clock::mono());
        let (limit, phase) = if !has_read || left < timeouts.idle {
            (left, Phase::FirstContent)
        } else {
            (timeouts.idle, Phase::Idle)
        };
        let chunk = match first.take() {
            Some(first) => Some(Ok(first)),
            None => within(limit, phase, deadline, next_chunk(&mut stream.rest)).await?,
        };
        let Some(chunk) = chunk else {
            let detail = "the stream ended before any content";
            return Err(AttemptFailure::billed(Fault::Truncated, detail));
        };
        let chunk =
            chunk.map_err(|error| AttemptFailure::billed(Fault::Truncated, error.to_string()))?;
        has_read = true;
        stream.last = stream.reader.push(chunk, &mut stream.ready);
        // Content commits, whatever came in the same read: where the bytes were cut decides nothing.
        if stream.reader.content_seen() {
            return Ok(Exchanged::Stream(Box::new(stream)));
        }
        match stream.last {
            Seen::Fault(found) => return Err(AttemptFailure::from_stream(found)),
            Seen::End => {
                let detail = "the stream ended without content";
                return Err(AttemptFailure::billed(Fault::Empty, detail));
            }
            Seen::Nothing | Seen::Content => {}
        }
        if stream.ready.len() > MAX_PRELUDE_BYTES {
            let detail = "the stream says much and has no content";
            return Err(AttemptFailure::billed(Fault::Protocol, detail));
        }
    }
}

/// Reads a whole answer and looks at it before the client may have it.
async fn whole(
    opened: Opened,
    call: &Call<'_>,
    timeouts: Timeouts,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let Opened {
        head,
        mut first,
        body: mut rest,
        ..
    } = opened;
    let mut more = BytesMut::new();
    let mut limit = match rest {
        UpstreamBody::Http(_) => (timeouts.idle, Phase::Idle),
        // The engine has no head to wait for: its only chunk comes when all is written.
        UpstreamBody::Local(_) => (timeouts.whole_first_byte, Phase::FirstByte),
    };
    while let Some(chunk) = within(limit.0, limit.1, deadline, next_chunk(&mut rest)).await? {
        limit = (timeouts.idle, Phase::Idle);
        let chunk =
            chunk.map_err(|error| AttemptFailure::billed(Fault::Protocol, error.to_string()))?;
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if first.len() + more.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(AttemptFailure::billed(
                Fault::Protocol,
                "the answer is larger than 64 MiB",
            ));
        }
        more.extend_from_slice(&chunk);
    }
    // Most answers come in one read and are not copied.
    let body = if more.is_empty() {
        first
    } else {
        [first.as_ref(), more.as_ref()].concat().into()
    };
    let answer = read_answer(call.operation, &body).map_err(AttemptFailure::from_stream)?;
    Ok(Exchanged::Whole { head, body, answer })
}

async fn next_chunk(body: &mut UpstreamBody) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Waits at most `limit`, and never past the call's `deadline`; names the limit that was met.
async fn within<F: Future>(
    limit: Duration,
    phase: Phase,
    deadline: Instant,
    future: F,
) -> Result<F::Output, AttemptFailure> {
    let left = deadline.saturating_duration_since(clock::mono());
    let (wait, named) = if left < limit {
        (left, Phase::Total)
    } else {
        (limit, phase)
    };
    let mut future = std::pin::pin!(future);
    // What is there already needs no timer.
    if let Poll::Ready(output) = futures_util::poll!(future.as_mut()) {
        return Ok(output);
    }
    tokio::time::timeout(wait, future).await.map_err(|_| {
        AttemptFailure::billed(
            Fault::Timeout(named),
            format!("no progress within {wait:?}"),
        )
    })
}
