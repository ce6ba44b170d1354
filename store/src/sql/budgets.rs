//! Accounts and budgets in SQL.
//!
//! They change rarely and are read whole, so one connection serves all questions.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::connections::Line;
use super::keys::{move_version, some_uuid};
use super::report::{narrow, unknown, uuid};
use super::{Database, begin, begin_reading, charges};
use crate::budget::{check, check_name};
use crate::node::Node;
use crate::{
    Account, AccountId, AccountKind, Budget, BudgetId, BudgetStore, BudgetTerms, Difference, Entry,
    Holder, KeyId, NanoUsd, NewAccount, NewBudget, RateLimits, Spent, StoreError, Verification,
    Window,
};

/// What was spent in a window, by whomever. No row: nothing.
const SPENT: &str = "
    SELECT budget, start_ms, subject, CAST(SUM(spent_nano) AS BIGINT) AS spent_nano
    FROM budget_window WHERE budget = $1 AND start_ms = $2 AND subject = $3
    GROUP BY budget, start_ms, subject";

/// The same of all windows.
const ALL_SPENT: &str = "
    SELECT budget, start_ms, subject, CAST(SUM(spent_nano) AS BIGINT) AS spent_nano
    FROM budget_window GROUP BY budget, start_ms, subject";

pub(super) struct SqlBudgets {
    line: Line,
    /// Which gateway this is; `None`: none.
    node: Option<Node>,
}

impl SqlBudgets {
    pub(super) fn new(database: Database, node: Option<Node>) -> Self {
        Self {
            line: Line::durable(database),
            node,
        }
    }

    /// Runs `change` in a transaction and moves the version if it changed anything.
    async fn change(
        &self,
        change: impl AsyncFnOnce(&mut AnyConnection) -> Result<u64, sqlx::Error>,
    ) -> Result<bool, StoreError> {
        let work = async |connection: &mut AnyConnection| changed(connection, change).await;
        self.line.run(work).await
    }

    /// The same of a change that gives something the name `name`, which may be taken.
    async fn name(
        &self,
        name: &str,
        change: impl AsyncFnOnce(&mut AnyConnection) -> Result<u64, sqlx::Error>,
    ) -> Result<(), StoreError> {
        let work = async |connection: &mut AnyConnection| changed(connection, change).await;
        if self.line.run_naming(work).await?.is_some() {
            Ok(())
        } else {
            let name = name.to_owned();
            Err(StoreError::Taken { name })
        }
    }
}

#[async_trait]
impl BudgetStore for SqlBudgets {
    async fn open_account(&self, new: NewAccount) -> Result<Account, StoreError> {
        let account = Account::from_new(new)?;
        let insert = async |connection: &mut AnyConnection| {
            let inserted = sqlx::query(
                "INSERT INTO account (id, kind, parent, name, created_ms) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(account.id.uuid().as_bytes().to_vec())
            .bind(i64::from(account.kind as u8))
            .bind(account.parent.map(|it| it.uuid().as_bytes().to_vec()))
            .bind(account.name.clone())
            .bind(account.created_ms)
            .execute(connection)
            .await?;
            Ok(inserted.rows_affected())
        };
        self.name(&account.name, insert).await?;
        Ok(account)
    }

    async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.line
            .run(async |connection: &mut AnyConnection| {
                let rows = sqlx::query("SELECT * FROM account ORDER BY created_ms, id")
                    .fetch_all(connection)
                    .await?;
                rows.iter().map(account).collect()
            })
            .await
    }

    async fn rename_account(
        &self,
        id: AccountId,
        name: &str,
    ) -> Result<Option<Account>, StoreError> {
        check_name("name of an account", name)?;
        let rename = async |connection: &mut AnyConnection| {
            let renamed =
                sqlx::query("UPDATE account SET name = $1 WHERE id = $2 AND closed_ms IS NULL")
                    .bind(name.to_owned())
                    .bind(id.uuid().as_bytes().to_vec())
                    .execute(connection)
                    .await?;
            Ok(renamed.rows_affected())
        };
        self.name(name, rename).await?;
        let accounts = self.accounts().await?;
        let renamed = accounts.into_iter().find(|it| it.id == id);
        Ok(renamed.filter(|it| it.closed_ms.is_none()))
    }

    async fn close_account(
        &self,
        kind: AccountKind,
        id_or_name: &str,
        now_ms: i64,
    ) -> Result<Option<Account>, StoreError> {
        let accounts = self.accounts().await?;
        let Some(found) = Account::named(&accounts, kind, id_or_name) else {
            return Ok(None);
        };
        let close = async |connection: &mut AnyConnection| {
            let closed = sqlx::query(
                "UPDATE account SET closed_ms = $1 WHERE id = $2 AND closed_ms IS NULL",
            )
            .bind(now_ms)
            .bind(found.id.uuid().as_bytes().to_vec())
            .execute(connection)
            .await?;
            Ok(closed.rows_affected())
        };
        self.change(close).await?;
        Ok(Some(Account {
            closed_ms: found.closed_ms.or(Some(now_ms)),
            ..found.clone()
        }))
    }

