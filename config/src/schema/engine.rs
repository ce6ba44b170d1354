//! Section `engine`: the inference engine inside the binary.

use std::path::PathBuf;

use crate::reader::{Reader, Table};

/// Which local model is loaded, and how much of the machine it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// Whether the engine runs. Default `auto`. Reload: needs a restart, like this whole section.
    pub enabled: EngineMode,
    /// Name of the local model. Default `smollm2-135m-instruct`.
    pub model: String,
    /// Folder of downloaded models. `None`: the data directory's `models`.
    pub models_dir: Option<PathBuf>,
    /// Threads for inference, 1 to 1024. `None`: one less than the cores the process may use, at least one.
    pub threads: Option<usize>,
    /// Requests that may wait for the engine; more are answered 503. Default 32.
    pub max_queue: usize,
    /// Tokens of prompt and answer together. `None`: what the model was trained for.
    pub context_tokens: Option<u32>,
}

/// Whether the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    /// When it is compiled in.
    Auto,
    /// Always; a build without it is an error.
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

/// How [`EngineMode`] is written.
const ENABLED: [(&str, EngineMode); 3] = [
    ("auto", EngineMode::Auto),
    ("on", EngineMode::On),
    ("off", EngineMode::Off),
];

impl EngineConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let threads = table.field("threads");
        let context = table.field("context_tokens");
        let threads_read = threads.optional_integer(reader, 1..=1024);
        let context_read = context.optional_integer(reader, 64..=10_000_000);
        let engine = Self {
            enabled: table
                .field("enabled")
                .choice(reader, default.enabled, &ENABLED),
            model: table.field("model").text(reader, &default.model),
            models_dir: table
                .field("models_dir")
                .path(reader, "models in the data directory"),
            threads: threads.settle(reader, threads_read.map(Some), None, |threads| {
                threads.map_or_else(
                    || String::from("one less than there are cores"),
                    |threads| threads.to_string(),
                )
            }),
            max_queue: table
                .field("max_queue")
                .integer(reader, default.max_queue, 1..=10_000),
            context_tokens: context.settle(reader, context_read.map(Some), None, |tokens| {
                tokens.map_or_else(|| String::from("the model's"), |tokens| tokens.to_string())
            }),
        };
        table.finish(reader);
        engine
    }
}
