//! Whether a file is ours and sound, and bringing it to the present schema.
//!
//! Each migration runs in a transaction. A file of a newer release and a
//! damaged file are refused and left untouched.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection, SqlSafeStr, SqliteConnection};
use subtle::ConstantTimeEq;

use super::Database;
use crate::{Pepper, StoreError};

/// Larger files are not read through at start: 16 MiB take some 40 ms, and a gateway
/// shall be ready in 100. Damage in them is refused when a statement meets it.
const MAX_CHECKED_BYTES: u64 = 16 << 20;
/// Hashed under the pepper and stored, to notice a pepper that is not the right one.
const PEPPER_PROBE: &[u8] = b"tollward pepper check";

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (
        1,
        "keys and ledger",
        include_str!("../../migrations/sqlite/0001_keys_and_ledger.sql"),
    ),
    (
        2,
        "responses",
        include_str!("../../migrations/sqlite/0002_responses.sql"),
    ),
    (
        3,
        "responses that vendors keep",
        include_str!("../../migrations/sqlite/0003_vendor_responses.sql"),
    ),
    (
        4,
        "bytes of responses",
        include_str!("../../migrations/sqlite/0004_response_bytes.sql"),
    ),
    (
        5,
        "things and credentials of the ledger",
        include_str!("../../migrations/sqlite/0005_things_and_credentials.sql"),
    ),
    (
        6,
        "why calls went where they went",
        include_str!("../../migrations/sqlite/0006_course.sql"),
    ),
    (
        7,
        "accounts and budgets",
        include_str!("../../migrations/sqlite/0007_budgets.sql"),
    ),
    (
        8,
        "answers that may be given again",
        include_str!("../../migrations/sqlite/0008_answers.sql"),
    ),
];

/// Refuses a file that was emptied: `SQLite` would take it for a new database.
pub(super) fn refuse_emptied(database: &Database, pepper: &Path) -> Result<(), StoreError> {
    let is_empty = fs::metadata(&database.path).is_ok_and(|metadata| metadata.len() == 0);
    if is_empty && pepper.exists() {
        return Err(corrupt(database, "the file is empty"));
    }
    Ok(())
}

/// Reads the file through, unless it is large, and refuses it when its structure is broken.
pub(super) async fn check_integrity(
    database: &Database,
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    if fs::metadata(&database.path).is_ok_and(|metadata| metadata.len() > MAX_CHECKED_BYTES) {
        return Ok(());
    }
    read_through(database, connection).await
}

/// Refuses a file whose structure is broken, however long it takes to see that.
pub(super) async fn read_through(
    database: &Database,
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| database.error(error))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(corrupt(database, &found))
    }
}

/// Refuses a file of a newer release; a file without tables is none.
pub(super) async fn refuse_newer(
    database: &Database,
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    let fail = |error| database.error(error);
    let has_table = "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(has_table)
        .fetch_one(&mut *connection)
        .await
        .map_err(fail)?;
    if tables == 0 {
        return Ok(());
    }
    let newest = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
    let found: i64 = sqlx::query_scalar(newest)
        .fetch_one(connection)
        .await
        .map_err(fail)?;
    let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
    if found > known {
        return Err(StoreError::NewerSchema {
            path: database.path.to_path_buf(),
            found,
            known,
        });
    }
    Ok(())
}

/// Applies the migrations that the file lacks.
pub(super) async fn migrate(
    database: &Database,
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|(version, description, sql)| {
        let description = Cow::Borrowed(*description);
        Migration::new(
            *version,
            description,
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    migrator
        .run_direct(None, connection, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
                let known = MIGRATIONS.last().map_or(0, |(version, ..)| *version);
                StoreError::NewerSchema {
                    path: database.path.to_path_buf(),
                    found,
                    known,
                }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                database.error(error)
            }
            other => StoreError::Database {
                path: database.path.to_path_buf(),
                source: Box::new(other),
            },
        })
}

/// Loads the pepper and makes sure that it is the one under which the stored keys were hashed.
///
/// A new pepper is made only while there is no key that it would lock out.
pub(super) async fn fit_pepper(
    database: &Database,
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Pepper, StoreError> {
    let fail = |error| database.error(error);
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(fail)?;
    let keys: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM virtual_key")
        .fetch_one(&mut *transaction)
        .await
        .map_err(fail)?;
    let pepper = match Pepper::load(path)? {
        Some(pepper) => pepper,
        None if keys == 0 => Pepper::load_or_create(path)?,
        None => {
            return Err(StoreError::PepperMissing {
                path: path.to_owned(),
            });
        }
    };
    let probe = pepper.hash(PEPPER_PROBE);
    let stored: Option<Vec<u8>> = sqlx::query_scalar("SELECT pepper_check FROM key_state")
        .fetch_one(&mut *transaction)
        .await
        .map_err(fail)?;
    let fits = stored.is_some_and(|stored| bool::from(stored.ct_eq(probe.as_bytes())));
    if !fits && keys > 0 {
        return Err(StoreError::PepperInvalid {
            path: path.to_owned(),
            reason: "is not the one that the keys in the database were hashed with",
        });
    }
    if !fits {
        sqlx::query("UPDATE key_state SET pepper_check = $1")
            .bind(probe.as_bytes().as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)?;
    Ok(pepper)
}

fn corrupt(database: &Database, detail: &str) -> StoreError {
    StoreError::Corrupt {
        path: database.path.to_path_buf(),
        detail: detail.to_owned(),
    }
}
