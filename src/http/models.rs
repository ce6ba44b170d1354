//! `GET /v1/models` and `/v1/models/{id}`: the public names, as far as the key may use them.

use std::sync::Arc;

use async_openai::types::models::{ListModelResponse, Model};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::Request};
use http::HeaderValue;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::{client_request_id, peer};
use crate::pipeline::ServeError;
use crate::pipeline::authenticate::{Caller, authenticate};
use crate::pipeline::route::RouteError;
use crate::snapshot::{Route, Snapshot};

/// Lists the models that the caller may use.
pub async fn list(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let snapshot = gateway.snapshot();
    match authenticate(
        &snapshot,
        &gateway,
        request.headers(),
        peer(request.extensions()),
    )
    .await
    {
        Ok(caller) => {
            let data = visible(&snapshot, &caller).map(describe).collect();
            let listing = ListModelResponse {
                object: "list".into(),
                data,
            };
            answer(&request, Json(listing))
        }
        Err(refused) => refuse(&request, ServeError::from(refused)),
    }
}

/// Describes one model.
pub async fn one(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let snapshot = gateway.snapshot();
    let caller = match authenticate(
        &snapshot,
        &gateway,
        request.headers(),
        peer(request.extensions()),
    )
    .await
    {
        Ok(caller) => caller,
        Err(refused) => return refuse(&request, ServeError::from(refused)),
    };
    let found = visible(&snapshot, &caller)
        .find(|route| *route.model == *id)
        .map(describe);
    match found {
        Some(model) => answer(&request, Json(model)),
        None => refuse(
            &request,
            ServeError::from(RouteError::UnknownModel { model: id }),
        ),
    }
}

fn visible<'a>(snapshot: &'a Snapshot, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<Route>> {
    snapshot
        .routes()
        .filter(|route| caller.allows(&route.model))
}

fn describe(route: &Arc<Route>) -> Model {
    let owned_by = route
        .candidates
        .first()
        .map_or("tollward", |candidate| &candidate.deployment.provider);
    Model {
        id: route.model.to_string(),
        object: "model".into(),
        created: 0,
        owned_by: owned_by.into(),
        shutdown_date: None,
    }
}

fn answer(request: &Request, body: impl IntoResponse) -> Response {
    ([(headers::REQUEST_ID, id_of(request))], body).into_response()
}

fn refuse(request: &Request, refused: ServeError) -> Response {
    error::respond(&Problem::from(refused), &id_of(request))
}

fn id_of(request: &Request) -> HeaderValue {
    client_request_id(request.headers()).unwrap_or_else(headers::fresh_id)
}
