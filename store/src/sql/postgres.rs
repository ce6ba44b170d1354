//! `PostgreSQL`: a server that several gateways share, and that may be away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions};
use tokio::time::{sleep, timeout};

use super::Database;
use super::dialect::Dialect;
use crate::{Mode, StoreError};

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long a gateway that starts waits for its server, and between two tries (faults P-11).
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// What holds for a session: a lock that somebody keeps must not keep us for ever, nor we somebody else.
const SESSION: &str = "SET application_name = 'tollward'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = 'warning'";

/// The database at `url`; files of this machine's gateway are named after `path`.
pub(super) fn database(path: &Path, url: &SecretString) -> Result<Database, StoreError> {
    let parsed: Result<AnyConnectOptions, _> = url.expose_secret().parse();
    let is_ours = |it: &AnyConnectOptions| {
        matches!(it.database_url.scheme(), "postgres" | "postgresql")
            && it.database_url.host_str().is_some()
    };
    // The text may hold a password, so an error repeats nothing of it.
    let options = parsed.ok().filter(is_ours).ok_or(StoreError::BadAddress)?;
    let url = &options.database_url;
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let name = format!("postgres://{host}{port}{}", url.path());
    Ok(Database {
        dialect: Dialect::Postgres,
        name: Arc::from(name),
        path: Arc::from(path),
        options: Arc::new(options.disable_statement_logging()),
    })
}

/// A connection.
pub(super) async fn connect(database: &Database) -> Result<AnyConnection, StoreError> {
    let connecting = async {
        let mut connection = database.options.connect().await?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await?;
        Ok(connection)
    };
    match timeout(CONNECTING, connecting).await {
        Ok(connected) => connected.map_err(|error| database.error(error)),
        Err(late) => Err(database.failed(late)),
    }
}

/// A connection for who starts: a gateway waits a while for its server.
pub(super) async fn connect_patiently(
    database: &Database,
    mode: Mode,
) -> Result<AnyConnection, StoreError> {
    if mode == Mode::Tool {
        return connect(database).await;
    }
    let trying = async {
        loop {
            match connect(database).await {
                Ok(connection) => break connection,
                Err(error) => tracing::warn!(%error, "the database does not answer yet"),
            }
            sleep(PAUSE).await;
        }
    };
    match timeout(PATIENCE, trying).await {
        Ok(connection) => Ok(connection),
        // Once more, for the reason.
        Err(_) => connect(database).await,
    }
}

/// What an error means that is not just a failure.
pub(super) fn known_error(error: &sqlx::Error) -> Option<StoreError> {
    let code = error.as_database_error()?.code()?;
    // numeric_value_out_of_range
    (code == "22003").then_some(StoreError::Overflow)
}

#[cfg(test)]
mod tests;
