//! A `PostgreSQL` server of a test's own, behind a valve: gateways reach it through a relay that can be frozen or cut.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::config::Config;

/// What becomes of what goes through the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Valve {
    /// It goes through.
    Open,
    /// It stays where it is, as if the server had stopped.
    Frozen,
    /// Connections break, and no new one is taken.
    Cut,
}

/// A server and the relay to it. Both end with it.
pub(crate) struct Database {
    _server: Child,
    valve: watch::Sender<Valve>,
    port: u16,
}

impl Database {
    pub(crate) async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres");
        Self::started(script).await
    }

    /// A Redis server instead.
    pub(crate) async fn redis() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/redis");
        Self::started(script).await
    }

    async fn started(script: &str) -> Self {
        let mut server = Command::new(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let output = server.stdout.take().unwrap();
        BufReader::new(output)
            .read_line(&mut address)
            .await
            .unwrap();
        let port = address.trim().trim_end_matches("/postgres").rsplit(':');
        let port: u16 = port
            .into_iter()
            .next()
            .and_then(|it| it.parse().ok())
            .unwrap_or_else(|| panic!("no server was started: {address:?}"));
        let upstream = format!("127.0.0.1:{port}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (valve, seen) = watch::channel(Valve::Open);
        tokio::spawn(relay(listener, upstream, seen));
        Self {
            _server: server,
            valve,
            port,
        }
    }

    /// `config` with the store in this database.
    pub(crate) fn of(&self, config: &Config) -> Config {
        let store: Value = json!({
            "postgres": format!("postgres://tollward@127.0.0.1:{}/postgres", self.port),
            "pepper": "the same secret for every gateway of a test",
        });
        config.clone().set("/store", store)
    }

    /// `config` with the buckets of limits in this server.
    pub(crate) fn limiting(&self, config: &Config) -> Config {
        let address = format!("redis://127.0.0.1:{}", self.port);
        config.clone().set("/store/redis", json!(address))
    }

    /// The server stops answering.
    pub(crate) fn freeze(&self) {
        self.valve.send_replace(Valve::Frozen);
    }

    /// The server is gone.
    pub(crate) fn cut(&self) {
        self.valve.send_replace(Valve::Cut);
    }

    /// The server is there again.
    pub(crate) fn heal(&self) {
        self.valve.send_replace(Valve::Open);
    }
}

async fn relay(listener: TcpListener, upstream: String, valve: watch::Receiver<Valve>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        if *valve.borrow() == Valve::Cut {
            continue;
        }
        let (upstream, valve) = (upstream.clone(), valve.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(&upstream).await else {
                return;
            };
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::select! {
                () = pass(&mut from_client, &mut to_server, valve.clone()) => {}
                () = pass(&mut from_server, &mut to_client, valve.clone()) => {}
                () = cut(valve) => {}
            }
        });
    }
}

async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut valve: watch::Receiver<Valve>,
) {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        while *valve.borrow_and_update() == Valve::Frozen {
            if valve.changed().await.is_err() {
                return;
            }
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

async fn cut(mut valve: watch::Receiver<Valve>) {
    while *valve.borrow_and_update() != Valve::Cut {
        if valve.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
    // What is on its way arrives, as it does when a machine dies.
    tokio::time::sleep(Duration::from_millis(1)).await;
}
