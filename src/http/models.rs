//! `GET /v1/models`, `/v1/models/{id}` and `/v1/capabilities`: the public names, as far as
//! the key may use them, and what works with each.
//!
//! Anthropic's clients, who state a version, get the first two in Anthropic's shape, Google's
//! in Google's, also below `/v1beta`.

use std::sync::Arc;

use async_openai::types::models::{ListModelResponse, Model};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract::Request};
use http::HeaderValue;
use serde_json::{Map, Value, json};
use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::ingress::{client_request_id, peer};
use crate::http::{gemini, headers};
use crate::pipeline::ServeError;
use crate::pipeline::authenticate::{Caller, authenticate};
use crate::pipeline::route::RouteError;
use crate::snapshot::route::Route;
use crate::snapshot::{Snapshot, Target};

/// Lists the models that the caller may use.
pub async fn list(State(gateway): State<Arc<Gateway>>, mut request: Request) -> Response {
    gemini::take_key(&mut request);
    let (snapshot, peer) = (gateway.snapshot(), peer(request.extensions()));
    let caller = match authenticate(&snapshot, &gateway, request.headers(), peer).await {
        Ok(caller) => caller,
        Err(refused) => return refuse(&request, ServeError::from(refused)),
    };
    let routes = visible(&snapshot, &caller);
    match client(&request) {
        Client::OpenAi => {
            let data = routes.map(describe).collect();
            let listing = ListModelResponse {
                object: "list".into(),
                data,
            };
            answer(&request, Json(listing))
        }
        Client::Anthropic => {
            let cards: Vec<Value> = routes.map(card).collect();
            let id = |card: Option<&Value>| card.map_or(Value::Null, |it| it["id"].clone());
            let (first, last) = (id(cards.first()), id(cards.last()));
            let listing =
                json!({"data": cards, "has_more": false, "first_id": first, "last_id": last});
            answer(&request, Json(listing))
        }
        Client::Google => {
            let models: Vec<Value> = routes.map(google_model).collect();
            answer(&request, Json(json!({ "models": models })))
        }
    }
}

/// Describes one model.
pub async fn one(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    mut request: Request,
) -> Response {
    gemini::take_key(&mut request);
    let (snapshot, peer) = (gateway.snapshot(), peer(request.extensions()));
    let caller = match authenticate(&snapshot, &gateway, request.headers(), peer).await {
        Ok(caller) => caller,
        Err(refused) => return refuse(&request, ServeError::from(refused)),
    };
    let Some(route) = visible(&snapshot, &caller).find(|route| *route.model == *id) else {
        return refuse(
            &request,
            ServeError::from(RouteError::UnknownModel { model: id }),
        );
    };
    match client(&request) {
        Client::OpenAi => answer(&request, Json(describe(route))),
        Client::Anthropic => answer(&request, Json(card(route))),
        Client::Google => answer(&request, Json(google_model(route))),
    }
}

/// Whose SDK asks.
#[derive(Clone, Copy)]
enum Client {
    OpenAi,
    Anthropic,
    Google,
}

fn client(request: &Request) -> Client {
    if request.headers().contains_key("anthropic-version") {
        Client::Anthropic
    } else if gemini::is_google(request) {
        Client::Google
    } else {
        Client::OpenAi
    }
}

fn visible<'a>(snapshot: &'a Snapshot, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<Route>> {
    snapshot
        .routes()
        .filter(|route| caller.allows(&route.model))
}

fn describe(route: &Arc<Route>) -> Model {
    let first = route.deployments().next();
    let owned_by = first.map_or("tollward", |it| &it.provider);
    Model {
        id: route.model.to_string(),
        object: "model".into(),
        created: 0,
        owned_by: owned_by.into(),
        shutdown_date: None,
    }
}

/// Says of each model what its first deployment does with each operation, and what that model takes.
pub async fn capabilities(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let snapshot = gateway.snapshot();
    let peer = peer(request.extensions());
    match authenticate(&snapshot, &gateway, request.headers(), peer).await {
        Ok(caller) => {
            let data: Vec<Value> = visible(&snapshot, &caller)
                .map(|route| capability(route, &caller))
                .collect();
            answer(&request, Json(json!({"object": "list", "data": data})))
        }
        Err(refused) => refuse(&request, ServeError::from(refused)),
    }
}

fn capability(route: &Arc<Route>, caller: &Caller) -> Value {
    let groups = route.groups().filter(|it| caller.allows(&it.model));
    let deployments: Vec<Value> = groups
        .flat_map(|it| &it.deployments)
        .map(|deployment| {
            let (mut operations, mut with_tools) = (Map::new(), Map::new());
            for operation in Operation::ALL {
                let (plain, thinking) = deployment.answers(operation);
                operations.insert(operation.path().to_owned(), json!(plain));
                if thinking != plain {
                    with_tools.insert(operation.path().to_owned(), json!(thinking));
                }
            }
            let traits = deployment.target.traits(&deployment.upstream_model);
            let is_local = matches!(deployment.target, Target::Local(_));
            json!({
                "deployment": &*deployment.id,
                "operations": operations,
                "with_tools": with_tools,
                "tools": !is_local,
                "max_output_tokens": traits.max_output,
                "reasoning": traits.thinks,
                "sampling": traits.takes_sampling,
                "json_schema": match (is_local, traits.takes_schema) {
                    (true, _) => "none",
                    (false, true) => "native",
                    (false, false) => "by a forced tool",
                },
                "prefill": traits.takes_prefill,
                "image_urls": traits.fetches_urls,
            })
        })
        .collect();
    json!({"id": &*route.model, "object": "model.capabilities", "deployments": deployments})
}

/// A model in Anthropic's shape.
fn card(route: &Arc<Route>) -> Value {
    json!({
        "type": "model",
        "id": &*route.model,
        "display_name": &*route.model,
        "created_at": "1970-01-01T00:00:00Z",
    })
}

/// A model in Google's shape. What is not known, such as the size of its context, is left out.
fn google_model(route: &Arc<Route>) -> Value {
    let first = route.deployments().next();
    let traits = first.map(|it| it.target.traits(&it.upstream_model));
    let mut model = json!({
        "name": format!("models/{}", route.model),
        "version": "1",
        "displayName": &*route.model,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    });
    if let (Some(traits), Value::Object(fields)) = (traits, &mut model) {
        fields.insert("thinking".to_owned(), traits.thinks.into());
        if let Some(most) = traits.max_output {
            fields.insert("outputTokenLimit".to_owned(), most.into());
        }
    }
    model
}

fn answer(request: &Request, body: impl IntoResponse) -> Response {
    ([(headers::REQUEST_ID, id_of(request))], body).into_response()
}

fn refuse(request: &Request, refused: ServeError) -> Response {
    let dialect = match client(request) {
        Client::Google => Dialect::Gemini,
        Client::OpenAi | Client::Anthropic => Dialect::OpenAiChat,
    };
    error::respond_in(dialect, &Problem::from(refused), &id_of(request))
}

fn id_of(request: &Request) -> HeaderValue {
    client_request_id(request.headers()).unwrap_or_else(headers::fresh_id)
}
