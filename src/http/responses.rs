//! What is stored of `/v1/responses`: shown, listed and deleted, each by its own key.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use tollward_store::{KeyId, RequestId, StoredResponse};
use tollward_wire::dialect::openai_responses::listing::{Page, deleted, items_with_ids, page};
use tollward_wire::document::FieldError;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::{client_request_id, peer};
use crate::pipeline::ServeError;
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::recall::RecallError;
use crate::responses::{parse_id, word};

/// Items on a page, unless the caller says otherwise.
const PAGE: usize = 20;
/// Most items on a page.
const MAX_PAGE: usize = 100;

/// Why a stored response is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// The key has none of that id.
    #[error("the response `{id}` is not stored here")]
    Missing {
        /// The id as it was asked for.
        id: String,
    },
    /// Responses are written while their caller waits; there is none to cancel.
    #[error("the response `{id}` is complete: only one in the background can be cancelled")]
    NotCancellable {
        /// The id as it was asked for.
        id: String,
    },
    /// The same that a request which goes on from it would meet.
    #[error(transparent)]
    Recall(#[from] RecallError),
}

/// How a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Paging {
    limit: Option<usize>,
    order: Option<String>,
    after: Option<String>,
}

/// `GET /v1/responses/{id}`
pub async fn show(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let asked = match Asked::by(&gateway, &id, request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let found = asked.found().await;
    asked.answer(found.map(|(_, response)| response.object.into()))
}

/// `DELETE /v1/responses/{id}`
pub async fn delete(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let asked = match Asked::by(&gateway, &id, request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let found = asked.delete().await;
    asked.answer(found.map(|()| deleted(&id)))
}

/// `GET /v1/responses/{id}/input_items`: what was sent with it; earlier turns have their own.
pub async fn input_items(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let paging = Query::<Paging>::try_from_uri(request.uri());
    let asked = match Asked::by(&gateway, &id, request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let unreadable = || FieldError::new("limit", format!("a number from 1 to {MAX_PAGE}"));
    let wanted = paging.map_err(|_| unreadable()).and_then(|it| it.0.page());
    let found = asked.found().await;
    asked.answer(found.and_then(|(id, response)| Ok(listed(id, &response, &wanted?)?)))
}

/// `POST /v1/responses/{id}/cancel`
pub async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let asked = match Asked::by(&gateway, &id, request).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    let found = asked.found().await;
    asked.answer(found.and_then(|_| Err(ResponseError::NotCancellable { id: id.clone() })))
}

fn listed(id: RequestId, response: &StoredResponse, wanted: &Page) -> Result<Bytes, FieldError> {
    let items = items_with_ids(&response.input, &word(id)).unwrap_or_default();
    page(items, wanted).ok_or_else(|| FieldError::new("after", "the id of an item of the list"))
}

/// A question about a stored response, from somebody who is known.
struct Asked<'a> {
    gateway: &'a Gateway,
    text: &'a str,
    request_id: HeaderValue,
    key: Option<KeyId>,
    is_off: bool,
}

impl<'a> Asked<'a> {
    /// Finds out who asks.
    async fn by(gateway: &'a Gateway, text: &'a str, request: Request) -> Result<Self, Response> {
        let snapshot = gateway.snapshot();
        let peer = peer(request.extensions());
        let (parts, _) = request.into_parts();
        let request_id = client_request_id(&parts.headers).unwrap_or_else(headers::fresh_id);
        match authenticate(&snapshot, gateway, &parts.headers, peer).await {
            Ok(caller) => Ok(Self {
                gateway,
                text,
                request_id,
                key: caller.key().map(|key| key.id),
                is_off: snapshot.limits.retention.is_zero(),
            }),
            Err(error) => {
                let problem = Problem::from(ServeError::from(error));
                Err(error::respond(&problem, &request_id))
            }
        }
    }

    fn missing(&self) -> ResponseError {
        ResponseError::Missing {
            id: self.text.to_owned(),
        }
    }

    fn id(&self) -> Result<RequestId, ResponseError> {
        let id = parse_id(self.text).filter(|_| !self.is_off);
        id.ok_or_else(|| self.missing())
    }

    async fn found(&self) -> Result<(RequestId, StoredResponse), ResponseError> {
        let id = self.id()?;
        let found = self.gateway.responses.get(id, self.key).await;
        let found = found.map_err(RecallError::from)?;
        Ok((id, found.ok_or_else(|| self.missing())?))
    }

    async fn delete(&self) -> Result<(), ResponseError> {
        let deleted = self.gateway.responses.delete(self.id()?, self.key).await;
        let is_deleted = deleted.map_err(RecallError::from)?;
        is_deleted.then_some(()).ok_or_else(|| self.missing())
    }

    fn answer(&self, found: Result<Bytes, ResponseError>) -> Response {
        let body = match found {
            Ok(body) => body,
            Err(error) => return error::respond(&Problem::from(error), &self.request_id),
        };
        let mut head = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        head.insert(header::CONTENT_TYPE, json);
        head.insert(headers::REQUEST_ID, self.request_id.clone());
        (head, body).into_response()
    }
}

impl From<FieldError> for ResponseError {
    fn from(error: FieldError) -> Self {
        Self::Recall(error.into())
    }
}

impl Paging {
    fn page(&self) -> Result<Page, FieldError> {
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let expected = format!("a number from 1 to {MAX_PAGE}");
            return Err(FieldError::new("limit", expected));
        }
        let is_ascending = match self.order.as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(FieldError::new("order", "`asc` or `desc`")),
        };
        Ok(Page {
            limit,
            is_ascending,
            after: self.after.clone(),
        })
    }
}
