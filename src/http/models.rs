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
use crate::snapshot::Target;
use crate::snapshot::route::Route;

/// Lists the models that the caller may use.
pub async fn list(State(gateway): State<Arc<Gateway>>, mut request: Request) -> Response {
    gemini::take_key(&mut request);
    let (snapshot, peer) = (gateway.snapshot(), peer(request.extensions()));
    let caller = match authenticate(&snapshot, &gateway, request.headers(), peer).await {
        Ok(caller) => caller,
        Err(refused) => return refuse(&request, ServeError::from(refused)),
    };
    let names = snapshot.names(|it| caller.allows(it));
    match client(&request) {
        Client::OpenAi => {
            let data = names.map(|(name, route)| describe(name, route)).collect();
            let listing = ListModelResponse {
                object: "list".into(),
                data,
            };
            answer(&request, Json(listing))
        }
        Client::Anthropic => {
            let cards: Vec<Value> = names.map(|(name, _)| card(name)).collect();
            let id = |card: Option<&Value>| card.map_or(Value::Null, |it| it["id"].clone());
            let (first, last) = (id(cards.first()), id(cards.last()));
            let listing =
                json!({"data": cards, "has_more": false, "first_id": first, "last_id": last});
            answer(&request, Json(listing))
        }
        Client::Google => {
            let models: Vec<Value> = names
                .map(|(name, route)| google_model(name, route))
                .collect();
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
    let mut names = snapshot.names(|it| caller.allows(it));
    let Some((name, route)) = names.find(|(name, _)| **name == *id) else {
        let unknown = RouteError::unknown(&snapshot, &caller, id);
        return refuse(&request, ServeError::from(unknown));
    };
    match client(&request) {
        Client::OpenAi => answer(&request, Json(describe(name, route))),
        Client::Anthropic => answer(&request, Json(card(name))),
        Client::Google => answer(&request, Json(google_model(name, route))),
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

fn describe(name: &str, route: &Route) -> Model {
    let first = route.deployments().next();
    let owned_by = first.map_or("tollward", |it| &it.provider);
    Model {
        id: name.to_owned(),
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
            let names = snapshot.names(|it| caller.allows(it));
            let data: Vec<Value> = names
                .map(|(name, route)| capability(name, route, &caller))
                .collect();
            answer(&request, Json(json!({"object": "list", "data": data})))
        }
        Err(refused) => refuse(&request, ServeError::from(refused)),
    }
}

fn capability(name: &str, route: &Route, caller: &Caller) -> Value {
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
    json!({"id": name, "object": "model.capabilities", "deployments": deployments})
}

/// A model in Anthropic's shape.
fn card(name: &str) -> Value {
    json!({
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
    })
}

/// A model in Google's shape. What is not known, such as the size of its context, is left out.
fn google_model(name: &str, route: &Route) -> Value {
    let first = route.deployments().next();
    let traits = first.map(|it| it.target.traits(&it.upstream_model));
    let mut model = json!({
        "name": format!("models/{name}"),
        "version": "1",
        "displayName": name,
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
