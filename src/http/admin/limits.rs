//! `/admin/v1/limits`: how fast the calls of each holder may come.

use axum::Json;
use serde::{Deserialize, Serialize};
use tollward_store::RateLimits;
use utoipa::ToSchema;

use super::body::{FieldsError, Told};
use super::budgets::HolderKind;
use super::gate::Desk;
use super::named::Named;
use super::page::{Page, Paging};
use super::refusal::AdminError;
use crate::http::error::admin::Refusals;
use crate::registrar::limits::{HeldLimits, holder_text};

/// The limits of a holder.
#[derive(Debug, Serialize, ToSchema)]
pub struct Limits {
    /// What it is: `limits`.
    #[schema(pattern = "^limits$")]
    object: &'static str,
    /// What the holder is.
    holder: HolderKind,
    /// The holder's id; nothing for the gateway.
    holder_id: Option<String>,
    /// Calls a minute.
    requests_per_minute: Option<u32>,
    /// Tokens a minute, of input and output together.
    tokens_per_minute: Option<u32>,
    /// Tokens of input a minute.
    input_tokens_per_minute: Option<u32>,
    /// Tokens of output a minute.
    output_tokens_per_minute: Option<u32>,
    /// Calls that run at once.
    parallel: Option<u32>,
}

/// Limits to be set, in place of those before; what is left out is not limited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub struct NewLimits {
    /// Calls a minute.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    requests_per_minute: Option<u32>,
    /// Tokens a minute, of input and output together.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    tokens_per_minute: Option<u32>,
    /// Tokens of input a minute.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    input_tokens_per_minute: Option<u32>,
    /// Tokens of output a minute.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    output_tokens_per_minute: Option<u32>,
    /// Calls that run at once.
    #[schema(minimum = 1, maximum = 4_294_967_295_u64)]
    parallel: Option<u32>,
}

/// List limits
///
/// Those of the holders that the token reaches. The cursor `after` is the holder's id, or `gateway`.
#[utoipa::path(get, path = "/admin/v1/limits", tag = "limits", operation_id = "list_limits",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<Limits>), Refusals))]
pub async fn list(desk: Desk, paging: Paging) -> Result<Json<Page<Limits>>, AdminError> {
    let all = desk.registrar().limits().await?;
    Ok(Json(paging.of(
        all,
        |it| holder_text(it.holder),
        |it| told(&it),
    )))
}

/// Show the limits of a holder
#[utoipa::path(get, path = "/admin/v1/limits/{holder}", tag = "limits", operation_id = "show_limits",
    params(("holder" = String, Path, description = "`gateway`, or the id of an organization, a team or a key")),
    responses((status = 200, description = "They", body = Limits), Refusals))]
pub async fn show(desk: Desk, Named(holder): Named) -> Result<Json<Limits>, AdminError> {
    Ok(Json(told(&desk.registrar().limits_of(&holder).await?)))
}

/// Set the limits of a holder
///
/// In place of those before. What binds a team is set by who reaches its organization, and so on upwards.
#[utoipa::path(put, path = "/admin/v1/limits/{holder}", tag = "limits", operation_id = "set_limits",
    params(("holder" = String, Path, description = "`gateway`, or the id of an organization, a team or a key")),
    request_body = NewLimits,
    responses((status = 200, description = "They", body = Limits), Refusals))]
pub async fn set(
    desk: Desk,
    Named(holder): Named,
    Told(new): Told<NewLimits>,
) -> Result<Json<Limits>, AdminError> {
    let limits = RateLimits {
        requests_per_minute: new.requests_per_minute,
        tokens_per_minute: new.tokens_per_minute,
        input_tokens_per_minute: new.input_tokens_per_minute,
        output_tokens_per_minute: new.output_tokens_per_minute,
        parallel: new.parallel,
    };
    if limits.is_nothing() {
        let missing = FieldsError::Missing("requests_per_minute".to_owned());
        return Err(missing.into());
    }
    set_to(&desk, &holder, limits).await
}

/// Take the limits of a holder back
#[utoipa::path(delete, path = "/admin/v1/limits/{holder}", tag = "limits", operation_id = "clear_limits",
    params(("holder" = String, Path, description = "`gateway`, or the id of an organization, a team or a key")),
    responses((status = 200, description = "None", body = Limits), Refusals))]
pub async fn clear(desk: Desk, Named(holder): Named) -> Result<Json<Limits>, AdminError> {
    set_to(&desk, &holder, RateLimits::default()).await
}

async fn set_to(desk: &Desk, holder: &str, limits: RateLimits) -> Result<Json<Limits>, AdminError> {
    let registrar = desk.registrar();
    let name = registrar.holder_called(holder).await?;
    let set = registrar.set_limits(&name, limits).await;
    Ok(Json(told(&desk.after(set).await?)))
}

fn told(it: &HeldLimits) -> Limits {
    let (holder, holder_id) = HolderKind::of(it.holder);
    Limits {
        object: "limits",
        holder,
        holder_id,
        requests_per_minute: it.limits.requests_per_minute,
        tokens_per_minute: it.limits.tokens_per_minute,
        input_tokens_per_minute: it.limits.input_tokens_per_minute,
        output_tokens_per_minute: it.limits.output_tokens_per_minute,
        parallel: it.limits.parallel,
    }
}
