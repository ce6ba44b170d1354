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

mod batch;
mod kept;
mod local;
mod media;
mod open;
mod socket;
mod stream;
mod whole;

pub use self::kept::ask_kept;
pub use self::local::{Prompt, prompt as prompt_for_engine, traits as local_traits};
pub use self::media::{Passed, pass};
pub use self::open::{Prepared, prepare};
pub use self::socket::{Handshake, Socket, VERSION, Websocket, websocket};

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tollward_providers::Call;
use tollward_providers::shape::Reading;
use tollward_store::RequestId;
use tollward_wire::answer::Answer;
use tollward_wire::chat::Collected;
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::document::Document;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::opening::Opening;
use tollward_wire::reader::Seen;
use tollward_wire::segments::Segments;
use tollward_wire::sse::MAX_EVENT_BYTES;
use tollward_wire::translate::AnswerReader;

use self::open::{Opened, Ready, open};
use self::stream::{streamed, synthesised};
use self::whole::{read_whole, whole};
use crate::clock;
use crate::responses::word;
use crate::snapshot::Deployment;
use crate::upstream::coding::BodyError;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::lanes::Carried;
use crate::upstream::sender::Sender;
use crate::upstream::upload::Upload;

/// Largest whole answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that a stream may send before its first content. Comments and roles are a few hundred, but
/// a picture may be the first event, and `OpenAI` repeats instructions and tools in two events.
const MAX_PRELUDE_BYTES: usize = 2 * MAX_EVENT_BYTES;

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
        answer: Box<Answer>,
        /// The answer put together, where it was translated and is to be stored.
        collected: Option<Box<Collected>>,
    },
    /// A stream, committed.
    Stream(Box<Committed>),
    /// A session that begins.
    Socket(Box<Socket>),
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
    pub reader: AnswerReader,
    /// What the last read brought: the content alone, or the end of the stream with it.
    pub last: Seen,
}

/// What we keep of an upstream's response head.
#[derive(Clone, Debug, Default)]
pub struct UpstreamHead {
    /// The vendor's own request id.
    pub request_id: Option<HeaderValue>,
    /// What the answer is, where it may be anything.
    pub content_type: Option<HeaderValue>,
    /// Fields of the request that the vendor does not take and was not sent.
    pub dropped: Vec<Cow<'static, str>>,
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
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Http(body) => Pin::new(body).poll_frame(context),
            Self::Local(body) => body.as_mut().poll_frame(context).map_err(BodyError::from),
        }
    }
}

/// A call, and what its answer may have to repeat.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The call.
    pub call: Call<'a>,
    /// What follows the call's form.
    pub upload: Option<&'a Upload>,
    /// The caller's request for a websocket, where it is one.
    pub handshake: Option<&'a Handshake>,
    /// The request as the caller wrote it: the call may have more of the conversation.
    pub written: &'a Document,
    /// The answer is to be stored, if it is one that we write.
    pub is_kept: bool,
    /// The call's id.
    pub request: RequestId,
    /// When it came, in Unix milliseconds.
    pub at_ms: i64,
    /// How many tokens it has, about.
    pub estimated_input: u64,
    /// On the thoughts that the caller keeps.
    pub seal: &'a Seal,
}

impl Asked<'_> {
    /// Runs `write` with what an answer repeats.
    fn echo<T>(&self, write: impl FnOnce(&Echo<'_>) -> T) -> T {
        let id = word(self.request);
        write(&Echo {
            model: &self.call.view.model,
            id: &id,
            created: u64::try_from(self.at_ms / 1_000).unwrap_or(0),
            asks_usage: self.call.view.asks_usage,
            estimated_input: self.estimated_input,
            timing: Timing::new(
                u64::try_from(self.at_ms).unwrap_or(0) * 1_000_000,
                clock::unix_ns,
            ),
            seal: self.seal,
            request: self.written,
        })
    }
}

/// Sends a call to `deployment` once, as it was prepared, with one credential.
///
/// # Errors
/// The upstream refused, broke off, met a limit or made no sense.
///
/// # Cancellation
/// Dropping the future closes the upstream connection or frees the engine's slot.
pub async fn exchange(
    sender: Sender<'_>,
    deployment: &Deployment,
    asked: &Asked<'_>,
    prepared: Prepared<'_>,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let opened = match prepared.0 {
        Ready::Http(ready) => match asked.handshake {
            None => open(sender, deployment, &asked.call, *ready, deadline).await?,
            // Boxed: few calls are sessions.
            Some(handshake) => {
                let opening = socket::opened(sender, deployment, handshake, *ready, deadline);
                return Box::pin(opening).await;
            }
        },
        // Boxed: most calls are none, and their future is to stay small.
        Ready::Batch(batch) => {
            return Box::pin(batch::exchange(sender, deployment, *batch, asked, deadline)).await;
        }
        Ready::Local(opened) => *opened,
    };
    let timeouts = deployment.timeouts;
    if asked.call.operation.is_only_relayed() {
        // Boxed: chats are more.
        return Box::pin(media::answered(opened, timeouts, deadline)).await;
    }
    let patience = clock::mono() + timeouts.first_content;
    match (asked.call.view.is_stream, opened.is_stream) {
        (true, true) => streamed(opened, asked, timeouts, (patience, deadline)).await,
        (true, false) => mislabelled(opened, asked, timeouts, (patience, deadline)).await,
        (false, _) => whole(opened, asked, timeouts, deadline).await,
    }
}

/// Reads an answer to a request for a stream whose label is another: its first bytes say what it is.
async fn mislabelled(
    mut opened: Opened,
    asked: &Asked<'_>,
    timeouts: Timeouts,
    (patience, deadline): (Instant, Instant),
) -> Result<Exchanged, AttemptFailure> {
    let limit = patience.saturating_duration_since(clock::mono());
    let phase = Phase::FirstContent;
    let opening;
    (opening, opened.first) = within(limit, phase, deadline, look(&mut opened.body)).await??;
    // One of Ollama's whole answers is a line of its stream.
    let is_line = matches!(&opened.reading, Reading::Translate(way) if way.from == Dialect::Ollama);
    match opening {
        Opening::Object if !is_line => {
            let body = read_whole(&mut opened, timeouts, deadline).await?;
            synthesised(opened, asked, &body).map_err(|failure| *failure)
        }
        Opening::Events | Opening::Object => {
            streamed(opened, asked, timeouts, (patience, deadline)).await
        }
        Opening::Other if is_page(&opened.first) => Err(page()),
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
                return Err(AttemptFailure::billed(error.fault(), error.to_string()));
            }
        }
    }
}

/// Whether an answer is a page for people, as a portal gives one or a wrong address: no API does, and
/// nobody bills it (faults U-22).
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// A page came instead of an answer.
fn page() -> AttemptFailure {
    AttemptFailure::of(Fault::Protocol, "what came is a page, such as HTML")
}

async fn next_chunk(body: &mut UpstreamBody) -> Option<Result<Bytes, BodyError>> {
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