    async fn create_budget(&self, new: NewBudget) -> Result<Budget, StoreError> {
        let budget = Budget::from_new(new)?;
        let terms = json_text(&budget.terms)?;
        let insert = async |connection: &mut AnyConnection| {
            let (kind, holder) = holder_columns(budget.holder);
            let inserted = sqlx::query(
                "INSERT INTO budget (id, name, holder_kind, holder, limit_nano, terms, created_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(budget.id.uuid().as_bytes().to_vec())
            .bind(budget.name.clone())
            .bind(kind)
            .bind(holder)
            .bind(budget.limit.0)
            .bind(terms.clone())
            .bind(budget.created_ms)
            .execute(connection)
            .await?;
            Ok(inserted.rows_affected())
        };
        self.name(&budget.name, insert).await?;
        Ok(budget)
    }

    async fn change_budget(
        &self,
        id: BudgetId,
        limit: NanoUsd,
        terms: BudgetTerms,
    ) -> Result<Option<Budget>, StoreError> {
        check(limit, &terms)?;
        let text = json_text(&terms)?;
        let update = async |connection: &mut AnyConnection| {
            let updated = sqlx::query(
                "UPDATE budget SET limit_nano = $1, terms = $2 WHERE id = $3 AND ended_ms IS NULL",
            )
            .bind(limit.0)
            .bind(text.clone())
            .bind(id.uuid().as_bytes().to_vec())
            .execute(connection)
            .await?;
            Ok(updated.rows_affected())
        };
        if !self.change(update).await? {
            return Ok(None);
        }
        let budgets = self.budgets().await?;
        Ok(budgets.into_iter().find(|it| it.id == id))
    }

    async fn end_budget(
        &self,
        id_or_name: &str,
        now_ms: i64,
    ) -> Result<Option<Budget>, StoreError> {
        let budgets = self.budgets().await?;
        let Some(found) = Budget::named(&budgets, id_or_name) else {
            return Ok(None);
        };
        let end = async |connection: &mut AnyConnection| {
            let ended =
                sqlx::query("UPDATE budget SET ended_ms = $1 WHERE id = $2 AND ended_ms IS NULL")
                    .bind(now_ms)
                    .bind(found.id.uuid().as_bytes().to_vec())
                    .execute(connection)
                    .await?;
            Ok(ended.rows_affected())
        };
        self.change(end).await?;
        Ok(Some(Budget {
            ended_ms: found.ended_ms.or(Some(now_ms)),
            ..found.clone()
        }))
    }

    async fn budgets(&self) -> Result<Vec<Budget>, StoreError> {
        self.line
            .run(async |connection: &mut AnyConnection| {
                let rows = sqlx::query("SELECT * FROM budget ORDER BY created_ms, id")
                    .fetch_all(connection)
                    .await?;
                rows.iter().map(budget).collect()
            })
            .await
    }

    async fn set_limits(&self, holder: Holder, limits: RateLimits) -> Result<(), StoreError> {
        limits.check()?;
        let (kind, id) = holder_columns(holder);
        let id = id.unwrap_or_default();
        let text = json_text(&limits)?;
        let set = async |connection: &mut AnyConnection| {
            let query = if limits.is_nothing() {
                sqlx::query("DELETE FROM rate_limit WHERE holder_kind = $1 AND holder = $2")
            } else {
                sqlx::query(
                    "INSERT INTO rate_limit (holder_kind, holder, terms) VALUES ($1, $2, $3)
                     ON CONFLICT (holder_kind, holder) DO UPDATE SET terms = excluded.terms",
                )
            };
            let query = query.bind(kind).bind(id.clone());
            let query = if limits.is_nothing() {
                query
            } else {
                query.bind(text.clone())
            };
            Ok(query.execute(connection).await?.rows_affected())
        };
        self.change(set).await.map(|_| ())
    }

    async fn limits(&self) -> Result<Vec<(Holder, RateLimits)>, StoreError> {
        self.line
            .run(async |connection: &mut AnyConnection| {
                let rows = sqlx::query("SELECT * FROM rate_limit")
                    .fetch_all(connection)
                    .await?;
                let read = |row: &AnyRow| Ok((holder(row)?, from_json(row, "terms")?));
                rows.iter().map(read).collect()
            })
            .await
    }

    async fn spent(&self, windows: &[Window]) -> Result<Vec<Spent>, StoreError> {
        self.line
            .run(async |connection: &mut AnyConnection| {
                // One view of all of them.
                let mut transaction = begin_reading(connection).await?;
                let mut found = Vec::new();
                for window in windows {
                    let row = sqlx::query(SPENT)
                        .bind(window.budget.uuid().as_bytes().to_vec())
                        .bind(window.start_ms)
                        .bind(window.subject.cast_signed())
                        .fetch_optional(&mut *transaction)
                        .await?;
                    found.extend(row.as_ref().map(spent).transpose()?);
                }
                transaction.commit().await?;
                Ok(found)
            })
            .await
    }

    async fn open_holds(&self) -> Result<Vec<Entry>, StoreError> {
        let Some(node) = self.node else {
            return Ok(Vec::new());
        };
        let held =
            async |connection: &mut AnyConnection| charges::open_holds(connection, node.id).await;
        self.line.run(held).await
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        let database = &self.line.database;
        // A connection of its own: it reads every entry, and takes its time.
        let mut connection = database.connect().await?;
        let verified = verify(&mut connection).await;
        let verified = verified.map_err(|error| database.error(error))?;
        database.close(connection).await?;
        Ok(verified)
    }
}

/// Runs `change` in a transaction and moves the version if it changed anything.
async fn changed(
    connection: &mut AnyConnection,
    change: impl AsyncFnOnce(&mut AnyConnection) -> Result<u64, sqlx::Error>,
) -> Result<bool, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let is_changed = match change(&mut transaction).await {
        Ok(count) => count > 0,
        Err(error) => {
            // Told at once: one that is dropped lives on until the connection is used again.
            transaction.rollback().await?;
            return Err(error);
        }
    };
    if is_changed {
        move_version(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(is_changed)
}

async fn verify(connection: &mut AnyConnection) -> Result<Verification, sqlx::Error> {
    // One view of both, whatever the gateway books meanwhile.
    let mut transaction = begin_reading(connection).await?;
    let (mut sums, entries) = charges::sums_of_entries(&mut transaction).await?;
    let rows = sqlx::query(ALL_SPENT).fetch_all(&mut *transaction).await?;
    let open_holds = charges::count_holds(&mut transaction).await?;
    transaction.commit().await?;
    let windows = rows.len() as u64;
    let mut differences = Vec::new();
    let mut compare = |found: Spent, entries: NanoUsd| {
        if found.amount != entries {
            differences.push(Difference {
                budget: found.window.budget,
                start_ms: found.window.start_ms,
                window: found.amount,
                entries,
            });
        }
    };
    for row in &rows {
        let found = spent(row)?;
        let sum = sums.remove(&found.window).unwrap_or(NanoUsd::ZERO);
        compare(found, sum);
    }
    for (window, sum) in sums {
        let amount = NanoUsd::ZERO;
        compare(Spent { window, amount }, sum);
    }
    Ok(Verification {
        entries,
        windows,
        open_holds,
        differences,
    })
}

fn spent(row: &AnyRow) -> Result<Spent, sqlx::Error> {
    Ok(Spent {
        window: charges::window(row)?,
        amount: NanoUsd(row.try_get("spent_nano")?),
    })
}

fn account(row: &AnyRow) -> Result<Account, sqlx::Error> {
    let kind = AccountKind::from_code(row.try_get("kind")?);
    Ok(Account {
        id: AccountId::from_uuid(uuid(row.try_get("id")?)?),
        kind: kind.ok_or_else(|| unknown("kind"))?,
        parent: some_uuid(row, "parent")?.map(AccountId::from_uuid),
        name: row.try_get("name")?,
        created_ms: row.try_get("created_ms")?,
        closed_ms: row.try_get("closed_ms")?,
    })
}

fn budget(row: &AnyRow) -> Result<Budget, sqlx::Error> {
    Ok(Budget {
        id: BudgetId::from_uuid(uuid(row.try_get("id")?)?),
        name: row.try_get("name")?,
        holder: holder(row)?,
        limit: NanoUsd(row.try_get("limit_nano")?),
        terms: from_json(row, "terms")?,
        created_ms: row.try_get("created_ms")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

fn holder(row: &AnyRow) -> Result<Holder, sqlx::Error> {
    let kind: u8 = narrow(row, "holder_kind")?;
    // NULL or, where it is a part of a key, empty.
    let has_id = row
        .try_get::<Option<&[u8]>, _>("holder")?
        .is_some_and(|it| !it.is_empty());
    let id = if has_id {
        some_uuid(row, "holder")?
    } else {
        None
    };
    match (kind, id) {
        (0, None) => Ok(Holder::Gateway),
        (1, Some(id)) => Ok(Holder::Organization(AccountId::from_uuid(id))),
        (2, Some(id)) => Ok(Holder::Team(AccountId::from_uuid(id))),
        (3, Some(id)) => Ok(Holder::Key(KeyId::from_uuid(id))),
        _ => Err(unknown("holder_kind")),
    }
}

fn holder_columns(holder: Holder) -> (i64, Option<Vec<u8>>) {
    let (kind, id) = match holder {
        Holder::Gateway => (0, None),
        Holder::Organization(id) => (1, Some(id.uuid())),
        Holder::Team(id) => (2, Some(id.uuid())),
        Holder::Key(id) => (3, Some(id.uuid())),
    };
    (kind, id.map(|it| it.as_bytes().to_vec()))
}

fn json_text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::InvalidBudget {
        field: "terms",
        reason: "cannot be written",
    })
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    row: &AnyRow,
    column: &str,
) -> Result<T, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
