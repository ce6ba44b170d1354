//! One attempt that is several requests: embeddings in a vendor's own form, and rankings.
//!
//! A few requests run at once, their answers are taken in order, and the first that fails
//! ends the attempt: its answer is all vectors or none. The vendor may bill for those that
//! had been answered by then.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::response::Parts;
use tollward_providers::shape::batch::{Batch, Joint, batch};
use tollward_providers::{Call, EncodeError, Outbound, Provider};
use tollward_wire::fault::{Fault, Phase};

use super::open::{reported, request_id, send};
use super::{Asked, Exchanged, UpstreamBody, UpstreamHead, read_whole};
use crate::snapshot::{Deployment, Target};
use crate::upstream::client::Client;
use crate::upstream::failure::AttemptFailure;

/// Requests of one call that run at once; a vendor counts each against its limits.
const AT_ONCE: usize = 8;

/// A shaped call and who is asked.
pub(super) struct Shaped<'a> {
    batch: Batch<'a>,
    provider: &'a Arc<dyn Provider>,
}

/// The call as requests of its own; `None` if it is relayed or a chat.
///
/// # Errors
/// The vendor cannot be sent the call.
pub(super) fn of<'a>(
    deployment: &'a Deployment,
    call: &Call<'a>,
) -> Result<Option<Shaped<'a>>, EncodeError> {
    let Target::Http(provider) = &deployment.target else {
        return Ok(None);
    };
    let batch = batch(&**provider, call)?;
    Ok(batch.map(|batch| Shaped { batch, provider }))
}

/// Sends the requests and puts their answers together.
///
/// # Errors
/// One of them was refused, broke off, met a limit or made no sense.
///
/// # Cancellation
/// Dropping the future closes the upstream connections.
pub(super) async fn exchange(
    client: &Client,
    deployment: &Deployment,
    Shaped { batch, provider }: Shaped<'_>,
    asked: &Asked<'_>,
    deadline: std::time::Instant,
) -> Result<Exchanged, AttemptFailure> {
    let dropped = reported(deployment.on_unsupported, batch.dropped.clone());
    let dropped = dropped.map_err(|failure| *failure)?;
    let timeouts = deployment.timeouts;
    let answer = async |outbound: &Outbound| -> Result<(Parts, Bytes), AttemptFailure> {
        let limits = (timeouts.whole_first_byte, deadline);
        let (parts, body) = send(client, deployment, &**provider, outbound, limits).await?;
        let mut body = UpstreamBody::Http(body);
        let limit = (timeouts.idle, Phase::Idle);
        let body = read_whole(Bytes::new(), &mut body, limit, timeouts.idle, deadline).await?;
        Ok((parts, body))
    };
    let mut answers = stream::iter(&batch.requests).map(answer).buffered(AT_ONCE);
    let mut joint = batch.join();
    let mut head = UpstreamHead {
        request_id: None,
        dropped,
    };
    while let Some(answer) = answers.next().await {
        let (parts, body) = answer.map_err(|failure| among(&joint, failure))?;
        head.request_id = head.request_id.or_else(|| request_id(&parts.headers));
        let taken = joint.take(&parts.headers, &body);
        taken.map_err(|fault| among(&joint, unreadable(fault)))?;
    }
    let (body, answer) = asked.echo(|echo| joint.write(echo)).map_err(unreadable)?;
    Ok(Exchanged::Whole {
        head,
        body,
        answer: Box::new(answer),
        collected: None,
    })
}

/// A failure after others of the call were answered: what these used may be billed.
fn among(joint: &Joint<'_, '_>, failure: AttemptFailure) -> AttemptFailure {
    AttemptFailure {
        may_be_billed: failure.may_be_billed || joint.taken() > 0,
        usage: failure.usage.or_else(|| joint.usage().cloned()),
        ..failure
    }
}

fn unreadable(fault: Fault) -> AttemptFailure {
    AttemptFailure::billed(fault, "the answer is not what the vendor's form says")
}
