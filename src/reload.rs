//! Watch → load → validate → swap. A bad configuration changes nothing.
//!
//! The configuration file is watched, and the file that says which price table is in use.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tollward_config::{Config, Loaded, Report};

use crate::app::Gateway;
use crate::assembly::{Assembly, Standing};
use crate::snapshot::Snapshot;

/// Editors write in several steps; we look once they are quiet.
const SETTLE: Duration = Duration::from_millis(150);

/// What a reload starts from.
pub struct Source {
    /// The file to watch; without one there is only SIGHUP.
    pub file: Option<PathBuf>,
    /// The configuration at the start.
    pub started: Config,
    /// Loads the configuration again.
    pub load: Box<dyn Fn() -> Result<Loaded, Report> + Send + Sync>,
    /// What outlives a reload.
    pub standing: Arc<Standing>,
    /// Environment variables at the start.
    pub env: Vec<(String, String)>,
}

/// Reloads on SIGHUP and whenever the file changes, until the tasks stop.
pub fn follow(gateway: &Arc<Gateway>, source: Source) {
    // One pending wish is enough: a reload reads the newest state.
    let (wish, wishes) = mpsc::channel(1);
    // A directory that is not there cannot be watched, and the first table may come later.
    if let Some(directory) = source.standing.current_table().parent() {
        let _ = std::fs::create_dir_all(directory);
    }
    let watchers: Vec<_> = watched(&source)
        .iter()
        .filter_map(|file| watch(file, wish.clone()))
        .collect();
    // Both before anybody is told that we listen: what happens from then on is not missed.
    let last = watched(&source)
        .iter()
        .map(|file| std::fs::read(file).ok())
        .collect();
    let hangup = signal(SignalKind::hangup());
    let gateway = Arc::clone(gateway);
    let tasks = gateway.tasks.clone();
    tasks.spawn("reload", async move {
        match hangup {
            Ok(hangup) => {
                let signs = Signs {
                    hangup,
                    wishes,
                    last,
                };
                run(&gateway, Arc::new(source), signs).await;
            }
            Err(error) => tracing::warn!(%error, "the configuration is not reloaded: SIGHUP cannot be listened to"),
        }
        // Without watchers the channel must stay open all the same.
        drop((watchers, wish));
    });
}

/// Watches the file's directory: editors and Kubernetes replace files instead of writing to them.
fn watch(file: &Path, wish: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let watching = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Full: a reload is pending already.
            let _ = wish.try_send(());
        }
    });
    let watched = watching.and_then(|mut watcher| {
        watcher
            .watch(&directory, RecursiveMode::NonRecursive)
            .map(|()| watcher)
    });
    watched.inspect_err(|error| tracing::warn!(%error, "a file is not watched; SIGHUP reloads the configuration")).ok()
}

/// What asks for a reload.
struct Signs {
    hangup: Signal,
    wishes: mpsc::Receiver<()>,
    /// The watched files' content when it was last looked at.
    last: Vec<Option<Vec<u8>>>,
}

async fn run(gateway: &Gateway, source: Arc<Source>, mut signs: Signs) {
    let stop = gateway.tasks.stopping();
    loop {
        let is_asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = signs.hangup.recv() => true,
            _ = signs.wishes.recv() => false,
        };
        if !is_asked {
            tokio::time::sleep(SETTLE).await;
        }
        let now = fingerprint(&source).await;
        if !is_asked && now == signs.last {
            continue;
        }
        signs.last = now;
        let reloading = reload(gateway, Arc::clone(&source));
        if stop.run_until_cancelled(reloading).await.is_none() {
            return;
        }
    }
}

/// What is watched: the configuration, if it is a file, and the choice of a price table.
fn watched(source: &Source) -> Vec<PathBuf> {
    let table = source.standing.current_table();
    source.file.iter().cloned().chain([table]).collect()
}

/// The files' content, to tell a change of them from other traffic in their directories.
async fn fingerprint(source: &Source) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    for file in watched(source) {
        found.push(tokio::fs::read(file).await.ok());
    }
    found
}

/// Files may be slow to read and long to judge, so that is done off the runtime.
///
/// # Cancellation
/// The configuration stays as it is.
async fn reload(gateway: &Gateway, source: Arc<Source>) {
    let generation = gateway.snapshot().generation + 1;
    let assembling = move || {
        let assembly = Assembly {
            standing: &source.standing,
            env: &source.env,
            detected: None,
        };
        (source.load)().and_then(|loaded| {
            let snapshot = assembly.snapshot(&loaded, generation)?;
            let waiting: Vec<_> = waiting(&source.started, &loaded.config).collect();
            Ok((snapshot, waiting))
        })
    };
    let assembled = gateway.tasks.run_blocking("reload", assembling).await;
    let is_emptied = |snapshot: &Snapshot| {
        snapshot.routes().next().is_none() && gateway.snapshot().routes().next().is_some()
    };
    let is_good = matches!(&assembled, Some(Ok((snapshot, _))) if !is_emptied(snapshot));
    gateway.metrics.reload_success.set(i64::from(is_good));
    match assembled {
        // A file caught while it is written, or truncated: nobody means to serve nothing.
        Some(Ok((snapshot, _))) if is_emptied(&snapshot) => {
            tracing::error!("the new configuration has no model, the old one stays");
        }
        Some(Ok((snapshot, waiting))) => {
            gateway.replace_snapshot(snapshot);
            for key in waiting {
                tracing::warn!("`{key}` was changed, which takes effect at the next start");
            }
            tracing::info!(generation, "the configuration was reloaded");
        }
        Some(Err(report)) => {
            tracing::error!("the new configuration is refused, the old one stays:\n{report}");
        }
        // It panicked, which is logged where it was caught, or the process ends.
        None => {}
    }
}

/// What differs from the start and is read only then.
fn waiting(started: &Config, now: &Config) -> impl Iterator<Item = &'static str> {
    let changed = [
        ("server.listen", started.server.listen != now.server.listen),
        (
            "server.admin_listen",
            started.server.admin_listen != now.server.admin_listen,
        ),
        ("store.path", started.store.path != now.store.path),
        (
            "store.postgres",
            started.store.postgres != now.store.postgres,
        ),
        ("store.redis", started.store.redis != now.store.redis),
        ("store.pepper", started.store.pepper != now.store.pepper),
        ("engine", started.engine != now.engine),
        ("upstream", started.upstream != now.upstream),
        ("log", started.log != now.log),
        (
            "timeouts.connect",
            started.timeouts.connect != now.timeouts.connect,
        ),
    ];
    let changed = changed.into_iter().filter(|(_, is_changed)| *is_changed);
    changed.map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_next_start_is_named() {
        let started = Config::default();
        let mut now = Config::default();
        now.retry.attempts += 1;
        assert_eq!(waiting(&started, &now).count(), 0);
        now.server.listen.set_port(1);
        now.timeouts.connect += Duration::from_secs(1);
        let named: Vec<_> = waiting(&started, &now).collect();
        assert_eq!(named, ["server.listen", "timeouts.connect"]);
    }
}
