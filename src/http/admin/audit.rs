//! `/admin/v1/audit`: who changed what.

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use tollward_store::{AuthorKind, ChangeId, Made, Recorded};
use utoipa::ToSchema;

use super::body::FieldsError;
use super::gate::Desk;
use super::page::{Page, Paging};
use super::refusal::AdminError;
use super::value::Moment;
use crate::http::error::admin::Refusals;

/// A change.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditedChange {
    /// What it is: `change`.
    #[schema(pattern = "^change$")]
    object: &'static str,
    /// Its id; later changes have greater ones.
    id: String,
    /// When it was asked for.
    at: Moment,
    /// Who asked.
    author: AuditedAuthor,
    /// What was to be done, such as `key.create`.
    action: String,
    /// What to: its id, or its name if it never had one.
    target: String,
    /// The id of the organisation that it happened in.
    organization: Option<String>,
    /// The id of the team that it happened in.
    team: Option<String>,
    /// What was there before; times in it are milliseconds since 1970, amounts US dollars.
    before: Option<Value>,
    /// What was there after.
    after: Option<Value>,
    /// What became of it.
    outcome: ChangeOutcome,
    /// Why it failed.
    failure: Option<String>,
}

/// Who made a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditedAuthor {
    /// By which way.
    kind: AuthorName,
    /// The id of the token, if it was one.
    id: Option<String>,
    /// What the token is called, or the account on the gateway's machine.
    name: String,
    /// The address of the caller, or `cli`.
    origin: String,
}

/// By which way a change was made.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorName {
    /// By a command on the gateway's machine.
    Command,
    /// By this API.
    Token,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeOutcome {
    /// It was made.
    Done,
    /// It was not made.
    Failed,
    /// The process ended meanwhile, or it runs.
    Unknown,
}

/// List changes
///
/// Those that happened where the token reaches, newest first. Nothing in them is secret.
#[utoipa::path(get, path = "/admin/v1/audit", tag = "audit", operation_id = "list_changes",
    params(Paging), responses((status = 200, description = "A page of them", body = Page<AuditedChange>), Refusals))]
pub async fn list(desk: Desk, paging: Paging) -> Result<Json<Page<AuditedChange>>, AdminError> {
    let read = |text: &String| text.parse::<ChangeId>();
    let before = paging.after.as_ref().map(read).transpose();
    let before = before.map_err(|_| {
        let message = "takes the id of the last change seen";
        FieldsError::value("after", message)
    })?;
    // One more than are wanted tells whether there are more.
    let changes = desk.registrar().changes(before, paging.limit + 1).await?;
    let named = changes.into_iter().map(|it| (it.id.to_string(), it));
    Ok(Json(paging.cut(named.collect(), told)))
}

fn told(it: Recorded) -> AuditedChange {
    AuditedChange {
        object: "change",
        id: it.id.to_string(),
        at: Moment(it.at_ms),
        author: AuditedAuthor {
            kind: match it.author.kind {
                AuthorKind::Command => AuthorName::Command,
                AuthorKind::Token => AuthorName::Token,
            },
            id: it.author.id.map(|it| it.to_string()),
            name: it.author.name,
            origin: it.author.origin,
        },
        action: it.action,
        target: it.target,
        organization: it.organization.map(|it| it.to_string()),
        team: it.team.map(|it| it.to_string()),
        before: it.before,
        after: it.after,
        outcome: match it.outcome {
            Made::Done => ChangeOutcome::Done,
            Made::Failed => ChangeOutcome::Failed,
            Made::Unknown => ChangeOutcome::Unknown,
        },
        failure: it.failure,
    }
}
