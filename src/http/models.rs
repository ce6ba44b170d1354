//! `GET /v1/models` and `/v1/models/{id}`: the public names, as far as the key may use them.

use std::sync::Arc;

use async_openai::types::models::{ListModelResponse, Model};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::Request};

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
            Json(ListModelResponse {
                object: "list".into(),
                data,
            })
            .into_response()
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
        Some(model) => Json(model).into_response(),
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

fn refuse(request: &Request, refused: ServeError) -> Response {
    let id = client_request_id(request.headers()).unwrap_or_else(headers::fresh_id);
    error::respond(&Problem::from(refused), &id)
}
