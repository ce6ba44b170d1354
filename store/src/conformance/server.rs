//! A `PostgreSQL` server for tests: that of the whole run, or one of this process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection};

use crate::{Location, NodeId};

/// Names the server that the whole run shares.
const ADDRESS: &str = "TOLLWARD_TEST_POSTGRES";

/// A new, empty database, for a gateway whose files are named after `path`.
pub(crate) async fn database(path: &Path) -> Location {
    let server = server();
    sqlx::any::install_default_drivers();
    let name = format!("t_{}", NodeId::new(0).uuid().simple());
    let mut connection = sqlx::AnyConnection::connect(server).await.unwrap();
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    Location {
        postgres: Some(SecretString::from(format!("{server}/{name}"))),
        ..Location::file(path)
    }
}

fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| shared().unwrap_or_else(start))
}

/// Starts a server that ends with this process, because its standard input does.
fn start() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
    let mut child = Command::new(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut address).unwrap();
    // The pipe stays open as long as the process lives.
    std::mem::forget(child);
    let address = address.trim();
    assert!(!address.is_empty(), "no PostgreSQL server could be started");
    address.to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no main that could pass the environment in"
)]
fn shared() -> Option<String> {
    std::env::var(ADDRESS).ok()
}
