//! [`Committed`] → [`Reply`]: the head facts and a body that settles itself.
//!
//! A whole answer is booked before it is sent. A stream is a [`Metered`] body:
//! it settles itself, before the last of its bytes leaves.

pub mod metered;
pub mod session;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tollward_store::RequestId;
use tollward_wire::answer::Answer;

use crate::limits::Standing;
use crate::pipeline::admit::Admitted;
use crate::pipeline::attempt::Committed;
use crate::pipeline::deliver::metered::{Limits, Metered};
use crate::pipeline::deliver::session::Session;
use crate::pipeline::recall::Recalled;
use crate::pipeline::settle::{Booked, Observed, Settlement, Way};
use crate::policy::bound::OutputBound;
use crate::snapshot::Deployment;
use crate::upstream::exchange::{Exchanged, UpstreamHead};

/// An answer for the client.
pub struct Reply {
    /// The call's id.
    pub request: RequestId,
    /// The client's own id for it.
    pub client_request_id: Option<HeaderValue>,
    /// Who answered.
    pub deployment: Arc<Deployment>,
    /// The name of the credential that was accepted; empty if there was no choice.
    pub credential: Arc<str>,
    /// How the call came to it.
    pub way: Way,
    /// Deployments that cannot be asked such a thing, and were not.
    pub skipped: Vec<Arc<str>>,
    /// Whether the conversation is in a cache there: `hit`, `miss` or `repin`; `None` where turns are
    /// not kept together.
    pub affinity: Option<&'static str>,
    /// Whether the embedded engine stands in for others that failed or are left alone.
    pub is_degraded: bool,
    /// The bound on output for each choice that was sent along because the caller set none.
    pub applied_bound: Option<u64>,
    /// How the limits stand that the call is counted by; `None` if there are none.
    pub standing: Option<Standing>,
    /// What the vendor's head said, and what it was not sent.
    pub head: UpstreamHead,
    /// Time spent in the gateway until now.
    pub overhead: Duration,
    /// What was booked; `None` for a stream, whose cost is not known yet.
    pub booked: Option<Booked>,
    /// The answer itself.
    pub body: ReplyBody,
}

/// The answer itself.
pub enum ReplyBody {
    /// All of it.
    Whole(Bytes),
    /// As it comes.
    Stream(Box<Metered>),
    /// A conversation that goes on by itself.
    Session(Box<Session>),
}

/// Turns a committed answer into a reply.
///
/// `keep_alive`: how long a stream may be silent before the client is told that it is alive.
pub fn deliver(
    committed: Committed,
    recalled: Recalled,
    settlement: Settlement,
    keep_alive: Duration,
) -> Reply {
    let Committed {
        deployment,
        exchanged,
        fallback_reason,
        skipped,
    } = committed;
    let (admitted, keepsake) = (recalled.admitted, recalled.keepsake);
    let (request, way) = (settlement.request(), settlement.way(fallback_reason));
    let credential = Arc::clone(settlement.credential());
    let (affinity, is_degraded) = (settlement.affinity(), settlement.is_degraded());
    let (overhead, applied_bound) = (settlement.overhead(), settlement.applied_bound());
    let (gateway, standing) = (Arc::clone(settlement.gateway()), settlement.standing());
    let (head, booked, body) = match exchanged {
        Exchanged::Whole {
            head,
            body,
            answer,
            collected,
        } => {
            // Before the caller has it: it may go on from it at once.
            match (keepsake, collected, &answer.named) {
                (Some(it), Some(collected), _) => gateway.responses.keep(it, *collected),
                (Some(it), None, Some(named)) => {
                    gateway.responses.remember(&it, &deployment.id, named);
                }
                (Some(_), None, None) | (None, ..) => {}
            }
            let booked = settlement.complete(observed(&answer));
            (head, Some(booked), ReplyBody::Whole(body))
        }
        Exchanged::Socket(socket) => {
            let head = socket.head.clone();
            let session = Session::new(*socket, settlement, &deployment, keep_alive);
            (head, None, ReplyBody::Session(Box::new(session)))
        }
        Exchanged::Stream(stream) => {
            let limits = limits(&deployment, &admitted, keep_alive);
            let head = stream.head.clone();
            let metered = Metered::new(*stream, settlement, limits).keeping(keepsake, &deployment);
            (head, None, ReplyBody::Stream(Box::new(metered)))
        }
    };
    let dropped = head.dropped.len();
    gateway.metrics.count_dropped(&deployment, dropped);
    Reply {
        request,
        client_request_id: admitted.client_request_id,
        deployment,
        credential,
        way,
        skipped,
        affinity,
        is_degraded,
        applied_bound,
        standing,
        head,
        overhead,
        booked,
        body,
    }
}

fn limits(deployment: &Deployment, admitted: &Admitted, keep_alive: Duration) -> Limits {
    Limits {
        idle: deployment.timeouts.idle,
        deadline: admitted.deadline(deployment.timeouts.total),
        keep_alive,
        output: bound(admitted),
    }
}

/// How long an answer may be. An older completion may repeat the prompt, which is not bounded.
fn bound(admitted: &Admitted) -> Option<OutputBound> {
    let view = &admitted.view;
    let tokens = view.max_output.filter(|_| !admitted.document.has("echo"))?;
    Some(OutputBound::new(tokens, view.written))
}

/// What was read of a whole answer.
fn observed(answer: &Answer) -> Observed<'_> {
    Observed {
        usage: answer.usage.as_ref(),
        is_usage_partial: answer.is_usage_partial,
        is_usage_anomalous: answer.usage_anomaly,
        output_bytes: answer.output_bytes,
    }
}
