//! `SQLite`: a file, its pragmas, its damage and its error codes.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions};

use super::Database;
use super::dialect::Dialect;
use crate::{Mode, StoreError};

/// Larger files are not read through at start: 16 MiB take some 40 ms, and a gateway
/// shall be ready in 100. Damage in them is refused when a statement meets it.
const MAX_CHECKED_BYTES: u64 = 16 << 20;
/// What stands for itself in the path of a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// What is done to a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It is made if it is not there.
    Write,
    /// Nothing is changed.
    Look,
}

/// When a commit is safe from a loss of power.
#[derive(Clone, Copy)]
pub(super) enum Sync {
    /// After the next checkpoint.
    Normal,
    /// At once.
    Full,
}

/// The database in the file `path`.
pub(super) fn database(path: &Path, access: Access) -> Result<Database, StoreError> {
    let name = path.display().to_string();
    let failed = |source: sqlx::Error| StoreError::Database {
        name: name.clone(),
        source: Box::new(source),
    };
    let whole = std::path::absolute(path)
        .map_err(|source| StoreError::file("find the place of", path, source))?;
    let encoded = utf8_percent_encode(&whole.to_string_lossy(), PATH).to_string();
    let mode = match access {
        Access::Write => "rwc",
        Access::Look => "ro",
    };
    let options: AnyConnectOptions = format!("sqlite://{encoded}?mode={mode}")
        .parse()
        .map_err(failed)?;
    Ok(Database {
        dialect: Dialect::Sqlite,
        name: Arc::from(name.as_str()),
        path: Arc::from(path),
        options: Arc::new(options.disable_statement_logging()),
    })
}

/// A connection. Statements wait five seconds for another process's write, which is the driver's default.
pub(super) async fn connect(database: &Database, sync: Sync) -> Result<AnyConnection, StoreError> {
    let sync = match sync {
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    let pragmas = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {sync}");
    let mut connection = look(database).await?;
    sqlx::raw_sql(AssertSqlSafe(pragmas))
        .execute(&mut connection)
        .await
        .map_err(|error| database.error(error))?;
    Ok(connection)
}

async fn look(database: &Database) -> Result<AnyConnection, StoreError> {
    let connected = database.options.connect().await;
    connected.map_err(|error| database.error(error))
}

/// Makes the file if there is none, and refuses one that is damaged.
pub(super) async fn prepare(database: &Database, mode: Mode) -> Result<AnyConnection, StoreError> {
    refuse_emptied(database)?;
    let path = &database.path;
    make_private(path).map_err(|source| StoreError::file("create", path, source))?;
    let mut connection = connect(database, Sync::Full).await?;
    let is_large = fs::metadata(path).is_ok_and(|it| it.len() > MAX_CHECKED_BYTES);
    if mode == Mode::Gateway && !is_large {
        read_through(database, &mut connection).await?;
    }
    Ok(connection)
}

/// A connection that cannot write.
pub(super) async fn look_at(path: &Path) -> Result<(Database, AnyConnection), StoreError> {
    let database = database(path, Access::Look)?;
    refuse_emptied(&database)?;
    let connection = look(&database).await?;
    Ok((database, connection))
}

/// Makes the file of a new database, which only its owner may read: it holds keys' hashes, costs and
/// the words of stored responses. `SQLite` gives the files beside it the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Refuses a file that was emptied: `SQLite` would take it for a new database.
fn refuse_emptied(database: &Database) -> Result<(), StoreError> {
    let is_empty = fs::metadata(&database.path).is_ok_and(|metadata| metadata.len() == 0);
    if is_empty && database.beside("pepper").exists() {
        return Err(corrupt(database, "the file is empty"));
    }
    Ok(())
}

/// Refuses a file whose structure is broken, however long it takes to see that.
pub(super) async fn read_through(
    database: &Database,
    connection: &mut AnyConnection,
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

/// Carries what was committed into the file itself; `false` if a reader held a part of it back.
pub(super) async fn checkpoint(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    let (_, frames, moved): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)")
        .fetch_one(connection)
        .await?;
    Ok(moved >= frames)
}

/// What an error means that is not just a failure.
pub(super) fn known_error(database: &Database, error: &sqlx::Error) -> Option<StoreError> {
    let error = error.as_database_error()?;
    // The low byte is the primary result code, whatever the extended one says.
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    match code.unwrap_or(0) & 0xff {
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => Some(corrupt(database, error.message())),
        1 if error.message() == "integer overflow" => Some(StoreError::Overflow),
        _ => None,
    }
}

fn corrupt(database: &Database, detail: &str) -> StoreError {
    StoreError::Corrupt {
        path: database.path.to_path_buf(),
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests;
