//! `/admin/v1/deployments`: how deployments are, and taking them out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollward_config::closest;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::clock;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::explain::{CircuitTold, ExplainError, RestTold};
use crate::snapshot::Deployment;
use crate::upstream::health::{Demand, Vitals};

/// Longest body of a request to take one out, in bytes.
const MAX_BODY_BYTES: usize = 4_096;

/// A deployment, as it is.
#[derive(Serialize)]
struct Told {
    deployment: Arc<str>,
    circuit: CircuitTold,
    rest: Option<RestTold>,
    in_flight: u32,
    /// Expected of a stream, and of an answer in one piece, if it was asked lately.
    first_content_ms: [Option<u64>; 2],
    drained: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    deployment: String,
}

/// How every deployment of a named model is now, for a stream.
pub fn vitals(gateway: &Gateway) -> Vec<(Arc<Deployment>, Vitals)> {
    looked_at(gateway.snapshot().deployments())
}

fn looked_at(deployments: Vec<Arc<Deployment>>) -> Vec<(Arc<Deployment>, Vitals)> {
    let now = clock::mono();
    let looked_at = deployments.into_iter().map(|it| {
        let vitals = it.health.at(now, &it.breaker, Demand::chat(0, true));
        (it, vitals)
    });
    looked_at.collect()
}

/// `GET /admin/v1/deployments`
pub async fn list(State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    // What callers choose is no metric, but an operator may look at it.
    let called = looked_at(gateway.snapshot().called());
    let all = vitals(&gateway).into_iter().chain(called);
    let told: Vec<Told> = all.map(|it| told(&it)).collect();
    Json(json!({ "deployments": told }))
}

/// `POST /admin/v1/deployments/drain`
pub async fn drain(gateway: State<Arc<Gateway>>, request: Request) -> Response {
    set(&gateway, request, true).await
}

/// `POST /admin/v1/deployments/undrain`
pub async fn undrain(gateway: State<Arc<Gateway>>, request: Request) -> Response {
    set(&gateway, request, false).await
}

async fn set(gateway: &Gateway, request: Request, is_drained: bool) -> Response {
    let ingress = Ingress::new(Operation::Passthrough, request);
    let id = headers::own_id(ingress.request);
    match found(gateway, ingress).await {
        Ok(deployment) => {
            deployment.health.drain(is_drained);
            tracing::info!(deployment.id = %deployment.id, is_drained, "an operator took a deployment out, or back in");
            Json(json!({ "deployment": deployment.id, "drained": is_drained })).into_response()
        }
        Err(error) => error::respond(&Problem::from(error), &id),
    }
}

async fn found(gateway: &Gateway, mut ingress: Ingress) -> Result<Arc<Deployment>, ExplainError> {
    let body = ingress.read_body(MAX_BODY_BYTES).await;
    let named: Named = serde_json::from_slice(&body.map_err(AdmitError::from)?)
        .map_err(|error| ExplainError::Malformed(error.to_string()))?;
    let snapshot = gateway.snapshot();
    snapshot.exactly(&named.deployment).ok_or_else(|| {
        let deployments = snapshot.deployments();
        let ids = deployments.iter().map(|it| &*it.id);
        let meant = closest(&named.deployment, ids).map(str::to_owned);
        let named = named.deployment;
        ExplainError::Deployment { named, meant }
    })
}

fn told((deployment, vitals): &(Arc<Deployment>, Vitals)) -> Told {
    let (health, breaker) = (&deployment.health, &deployment.breaker);
    let whole = health.at(clock::mono(), breaker, Demand::chat(0, false));
    let millis = |vitals: &Vitals| vitals.first_content_us.map(|it| it / 1_000);
    Told {
        deployment: Arc::clone(&deployment.id),
        circuit: CircuitTold::of(vitals.circuit),
        rest: vitals.resting.as_ref().map(RestTold::of),
        in_flight: vitals.in_flight,
        first_content_ms: [millis(vitals), millis(&whole)],
        drained: deployment.is_drained(),
    }
}
