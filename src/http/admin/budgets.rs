//! `/admin/v1/budgets`: what may be spent. How a budget is written is in [`terms`].

pub mod terms;

use axum::Json;
use serde::{Deserialize, Serialize};
use tollward_store::{Holder, NanoUsd};
use utoipa::ToSchema;

use self::terms::{Budget, BudgetChange, NewBudget};
use super::body::{FieldsError, Told};
use super::gate::Desk;
use super::named::Named;
use super::page::{Page, Paging};
use super::refusal::AdminError;
use super::value::{Dollars, Moment};
use crate::http::error::admin::Refusals;
use crate::registrar::budgets::Spending;
use crate::registrar::directory::HolderName;
use crate::registrar::error::RegisterError;

/// Whose calls a budget or limits are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// Everybody's.
    Gateway,
    /// Those of an organisation's keys and of its teams' keys.
    Organization,
    /// Those of a team's keys.
    Team,
    /// Those of one key.
    Key,
}

/// More to be allowed for a while.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRaise {
    /// How much more; more than nothing.
    by: Dollars,
    /// Until when.
    until: Moment,
}

/// List budgets
///
/// Those of the holders that the token reaches, ended ones included, newest first.
#[utoipa::path(get, path = "/admin/v1/budgets", tag = "budgets", operation_id = "list_budgets",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<Budget>), Refusals))]
pub async fn list(desk: Desk, paging: Paging) -> Result<Json<Page<Budget>>, AdminError> {
    let all = desk.registrar().budgets().await?;
    let told = |it| told(&desk, it);
    Ok(Json(paging.of(all, |it| it.budget.id, told)))
}

/// Show a budget
#[utoipa::path(get, path = "/admin/v1/budgets/{id}", tag = "budgets", operation_id = "show_budget",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It", body = Budget), Refusals))]
pub async fn show(desk: Desk, Named(id): Named) -> Result<Json<Budget>, AdminError> {
    let found = desk.registrar().budget(&id).await?;
    Ok(Json(told(&desk, found)))
}

/// Make a budget
///
/// What was spent before does not count. What binds a team is set by who reaches its organization, and so on
/// upwards. Only who reaches the whole gateway names a webhook.
#[utoipa::path(post, path = "/admin/v1/budgets", tag = "budgets", operation_id = "create_budget",
    request_body = NewBudget, responses((status = 200, description = "It", body = Budget), Refusals))]
pub async fn create(desk: Desk, Told(new): Told<NewBudget>) -> Result<Json<Budget>, AdminError> {
    let holder = holder_name(new.holder, new.holder_id.clone())?;
    let name = new.name.clone();
    let registrar = desk.registrar();
    let made = registrar.create_budget(&name, &holder, new.terms());
    let made = made.await;
    answered(&desk, made).await
}

/// Change a budget
///
/// What is left out stays as it is.
#[utoipa::path(patch, path = "/admin/v1/budgets/{id}", tag = "budgets", operation_id = "change_budget",
    params(("id" = String, Path, description = "Its id or its name")),
    request_body = BudgetChange, responses((status = 200, description = "It, changed", body = Budget), Refusals))]
pub async fn change(
    desk: Desk,
    Named(id): Named,
    Told(change): Told<BudgetChange>,
) -> Result<Json<Budget>, AdminError> {
    let changed = desk.registrar().change_budget(&id, change.terms()).await;
    answered(&desk, changed).await
}

/// Raise a budget for a while
#[utoipa::path(post, path = "/admin/v1/budgets/{id}/raise", tag = "budgets", operation_id = "raise_budget",
    params(("id" = String, Path, description = "Its id or its name")),
    request_body = NewRaise, responses((status = 200, description = "It, raised", body = Budget), Refusals))]
pub async fn raise(
    desk: Desk,
    Named(id): Named,
    Told(raise): Told<NewRaise>,
) -> Result<Json<Budget>, AdminError> {
    let (by, until_ms) = (raise.by.0, raise.until.0);
    let raised = desk.registrar().raise_budget(&id, by, until_ms).await;
    answered(&desk, raised).await
}

/// End a budget
///
/// It holds nothing back any more. What was spent of it stays on record.
#[utoipa::path(delete, path = "/admin/v1/budgets/{id}", tag = "budgets", operation_id = "end_budget",
    params(("id" = String, Path, description = "Its id or its name")),
    responses((status = 200, description = "It, ended", body = Budget), Refusals))]
pub async fn end(desk: Desk, Named(id): Named) -> Result<Json<Budget>, AdminError> {
    let ended = desk.registrar().end_budget(&id).await;
    answered(&desk, ended).await
}

async fn answered(
    desk: &Desk,
    changed: Result<Spending, RegisterError>,
) -> Result<Json<Budget>, AdminError> {
    let changed = desk.after(changed).await?;
    Ok(Json(told(desk, changed)))
}

/// A budget with what calls that run have of it, which this process alone knows.
fn told(desk: &Desk, spending: Spending) -> Budget {
    let purse = desk.gateway.budgets.purse(&spending.window);
    Budget::of(spending, NanoUsd(purse.held))
}

fn holder_name(kind: HolderKind, id: Option<String>) -> Result<HolderName, FieldsError> {
    match (kind, id) {
        (HolderKind::Gateway, None) => Ok(HolderName::Gateway),
        (HolderKind::Gateway, Some(_)) => Err(FieldsError::value(
            "holder_id",
            "is of no use: there is one gateway",
        )),
        (_, None) => Err(FieldsError::Missing("holder_id".to_owned())),
        (HolderKind::Organization, Some(id)) => Ok(HolderName::Organization(id)),
        (HolderKind::Team, Some(id)) => Ok(HolderName::Team(id)),
        (HolderKind::Key, Some(id)) => Ok(HolderName::Key(id)),
    }
}

impl HolderKind {
    /// What a holder is, and its id.
    pub fn of(holder: Holder) -> (Self, Option<String>) {
        match holder {
            Holder::Gateway => (Self::Gateway, None),
            Holder::Organization(id) => (Self::Organization, Some(id.to_string())),
            Holder::Team(id) => (Self::Team, Some(id.to_string())),
            Holder::Key(id) => (Self::Key, Some(id.to_string())),
        }
    }
}
