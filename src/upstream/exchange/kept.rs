//! Asking a vendor about a response that it keeps: no model is at work, nothing is billed.

use std::time::Instant;

use bytes::Bytes;
use http::Method;
use serde::de::IgnoredAny;
use tollward_providers::{Outbound, Provider};
use tollward_wire::fault::{Fault, Phase};

use super::whole::read_rest;
use super::{Timeouts, UpstreamBody, within};
use crate::clock;
use crate::credentials::fetcher::Fetcher;
use crate::snapshot::{Deployment, Target};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::refusal::refusal;
use crate::upstream::sender::Sender;

/// Asks with the first credential that is not refused; the answer is one JSON value. `path` is the
/// response's id and what follows it.
///
/// # Errors
/// The vendor refused or keeps nothing, broke off, met a limit or made no sense.
///
/// # Cancellation
/// Dropping the future closes the upstream connection.
pub async fn ask_kept(
    fetcher: &Fetcher,
    deployment: &Deployment,
    method: Method,
    path: &str,
) -> Result<Bytes, AttemptFailure> {
    let Target::Http(provider) = &deployment.target else {
        return Err(AttemptFailure::of(
            Fault::NotFound,
            "the engine keeps nothing",
        ));
    };
    let Some(outbound) = provider.ask_kept(path) else {
        return Err(AttemptFailure::of(
            Fault::NotFound,
            "the vendor keeps nothing",
        ));
    };
    let deadline = clock::mono() + deployment.timeouts.total;
    let limits = (deployment.timeouts, deadline);
    let mut turn = deployment.credentials.turn(&deployment.upstream_model);
    while let Some(signer) = turn.signer(fetcher).await {
        let sender = Sender {
            client: fetcher.client(),
            signer: &signer,
            upload: None,
        };
        match ask(sender, &**provider, (method.clone(), &outbound), limits).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => {
                if !turn.failed(&signer, failure, clock::mono()) {
                    break;
                }
            }
        }
    }
    Err(turn.into_failure())
}

async fn ask(
    sender: Sender<'_>,
    provider: &dyn Provider,
    (method, outbound): (Method, &Outbound),
    (timeouts, deadline): (Timeouts, Instant),
) -> Result<Bytes, AttemptFailure> {
    let sending = sender.send(provider.host_scope(), method, outbound);
    let response = within(timeouts.first_byte, Phase::FirstByte, deadline, sending).await??;
    let (parts, body) = response.into_parts();
    if !parts.status.is_success() {
        return Err(refusal(sender.signer, provider, &parts, body).await);
    }
    let mut body = UpstreamBody::Http(body);
    let limit = (timeouts.idle, Phase::Idle);
    let answer = read_rest(Bytes::new(), &mut body, limit, timeouts.idle, deadline).await?;
    if serde_json::from_slice::<IgnoredAny>(&answer).is_err() {
        return Err(AttemptFailure::of(
            Fault::Protocol,
            "the answer is not JSON",
        ));
    }
    Ok(answer)
}
