//! Section `engine`: the inference engine inside the binary.

use std::path::PathBuf;

/// Which local model is loaded, and how much of the machine it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Whether the engine runs. Default `auto`. Reload: needs a restart, like this whole section.
    pub enabled: EngineMode,
    /// Name of the local model. Default `smollm2-135m-instruct`.
    pub model: String,
    /// Folder of downloaded models. `None`: the data directory's `models`.
    pub models_dir: Option<PathBuf>,
    /// Threads for inference, 1 to 1024. `None`: one per physical core.
    pub threads: Option<usize>,
    /// Requests that may wait for the engine; more are answered 429. Default 32.
    pub max_queue: usize,
    /// Tokens of prompt and answer together. `None`: what the model was trained for.
    pub context_tokens: Option<u32>,
}

/// Whether the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    /// On when the model is on disk.
    Auto,
    /// Always; a missing model is an error.
    On,
    /// Never.
    Off,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            enabled: EngineMode::Auto,
            model: String::from("smollm2-135m-instruct"),
            models_dir: None,
            threads: None,
            max_queue: 32,
            context_tokens: None,
        }
    }
}
