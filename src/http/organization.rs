//! `OpenAI`'s usage API: `GET /v1/organization/usage/…` and `/v1/organization/costs`.
//!
//! On the public listener a caller sees the calls of its own key and no others, also where the key
//! is a team's: whoever shall see a team's bill asks the admin listener, which shows all calls.
//! Without a key, on an open gateway, one sees the calls that were made without a key.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use tollward_store::Whose;
use tollward_wire::document::FieldError;

use crate::app::Gateway;
use crate::bill::asked::Asked;
use crate::bill::kind::Kind;
use crate::bill::reports::ReportError;
use crate::clock;
use crate::http::admin::gate::Operator;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::{client_request_id, peer};
use crate::pipeline::ServeError;
use crate::pipeline::authenticate::{Caller, authenticate};

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Who asks is not let in.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A parameter cannot be used.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// There is no answer.
    #[error(transparent)]
    Report(#[from] ReportError),
}

/// Answers a caller about its own calls.
pub async fn own(kind: Kind, State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (snapshot, peer) = (gateway.snapshot(), peer(request.extensions()));
    let (head, _) = request.into_parts();
    let caller = authenticate(&snapshot, &gateway, &head.headers, peer).await;
    let whose = caller.map(|caller| match caller {
        Caller::Open => Whose::Open,
        Caller::Key(key) => Whose::Key(key.id),
    });
    let whose = whose.map_err(|error| UsageError::from(ServeError::from(error)));
    answer(kind, &gateway, &head, whose).await
}

/// Answers the operator about all calls, and the holder of an admin token about those of the keys that it reaches.
pub async fn all(kind: Kind, operator: Operator, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let whose = operator
        .reach()
        .account()
        .map_or(Whose::All, Whose::Account);
    answer(kind, &operator.gateway, &head, Ok(whose)).await
}

async fn answer(
    kind: Kind,
    gateway: &Gateway,
    head: &Parts,
    whose: Result<Whose, UsageError>,
) -> Response {
    let id = client_request_id(&head.headers).unwrap_or_else(headers::fresh_id);
    let query = head.uri.query().unwrap_or_default();
    match answered(kind, gateway, query, whose).await {
        Ok(page) => {
            let json = HeaderValue::from_static("application/json");
            let told = [(header::CONTENT_TYPE, json), (headers::REQUEST_ID, id)];
            (told, page).into_response()
        }
        Err(error) => {
            if let UsageError::Report(ReportError::Store(error)) = &error {
                tracing::error!(%error, "the ledger cannot be read for a report");
            }
            error::respond(&Problem::from(error), &id)
        }
    }
}

async fn answered(
    kind: Kind,
    gateway: &Gateway,
    query: &str,
    whose: Result<Whose, UsageError>,
) -> Result<Vec<u8>, UsageError> {
    let whose = whose?;
    let asked = Asked::parse(kind, query, clock::unix_ms() / 1_000)?;
    let page = gateway.reports.page(&asked, whose).await?;
    // Nothing in a page can fail to be written.
    Ok(serde_json::to_vec(&page).unwrap_or_default())
}
