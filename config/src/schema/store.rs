//! Section `store`: where keys and the ledger are kept.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use crate::reader::{Field, Reader, Table};

/// Fewest characters of a pepper.
const LEAST_PEPPER: usize = 32;

/// The database and what happens when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The `SQLite` file. `None`: `tollward.db` in the state directory. Reload: needs a restart.
    pub path: Option<PathBuf>,
    /// The `PostgreSQL` database that gateways share, `postgres://…`. `None`: the file. Reload: needs a restart.
    pub postgres: Option<Secret>,
    /// The Redis server in which gateways share the buckets of their limits, `redis://…` or `rediss://…`. `None`: each
    /// keeps to its even share. Reload: needs a restart.
    pub redis: Option<Secret>,
    /// The secret under which keys are hashed, at least 32 characters. `None`: that of a file beside `path`.
    /// Reload: needs a restart.
    pub pepper: Option<Secret>,
    /// Whether calls are served while they cannot be booked. Default `deny`.
    /// Reload: applies to the next request.
    pub on_error: OnStoreError,
}

/// A text that nobody is shown.
#[derive(Debug, Clone)]
pub struct Secret(pub SecretString);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Secret {}

/// What a request meets while the store is failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStoreError {
    /// It is served, and counted as unbooked.
    Allow,
    /// It is refused with 503.
    Deny,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: None,
            postgres: None,
            redis: None,
            pepper: None,
            on_error: OnStoreError::Deny,
        }
    }
}

/// How [`OnStoreError`] is written.
const ON_ERROR: [(&str, OnStoreError); 2] =
    [("deny", OnStoreError::Deny), ("allow", OnStoreError::Allow)];

impl StoreConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let store = Self {
            path: table
                .field("path")
                .path(reader, "tollward.db in the state directory"),
            postgres: postgres(&table.field("postgres"), reader),
            redis: redis(&table.field("redis"), reader),
            pepper: pepper(&table.field("pepper"), reader),
            on_error: table
                .field("on_error")
                .choice(reader, default.on_error, &ON_ERROR),
        };
        if store.redis.is_some() && store.postgres.is_none() {
            let why =
                "limits are shared by gateways that share their keys, and these are in a file";
            table.refuse(
                "redis",
                reader,
                why,
                "set `postgres` as well, or leave it out",
            );
        }
        table.finish(reader);
        store
    }
}

fn postgres(field: &Field<'_>, reader: &mut Reader) -> Option<Secret> {
    let help = "write postgres://USER:PASSWORD@HOST:PORT/DATABASE, or ${DATABASE_URL} if a variable has it";
    address(field, &["postgres://", "postgresql://"], help, reader)
}

fn redis(field: &Field<'_>, reader: &mut Reader) -> Option<Secret> {
    let help = "write redis://:PASSWORD@HOST:PORT, or rediss:// for TLS, or ${REDIS_URL} if a variable has it";
    address(field, &["redis://", "rediss://"], help, reader)
}

/// What is wrong with it is told without repeating it: it may hold a password.
fn address(field: &Field<'_>, schemes: &[&str], help: &str, reader: &mut Reader) -> Option<Secret> {
    let text = field.optional_text(reader)?;
    let is_address = schemes
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|it| !it.is_empty()));
    if !is_address {
        let message = "this is no address of such a server";
        reader.report(&field.path, message, Some(help.to_owned()));
    }
    is_address.then(|| Secret(SecretString::from(text)))
}

fn pepper(field: &Field<'_>, reader: &mut Reader) -> Option<Secret> {
    let text = field.optional_text(reader)?;
    if text.chars().count() < LEAST_PEPPER {
        let help = "make one with `openssl rand -hex 32`, and give every gateway the same";
        reader.report(
            &field.path,
            "this is shorter than 32 characters",
            Some(help.to_owned()),
        );
        return None;
    }
    Some(Secret(SecretString::from(text)))
}
