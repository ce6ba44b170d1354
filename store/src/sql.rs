//! Keys, budgets, ledger and responses in SQL: a `SQLite` file for one gateway, or `PostgreSQL` for several.
//!
//! The statements are the same for both, over `sqlx`'s driver for any database; what differs is in
//! `sqlite`, `postgres`, `schema` and [`Dialect`]. Whichever it is, the files beside the state's name belong to this
//! machine's gateway: `.pepper` (the secret under which keys are hashed), `.journal/` (entries on their
//! way in), `.lock` (held by the one gateway), `.node` (which of several it is).

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use sqlx::any::AnyConnectOptions;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Transaction};

use crate::journal::{Journal, Limits};
use crate::node::Shares;
use crate::store::Location;
use crate::{
    AnswerStore, AuditLog, BudgetStore, KeyStore, Ledger, Mode, Pepper, ResponseStore, StoreError,
    TokenStore,
};

mod answers;
mod audit;
mod book;
mod budgets;
mod charges;
mod connections;
mod dialect;
mod hours;
mod keys;
mod leases;
mod ledger;
mod nodes;
mod postgres;
mod report;
mod responses;
mod rollup;
mod schema;
mod sqlite;
mod tokens;
mod writer;

use self::dialect::Dialect;

/// A database: makes connections and names itself in errors.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    dialect: Dialect,
    /// What errors call it.
    name: Arc<str>,
    /// What the files beside it are named after; the database itself, if it is a file.
    path: Arc<Path>,
    options: Arc<AnyConnectOptions>,
}

/// What opening yields.
pub(crate) struct Opened {
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) budgets: Arc<dyn BudgetStore>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) responses: Arc<dyn ResponseStore>,
    pub(crate) answers: Arc<dyn AnswerStore>,
    pub(crate) tokens: Arc<dyn TokenStore>,
    pub(crate) audit: Arc<dyn AuditLog>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) shares: Option<Arc<dyn Shares>>,
}

/// Looks at the database without writing; see [`crate::Store::inspect`].
pub(crate) async fn inspect(location: &Location) -> Result<(), StoreError> {
    let (database, mut connection) = look_at(location).await?;
    match database.dialect {
        Dialect::Sqlite => sqlite::read_through(&database, &mut connection).await,
        // A server looks after its files itself.
        Dialect::Postgres => Ok(()),
    }
}

/// The names of keys that are not revoked, without writing; see [`crate::Store::key_names`].
pub(crate) async fn key_names(location: &Location) -> Result<Vec<String>, StoreError> {
    let (database, mut connection) = look_at(location).await?;
    let names = sqlx::query_scalar("SELECT name FROM virtual_key WHERE revoked_ms IS NULL");
    let names = names.fetch_all(&mut connection).await;
    names.map_err(|error| database.error(error))
}

/// A connection to look through, to a database that is not of a newer release.
async fn look_at(location: &Location) -> Result<(Database, AnyConnection), StoreError> {
    install_drivers();
    let (database, mut connection) = match &location.postgres {
        None => sqlite::look_at(&location.path).await?,
        Some(url) => {
            let database = postgres::database(&location.path, url)?;
            let connection = postgres::connect(&database).await?;
            (database, connection)
        }
    };
    schema::refuse_newer(&database, &mut connection).await?;
    Ok((database, connection))
}

