//! Answers that may be anything: images, recordings, transcripts, files.
//!
//! What is JSON or text is held up to a bound and looked at before the client may have it; what is
//! longer, and what is bytes, is committed to and streams on, so that no answer is held whole.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use http_body::Body as _;
use std::time::Instant;
use tollward_wire::answer::Answer;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::media::{MediaKind, MediaReader, read_media};
use tollward_wire::reader::Seen;
use tollward_wire::segments::Segments;
use tollward_wire::translate::AnswerReader;

use super::open::{Opened, Patience, headed, request_id};
use super::stream::first_content;
use super::{
    Committed, Exchanged, Timeouts, UpstreamBody, UpstreamHead, is_page, next_chunk, page, within,
};
use crate::clock;
use crate::snapshot::{Deployment, Target};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::refusal::refusal;
use crate::upstream::sender::Sender;

/// Bytes of JSON or text that are held before the answer is committed to.
const HELD_BYTES: usize = 1024 * 1024;

/// Reads an answer with a good head.
///
/// # Errors
/// It broke off, met a limit or made no sense before there was anything to give.
pub(super) async fn answered(
    opened: Opened,
    timeouts: Timeouts,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let Opened { head, body, .. } = opened;
    match MediaKind::of(declared(&head)) {
        kind @ (MediaKind::Json | MediaKind::Text) => {
            held(kind, head, body, timeouts, deadline).await
        }
        kind @ (MediaKind::Events | MediaKind::Bytes) => {
            let patience = clock::mono() + timeouts.first_content;
            let stream = committed(kind, head, body, Bytes::new());
            first_content(Bytes::new(), stream, timeouts, (patience, deadline)).await
        }
    }
}

fn declared(head: &UpstreamHead) -> &str {
    let declared = head.content_type.as_ref();
    let declared = declared.and_then(|it| it.to_str().ok());
    declared.unwrap_or_default()
}

/// Reads JSON or text to its end, or as much as is held.
async fn held(
    kind: MediaKind,
    head: UpstreamHead,
    mut body: UpstreamBody,
    timeouts: Timeouts,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let mut begun = BytesMut::new();
    loop {
        let chunk = within(timeouts.idle, Phase::Idle, deadline, next_chunk(&mut body)).await?;
        let Some(chunk) = chunk else { break };
        let chunk =
            chunk.map_err(|error| AttemptFailure::billed(error.fault(), error.to_string()))?;
        begun.extend_from_slice(&chunk);
        if begun.len() > HELD_BYTES {
            let stream = committed(kind, head, body, begun.freeze());
            return Ok(Exchanged::Stream(Box::new(stream)));
        }
    }
    let body = begun.freeze();
    // A transcript may begin as a page does, but then it is not called one.
    let is_called_so = kind == MediaKind::Json || declared(&head).starts_with("text/html");
    if is_called_so && is_page(&body) {
        return Err(page());
    }
    let answer = read_media(kind, &body).map_err(AttemptFailure::from_answer)?;
    Ok(Exchanged::Whole {
        head,
        body,
        answer: Box::new(answer),
        collected: None,
    })
}

fn committed(kind: MediaKind, head: UpstreamHead, rest: UpstreamBody, begun: Bytes) -> Committed {
    let mut reader = MediaReader::new(kind);
    let mut ready = Segments::default();
    let last = if begun.is_empty() {
        Seen::Nothing
    } else {
        reader.push(begun, &mut ready)
    };
    Committed {
        head,
        ready,
        rest,
        reader: AnswerReader::Media(reader),
        last,
    }
}

/// Something of an account that is asked about.
pub struct Passed<'a> {
    /// The caller's method.
    pub method: &'a Method,
    /// What follows the version, with the query.
    pub path: &'a str,
    /// The caller's headers that go on.
    pub headers: HeaderMap,
    /// When the call ends.
    pub deadline: Instant,
}

/// Passes a request through, once; the status comes with the answer.
///
/// # Errors
/// The vendor refused, broke off or met a limit before its head.
///
/// # Cancellation
/// Dropping the future closes the upstream connection.
pub async fn pass(
    sender: Sender<'_>,
    deployment: &Deployment,
    passed: &Passed<'_>,
) -> Result<(StatusCode, Exchanged), AttemptFailure> {
    let nothing = || AttemptFailure::of(Fault::NotFound, "the vendor has nothing of the kind");
    let Target::Http(provider) = &deployment.target else {
        return Err(nothing());
    };
    let mut outbound = provider.pass_through(passed.path).ok_or_else(nothing)?;
    outbound.headers.extend(passed.headers.clone());
    let timeouts = deployment.timeouts;
    let patience = Patience {
        head: timeouts.whole_first_byte,
        idle: timeouts.idle,
        deadline: passed.deadline,
    };
    let sending = sender.send(provider.host_scope(), passed.method.clone(), &outbound);
    let response = headed(sending, sender.upload, patience).await??;
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        let mut failure = refusal(sender.signer, &**provider, &parts, body).await;
        // An object is not there, or in another state: no model lacks, and no server fails.
        if parts.status.is_client_error()
            && matches!(failure.fault, Fault::NotFound | Fault::Server)
        {
            failure.fault = Fault::BadRequest;
        }
        return Err(failure);
    }
    let head = UpstreamHead {
        request_id: request_id(&parts.headers),
        content_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
        dropped: Vec::new(),
    };
    // A file may be empty, and what was deleted may need no words.
    let is_empty = body.is_end_stream() || passed.method == Method::HEAD;
    let body = UpstreamBody::Http(body);
    let exchanged = if is_empty {
        Exchanged::Whole {
            head,
            body: Bytes::new(),
            answer: Box::new(Answer {
                usage: None,
                usage_anomaly: false,
                is_usage_partial: false,
                output_bytes: 0,
                named: None,
            }),
            collected: None,
        }
    } else {
        // A file's JSON is the caller's own, and a run's events have ends of their own: what passes
        // is not looked into.
        let stream = committed(MediaKind::Bytes, head, body, Bytes::new());
        Exchanged::Stream(Box::new(stream))
    };
    Ok((parts.status, exchanged))
}
