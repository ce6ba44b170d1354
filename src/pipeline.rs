//! The data flow of a call, on one page.
//!
//! `ingress → authenticate → admit → recall → route → reserve → attempt → deliver → settle`:
//! a stage takes what the one before it returned, so the wrong order does not
//! compile. Each stage is a file of its name. Decisions are in `policy/`,
//! sockets in `upstream/`, HTTP status codes in `http/error.rs`.
//!
//! What is only counted stops after `route`: `count`. What is asked of no model has no route: `passthrough`.
//! Where a call would go: `explain`. What we ask ourselves, beside a call: `shadow`; without one: `probe`.
//!
//! A [`Settlement`] is opened once a call has a plan and books exactly one
//! final ledger row, by value or by `Drop`, however the call ends.

pub mod admit;
pub mod attempt;
pub mod authenticate;
pub mod count;
pub mod deliver;
pub mod explain;
pub mod passthrough;
pub mod probe;
pub mod recall;
pub mod reserve;
pub mod route;
pub mod settle;
pub mod shadow;

use std::pin::pin;
use std::sync::Arc;

use crate::app::Gateway;
use crate::http::ingress::Ingress;
use crate::idempotency::IdempotencyError;
use crate::pipeline::admit::places::Slot;
use crate::pipeline::admit::{AdmitError, Admitted};
use crate::pipeline::attempt::AttemptError;
use crate::pipeline::authenticate::AuthError;
use crate::pipeline::deliver::Reply;
use crate::pipeline::passthrough::PassthroughError;
use crate::pipeline::recall::RecallError;
use crate::pipeline::reserve::ReserveError;
use crate::pipeline::route::RouteError;
use crate::pipeline::settle::{Receipt, Settlement};
use crate::snapshot::Snapshot;

/// A call that was let in, and what is configured for it.
pub struct Opened {
    /// What it keeps to its end.
    pub snapshot: Arc<Snapshot>,
    /// The request.
    pub admitted: Admitted,
    /// Its place among the running calls.
    pub slot: Slot,
    /// Who wants to know how it ends.
    pub receipt: Option<Arc<Receipt>>,
}

/// Lets a call in: who calls, and what.
///
/// # Errors
/// Whatever a stage refuses; `http/error.rs` turns it into the answer.
///
/// # Cancellation
/// Dropping the future drops the connection's unread body.
pub async fn open(gateway: &Gateway, ingress: Ingress) -> Result<Box<Opened>, ServeError> {
    let snapshot = gateway.snapshot();
    let caller =
        authenticate::authenticate(&snapshot, gateway, &ingress.headers, ingress.peer).await?;
    let (admitted, slot) = admit::admit(gateway, &snapshot, ingress, caller).await?;
    // Boxed: it is handed on, and would be copied into each future on the way.
    Ok(Box::new(Opened {
        snapshot,
        admitted,
        slot,
        receipt: None,
    }))
}

/// Serves a call that was let in to the head of its answer; the body settles itself.
///
/// # Errors
/// Whatever a stage refuses; `http/error.rs` turns it into the answer.
///
/// # Cancellation
/// Dropping the future closes the upstream connection and settles as *client gone*.
pub async fn serve(gateway: &Arc<Gateway>, opened: Box<Opened>) -> Result<Reply, ServeError> {
    let Opened {
        snapshot,
        admitted,
        slot,
        receipt,
    } = *opened;
    // Boxed: few requests refer to what was said before, and a database is asked for it.
    let recalling = recall::recall(gateway, &snapshot.limits, admitted);
    let mut recollection = Box::pin(recalling).await?;
    let admitted = &mut recollection.admitted;
    let plan = route::route(gateway, &snapshot, admitted)?;
    let (plan, spending) = reserve::reserve(gateway, &snapshot, admitted, plan).await?;
    let (recalled, plan) = recollection.planned(&snapshot.limits, plan)?;
    let recalled = recalled
        .spending(spending.as_deref())
        .unsealed(&gateway.seal);
    shadow::cast(gateway, &snapshot, &recalled, &plan);
    let retry = snapshot.retry.with_attempts(plan.attempts);
    let mut settlement = Settlement::open(gateway, &recalled, &plan, spending, slot);
    settlement.hand(receipt);
    let answered = {
        // Pinned here: passed by value it would be copied, and it is kilobytes long.
        let answering = pin!(attempt::attempt(
            gateway,
            &retry,
            &recalled,
            &plan,
            &mut settlement
        ));
        gateway.cut_calls.run_until_cancelled(answering).await
    };
    match answered {
        Some(Ok(committed)) => {
            let held = &snapshot.limits;
            Ok(deliver::deliver(committed, recalled, settlement, held))
        }
        Some(Err(mut error)) => {
            settlement.fail(&mut error);
            Err(error.into())
        }
        None => {
            settlement.cut();
            Err(ServeError::Draining)
        }
    }
}

/// What a stage refused.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The caller did not prove who they are.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The request is not one we take.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// Nothing answers to that model.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// What it goes on from is not there.
    #[error(transparent)]
    Recall(#[from] RecallError),
    /// No budget has room for it.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// It has the name of another call, or of one that runs.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// It is not passed through.
    #[error(transparent)]
    Passthrough(#[from] PassthroughError),
    /// No upstream gave an answer.
    #[error(transparent)]
    Attempt(#[from] Box<AttemptError>),
    /// The drain time was up before there was an answer.
    #[error("the gateway is shutting down")]
    Draining,
}

impl ServeError {
    /// Whether the request was refused before it had a plan, and so has no row in the ledger.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Auth(_)
            | Self::Admit(_)
            | Self::Route(_)
            | Self::Recall(_)
            | Self::Reserve(_)
            | Self::Idempotency(_)
            | Self::Passthrough(_) => true,
            Self::Attempt(_) | Self::Draining => false,
        }
    }
}