/// Opens or creates the database at `location`; see [`crate::Store::open`].
pub(crate) async fn open(
    location: &Location,
    mode: Mode,
    limits: Limits,
) -> Result<Opened, StoreError> {
    let database = Database::at(location)?;
    let path = &location.path;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)
            .map_err(|source| StoreError::file("create folder", folder, source))?;
    }
    let lock = match mode {
        Mode::Gateway => Some(lock(&database.beside("lock"))?),
        Mode::Tool => None,
    };
    let mut connection = match database.dialect {
        Dialect::Sqlite => sqlite::prepare(&database, mode).await?,
        Dialect::Postgres => postgres::connect_patiently(&database, mode).await?,
    };
    schema::migrate(&database, &mut connection).await?;
    let given = location.pepper.as_ref();
    let pepper = schema::fit_pepper(&database, &mut connection, given).await?;
    let node = match mode {
        Mode::Gateway => Some(nodes::enter(&database, &mut connection).await?),
        Mode::Tool => nodes::known(&database)?,
    };
    let ledger: Arc<dyn Ledger> = match (lock, node) {
        (Some(lock), Some(node)) => {
            let applied = book::position(&mut connection, node.id)
                .await
                .map_err(|e| database.error(e))?;
            let journal = Arc::new(Journal::open(&database.beside("journal"), applied, limits)?);
            let of = (database.clone(), node);
            Arc::new(ledger::GatewayLedger::start(of, journal, lock)?)
        }
        _ => Arc::new(ledger::ToolLedger::new(database.clone(), node)),
    };
    database.close(connection).await?;
    let pepper = Arc::new(pepper);
    let shares: Option<Arc<dyn Shares>> = match database.dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some(Arc::new(nodes::SqlShares::new(database.clone(), node))),
    };
    Ok(Opened {
        shares,
        keys: Arc::new(keys::SqlKeys::new(database.clone(), Arc::clone(&pepper))),
        budgets: Arc::new(budgets::SqlBudgets::new(database.clone(), node)),
        ledger,
        responses: Arc::new(responses::SqlResponses::new(database.clone())),
        answers: Arc::new(answers::SqlAnswers::new(database.clone())),
        tokens: Arc::new(tokens::SqlTokens::new(
            database.clone(),
            Arc::clone(&pepper),
        )),
        audit: Arc::new(audit::SqlAudit::new(database)),
        pepper,
    })
}

impl Database {
    fn at(location: &Location) -> Result<Self, StoreError> {
        install_drivers();
        match &location.postgres {
            Some(url) => postgres::database(&location.path, url),
            None => sqlite::database(&location.path, sqlite::Access::Write),
        }
    }

    /// A file or folder of this machine's gateway: `tollward.db` and `lock` make `tollward.db.lock`.
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

    /// A connection for the ledger: what a loss of power takes of the youngest commits is in our journal.
    async fn connect(&self) -> Result<AnyConnection, StoreError> {
        match self.dialect {
            Dialect::Sqlite => sqlite::connect(self, sqlite::Sync::Normal).await,
            Dialect::Postgres => postgres::connect(self).await,
        }
    }

    /// A connection whose commits survive power loss: a revocation must not be undone by one.
    async fn connect_durable(&self) -> Result<AnyConnection, StoreError> {
        match self.dialect {
            Dialect::Sqlite => sqlite::connect(self, sqlite::Sync::Full).await,
            Dialect::Postgres => postgres::connect(self).await,
        }
    }

    /// Ends a connection.
    async fn close(&self, connection: AnyConnection) -> Result<(), StoreError> {
        connection.close().await.map_err(|error| self.error(error))
    }

    /// Classifies a driver's error.
    fn error(&self, error: sqlx::Error) -> StoreError {
        let known = match self.dialect {
            Dialect::Sqlite => sqlite::known_error(self, &error),
            Dialect::Postgres => postgres::known_error(&error),
        };
        known.unwrap_or_else(|| self.failed(error))
    }

    fn failed(&self, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Database {
            name: self.name.to_string(),
            source: Box::new(error),
        }
    }
}

/// Tells the driver for any database which there are; once is enough.
fn install_drivers() {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);
}

/// Begins a transaction that is going to write.
async fn begin(connection: &mut AnyConnection) -> Result<Transaction<'_, Any>, sqlx::Error> {
    let statement = Dialect::of(connection).begin();
    connection.begin_with(AssertSqlSafe(statement)).await
}

/// Begins a transaction that sees one state of everything that it reads.
async fn begin_reading(
    connection: &mut AnyConnection,
) -> Result<Transaction<'_, Any>, sqlx::Error> {
    let statement = Dialect::of(connection).begin_reading();
    connection.begin_with(AssertSqlSafe(statement)).await
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
