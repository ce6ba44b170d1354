//! stub
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub origins: Origins,
    pub warnings: Vec<Diagnostic>,
}
#[derive(Clone, Debug, Default)]
pub struct Origins;
#[derive(Clone, Debug)]
pub struct OriginEntry {
    pub path: String,
    pub value: String,
    pub origin: String,
}
impl Origins {
    pub fn entries(&self) -> impl Iterator<Item = &OriginEntry> {
        [].iter()
    }
    pub fn diagnose(&self, path: &str, message: String, _c: &[&str]) -> Diagnostic {
        Diagnostic {
            path: path.into(),
            message,
        }
    }
}
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub path: String,
    pub message: String,
}
#[derive(Debug)]
pub struct Report(Vec<Diagnostic>);
impl Report {
    pub fn new(d: Vec<Diagnostic>) -> Self {
        Self(d)
    }
}
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for d in &self.0 {
            writeln!(f, "error: {}: {}", d.path, d.message)?;
        }
        Ok(())
    }
}
impl std::error::Error for Report {}
impl Report {
    pub fn to_json(&self) -> String {
        String::new()
    }
}
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}
#[derive(Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    pub env: Vec<(String, String)>,
    pub overrides: Vec<(String, String)>,
    pub known_kinds: Vec<String>,
}
#[derive(Clone, Debug)]
pub struct Config {
    pub server: ServerConfig,
    pub providers: BTreeMap<String, ProviderConfig>,
    pub models: Vec<(String, ModelConfig)>,
    pub timeouts: TimeoutsConfig,
    pub retry: RetryConfig,
    pub store: StoreConfig,
    pub engine: EngineConfig,
    pub pricing: PricingConfig,
    pub log: LogConfig,
}
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub max_body_bytes: usize,
    pub auth: AuthConfig,
    pub max_in_flight: usize,
    pub drain: Duration,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AuthConfig {
    Auto,
    Keys,
    Open,
}
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    pub kind: String,
    pub settings: Map<String, Value>,
}
#[derive(Clone, Debug)]
pub struct ModelConfig {
    pub deployments: Vec<DeploymentConfig>,
    pub fallbacks: Vec<String>,
}
#[derive(Clone, Debug)]
pub struct DeploymentConfig {
    pub provider: String,
    pub model: String,
    pub timeouts: Option<TimeoutsConfig>,
}
#[derive(Clone, Debug)]
pub struct TimeoutsConfig {
    pub connect: Duration,
    pub first_byte: Duration,
    pub whole_first_byte: Duration,
    pub first_content: Duration,
    pub idle: Duration,
    pub total: Duration,
}
#[derive(Clone, Debug)]
pub struct RetryConfig {
    pub attempts: u32,
    pub base_delay: Duration,
    pub max_delay: Duration,
    pub budget_percent: u32,
    pub budget_per_second: u32,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoreErrorPolicy {
    Allow,
    Deny,
}
#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub path: Option<PathBuf>,
    pub on_error: StoreErrorPolicy,
}
#[derive(Clone, Debug)]
pub struct EngineConfig {
    pub model: String,
    pub models_dir: Option<PathBuf>,
    pub threads: Option<usize>,
    pub max_queue: usize,
    pub context_tokens: Option<u32>,
}
#[derive(Clone, Debug, Default)]
pub struct PricingConfig {
    pub overrides: Vec<PriceOverride>,
}
#[derive(Clone, Debug)]
pub struct PriceOverride {
    pub provider: String,
    pub model: String,
    pub input: u64,
    pub output: u64,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}
