//! The audit log in the database.
//!
//! Rows are inserted and never touched again.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::Database;
use super::connections::Line;
use super::keys::some_uuid;
use super::report::{unknown, uuid};
use crate::{
    AccountId, AuditLog, AuditQuery, Author, AuthorKind, Change, ChangeId, Ending, Made, Reach,
    Recorded, StoreError, TokenId,
};

/// A page of all changes. The third argument is there in all three, so that they are bound alike.
const OF_ALL: &str = "SELECT c.*, e.target AS end_target, e.after_json, e.failure
     FROM audit_change c LEFT JOIN audit_ending e ON e.id = c.id
     WHERE c.id < $1 AND (c.team = $3 OR 1 = 1) ORDER BY c.id DESC LIMIT $2";
/// A page of those of an organisation.
const OF_ORGANIZATION: &str = "SELECT c.*, e.target AS end_target, e.after_json, e.failure
     FROM audit_change c LEFT JOIN audit_ending e ON e.id = c.id
     WHERE c.id < $1 AND c.organization = $3 ORDER BY c.id DESC LIMIT $2";
/// A page of those of a team.
const OF_TEAM: &str = "SELECT c.*, e.target AS end_target, e.after_json, e.failure
     FROM audit_change c LEFT JOIN audit_ending e ON e.id = c.id
     WHERE c.id < $1 AND c.team = $3 ORDER BY c.id DESC LIMIT $2";

pub(super) struct SqlAudit {
    line: Line,
}

impl SqlAudit {
    pub(super) fn new(database: Database) -> Self {
        Self {
            line: Line::durable(database),
        }
    }
}

#[async_trait]
impl AuditLog for SqlAudit {
    async fn begin(&self, change: &Change) -> Result<(), StoreError> {
        let account = |it: Option<AccountId>| it.map(|it| it.uuid().as_bytes().to_vec());
        let author = &change.author;
        let insert = async |connection: &mut AnyConnection| {
            sqlx::query(
                "INSERT INTO audit_change
                     (id, at_ms, author_kind, author_id, author, origin, action, target,
                      organization, team, before_json)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(change.id.uuid().as_bytes().to_vec())
            .bind(change.at_ms)
            .bind(author.kind as i64)
            .bind(author.id.map(|it| it.uuid().as_bytes().to_vec()))
            .bind(without_nul(&author.name))
            .bind(without_nul(&author.origin))
            .bind(change.action)
            .bind(without_nul(&change.target))
            .bind(account(change.organization))
            .bind(account(change.team))
            .bind(change.before.as_ref().map(Value::to_string))
            .execute(connection)
            .await
            .map(|_| ())
        };
        self.line.run(insert).await
    }

    async fn end(&self, id: ChangeId, ending: &Ending) -> Result<(), StoreError> {
        let (target, after, failure) = match ending {
            Ending::Done { target, after } => (Some(target.clone()), Some(after.to_string()), None),
            Ending::Failed(reason) => (None, None, Some(without_nul(reason))),
        };
        let insert = async |connection: &mut AnyConnection| {
            sqlx::query(
                "INSERT INTO audit_ending (id, target, after_json, failure) VALUES ($1, $2, $3, $4)",
            )
            .bind(id.uuid().as_bytes().to_vec())
            .bind(target)
            .bind(after)
            .bind(failure)
            .execute(connection)
            .await
            .map(|_| ())
        };
        self.line.run(insert).await
    }

    async fn changes(&self, query: &AuditQuery) -> Result<Vec<Recorded>, StoreError> {
        let place = query
            .reach
            .account()
            .map(|it| it.uuid().as_bytes().to_vec());
        let place = place.unwrap_or_default();
        let before = query.before.map_or(Uuid::max(), ChangeId::uuid);
        let read = async |connection: &mut AnyConnection| {
            let rows = sqlx::query(match query.reach {
                Reach::Gateway => OF_ALL,
                Reach::Organization(_) => OF_ORGANIZATION,
                Reach::Team(_) => OF_TEAM,
            })
            .bind(before.as_bytes().to_vec())
            .bind(i64::from(query.limit))
            .bind(place)
            .fetch_all(connection)
            .await?;
            rows.iter().map(recorded).collect()
        };
        self.line.run(read).await
    }
}

/// Postgres holds no NUL in text.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\\u0000")
}

fn recorded(row: &AnyRow) -> Result<Recorded, sqlx::Error> {
    let kind = AuthorKind::from_code(row.try_get("author_kind")?);
    let begun = Recorded {
        id: ChangeId::from_uuid(uuid(row.try_get("id")?)?),
        at_ms: row.try_get("at_ms")?,
        author: Author {
            kind: kind.ok_or_else(|| unknown("author_kind"))?,
            id: some_uuid(row, "author_id")?.map(TokenId::from_uuid),
            name: row.try_get("author")?,
            origin: row.try_get("origin")?,
        },
        action: row.try_get("action")?,
        target: row.try_get("target")?,
        organization: some_uuid(row, "organization")?.map(AccountId::from_uuid),
        team: some_uuid(row, "team")?.map(AccountId::from_uuid),
        before: json(row, "before_json")?,
        after: None,
        outcome: Made::Unknown,
        failure: None,
    };
    let failure: Option<String> = row.try_get("failure")?;
    let target: Option<String> = row.try_get("end_target")?;
    let after = json(row, "after_json")?;
    Ok(match (failure, target, after) {
        (Some(reason), ..) => begun.ended(Ending::Failed(reason)),
        (None, Some(target), Some(after)) => begun.ended(Ending::Done { target, after }),
        (None, ..) => begun,
    })
}

fn json(row: &AnyRow, column: &str) -> Result<Option<Value>, sqlx::Error> {
    let text: Option<String> = row.try_get(column)?;
    let read = |text: String| serde_json::from_str(&text);
    text.map(read)
        .transpose()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
