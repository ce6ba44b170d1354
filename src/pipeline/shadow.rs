//! Shadows: copies of calls that another model is asked as well, to see how it does.
//!
//! Nobody waits for a shadow and nobody gets its answer. It is a call of the gateway's own, with an
//! id, a row and a price of its own and without a key, so it takes nothing from the caller's; guards
//! hold for it as for any call. It never goes to a vendor with more than the caller's call had.

use std::sync::Arc;

use http_body_util::BodyExt;
use tollward_store::RequestId;
use tollward_wire::dialect::openai_responses::state::unstored;
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use crate::app::Gateway;
use crate::clock;
use crate::pipeline::ServeError;
use crate::pipeline::admit::hints::Hints;
use crate::pipeline::admit::places::Slot;
use crate::pipeline::admit::{Admitted, Arrived};
use crate::pipeline::attempt::attempt;
use crate::pipeline::authenticate::Caller;
use crate::pipeline::deliver::{ReplyBody, deliver};
use crate::pipeline::recall::Recalled;
use crate::pipeline::reserve::reserve;
use crate::pipeline::route::{Plan, route};
use crate::pipeline::settle::Settlement;
use crate::snapshot::Snapshot;

/// Shadows that may run at one time; there are none beyond.
const MAX_RUNNING: i64 = 64;

/// Casts the shadow of a call, if its model has one and it is its turn.
pub fn cast(gateway: &Arc<Gateway>, snapshot: &Arc<Snapshot>, recalled: &Recalled, plan: &Plan) {
    let Some(shadow) = &plan.shadow else { return };
    let is_due = clock::uniform() * 100.0 < f64::from(shadow.percent);
    // What is drawn from the client, or goes on by itself, is there once.
    let is_held = matches!(recalled.admitted.arrived, Arrived::Document);
    if !is_due || !is_held || gateway.is_draining() {
        return;
    }
    let Ok(slot) = gateway.shadow_places.take(None, MAX_RUNNING) else {
        return;
    };
    let Some(copy) = copied(&recalled.admitted, &shadow.model) else {
        return;
    };
    let (own, snapshot) = (Arc::clone(gateway), Arc::clone(snapshot));
    let rule: Arc<str> = format!("shadow of {}", recalled.admitted.view.model).into();
    let run = async move { run(&own, &snapshot, copy, (rule, slot)).await };
    gateway.tasks.spawn("shadow", Box::pin(run));
}

/// The call, as it is asked of `model`; `None` if it is none that can be asked twice.
fn copied(admitted: &Admitted, model: &Arc<str>) -> Option<Admitted> {
    admitted.operation.dialect()?;
    let document = if admitted.operation == Operation::Responses {
        unstored(&admitted.document).ok()?
    } else {
        admitted.document.clone()
    };
    let at_ms = clock::unix_ms();
    Some(Admitted {
        request: RequestId::from_parts(at_ms, clock::id_bytes()),
        at_ms,
        operation: admitted.operation,
        document,
        arrived: Arrived::Document,
        betas: admitted.betas.clone(),
        view: RequestView {
            model: model.to_string(),
            ..admitted.view.clone()
        },
        hints: Hints {
            timeout: None,
            ..admitted.hints.clone()
        },
        caller: Caller::Open,
        client_request_id: None,
        started: clock::mono(),
    })
}

/// Asks, and reads the answer to its end, so that it is measured and booked like any other.
async fn run(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    mut admitted: Admitted,
    (rule, slot): (Arc<str>, Slot),
) {
    let plan = route(gateway, snapshot, &admitted).map_err(ServeError::from);
    let reserved = match plan {
        Ok(plan) => reserve(gateway, snapshot, &mut admitted, plan)
            .await
            .map_err(ServeError::from),
        Err(error) => Err(error),
    };
    let (plan, spending) = match reserved {
        Ok((plan, spending)) => (plan.called(rule), spending),
        Err(error) => {
            tracing::debug!(request.id = %admitted.request, %error, "a shadow has nowhere to go");
            return;
        }
    };
    let terms = snapshot.retry.with_attempts(Some(0));
    let recalled = Recalled::plain(admitted);
    let recalled = recalled
        .spending(spending.as_deref())
        .unsealed(&gateway.seal);
    let mut settlement = Settlement::open(gateway, &recalled, &plan, spending, slot);
    let answered = {
        let attempting = attempt(gateway, &terms, &recalled, &plan, &mut settlement);
        let attempting = Box::pin(attempting);
        gateway.cut_calls.run_until_cancelled(attempting).await
    };
    match answered {
        Some(Ok(committed)) => {
            let reply = deliver(committed, recalled, settlement, &snapshot.limits);
            if let ReplyBody::Stream(mut body) = reply.body {
                while let Some(Ok(_)) = body.frame().await {}
            }
        }
        Some(Err(mut error)) => settlement.fail(&mut error),
        None => settlement.cut(),
    }
}
