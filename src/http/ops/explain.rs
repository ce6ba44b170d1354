//! `POST /admin/v1/explain`: where a call would go, without making it.

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::clock;
use crate::http::admin::gate::Operator;
use crate::http::admin::refusal::AdminError;
use crate::http::error::admin::Refusals;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::Ingress;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::authenticate::Caller;
use crate::pipeline::explain::{self, ExplainError, Explanation, Inquiry};
use crate::policy::access::Action;

/// Explain where a call would go
///
/// Nobody is called. Needs no token until the first is issued.
#[utoipa::path(post, path = "/admin/v1/explain", tag = "deployments", operation_id = "explain",
    request_body = serde_json::Value,
    responses((status = 200, description = "The explanation", body = serde_json::Value), Refusals))]
pub async fn answer(operator: Operator, request: Request) -> Result<Response, AdminError> {
    operator.check(Action::Operate)?;
    let gateway = operator.gateway;
    let ingress = Ingress::new(Operation::Passthrough, request);
    let id = headers::own_id(ingress.request);
    let answer = match explained(&gateway, ingress).await {
        Ok(value) => Json(value).into_response(),
        Err(error) => error::respond(&Problem::from(error), &id),
    };
    Ok(answer)
}

async fn explained(gateway: &Gateway, mut ingress: Ingress) -> Result<Value, ExplainError> {
    let snapshot = gateway.snapshot();
    let body = ingress.read_body(snapshot.limits.max_body_bytes).await;
    let inquiry = Inquiry::parse(&body.map_err(AdmitError::from)?)?;
    let caller = match &inquiry.key {
        None => Caller::Open,
        Some(name) => {
            let found = gateway.keyring.named(name, clock::unix_ms());
            Caller::Key(found.ok_or_else(|| ExplainError::Key(name.clone()))?)
        }
    };
    let admitted = inquiry.admitted(caller)?;
    let explanation = explain::explain(
        (&gateway.affinity, &snapshot),
        &admitted,
        explain::State::Running,
    )?;
    Ok(told(explanation))
}

/// An explanation as JSON, with the answer that the call would get if nobody can be asked.
pub fn told(mut explanation: Explanation) -> Value {
    let refusal = explanation.refusal.take().map(Problem::from);
    let mut value = serde_json::to_value(&explanation).unwrap_or_default();
    if let (Some(problem), Value::Object(members)) = (refusal, &mut value) {
        let refused = json!({
            "status": problem.status.as_u16(),
            "code": problem.code(),
            "message": problem.body.message,
        });
        members.insert("refused".to_owned(), refused);
    }
    value
}
