//! `/admin/v1/tokens`: admin tokens, those of this API.

use axum::Json;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tollward_store::{AdminToken, Reach, Role};
use utoipa::ToSchema;

use super::body::Told;
use super::gate::Desk;
use super::keys::{State, place_name};
use super::named::Named;
use super::page::{Page, Paging};
use super::refusal::AdminError;
use super::value::Moment;
use crate::http::error::admin::Refusals;
use crate::registrar::tokens::TokenWish;

/// An admin token.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    /// What it is: `token`.
    #[schema(pattern = "^token$")]
    object: &'static str,
    /// Its id, which never changes.
    id: String,
    /// Whose it is; unique among tokens that are not revoked.
    name: String,
    /// The text of the token, in the answer that issues it and never again.
    #[serde(skip_serializing_if = "Option::is_none", rename = "token")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// Enough to recognise it: `twa-…abcd`.
    hint: String,
    /// How it is.
    state: State,
    /// What its holder may do.
    role: RoleName,
    /// The id of the organisation that it reaches alone, with its teams.
    organization: Option<String>,
    /// The id of the team that it reaches alone.
    team: Option<String>,
    /// When it was issued.
    created_at: Moment,
    /// When it stops working; nothing: never.
    expires_at: Option<Moment>,
    /// When it was revoked.
    revoked_at: Option<Moment>,
}

/// What the holder of a token may do, each more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Looks.
    Viewer,
    /// Makes and revokes keys too.
    Member,
    /// Changes everything but owners.
    Admin,
    /// Changes everything.
    Owner,
}

/// A token to be issued. It reaches the whole gateway if neither an organisation nor a team is named.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Whose it is: a person or a program, 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// What its holder may do.
    role: RoleName,
    /// Name or id of the only organisation that it is to reach.
    #[schema(max_length = 128)]
    organization: Option<String>,
    /// Name or id of the only team that it is to reach.
    #[schema(max_length = 128)]
    team: Option<String>,
    /// When it is to stop working; left out: never.
    expires_at: Option<Moment>,
}

/// List tokens
///
/// Those that reach no further than the one that asks, revoked ones included, newest first; never their text.
#[utoipa::path(get, path = "/admin/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<Token>), Refusals))]
pub async fn list(desk: Desk, paging: Paging) -> Result<Json<Page<Token>>, AdminError> {
    let tokens = desk.registrar().tokens().await?;
    let told = |it| told(it, desk.now_ms);
    Ok(Json(paging.of(tokens, |it| it.id, told)))
}

/// Show a token
#[utoipa::path(get, path = "/admin/v1/tokens/{id}", tag = "tokens", operation_id = "show_token",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It", body = Token), Refusals))]
pub async fn show(desk: Desk, Named(id): Named) -> Result<Json<Token>, AdminError> {
    let found = desk.registrar().token(&id).await?;
    Ok(Json(told(found, desk.now_ms)))
}

/// Issue a token
///
/// Nobody issues one whose holder may do what they may not. The answer has its text, which is not kept and
/// cannot be shown again.
#[utoipa::path(post, path = "/admin/v1/tokens", tag = "tokens", operation_id = "create_token",
    request_body = NewToken, responses((status = 200, description = "It, with its text", body = Token), Refusals))]
pub async fn create(desk: Desk, Told(new): Told<NewToken>) -> Result<Json<Token>, AdminError> {
    let wish = TokenWish {
        name: new.name,
        role: new.role.role(),
        place: place_name(new.organization, new.team)?,
        expires_ms: new.expires_at.map(|it| it.0),
    };
    let issued = desk.registrar().issue_token(wish).await;
    let (token, secret) = desk.after(issued).await?;
    Ok(Json(Token {
        text: Some(secret.expose_secret().to_owned()),
        ..told(token, desk.now_ms)
    }))
}

/// Revoke a token
///
/// It stops working at once, for good. The last owner of the gateway stays.
#[utoipa::path(delete, path = "/admin/v1/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It, revoked", body = Token), Refusals))]
pub async fn revoke(desk: Desk, Named(id): Named) -> Result<Json<Token>, AdminError> {
    let revoked = desk.registrar().revoke_token(&id).await;
    let revoked = desk.after(revoked).await?;
    Ok(Json(told(revoked, desk.now_ms)))
}

impl RoleName {
    fn role(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Member => Role::Member,
            Self::Admin => Role::Admin,
            Self::Owner => Role::Owner,
        }
    }

    fn of(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Member => Self::Member,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}

fn told(token: AdminToken, now_ms: i64) -> Token {
    let state = if token.revoked_ms.is_some() {
        State::Revoked
    } else if token.is_active(now_ms) {
        State::Active
    } else {
        State::Expired
    };
    let (organization, team) = match token.reach {
        Reach::Gateway => (None, None),
        Reach::Organization(id) => (Some(id.to_string()), None),
        Reach::Team(id) => (None, Some(id.to_string())),
    };
    Token {
        object: "token",
        id: token.id.to_string(),
        name: token.name,
        text: None,
        hint: token.hint,
        state,
        role: RoleName::of(token.role),
        organization,
        team,
        created_at: Moment(token.created_ms),
        expires_at: token.expires_ms.map(Moment),
        revoked_at: token.revoked_ms.map(Moment),
    }
}
