//! What is stored of `/v1/responses`: shown, listed and deleted, each by its own key.
//!
//! About a response that its vendor keeps the vendor is asked, once it is clear whose it is.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde::Deserialize;
use tollward_store::{KeyId, RequestId, StoredResponse};
use tollward_wire::dialect::openai_responses::listing::{Page, deleted, items_with_ids, page};
use tollward_wire::document::FieldError;
use tollward_wire::fault::Fault;

use crate::app::Gateway;
use crate::http::error::{self, Problem};
use crate::http::headers;
use crate::http::ingress::{client_request_id, peer};
use crate::pipeline::ServeError;
use crate::pipeline::attempt::AttemptError;
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::recall::RecallError;
use crate::responses::{parse_id, word};
use crate::snapshot::{Deployment, Snapshot};
use crate::upstream::exchange::ask_kept;
use crate::upstream::failure::AttemptFailure;

/// Items on a page, unless the caller says otherwise.
const PAGE: usize = 20;
/// Most items on a page.
const MAX_PAGE: usize = 100;
/// Longest query that is passed on to a vendor.
const MAX_QUERY_BYTES: usize = 1024;

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
    /// There is no room to ask the vendor who keeps it, or the vendor failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
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
    answered(&gateway, &id, request, async |it| it.show().await).await
}

/// `DELETE /v1/responses/{id}`
pub async fn delete(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    answered(&gateway, &id, request, async |it| it.delete().await).await
}

/// `GET /v1/responses/{id}/input_items`: what was sent with it; earlier turns have their own.
pub async fn input_items(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    answered(&gateway, &id, request, async |it| it.list().await).await
}

/// `POST /v1/responses/{id}/cancel`
pub async fn cancel(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    answered(&gateway, &id, request, async |it| it.cancel().await).await
}

/// Finds out who asks, has it answered by `what`, and writes the answer.
async fn answered(
    gateway: &Gateway,
    id: &str,
    request: Request,
    what: impl AsyncFnOnce(&Asked<'_>) -> Result<Bytes, ResponseError>,
) -> Response {
    match Asked::by(gateway, id, request).await {
        Ok(asked) => asked.answer(what(&asked).await),
        Err(refusal) => refusal,
    }
}

fn listed(id: RequestId, response: &StoredResponse, wanted: &Page) -> Result<Bytes, FieldError> {
    let items = items_with_ids(&response.input, &word(id)).unwrap_or_default();
    page(items, wanted).ok_or_else(|| FieldError::new("after", "the id of an item of the list"))
}

/// Where a response is.
enum Found {
    Here(RequestId, Box<StoredResponse>),
    /// With the vendor that this deployment calls.
    Vendor(Arc<Deployment>),
}

/// A question about a stored response, from somebody who is known.
struct Asked<'a> {
    gateway: &'a Gateway,
    snapshot: Arc<Snapshot>,
    text: &'a str,
    uri: Uri,
    request_id: HeaderValue,
    key: Option<KeyId>,
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
                snapshot,
                text,
                uri: parts.uri,
                request_id,
                key: caller.key().map(|key| key.id),
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

    async fn found(&self) -> Result<Found, ResponseError> {
        if self.snapshot.limits.retention.is_zero() {
            return Err(self.missing());
        }
        let responses = &self.gateway.responses;
        let located = responses.locate(&[self.text.to_owned()]).await;
        let mut located = located.map_err(RecallError::from)?.into_iter();
        if let Some(kept) = located.find(|it| it.key == self.key) {
            let deployment = self.snapshot.deployment(&kept.deployment);
            return deployment.map(Found::Vendor).ok_or_else(|| self.missing());
        }
        let id = parse_id(self.text).ok_or_else(|| self.missing())?;
        let found = responses.get(id, self.key).await;
        let found = found.map_err(RecallError::from)?;
        let found = found.ok_or_else(|| self.missing())?;
        Ok(Found::Here(id, Box::new(found)))
    }

    async fn show(&self) -> Result<Bytes, ResponseError> {
        match self.found().await? {
            Found::Here(_, response) => Ok(response.object.into()),
            Found::Vendor(deployment) => self.ask(&deployment, Method::GET, "").await,
        }
    }

    async fn list(&self) -> Result<Bytes, ResponseError> {
        match self.found().await? {
            Found::Here(id, response) => {
                let paging = Query::<Paging>::try_from_uri(&self.uri);
                let unreadable =
                    || FieldError::new("limit", format!("a number from 1 to {MAX_PAGE}"));
                let wanted = paging.map_err(|_| unreadable())?.0.page()?;
                Ok(listed(id, &response, &wanted)?)
            }
            Found::Vendor(deployment) => self.ask(&deployment, Method::GET, "/input_items").await,
        }
    }

    async fn delete(&self) -> Result<Bytes, ResponseError> {
        let responses = &self.gateway.responses;
        match self.found().await? {
            Found::Here(id, _) => {
                let is_deleted = responses.delete(id, self.key).await;
                let is_deleted = is_deleted.map_err(RecallError::from)?;
                let deleted = is_deleted.then(|| deleted(self.text));
                deleted.ok_or_else(|| self.missing())
            }
            Found::Vendor(deployment) => {
                let answer = self.ask(&deployment, Method::DELETE, "").await;
                // What the vendor has not, nobody has any more.
                if matches!(answer, Ok(_) | Err(ResponseError::Missing { .. })) {
                    let forgotten = responses.forget(self.text, self.key).await;
                    forgotten.map_err(RecallError::from)?;
                }
                answer
            }
        }
    }

    async fn cancel(&self) -> Result<Bytes, ResponseError> {
        match self.found().await? {
            Found::Here(..) => Err(ResponseError::NotCancellable {
                id: self.text.to_owned(),
            }),
            Found::Vendor(deployment) => self.ask(&deployment, Method::POST, "/cancel").await,
        }
    }

    /// Asks the vendor who keeps the response, for `part` of it; the caller's query goes with it.
    async fn ask(
        &self,
        deployment: &Deployment,
        method: Method,
        part: &str,
    ) -> Result<Bytes, ResponseError> {
        let limit = self.snapshot.limits.max_in_flight;
        let slot = self.gateway.places.take(self.key, limit);
        let _slot = slot.map_err(ServeError::Admit)?;
        let query = query(&self.uri)?;
        let path = format!("{}{part}{query}", self.text);
        let failed = |failure: AttemptFailure| {
            if failure.fault == Fault::NotFound {
                return self.missing();
            }
            Box::new(AttemptError::of(deployment, failure)).into()
        };
        let asking = ask_kept(&self.gateway.fetcher, deployment, method, &path);
        asking.await.map_err(failed)
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

/// The query that goes to a vendor, with its mark; nothing if there is none.
fn query(uri: &Uri) -> Result<String, FieldError> {
    let query = uri.query().unwrap_or_default();
    let mut names = query.split('&').map(|it| it.split('=').next());
    if names.any(|it| it == Some("stream")) {
        let expected = "absent: a response is shown in one piece";
        return Err(FieldError::new("stream", expected));
    }
    if query.len() > MAX_QUERY_BYTES {
        let expected = format!("a query of at most {MAX_QUERY_BYTES} bytes");
        return Err(FieldError::new("", expected));
    }
    Ok(if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    })
}

impl From<Box<AttemptError>> for ResponseError {
    fn from(error: Box<AttemptError>) -> Self {
        Self::Serve(error.into())
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
