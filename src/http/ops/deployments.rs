//! `/admin/v1/deployments`: how deployments are, and taking them out.

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollward_config::closest;
use tollward_wire::operation::Operation;
use utoipa::ToSchema;

use crate::app::Gateway;
use crate::clock;
use crate::http::admin::gate::Operator;
use crate::http::admin::refusal::AdminError;
use crate::http::error::admin::Refusals;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::explain::{CircuitTold, ExplainError, RestTold};
use crate::policy::access::Action;
use crate::snapshot::Deployment;
use crate::upstream::health::{Demand, Vitals};

/// Longest body of a request to take one out, in bytes.
const MAX_BODY_BYTES: usize = 4_096;

/// The deployments.
#[derive(Serialize, ToSchema)]
pub struct Deployments {
    /// All of them.
    deployments: Vec<DeploymentTold>,
}

/// A deployment, as it is.
#[derive(Serialize, ToSchema)]
pub struct DeploymentTold {
    /// Its id: provider and model.
    #[schema(value_type = String)]
    deployment: Arc<str>,
    /// How its circuit is.
    #[schema(value_type = serde_json::Value)]
    circuit: CircuitTold,
    /// Why and how long it rests, if it does.
    #[schema(value_type = serde_json::Value)]
    rest: Option<RestTold>,
    /// Calls that run.
    in_flight: u32,
    /// Expected of a stream, and of an answer in one piece, if it was asked lately.
    first_content_ms: [Option<u64>; 2],
    /// Whether an operator has taken it out.
    drained: bool,
}

/// A deployment that is meant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedDeployment {
    /// Its id: provider and model.
    deployment: String,
}

/// What became of a deployment.
#[derive(Serialize, ToSchema)]
pub struct Drained {
    /// Its id.
    deployment: String,
    /// Whether it is taken out.
    drained: bool,
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

/// List deployments
///
/// How each is now. Needs no token until the first is issued.
#[utoipa::path(get, path = "/admin/v1/deployments", tag = "deployments", operation_id = "list_deployments",
    responses((status = 200, description = "They", body = Deployments), Refusals))]
pub async fn list(operator: Operator) -> Result<Json<Deployments>, AdminError> {
    operator.check(Action::Read)?;
    let gateway = operator.gateway;
    // What callers choose is no metric, but an operator may look at it.
    let called = looked_at(gateway.snapshot().called());
    let all = vitals(&gateway).into_iter().chain(called);
    let deployments = all.map(|it| told(&it)).collect();
    Ok(Json(Deployments { deployments }))
}

/// Take a deployment out
///
/// Calls that run there go on. Needs no token until the first is issued.
#[utoipa::path(post, path = "/admin/v1/deployments/drain", tag = "deployments", operation_id = "drain_deployment",
    request_body = NamedDeployment,
    responses((status = 200, description = "It is taken out", body = Drained), Refusals))]
pub async fn drain(operator: Operator, request: Request) -> Result<Response, AdminError> {
    operator.check(Action::Operate)?;
    Ok(set(&operator, request, true).await)
}

/// Put a deployment back
///
/// Needs no token until the first is issued.
#[utoipa::path(post, path = "/admin/v1/deployments/undrain", tag = "deployments", operation_id = "undrain_deployment",
    request_body = NamedDeployment,
    responses((status = 200, description = "It is put back", body = Drained), Refusals))]
pub async fn undrain(operator: Operator, request: Request) -> Result<Response, AdminError> {
    operator.check(Action::Operate)?;
    Ok(set(&operator, request, false).await)
}

async fn set(operator: &Operator, request: Request, is_drained: bool) -> Response {
    let ingress = Ingress::new(Operation::Passthrough, request);
    let id = headers::own_id(ingress.request);
    match found(&operator.gateway, ingress).await {
        Ok(deployment) => {
            deployment.health.drain(is_drained);
            tracing::info!(deployment.id = %deployment.id, is_drained, by = operator.name(), "an operator took a deployment out, or back in");
            Json(json!({ "deployment": deployment.id, "drained": is_drained })).into_response()
        }
        Err(error) => error::respond(&Problem::from(error), &id),
    }
}

async fn found(gateway: &Gateway, mut ingress: Ingress) -> Result<Arc<Deployment>, ExplainError> {
    let body = ingress.read_body(MAX_BODY_BYTES).await;
    let named: NamedDeployment = serde_json::from_slice(&body.map_err(AdmitError::from)?)
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

fn told((deployment, vitals): &(Arc<Deployment>, Vitals)) -> DeploymentTold {
    let (health, breaker) = (&deployment.health, &deployment.breaker);
    let whole = health.at(clock::mono(), breaker, Demand::chat(0, false));
    let millis = |vitals: &Vitals| vitals.first_content_us.map(|it| it / 1_000);
    DeploymentTold {
        deployment: Arc::clone(&deployment.id),
        circuit: CircuitTold::of(vitals.circuit),
        rest: vitals.resting.as_ref().map(RestTold::of),
        in_flight: vitals.in_flight,
        first_content_ms: [millis(vitals), millis(&whole)],
        drained: deployment.is_drained(),
    }
}
