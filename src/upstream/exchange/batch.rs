//! One attempt that is several requests: embeddings in a vendor's own form, and rankings.
//!
//! A few requests run at once. One that is turned away while others are answered is asked again
//! by itself, so that what was paid for is not thrown away; then the first that fails ends the
//! attempt. What the vendor has counted by then is booked, with an estimate of what it has not.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::response::Parts;
use tollward_providers::shape::batch::{Batch, Joint, Part, batch};
use tollward_providers::{Call, Provider};
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::usage::Usage;

use super::open::{Patience, reported, request_id, send};
use super::whole::read_rest;
use super::{Asked, Exchanged, UpstreamBody, UpstreamHead, is_page, page};
use crate::clock;
use crate::policy::backoff::{Backoff, LONGEST_HONOURED};
use crate::snapshot::Deployment;
use crate::upstream::failure::{AttemptFailure, Used, unencodable};
use crate::upstream::sender::Sender;

/// Requests of one call that run at once; a vendor counts each against its limits.
const AT_ONCE: usize = 8;
/// Largest sum of all answers of one call, in bytes: 2,048 vectors of 4,096 numbers fit.
const MAX_BYTES: usize = 128 * 1024 * 1024;
/// How often one request is asked again while others of its call are answered.
const MORE_TRIES: u32 = 2;
/// The waits before that.
const WAITS: Backoff = Backoff {
    base: Duration::from_millis(500),
    cap: Duration::from_secs(4),
};

/// A shaped call and who is asked.
pub(super) struct Shaped<'a> {
    batch: Batch<'a>,
    provider: &'a dyn Provider,
    dropped: Vec<Cow<'static, str>>,
}

/// The call as requests of its own; `None` if it is relayed or a chat.
///
/// # Errors
/// The vendor cannot be sent the call.
pub(super) fn of<'a>(
    deployment: &Deployment,
    provider: &'a dyn Provider,
    call: &Call<'a>,
) -> Result<Option<Shaped<'a>>, Box<AttemptFailure>> {
    let batch = batch(provider, call).map_err(|error| Box::new(unencodable(&error)))?;
    let Some(batch) = batch else {
        return Ok(None);
    };
    let dropped = reported(deployment.on_unsupported, batch.dropped.clone());
    Ok(Some(Shaped {
        dropped: dropped?,
        batch,
        provider,
    }))
}

/// Sends the requests and puts their answers together.
///
/// # Errors
/// One of them was refused, broke off, met a limit or made no sense.
///
/// # Cancellation
/// Dropping the future closes the upstream connections.
pub(super) async fn exchange(
    sender: Sender<'_>,
    deployment: &Deployment,
    shaped: Shaped<'_>,
    asked: &Asked<'_>,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let Shaped {
        batch,
        provider,
        dropped,
    } = shaped;
    let vendor = Vendor {
        sender,
        deployment,
        provider,
        deadline,
        open: AtomicUsize::new(0),
        is_answering: AtomicBool::new(false),
    };
    let requests = batch.requests.iter().enumerate();
    let asking: Vec<_> = requests.map(|(at, part)| vendor.ask(at, part)).collect();
    let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
    let mut joint = batch.join();
    let mut head = UpstreamHead {
        request_id: None,
        content_type: None,
        dropped,
    };
    let mut bytes = 0;
    let spent = |joint: &Joint<'_>, failure| {
        let used = joint.spent(vendor.open.load(Relaxed), asked.estimated_input);
        having_used(used, failure)
    };
    while let Some(answer) = answers.next().await {
        let (at, texts, parts, body) = answer.map_err(|failure| spent(&joint, failure))?;
        head.request_id = head.request_id.or_else(|| request_id(&parts.headers));
        bytes += body.len();
        if bytes > MAX_BYTES {
            let detail = "the answers are larger than 128 MiB";
            let failure = AttemptFailure::billed(Fault::Protocol, detail);
            return Err(spent(&joint, failure));
        }
        let taken = joint.take(at, &parts.headers, &body);
        taken.map_err(|found| spent(&joint, AttemptFailure::from_stream(found)))?;
        vendor.answered(texts);
    }
    let written = asked.echo(|echo| joint.write(echo));
    let (body, answer) = written.map_err(|fault| AttemptFailure::billed(fault, "no answer"))?;
    Ok(Exchanged::Whole {
        head,
        body,
        answer: Box::new(answer),
        collected: None,
    })
}

/// Who is asked, and how far it is.
struct Vendor<'a> {
    sender: Sender<'a>,
    deployment: &'a Deployment,
    provider: &'a dyn Provider,
    deadline: Instant,
    /// Texts that it was sent and may bill, without an answer.
    open: AtomicUsize,
    /// It has answered a request of this call.
    is_answering: AtomicBool,
}

impl Vendor<'_> {
    /// Asks one request until it is answered or there is no use in it.
    async fn ask(
        &self,
        at: usize,
        part: &Part,
    ) -> Result<(usize, usize, Parts, Bytes), AttemptFailure> {
        self.open.fetch_add(part.texts, Relaxed);
        let mut tries = 0;
        loop {
            let failure = match self.once(part).await {
                Ok((head, body)) => return Ok((at, part.texts, head, body)),
                Err(failure) => failure,
            };
            tries += 1;
            let delay = WAITS.delay(tries, failure.retry_after, clock::uniform());
            let is_refused = !failure.may_be_billed && is_passing(failure.fault);
            let is_in_time = delay <= LONGEST_HONOURED && clock::mono() + delay < self.deadline;
            if tries > MORE_TRIES || !is_refused || !self.is_answering.load(Relaxed) || !is_in_time
            {
                if !failure.may_be_billed {
                    self.close(part.texts);
                }
                return Err(failure);
            }
            tokio::time::sleep(delay).await;
        }
    }

    async fn once(&self, part: &Part) -> Result<(Parts, Bytes), AttemptFailure> {
        let timeouts = self.deployment.timeouts;
        let limits = Patience {
            head: timeouts.whole_first_byte,
            idle: timeouts.idle,
            deadline: self.deadline,
        };
        let sending = send(self.sender, self.provider, &part.outbound, limits);
        let (head, body) = sending.await?;
        let mut body = UpstreamBody::Http(body);
        let idle = timeouts.idle;
        let limit = (idle, Phase::Idle);
        let body = read_rest(Bytes::new(), &mut body, limit, idle, self.deadline).await?;
        if is_page(&body) {
            return Err(page());
        }
        Ok((head, body))
    }

    fn answered(&self, texts: usize) {
        self.is_answering.store(true, Relaxed);
        self.close(texts);
    }

    fn close(&self, texts: usize) {
        self.open.fetch_sub(texts, Relaxed);
    }
}

/// Whether asking again may help.
fn is_passing(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::RateLimited | Fault::Overloaded | Fault::Server
    )
}

/// A failure after which that much was used.
fn having_used((usage, is_guess): (Usage, bool), failure: AttemptFailure) -> AttemptFailure {
    if usage.input == 0 && !is_guess {
        return failure;
    }
    AttemptFailure {
        may_be_billed: true,
        used: Some(Used { usage, is_guess }),
        ..failure
    }
}
