//! `/admin/v1/organizations` and `/admin/v1/teams`.

use axum::Json;
use serde::{Deserialize, Serialize};
use tollward_store::{Account, AccountKind};
use utoipa::ToSchema;

use super::body::Told;
use super::gate::Desk;
use super::named::Named;
use super::page::{Page, Paging};
use super::refusal::AdminError;
use super::value::Moment;
use crate::http::error::admin::Refusals;

/// An organisation: has teams and keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct Organization {
    /// What it is: `organization`.
    #[schema(pattern = "^organization$")]
    object: &'static str,
    /// Its id, which never changes.
    id: String,
    /// What people call it; unique among open ones.
    name: String,
    /// When it was opened.
    created_at: Moment,
    /// Since when its keys, and those of its teams, do not work any more; nothing while it is open.
    closed_at: Option<Moment>,
}

/// A team: has keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct Team {
    /// What it is: `team`.
    #[schema(pattern = "^team$")]
    object: &'static str,
    /// Its id, which never changes.
    id: String,
    /// What people call it; unique among open ones.
    name: String,
    /// The id of the organisation that it belongs to; nothing if it belongs to none.
    organization: Option<String>,
    /// When it was opened.
    created_at: Moment,
    /// Since when its keys do not work any more; nothing while it is open.
    closed_at: Option<Moment>,
}

/// An organisation to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// What to call it: 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
}

/// A team to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// What to call it: 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
    /// Name or id of the organisation that it is to belong to.
    #[schema(max_length = 128)]
    organization: Option<String>,
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// What to call it: 1 to 128 bytes without control characters.
    #[schema(min_length = 1, max_length = 128)]
    name: String,
}

/// List organizations
///
/// Those that the token reaches, closed ones included, newest first.
#[utoipa::path(get, path = "/admin/v1/organizations", tag = "accounts", operation_id = "list_organizations",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<Organization>), Refusals))]
pub async fn list_organizations(
    desk: Desk,
    paging: Paging,
) -> Result<Json<Page<Organization>>, AdminError> {
    let all = desk.registrar().accounts(AccountKind::Organization).await?;
    Ok(Json(paging.of(all, |it| it.id, organization)))
}

/// Show an organization
#[utoipa::path(get, path = "/admin/v1/organizations/{id}", tag = "accounts", operation_id = "show_organization",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It", body = Organization), Refusals))]
pub async fn show_organization(
    desk: Desk,
    Named(id): Named,
) -> Result<Json<Organization>, AdminError> {
    let kind = AccountKind::Organization;
    let found = desk.registrar().account(kind, &id).await?;
    Ok(Json(organization(found)))
}

/// Open an organization
#[utoipa::path(post, path = "/admin/v1/organizations", tag = "accounts", operation_id = "create_organization",
    request_body = NewOrganization,
    responses((status = 200, description = "It", body = Organization), Refusals))]
pub async fn create_organization(
    desk: Desk,
    Told(new): Told<NewOrganization>,
) -> Result<Json<Organization>, AdminError> {
    let kind = AccountKind::Organization;
    let opened = desk.registrar().open_account(kind, None, &new.name).await;
    Ok(Json(organization(desk.after(opened).await?)))
}

/// Rename an organization
#[utoipa::path(patch, path = "/admin/v1/organizations/{id}", tag = "accounts", operation_id = "rename_organization",
    params(("id" = String, Path, description = "Its id or its name")), request_body = NewName,
    responses((status = 200, description = "It, renamed", body = Organization), Refusals))]
pub async fn rename_organization(
    desk: Desk,
    Named(id): Named,
    Told(new): Told<NewName>,
) -> Result<Json<Organization>, AdminError> {
    let registrar = desk.registrar();
    let names = (&*id, &*new.name);
    let renamed = registrar.rename_account(AccountKind::Organization, names);
    let renamed = renamed.await;
    Ok(Json(organization(desk.after(renamed).await?)))
}

/// Close an organization
///
/// Its keys and those of its teams stop working at once, for good. What they spent stays on record.
#[utoipa::path(delete, path = "/admin/v1/organizations/{id}", tag = "accounts", operation_id = "close_organization",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It, closed", body = Organization), Refusals))]
pub async fn close_organization(
    desk: Desk,
    Named(id): Named,
) -> Result<Json<Organization>, AdminError> {
    let kind = AccountKind::Organization;
    let closed = desk.registrar().close_account(kind, &id).await;
    Ok(Json(organization(desk.after(closed).await?)))
}

/// List teams
///
/// Those that the token reaches, closed ones included, newest first.
#[utoipa::path(get, path = "/admin/v1/teams", tag = "accounts", operation_id = "list_teams",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<Team>), Refusals))]
pub async fn list_teams(desk: Desk, paging: Paging) -> Result<Json<Page<Team>>, AdminError> {
    let all = desk.registrar().accounts(AccountKind::Team).await?;
    Ok(Json(paging.of(all, |it| it.id, team)))
}

/// Show a team
#[utoipa::path(get, path = "/admin/v1/teams/{id}", tag = "accounts", operation_id = "show_team",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It", body = Team), Refusals))]
pub async fn show_team(desk: Desk, Named(id): Named) -> Result<Json<Team>, AdminError> {
    let found = desk.registrar().account(AccountKind::Team, &id).await?;
    Ok(Json(team(found)))
}

/// Open a team
#[utoipa::path(post, path = "/admin/v1/teams", tag = "accounts", operation_id = "create_team",
    request_body = NewTeam, responses((status = 200, description = "It", body = Team), Refusals))]
pub async fn create_team(desk: Desk, Told(new): Told<NewTeam>) -> Result<Json<Team>, AdminError> {
    let parent = new.organization.as_deref();
    let registrar = desk.registrar();
    let opened = registrar.open_account(AccountKind::Team, parent, &new.name);
    let opened = opened.await;
    Ok(Json(team(desk.after(opened).await?)))
}

/// Rename a team
#[utoipa::path(patch, path = "/admin/v1/teams/{id}", tag = "accounts", operation_id = "rename_team",
    params(("id" = String, Path, description = "Its id or its name")), request_body = NewName,
    responses((status = 200, description = "It, renamed", body = Team), Refusals))]
pub async fn rename_team(
    desk: Desk,
    Named(id): Named,
    Told(new): Told<NewName>,
) -> Result<Json<Team>, AdminError> {
    let registrar = desk.registrar();
    let names = (&*id, &*new.name);
    let renamed = registrar.rename_account(AccountKind::Team, names).await;
    Ok(Json(team(desk.after(renamed).await?)))
}

/// Close a team
///
/// Its keys stop working at once, for good. What they spent stays on record.
#[utoipa::path(delete, path = "/admin/v1/teams/{id}", tag = "accounts", operation_id = "close_team",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It, closed", body = Team), Refusals))]
pub async fn close_team(desk: Desk, Named(id): Named) -> Result<Json<Team>, AdminError> {
    let closed = desk.registrar().close_account(AccountKind::Team, &id).await;
    Ok(Json(team(desk.after(closed).await?)))
}

fn organization(account: Account) -> Organization {
    Organization {
        object: "organization",
        id: account.id.to_string(),
        name: account.name,
        created_at: Moment(account.created_ms),
        closed_at: account.closed_ms.map(Moment),
    }
}

fn team(account: Account) -> Team {
    Team {
        object: "team",
        id: account.id.to_string(),
        name: account.name,
        organization: account.parent.map(|it| it.to_string()),
        created_at: Moment(account.created_ms),
        closed_at: account.closed_ms.map(Moment),
    }
}