#[derive(Clone, Debug)]
pub enum AccessTarget {
    Off,
    Stderr,
    File(PathBuf),
}
#[derive(Clone, Debug)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: String,
    pub access: AccessTarget,
}
impl Default for Config {
    fn default() -> Self {
        Config {
            server: ServerConfig {
                listen: ([127, 0, 0, 1], 4000).into(),
                admin_listen: ([127, 0, 0, 1], 4001).into(),
                max_body_bytes: 20 << 20,
                auth: AuthConfig::Auto,
                max_in_flight: 10000,
                drain: Duration::from_secs(30),
            },
            providers: Default::default(),
            models: vec![],
            timeouts: TimeoutsConfig {
                connect: Duration::from_secs(3),
                first_byte: Duration::from_secs(60),
                whole_first_byte: Duration::from_secs(600),
                first_content: Duration::from_secs(120),
                idle: Duration::from_secs(60),
                total: Duration::from_secs(900),
            },
            retry: RetryConfig {
                attempts: 2,
                base_delay: Duration::from_millis(250),
                max_delay: Duration::from_secs(4),
                budget_percent: 10,
                budget_per_second: 1,
            },
            store: StoreConfig {
                path: None,
                on_error: StoreErrorPolicy::Deny,
            },
            engine: EngineConfig {
                model: "smollm2-135m-instruct".into(),
                models_dir: None,
                threads: None,
                max_queue: 32,
                context_tokens: None,
            },
            pricing: Default::default(),
            log: LogConfig {
                format: LogFormat::Auto,
                level: "info".into(),
                access: AccessTarget::Stderr,
            },
        }
    }
}
pub fn load(s: &Sources) -> Result<Loaded, Report> {
    let mut c = Config::default();
    if let Some(f) = &s.file {
        let v: Value = serde_saphyr::from_str(&std::fs::read_to_string(f).unwrap()).unwrap();
        for (k, p) in v["providers"].as_object().unwrap() {
            let mut m = p.as_object().unwrap().clone();
            let kind = m
                .remove("kind")
                .map(|k| k.as_str().unwrap().to_owned())
                .unwrap_or(k.clone());
            c.providers
                .insert(k.clone(), ProviderConfig { kind, settings: m });
        }
        for (k, m) in v["models"].as_object().unwrap() {
            let d = m["deployments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|d| {
                    let (p, m) = d.as_str().unwrap().split_once('/').unwrap();
                    DeploymentConfig {
                        provider: p.into(),
                        model: m.into(),
                        timeouts: None,
                    }
                })
                .collect();
            let f = m["fallbacks"]
                .as_array()
                .map(|a| a.iter().map(|x| x.as_str().unwrap().to_owned()).collect())
                .unwrap_or_default();
            c.models.push((
                k.clone(),
                ModelConfig {
                    deployments: d,
                    fallbacks: f,
                },
            ));
        }
        if let Some(l) = v["server"]["listen"].as_str() {
            c.server.listen = l.parse().unwrap();
        }
        if let Some(l) = v["server"]["admin_listen"].as_str() {
            c.server.admin_listen = l.parse().unwrap();
        }
        if let Some(l) = v["log"]["access"].as_str() {
            c.log.access = AccessTarget::File(l.into());
        }
    }
    for (k, v) in &s.overrides {
        match k.as_str() {
            "server.listen" => c.server.listen = v.parse().unwrap(),
            "server.admin_listen" => c.server.admin_listen = v.parse().unwrap(),
            "log.level" => c.log.level = v.clone(),
            "log.access" => c.log.access = AccessTarget::Off,
            _ => {}
        }
    }
    Ok(Loaded {
        config: c,
        origins: Origins,
        warnings: vec![],
    })
}
pub mod catalog {
    use super::*;
    #[derive(Clone, Debug)]
    pub struct Price {
        pub id: Arc<str>,
        pub input: Option<u64>,
        pub output: Option<u64>,
        pub cache_read: Option<u64>,
        pub cache_write: Option<u64>,
    }
    pub struct Rates {
        pub input: Option<u64>,
        pub output: Option<u64>,
        pub cache_read: Option<u64>,
        pub cache_write: Option<u64>,
        pub audio_input: Option<u64>,
        pub audio_output: Option<u64>,
        pub reasoning: Option<u64>,
    }
    impl Price {
        pub fn rates(&self, _prompt: u64) -> Rates {
            Rates {
                input: self.input,
                output: self.output,
                cache_read: None,
                cache_write: None,
                audio_input: None,
                audio_output: None,
                reasoning: None,
            }
        }
        pub fn from_override(o: &PriceOverride) -> Self {
            Price {
                id: "override".into(),
                input: Some(o.input),
                output: Some(o.output),
                cache_read: None,
                cache_write: None,
            }
        }
    }
    pub struct Catalog;
    impl Catalog {
        pub fn embedded() -> &'static Catalog {
            &Catalog
        }
        pub fn price(&self, _p: &str, _m: &str, _t: i64) -> Option<&Price> {
            None
        }
    }
}
