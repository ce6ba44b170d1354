//! Looks at this machine: what a gateway would find here when it starts.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpListener;
use tollward_config::{Config, EngineConfig};
use tollward_store::{Location, Store};

use super::finding::{Check, Finding, Verdict};
use crate::app::location;
use crate::cli::place::{Environment, PlaceArgs};
use crate::clock;
use crate::shelf::{OLD_DAYS, Shelf};
use crate::weights::{self, Inspected};

/// The database must be read through within this; a larger one is not judged.
const READING: Duration = Duration::from_secs(5);
/// A gateway that runs here answers its probe within this.
const PROBE: Duration = Duration::from_millis(500);
/// A connection of a caller and one to a provider make two files of a call that runs.
const ENOUGH_FILES: u64 = 4_096;
/// Where Linux tells a process its limits.
const LIMITS: &str = "/proc/self/limits";

/// Checks everything on this machine that a configuration needs.
pub(super) async fn check(
    place: &PlaceArgs,
    environment: &Environment,
    config: &Config,
) -> Vec<Finding> {
    let state_dir = place.state_dir(environment);
    let mut found = vec![
        state(&state_dir),
        store(&location(config, &state_dir)).await,
    ];
    found.push(catalog(&Shelf::new(&state_dir), clock::unix_ms() / 1_000));
    // Systems that tell it otherwise are not asked.
    let limits = fs::read_to_string(LIMITS).ok();
    found.extend(limits.as_deref().and_then(files));
    for (address, key) in [
        (config.server.listen, "server.listen"),
        (config.server.admin_listen, "server.admin_listen"),
    ] {
        found.push(listener(address, key).await);
    }
    found
}

/// Whether a gateway can write its state.
fn state(dir: &Path) -> Finding {
    let subject = "state";
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    // It is made at the first start, in what is there.
    let here = whole.ancestors().find(|it| it.exists());
    let here = here.unwrap_or(Path::new("/"));
    let trial = here.join(format!(".tollward-doctor-{}", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&trial);
    match written.and_then(|_| fs::remove_file(&trial)) {
        Ok(()) if here == whole => {
            let message = format!("{} can be written", dir.display());
            Finding::new(Verdict::Ok, Check::State, subject, message)
        }
        Ok(()) => {
            let message = format!("{} will be made at the first start", dir.display());
            Finding::new(Verdict::Ok, Check::State, subject, message)
        }
        Err(error) => {
            let message = format!("{} cannot be written: {error}", here.display());
            Finding::new(Verdict::Fail, Check::State, subject, message).with_help(
                "give it to the user that runs the gateway, or name another with --state-dir",
            )
        }
    }
}

/// Whether the database is whole.
async fn store(location: &Location) -> Finding {
    let found =
        |verdict, message: String| Finding::new(verdict, Check::Database, "database", message);
    let name = location.to_string();
    if !location.may_exist() {
        return found(
            Verdict::Ok,
            format!("{name} will be made at the first start"),
        );
    }
    match tokio::time::timeout(READING, Store::inspect(location)).await {
        Ok(Ok(())) => found(Verdict::Ok, format!("{name} can be used")),
        Ok(Err(error)) => {
            let why = anyhow::Error::from(error);
            found(Verdict::Fail, format!("{why:#}"))
        }
        Err(_) => found(
            Verdict::Warn,
            format!("{name} could not be read through within {READING:?}"),
        )
        .with_help("a large one takes longer; it was left as it is"),
    }
}

/// How old the prices are.
fn catalog(shelf: &Shelf, now_unix_s: i64) -> Finding {
    let found = |verdict, message: String| Finding::new(verdict, Check::Catalog, "prices", message);
    let table = match shelf.current() {
        Ok(table) => table,
        Err(error) => return found(Verdict::Fail, error.to_string()),
    };
    let days = (now_unix_s - table.built_unix_s()) / 86_400;
    let message = format!("the table in use is {days} days old");
    if days > OLD_DAYS {
        return found(Verdict::Warn, message)
            .with_help("`tollward catalog update` fetches a newer one");
    }
    found(Verdict::Ok, message)
}

/// Whether enough files may be open at once, as Linux tells it; `None` if it does not.
fn files(limits: &str) -> Option<Finding> {
    let line = limits.lines().find(|it| it.starts_with("Max open files"))?;
    let soft = line.split_whitespace().nth(3)?;
    let found = |verdict, message: String| Finding::new(verdict, Check::Files, "files", message);
    // `unlimited` is no number.
    let limit: u64 = soft.parse().unwrap_or(u64::MAX);
    let message = format!("{soft} files may be open at once");
    if limit >= ENOUGH_FILES {
        return Some(found(Verdict::Ok, message));
    }
    let help =
        format!("raise it to {ENOUGH_FILES} or more: `ulimit -n`, or LimitNOFILE of systemd");
    Some(found(Verdict::Warn, message).with_help(help))
}

/// Whether the weights of an embedded model are here and whole.
pub(super) async fn weights(
    model: &str,
    place: &PlaceArgs,
    environment: &Environment,
    engine: &EngineConfig,
) -> Finding {
    let subject = format!("local/{model}");
    let found =
        |verdict, message: String| Finding::new(verdict, Check::Weights, subject.as_str(), message);
    let dir = place.models_dir(environment, engine);
    match weights::inspect(model, &dir).await {
        Err(error) => found(Verdict::Fail, format!("{:#}", anyhow::Error::from(error))),
        // Without a configuration they are fetched when they are first wanted.
        Ok(Inspected::Absent) => found(
            if place.file().is_some() {
                Verdict::Fail
            } else {
                Verdict::Warn
            },
            format!("the weights are not in {}", dir.display()),
        )
        .with_help(format!("`tollward pull {model}` fetches them")),
        Ok(Inspected::Damaged(path, error)) => found(
            Verdict::Fail,
            format!("{} is damaged: {error}", path.display()),
        )
        .with_help(format!("`tollward pull {model}` fetches it anew")),
        Ok(Inspected::Unproven(path)) => found(
            Verdict::Ok,
            format!("{} is here; no checksum is known", path.display()),
        ),
        Ok(Inspected::Whole(path)) => found(Verdict::Ok, format!("{} is whole", path.display())),
    }
}

/// Whether a gateway could listen there, or one does.
async fn listener(address: SocketAddr, key: &str) -> Finding {
    let found = |verdict, message: String| Finding::new(verdict, Check::Listener, key, message);
    match TcpListener::bind(address).await {
        Ok(_) => found(Verdict::Ok, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if is_gateway(address).await {
                found(Verdict::Ok, format!("a gateway runs at {address}"))
            } else {
                found(
                    Verdict::Fail,
                    format!("something other than a gateway listens on {address}"),
                )
                .with_help(format!("end it, or write another address in `{key}`"))
            }
        }
        Err(error) => found(Verdict::Fail, format!("{address} cannot be used: {error}"))
            .with_help(format!("write another address in `{key}`")),
    }
}

/// Whether a gateway answers its probe there.
async fn is_gateway(address: SocketAddr) -> bool {
    let client = reqwest::Client::builder().no_proxy().timeout(PROBE).build();
    let Ok(client) = client else {
        return false;
    };
    let url = format!("http://{}/livez", reachable(address));
    let Ok(answer) = client.get(url).send().await else {
        return false;
    };
    // Other servers answer to any path.
    answer.status().is_success() && answer.text().await.is_ok_and(|it| it == "ok\n")
}

/// Where this machine reaches itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests;
