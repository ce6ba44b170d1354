//! Configurations for tests, built in code and written as JSON, which is YAML too.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::upstream::Upstream;

/// The provider kind whose URL the operator writes.
pub(crate) const GENERIC: &str = "openai-compatible";

/// A configuration under construction: no retries, open access, a prompt end.
#[derive(Debug, Clone)]
pub(crate) struct Config(pub(crate) Value);

impl Config {
    /// No provider and no model.
    pub(crate) fn empty() -> Self {
        Self(json!({
            "server": {"auth": "open", "drain_accept": "0s"},
            "providers": {},
            "models": {},
            "retry": {"attempts": 0},
            "engine": {"enabled": "off"},
        }))
    }

    /// One provider `alpha` and one model `chat` served by `alpha/upstream-name`.
    pub(crate) fn one(upstream: &Upstream) -> Self {
        Self::empty()
            .provider("alpha", upstream.addr)
            .model("chat", &["alpha/upstream-name"])
    }

    /// One provider `vendor` of a `kind`, and `chat` at its `model`, with prices.
    pub(crate) fn vendor(upstream: &Upstream, kind: &str, model: &str) -> Self {
        let base_url = format!("http://{}", upstream.addr);
        let price = json!({
            "provider": "vendor", "model": model,
            "input_per_mtok": "1", "output_per_mtok": "2",
        });
        Self::empty()
            .set(
                "/providers/vendor",
                json!({"kind": kind, "base_url": base_url, "api_key": "sk-vendor"}),
            )
            .model("chat", &[&format!("vendor/{model}")])
            .set("/pricing", json!({"overrides": [price]}))
    }

    /// As `one`, with a model `spare` at `beta/spare-name` to which `chat` falls back.
    pub(crate) fn two(first: &Upstream, second: &Upstream) -> Self {
        Self::one(first)
            .provider("beta", second.addr)
            .model("spare", &["beta/spare-name"])
            .set("/models/chat/fallbacks", json!(["spare"]))
            .set(
                "/retry",
                json!({"attempts": 2, "base_delay": "1ms", "max_delay": "10ms"}),
            )
    }

    /// Three servers that answer, as providers `alpha`, `beta` and `gamma`, and no model.
    pub(crate) async fn three() -> ([Upstream; 3], Self) {
        let servers = [
            Upstream::healthy().await,
            Upstream::healthy().await,
            Upstream::healthy().await,
        ];
        let named = ["alpha", "beta", "gamma"].iter().zip(&servers);
        let config = named.fold(Self::empty(), |config, (name, server)| {
            config.provider(name, server.addr)
        });
        (servers, config)
    }

    pub(crate) fn provider(self, name: &str, addr: SocketAddr) -> Self {
        let base_url = format!("http://{addr}/v1");
        let provider = json!({"kind": GENERIC, "base_url": base_url, "api_key": "sk-upstream"});
        self.set(&format!("/providers/{name}"), provider)
    }

    /// A provider over TLS, whose authority's certificate is in the home's `ca.pem`.
    pub(crate) fn tls_provider(self, name: &str, addr: SocketAddr) -> Self {
        self.provider(name, addr)
            .set(
                &format!("/providers/{name}/base_url"),
                json!(format!("https://{addr}/v1")),
            )
            .set("/upstream/ca_file", json!("ca.pem"))
    }

    pub(crate) fn model(self, name: &str, deployments: &[&str]) -> Self {
        self.set(
            &format!("/models/{name}"),
            json!({"deployments": deployments}),
        )
    }

    /// Prices of `alpha/upstream-name`: 1 USD in, 2 USD out, per million tokens. Answers do not tell what
    /// they cost: tests compare them byte for byte.
    pub(crate) fn priced(self) -> Self {
        let price = json!({
            "provider": "alpha", "model": "upstream-name",
            "input_per_mtok": "1", "output_per_mtok": "2",
        });
        self.set(
            "/pricing",
            json!({"overrides": [price], "usage_cost": "off"}),
        )
    }

    /// Access by virtual key only.
    pub(crate) fn keyed(self) -> Self {
        self.set("/server/auth", json!("keys"))
    }

    /// Sets a value by JSON pointer, making the objects on the way.
    pub(crate) fn set(mut self, pointer: &str, value: Value) -> Self {
        let mut place = &mut self.0;
        for name in pointer.split('/').skip(1) {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[name];
        }
        *place = value;
        self
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(&self.0).expect("JSON")
    }
}
