//! Keys, ledger and responses in one `SQLite` file, for one gateway and any number of tools beside it.
//!
//! Neighbours of `tollward.db`: `.pepper` (the secret under which keys are
//! hashed), `.journal/` (entries on their way in), `.lock` (held by the one
//! gateway). The SQL is plain and portable; what is `SQLite`'s own (pragmas,
//! error codes) is in this file and in `schema`.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::journal::{Journal, Limits};
use crate::{AnswerStore, BudgetStore, KeyStore, Ledger, Mode, Pepper, ResponseStore, StoreError};

mod answers;
mod book;
mod budgets;
mod charges;
mod connections;
mod keys;
mod ledger;
mod report;
mod responses;
mod schema;
mod writer;

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The database file: makes connections and names itself in errors.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    path: Arc<Path>,
}

/// What opening yields.
pub(crate) struct Opened {
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) budgets: Arc<dyn BudgetStore>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) responses: Arc<dyn ResponseStore>,
    pub(crate) answers: Arc<dyn AnswerStore>,
    pub(crate) pepper: Arc<Pepper>,
}

/// Opens or creates the database `path`; see [`crate::Store::sqlite`].
pub(crate) async fn open(path: &Path, mode: Mode, limits: Limits) -> Result<Opened, StoreError> {
    let database = Database {
        path: Arc::from(path),
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)
            .map_err(|source| StoreError::file("create folder", folder, source))?;
    }
    let lock = match mode {
        Mode::Gateway => Some(lock(&database.beside("lock"))?),
        Mode::Tool => None,
    };
    let pepper_path = database.beside("pepper");
    schema::refuse_emptied(&database, &pepper_path)?;
    make_private(path).map_err(|source| StoreError::file("create", path, source))?;
    let mut connection = database.connect_durable().await?;
    if mode == Mode::Gateway {
        schema::check_integrity(&database, &mut connection).await?;
    }
    schema::migrate(&database, &mut connection).await?;
    let pepper = Arc::new(schema::fit_pepper(&database, &mut connection, &pepper_path).await?);

    let ledger: Arc<dyn Ledger> = match lock {
        Some(lock) => {
            let applied = book::position(&mut connection)
                .await
                .map_err(|e| database.error(e))?;
            let journal = Arc::new(Journal::open(&database.beside("journal"), applied, limits)?);
            Arc::new(ledger::GatewayLedger::start(
                database.clone(),
                journal,
                lock,
            )?)
        }
        None => Arc::new(ledger::ToolLedger::new(database.clone())),
    };
    let responses = Arc::new(responses::SqliteResponses::new(database.clone()));
    let budgets = Arc::new(budgets::SqliteBudgets::new(database.clone()));
    let answers = Arc::new(answers::SqliteAnswers::new(database.clone()));
    let keys = Arc::new(keys::SqliteKeys::new(
        database,
        connection,
        Arc::clone(&pepper),
    ));
    Ok(Opened {
        keys,
        budgets,
        ledger,
        responses,
        answers,
        pepper,
    })
}

/// Looks at the database `path` without writing; see [`crate::Store::inspect`].
pub(crate) async fn inspect(path: &Path) -> Result<(), StoreError> {
    let (database, mut connection) = look_at(path).await?;
    schema::read_through(&database, &mut connection).await
}

/// The names of keys that are not revoked, without writing; see [`crate::Store::key_names`].
pub(crate) async fn key_names(path: &Path) -> Result<Vec<String>, StoreError> {
    let (database, mut connection) = look_at(path).await?;
    let names = sqlx::query_scalar("SELECT name FROM virtual_key WHERE revoked_ms IS NULL");
    let names = names.fetch_all(&mut connection).await;
    names.map_err(|error| database.error(error))
}

/// A connection that cannot write.
async fn look_at(path: &Path) -> Result<(Database, SqliteConnection), StoreError> {
    let database = Database {
        path: Arc::from(path),
    };
    schema::refuse_emptied(&database, &database.beside("pepper"))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let connected = options.connect().await;
    let mut connection = connected.map_err(|error| database.error(error))?;
    schema::refuse_newer(&database, &mut connection).await?;
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

impl Database {
    /// A file or folder beside the database: `tollward.db` and `lock` make `tollward.db.lock`.
    fn beside(&self, extension: &str) -> PathBuf {
        let mut name = self
            .path
            .file_name()
            .unwrap_or(OsStr::new("tollward.db"))
            .to_owned();
        name.push(".");
        name.push(extension);
        self.path.with_file_name(name)
    }

    /// A connection whose commits survive power loss only after the next checkpoint: for the
    /// ledger, because what is younger is in our journal.
    async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        self.connect_with(SqliteSynchronous::Normal).await
    }

    /// A connection whose commits survive power loss: a revocation must not be undone by one.
    async fn connect_durable(&self) -> Result<SqliteConnection, StoreError> {
        self.connect_with(SqliteSynchronous::Full).await
    }

    async fn connect_with(&self, sync: SqliteSynchronous) -> Result<SqliteConnection, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(sync)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        options.connect().await.map_err(|error| self.error(error))
    }

    /// Ends a connection.
    async fn close(&self, connection: SqliteConnection) -> Result<(), StoreError> {
        connection.close().await.map_err(|error| self.error(error))
    }

    /// Classifies a driver's error.
    fn error(&self, error: sqlx::Error) -> StoreError {
        let path = self.path.to_path_buf();
        if let sqlx::Error::Database(database) = &error {
            // The low byte is the primary result code, whatever the extended one says.
            let code = database
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .unwrap_or(0)
                & 0xff;
            match code {
                // SQLITE_CORRUPT, SQLITE_NOTADB
                11 | 26 => {
                    return StoreError::Corrupt {
                        path,
                        detail: database.message().to_owned(),
                    };
                }
                1 if database.message() == "integer overflow" => return StoreError::Overflow,
                _ => {}
            }
        }
        StoreError::Database {
            path,
            source: Box::new(error),
        }
    }
}

/// Takes the lock that one gateway holds as long as it lives; the kernel frees it with the process.
fn lock(path: &Path) -> Result<File, StoreError> {
    let at = |source| StoreError::file("lock", path, source);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(at)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(at(source)),
    }
}

#[cfg(test)]
mod tests;
