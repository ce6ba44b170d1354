//! [`Committed`] → [`Reply`]: the head facts and a body that settles itself.
//!
//! A whole answer is booked before it is sent. A stream is a [`Metered`] body:
//! it settles itself, before the last of its bytes leaves.

pub mod metered;
pub mod session;
mod told;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tollward_store::RequestId;
use tollward_wire::answer::Answer;
use tollward_wire::chat::Collected;
use tollward_wire::reader::Named;

use crate::limits::Standing;
use crate::pipeline::admit::Admitted;
use crate::pipeline::attempt::Committed;
use crate::pipeline::deliver::metered::{Limits, Metered};
use crate::pipeline::deliver::session::Session;
use crate::pipeline::deliver::told::{Teller, with_cost};
use crate::pipeline::recall::Recalled;
use crate::pipeline::settle::{Booked, Observed, Settlement, Way};
use crate::policy::bound::OutputBound;
use crate::responses::{Keepsake, Responses};
use crate::snapshot::{Deployment, Limits as Terms};
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
/// `terms`: what the gateway holds to, such as how long a stream may be silent before its client is told
/// that it is alive.
pub fn deliver(
    committed: Committed,
    recalled: Recalled,
    settlement: Settlement,
    terms: &Terms,
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
    let kept = (&admitted, keepsake);
    let (head, booked, body) = given(exchanged, &deployment, kept, settlement, terms);
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

/// The answer itself, with the vendor's head, and what was booked of it already.
fn given(
    exchanged: Exchanged,
    deployment: &Arc<Deployment>,
    (admitted, keepsake): (&Admitted, Option<Keepsake>),
    settlement: Settlement,
    terms: &Terms,
) -> (UpstreamHead, Option<Booked>, ReplyBody) {
    match exchanged {
        Exchanged::Whole {
            head,
            body,
            answer,
            collected,
        } => {
            if let Some(keepsake) = keepsake {
                let named = answer.named.as_deref();
                let responses = &settlement.gateway().responses;
                keep(responses, (keepsake, deployment), collected, named);
            }
            let observed = observed(&answer);
            let cost = terms.tells_cost.then(|| settlement.cost_of(observed));
            let body = with_cost(admitted.operation, body, cost.flatten());
            let booked = settlement.complete(observed);
            (head, Some(booked), ReplyBody::Whole(body))
        }
        Exchanged::Socket(socket) => {
            let head = socket.head.clone();
            let session = Session::new(*socket, settlement, deployment, terms.keep_alive);
            (head, None, ReplyBody::Session(Box::new(session)))
        }
        Exchanged::Stream(stream) => {
            let limits = limits(deployment, admitted, terms.keep_alive);
            let head = stream.head.clone();
            let teller = teller(admitted, terms);
            let metered = Metered::new(*stream, settlement, limits, teller);
            let metered = metered.keeping(keepsake, deployment);
            (head, None, ReplyBody::Stream(Box::new(metered)))
        }
    }
}

/// Keeps a response, or who has it, before the caller has it: it may go on from it at once.
fn keep(
    responses: &Responses,
    (keepsake, deployment): (Keepsake, &Deployment),
    collected: Option<Box<Collected>>,
    named: Option<&Named>,
) {
    match (collected, named) {
        (Some(collected), _) => responses.keep(keepsake, *collected),
        (None, Some(named)) => responses.remember(&keepsake, &deployment.id, named),
        (None, None) => {}
    }
}

/// Who tells the caller of a stream what it costs, if it wants to know.
fn teller(admitted: &Admitted, terms: &Terms) -> Option<Box<Teller>> {
    let is_told = terms.tells_cost && admitted.view.asks_usage;
    let teller = Teller::of(admitted.operation).filter(|_| is_told);
    teller.map(Box::new)
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
