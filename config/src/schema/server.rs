//! Section `server`: the two listeners and what they accept.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::reader::{Reader, Table};
use crate::schema::idempotency::IdempotencyConfig;

/// Listeners, authentication and admission limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address of the public API. Default `127.0.0.1:4000`; port 0 takes a free one.
    /// Reload: needs a restart.
    pub listen: SocketAddr,
    /// Address of metrics and health. Default `127.0.0.1:4001`; port 0 takes a free one.
    /// Reload: needs a restart.
    pub admin_listen: SocketAddr,
    /// Names by which the admin API may be asked, besides addresses and `localhost`. Default none.
    /// Reload: applies to the next request.
    pub admin_hosts: Vec<String>,
    /// Largest request body, in bytes. Default 20 MiB. Written as `20MiB`, `512KiB`, `1000000`.
    /// Reload: applies to the next request.
    pub max_body_bytes: u64,
    /// Largest form or passed-through body, which is streamed on and not held, in bytes.
    /// Default 512 MiB. Reload: applies to the next request.
    pub max_upload_bytes: u64,
    /// Who may call. Default `auto`. Reload: applies to the next request.
    pub auth: AuthMode,
    /// Requests served at once, streams included; more are answered 503. Default 10000.
    /// Reload: applies to the next request.
    pub max_in_flight: u32,
    /// Bytes that the bodies of running requests may have together; more are answered 503. Default 1 GiB.
    /// Reload: applies to the next request.
    pub max_in_flight_bytes: u64,
    /// Silence of a stream after which its client is told that it is alive. Default 15 s; nothing
    /// for never. Reload: applies to the next request.
    pub keep_alive: Duration,
    /// How long a shutdown waits for running requests. Default 30 s.
    /// Reload: applies to the next shutdown.
    pub drain: Duration,
    /// The part of `drain` in which new connections are still taken after SIGTERM. Default 5 s;
    /// may be nothing, and is at most half of `drain`. Reload: applies to the next shutdown.
    pub drain_accept: Duration,
    /// Memory for the answers of models with a `cache`, in bytes, 1 MiB to 1 TiB. Default 256 MiB; none
    /// is taken before such a model has answered. Reload: needs a restart.
    pub cache_bytes: u64,
    /// Answers that are given again to who repeats a call. Section `server.idempotency`.
    pub idempotency: IdempotencyConfig,
}

/// Who may call the public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Every request needs a virtual key.
    Keys,
    /// Nobody needs one. Meant for a trusted network.
    Open,
    /// Open while the listener is loopback and no key exists, otherwise keys.
    Auto,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4001)),
            admin_hosts: Vec::new(),
            max_body_bytes: 20 * 1024 * 1024,
            max_upload_bytes: 512 * 1024 * 1024,
            auth: AuthMode::Auto,
            max_in_flight: 10_000,
            max_in_flight_bytes: 1 << 30,
            keep_alive: Duration::from_secs(15),
            drain: Duration::from_secs(30),
            drain_accept: Duration::from_secs(5),
            cache_bytes: 256 << 20,
            idempotency: IdempotencyConfig::default(),
        }
    }
}

/// How [`AuthMode`] is written.
const AUTH: [(&str, AuthMode); 3] = [
    ("auto", AuthMode::Auto),
    ("keys", AuthMode::Keys),
    ("open", AuthMode::Open),
];

impl ServerConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let server = Self {
            listen: table.field("listen").address(reader, default.listen),
            admin_listen: table
                .field("admin_listen")
                .address(reader, default.admin_listen),
            admin_hosts: table.field("admin_hosts").words(reader, &[]),
            max_body_bytes: table.field("max_body_bytes").size(
                reader,
                default.max_body_bytes,
                1 << 10..=1 << 30,
            ),
            max_upload_bytes: table.field("max_upload_bytes").size(
                reader,
                default.max_upload_bytes,
                1 << 10..=1 << 40,
            ),
            auth: table.field("auth").choice(reader, default.auth, &AUTH),
            max_in_flight: table.field("max_in_flight").integer(
                reader,
                default.max_in_flight,
                1..=1_000_000,
            ),
            max_in_flight_bytes: table.field("max_in_flight_bytes").size(
                reader,
                default.max_in_flight_bytes,
                1 << 20..=1 << 40,
            ),
            keep_alive: table.field("keep_alive").pause(reader, default.keep_alive),
            drain: table.field("drain").duration(reader, default.drain),
            drain_accept: table
                .field("drain_accept")
                .pause(reader, default.drain_accept),
            cache_bytes: table.field("cache_bytes").size(
                reader,
                default.cache_bytes,
                1 << 20..=1 << 40,
            ),
            idempotency: IdempotencyConfig::read(table.field("idempotency").table(reader), reader),
        };
        if server.listen == server.admin_listen && server.listen.port() != 0 {
            let help = Some(String::from("the admin listener needs a port of its own"));
            let message = format!("{} is the address of the public API", server.admin_listen);
            reader.report("server.admin_listen", message, help);
        }
        table.finish(reader);
        server
    }
}
