//! The operator's side: probes, metrics, and how calls are routed.

#[expect(
    clippy::missing_errors_doc,
    reason = "the description of each route has its refusals"
)]
pub mod deployments;
#[expect(
    clippy::missing_errors_doc,
    reason = "the description of each route has its refusals"
)]
pub mod explain;
pub mod host;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::app::Gateway;

/// The process runs.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The process takes calls: it is not shutting down.
///
/// A model that still loads or a ledger that is behind does not make a replica
/// unready: taking every replica out at once would be worse.
pub async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, &'static str) {
    if gateway.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

/// All metrics as `OpenMetrics` text.
pub async fn metrics(State(gateway): State<Arc<Gateway>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let deployments = deployments::vitals(&gateway);
    match gateway
        .metrics
        .render(&gateway.ledger_backlog(), &deployments)
    {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
