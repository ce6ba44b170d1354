//! `/admin/v1/openapi.json`: the description of the admin API, which holds no secret and needs no token.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use http::header;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::router;
use crate::http::error::admin::Refusal;

/// What the description says besides its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tollward's admin API",
        description = "Organizations, teams, keys, budgets, limits, tokens and the log of changes. Amounts are US dollars as exact decimal text, times RFC 3339. A change takes effect at once.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(Refusal)),
    security(("token" = [])),
    modifiers(&Token),
)]
pub struct Description;

/// How callers show who they are.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", bearer);
    }
}

/// The description of the admin API.
pub fn document() -> Document {
    router().into_openapi()
}

/// Describe this API
///
/// This document, which needs no token.
#[utoipa::path(get, path = "/admin/v1/openapi.json", tag = "description", operation_id = "describe",
    security(()), responses((status = 200, description = "An OpenAPI document", body = serde_json::Value)))]
pub async fn show() -> impl IntoResponse {
    // Anybody who reaches the listener may ask for it, so it is written once.
    static WRITTEN: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string(&document()).unwrap_or_default());
    (
        [(header::CONTENT_TYPE, "application/json")],
        WRITTEN.as_str(),
    )
}
