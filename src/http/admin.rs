//! The admin API: what is governed, over HTTP, and its description.
//!
//! One resource a file. A route exists only together with its description ([`document`]), and a handler
//! reaches what is governed only by way of a [`gate::Desk`]. What is done is in `registrar/`; here
//! it is read and written.

#![expect(
    clippy::missing_errors_doc,
    reason = "the description of each route has its refusals"
)]

pub mod accounts;
pub mod audit;
pub mod body;
pub mod budgets;
pub mod document;
pub mod gate;
pub mod keys;
pub mod limits;
pub mod named;
pub mod page;
pub mod query;
pub mod refusal;
pub mod tokens;
pub mod usage;
pub mod value;

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::document::Description;
use crate::app::Gateway;
use crate::http::headers::{self, REQUEST_ID};
use crate::http::ingress::client_request_id;
use crate::http::ops;

/// The routes of the admin API with their description.
pub fn router() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(
            accounts::list_organizations,
            accounts::create_organization
        ))
        .routes(routes!(
            accounts::show_organization,
            accounts::rename_organization,
            accounts::close_organization
        ))
        .routes(routes!(accounts::list_teams, accounts::create_team))
        .routes(routes!(
            accounts::show_team,
            accounts::rename_team,
            accounts::close_team
        ))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::show, keys::change, keys::revoke))
        .routes(routes!(budgets::list, budgets::create))
        .routes(routes!(budgets::show, budgets::change, budgets::end))
        .routes(routes!(budgets::raise))
        .routes(routes!(limits::list))
        .routes(routes!(limits::show, limits::set, limits::clear))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::show, tokens::revoke))
        .routes(routes!(usage::sum))
        .routes(routes!(audit::list))
        .routes(routes!(ops::deployments::list))
        .routes(routes!(ops::deployments::drain))
        .routes(routes!(ops::deployments::undrain))
        .routes(routes!(ops::explain::answer))
        .routes(routes!(document::show))
}

/// Gives every answer the id of its request: the client's own, if it sent a sane one.
pub async fn name(request: Request, next: Next) -> Response {
    let own = client_request_id(request.headers());
    let mut answer = next.run(request).await;
    let head = answer.headers_mut();
    if own.is_some() || !head.contains_key(REQUEST_ID) {
        head.insert(REQUEST_ID, own.unwrap_or_else(headers::fresh_id));
    }
    answer
}
