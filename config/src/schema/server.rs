//! Section `server`: the two listeners and what they accept.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Listeners, authentication and admission limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address of the public API. Default `127.0.0.1:4000`; port 0 takes a free one.
    /// Reload: needs a restart.
    pub listen: SocketAddr,
    /// Address of metrics and health. Default `127.0.0.1:4001`; port 0 takes a free one.
    /// Reload: needs a restart.
    pub admin_listen: SocketAddr,
    /// Largest request body, in bytes. Default 20 MiB. Written as `20MiB`, `512KiB`, `1000000`.
    /// Reload: applies to the next request.
    pub max_body_bytes: u64,
    /// Who may call. Default `auto`. Reload: applies to the next request.
    pub auth: AuthMode,
    /// Requests served at once, streams included; more are answered 503. Default 10000.
    /// Reload: applies to the next request.
    pub max_in_flight: u32,
    /// How long a shutdown waits for running requests. Default 30 s.
    /// Reload: applies to the next shutdown.
    pub drain: Duration,
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
            max_body_bytes: 20 * 1024 * 1024,
            auth: AuthMode::Auto,
            max_in_flight: 10_000,
            drain: Duration::from_secs(30),
        }
    }
}
