//! `/admin/v1/keys`: virtual keys.

use axum::Json;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tollward_store::{AccountId, AccountKind, KeyRecord};
use utoipa::ToSchema;

use super::body::{FieldsError, Told};
use super::gate::Desk;
use super::named::Named;
use super::page::{Page, Paging};
use super::refusal::AdminError;
use super::value::Moment;
use crate::http::error::admin::Refusals;
use crate::registrar::directory::{Directory, PlaceName};
use crate::registrar::keys::{KeyChange, KeyWish};

/// A virtual key.
#[derive(Debug, Serialize, ToSchema)]
pub struct Key {
    /// What it is: `key`.
    #[schema(pattern = "^key$")]
    object: &'static str,
    /// Its id, which never changes.
    id: String,
    /// What people call it; unique among keys that are not revoked.
    name: String,
    /// The text of the key, in the answer that creates it and never again.
    #[serde(skip_serializing_if = "Option::is_none", rename = "key")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// Enough to recognise it: `tw-…abcd`.
    hint: String,
    /// How it is.
    state: State,
    /// The models that it may call, exact or with a trailing `*`; none: all.
    models: Vec<String>,
    /// The id of the organisation that it belongs to itself.
    organization: Option<String>,
    /// The id of the team that it belongs to.
    team: Option<String>,
    /// When it was created.
    created_at: Moment,
    /// When it stops working; nothing: never.
    expires_at: Option<Moment>,
    /// When it was revoked.
    revoked_at: Option<Moment>,
}

/// How a key or a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It works.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// A key to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What to call it: 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// The models that it may call; `gpt-*` allows a prefix. Left out: all.
    #[schema(min_items = 1, max_items = 256)]
    models: Option<Vec<String>>,
    /// Name or id of the organisation that it is to belong to, if it is of no team.
    #[schema(max_length = 128)]
    organization: Option<String>,
    /// Name or id of the team that it is to belong to.
    #[schema(max_length = 128)]
    team: Option<String>,
    /// When it is to stop working; left out: never.
    expires_at: Option<Moment>,
}

/// What is to be changed of a key; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedKey {
    /// What to call it: 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// The models that it may call; `gpt-*` allows a prefix, `*` all.
    #[schema(min_items = 1, max_items = 256)]
    models: Option<Vec<String>>,
    /// Name or id of the organisation that it is given to.
    #[schema(max_length = 128)]
    organization: Option<String>,
    /// Name or id of the team that it is given to.
    #[schema(max_length = 128)]
    team: Option<String>,
    /// When it is to stop working.
    expires_at: Option<Moment>,
}

/// List keys
///
/// Those that the token reaches, revoked ones included, newest first; never their text.
#[utoipa::path(get, path = "/admin/v1/keys", tag = "keys", operation_id = "list_keys",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<Key>), Refusals))]
pub async fn list(desk: Desk, paging: Paging) -> Result<Json<Page<Key>>, AdminError> {
    let registrar = desk.registrar();
    let directory = registrar.directory().await?;
    let keys = registrar.keys_of(&directory);
    let told = |it| told(it, &directory, desk.now_ms);
    Ok(Json(paging.of(keys, |it| it.id, told)))
}

/// Show a key
#[utoipa::path(get, path = "/admin/v1/keys/{id}", tag = "keys", operation_id = "show_key",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It", body = Key), Refusals))]
pub async fn show(desk: Desk, Named(id): Named) -> Result<Json<Key>, AdminError> {
    let registrar = desk.registrar();
    let found = registrar.key(&id).await?;
    let directory = registrar.directory().await?;
    Ok(Json(told(found, &directory, desk.now_ms)))
}

/// Create a key
///
/// The answer has its text, which is not kept and cannot be shown again.
#[utoipa::path(post, path = "/admin/v1/keys", tag = "keys", operation_id = "create_key",
    request_body = NewKey, responses((status = 200, description = "It, with its text", body = Key), Refusals))]
