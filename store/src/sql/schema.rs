//! Bringing a database to the present schema, and the pepper that belongs to it.
//!
//! Each migration runs in a transaction. A database of a newer release is refused and left untouched.

use std::borrow::Cow;

use secrecy::SecretString;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};
use subtle::ConstantTimeEq;

use super::dialect::Dialect;
use super::{Database, begin};
use crate::{Pepper, StoreError};

/// Hashed under the pepper and stored, to notice a pepper that is not the right one.
const PEPPER_PROBE: &[u8] = b"tollward pepper check";

macro_rules! migrations {
    ($dialect:literal: $(($version:literal, $description:literal, $file:literal)),+ $(,)?) => {
        &[$((
            $version,
            $description,
            include_str!(concat!("../../migrations/", $dialect, "/", $file)),
        )),+]
    };
}

/// The number of a migration, what it is about, and its statements.
type Step = (i64, &'static str, &'static str);

const OF_SQLITE: &[Step] = migrations!["sqlite":
    (1, "keys and ledger", "0001_keys_and_ledger.sql"),
    (2, "responses", "0002_responses.sql"),
    (3, "responses that vendors keep", "0003_vendor_responses.sql"),
    (4, "bytes of responses", "0004_response_bytes.sql"),
    (5, "things and credentials of the ledger", "0005_things_and_credentials.sql"),
    (6, "why calls went where they went", "0006_course.sql"),
    (7, "accounts and budgets", "0007_budgets.sql"),
    (8, "answers that may be given again", "0008_answers.sql"),
    (9, "gateways and their parts of budgets", "0009_nodes.sql"),
    (10, "the ledger by the hour", "0010_hours.sql"),
    (11, "admin tokens and what is done with them", "0011_admin.sql"),
];

const OF_POSTGRES: &[Step] = migrations!["postgres":
    (9, "everything", "0009_everything.sql"),
    (10, "the ledger by the hour", "0010_hours.sql"),
    (11, "admin tokens and what is done with them", "0011_admin.sql"),
];

fn steps(dialect: Dialect) -> &'static [Step] {
    match dialect {
        Dialect::Sqlite => OF_SQLITE,
        Dialect::Postgres => OF_POSTGRES,
    }
}

fn newest(dialect: Dialect) -> i64 {
    steps(dialect).last().map_or(0, |(version, ..)| *version)
}

/// Refuses a database of a newer release; one without tables is none.
pub(super) async fn refuse_newer(
    database: &Database,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let fail = |error| database.error(error);
    let tables: i64 = sqlx::query_scalar(database.dialect.has_migrations())
        .fetch_one(&mut *connection)
        .await
        .map_err(fail)?;
    if tables == 0 {
        return Ok(());
    }
    let found: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map_err(fail)?;
    if found > newest(database.dialect) {
        return Err(newer(database, found));
    }
    Ok(())
}

/// Applies the migrations that the database lacks. Gateways that start at once wait for each other.
pub(super) async fn migrate(
    database: &Database,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let migrations = steps(database.dialect)
        .iter()
        .map(|(version, description, sql)| {
            let description = Cow::Borrowed(*description);
            let kind = MigrationType::Simple;
            Migration::new(*version, description, kind, sql.into_sql_str(), false)
        });
    let migrator = Migrator::with_migrations(migrations.collect());
    let done = migrator.run_direct(None, connection, false).await;
    done.map_err(|error| match error {
        MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
            newer(database, found)
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            database.error(error)
        }
        other => database.failed(other),
    })
}

/// The pepper under which the keys of the database are hashed: `given`, or that of the file beside it.
///
/// One is chosen only while there is no key that it would lock out and, with several gateways, none has chosen.
pub(super) async fn fit_pepper(
    database: &Database,
    connection: &mut AnyConnection,
    given: Option<&SecretString>,
) -> Result<Pepper, StoreError> {
    let fail = |error| database.error(error);
    let path = database.beside("pepper");
    let mut transaction = begin(connection).await.map_err(fail)?;
    let (keys, stored) = chosen(&mut transaction).await.map_err(fail)?;
    let is_free = match database.dialect {
        Dialect::Sqlite => keys == 0,
        Dialect::Postgres => stored.is_none(),
    };
    let pepper = match (given, Pepper::load(&path)?) {
        (Some(secret), _) => Pepper::of(secret)?,
        (None, Some(pepper)) => pepper,
        (None, None) if is_free => Pepper::load_or_create(&path)?,
        (None, None) => return Err(misfit(database, StoreError::PepperMissing { path })),
    };
    let probe = pepper.hash(PEPPER_PROBE);
    let fits = stored.is_some_and(|stored| bool::from(stored.ct_eq(probe.as_bytes())));
    if !fits && !is_free {
        let reason = "is not the one that the keys in the database were hashed with";
        return Err(misfit(database, StoreError::PepperInvalid { path, reason }));
    }
    if !fits {
        sqlx::query("UPDATE key_state SET pepper_check = $1")
            .bind(probe.as_bytes().to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)?;
    Ok(pepper)
}

/// How many keys and tokens there are, and what tells the right pepper. Nobody else chooses one before this transaction ends.
async fn chosen(connection: &mut AnyConnection) -> Result<(i64, Option<Vec<u8>>), sqlx::Error> {
    let check = sqlx::query_scalar("UPDATE key_state SET version = version RETURNING pepper_check")
        .fetch_one(&mut *connection)
        .await?;
    let hashed = "SELECT (SELECT COUNT(*) FROM virtual_key) + (SELECT COUNT(*) FROM admin_token)";
    let keys = sqlx::query_scalar(hashed).fetch_one(connection).await?;
    Ok((keys, check))
}

/// With several gateways the secret is to be the same for all of them, not a file of one.
fn misfit(database: &Database, of_file: StoreError) -> StoreError {
    match database.dialect {
        Dialect::Sqlite => of_file,
        Dialect::Postgres => StoreError::PepperElsewhere {
            name: database.name.to_string(),
        },
    }
}

fn newer(database: &Database, found: i64) -> StoreError {
    StoreError::NewerSchema {
        name: database.name.to_string(),
        found,
        known: newest(database.dialect),
    }
}