pub async fn create(desk: Desk, Told(new): Told<NewKey>) -> Result<Json<Key>, AdminError> {
    check_models(new.models.as_ref())?;
    let wish = KeyWish {
        name: new.name,
        models: new.models.unwrap_or_default(),
        place: place_name(new.organization, new.team)?,
        expires_ms: new.expires_at.map(|it| it.0),
    };
    let registrar = desk.registrar();
    let created = registrar.create_key(wish).await;
    let (record, secret) = desk.after(created).await?;
    let directory = registrar.directory().await?;
    Ok(Json(Key {
        text: Some(secret.expose_secret().to_owned()),
        ..told(record, &directory, desk.now_ms)
    }))
}

/// Change a key
///
/// What is left out stays as it is, and so does its text. To give a key to another team or organization, which
/// leaves the budgets that bind it, takes an admin of both.
#[utoipa::path(patch, path = "/admin/v1/keys/{id}", tag = "keys", operation_id = "change_key",
    params(("id" = String, Path, description = "Its id or its name")),
    request_body = ChangedKey, responses((status = 200, description = "It, changed", body = Key), Refusals))]
pub async fn change(
    desk: Desk,
    Named(id): Named,
    Told(change): Told<ChangedKey>,
) -> Result<Json<Key>, AdminError> {
    check_models(change.models.as_ref())?;
    let place = place_name(change.organization, change.team)?;
    let change = KeyChange {
        name: change.name,
        models: change.models,
        // To nobody a key is not given: it would leave every budget but the gateway's.
        place: (place != PlaceName::Gateway).then_some(place),
        expires_ms: change.expires_at.map(|it| it.0),
    };
    let registrar = desk.registrar();
    let changed = registrar.change_key(&id, change).await;
    let changed = desk.after(changed).await?;
    let directory = registrar.directory().await?;
    Ok(Json(told(changed, &directory, desk.now_ms)))
}

/// Revoke a key
///
/// It stops working at once, for good.
#[utoipa::path(delete, path = "/admin/v1/keys/{id}", tag = "keys", operation_id = "revoke_key",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It, revoked", body = Key), Refusals))]
pub async fn revoke(desk: Desk, Named(id): Named) -> Result<Json<Key>, AdminError> {
    let registrar = desk.registrar();
    let revoked = registrar.revoke_key(&id).await;
    let revoked = desk.after(revoked).await?;
    let directory = registrar.directory().await?;
    Ok(Json(told(revoked, &directory, desk.now_ms)))
}

/// An empty list must not quietly become a key that may call everything.
fn check_models(models: Option<&Vec<String>>) -> Result<(), FieldsError> {
    if models.is_some_and(Vec::is_empty) {
        let message = "names no model; `*` allows all";
        return Err(FieldsError::value("models", message));
    }
    Ok(())
}

/// Where something belongs that has a field for each.
///
/// # Errors
/// Both were said.
pub fn place_name(
    organization: Option<String>,
    team: Option<String>,
) -> Result<PlaceName, FieldsError> {
    match (team, organization) {
        (Some(_), Some(_)) => {
            let message = "is that of the team, if there is one; leave it out";
            Err(FieldsError::value("organization", message))
        }
        (Some(team), None) => Ok(PlaceName::Team(team)),
        (None, Some(organization)) => Ok(PlaceName::Organization(organization)),
        (None, None) => Ok(PlaceName::Gateway),
    }
}

/// The id of an account if it is of that kind.
fn account_id(id: Option<AccountId>, kind: AccountKind, directory: &Directory) -> Option<String> {
    let found = directory.account(id?)?;
    (found.kind == kind).then(|| found.id.to_string())
}

fn told(key: KeyRecord, directory: &Directory, now_ms: i64) -> Key {
    let state = if key.revoked_ms.is_some() {
        State::Revoked
    } else if key.is_active(now_ms) {
        State::Active
    } else {
        State::Expired
    };
    Key {
        object: "key",
        id: key.id.to_string(),
        name: key.name,
        text: None,
        hint: key.hint,
        state,
        models: key.allowed_models,
        organization: account_id(key.account, AccountKind::Organization, directory),
        team: account_id(key.account, AccountKind::Team, directory),
        created_at: Moment(key.created_ms),
        expires_at: key.expires_ms.map(Moment),
        revoked_at: key.revoked_ms.map(Moment),
    }
}
