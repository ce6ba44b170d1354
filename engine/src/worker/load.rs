//! Everything that is read from the model file once.

use std::{sync::Arc, thread::available_parallelism};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{
    engine::{EngineSettings, ModelInfo, StateCell},
    error::{EngineError, LoadError},
    gguf::GgufFile,
    model::Decoder,
    prompt::Prompts,
    request::Input,
};

/// The priority of the engine's threads against the caller's, in `nice` steps; threads inherit it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// A model ready to run.
pub(super) struct Model {
    pub(super) decoder: Decoder,
    pub(super) prompts: Arc<Prompts>,
    pub(super) pool: ThreadPool,
    pub(super) info: ModelInfo,
}

impl Model {
    pub(super) fn load(settings: &EngineSettings, cell: &StateCell) -> Result<Self, LoadError> {
        lower_priority();
        let mut file = GgufFile::open(&settings.model)?;
        let stem = settings.model.file_stem().unwrap_or_default();
        let prompts = Prompts::read(&file.header.metadata, &stem.to_string_lossy())?;
        let prompts = cell.publish(prompts);
        let decoder = Decoder::load(&mut file, settings.context_tokens)?;
        if prompts.tokenizer.vocabulary().len() > decoder.config.vocabulary {
            return Err(LoadError::Unusable(
                "the vocabulary is larger than the embedding".to_owned(),
            ));
        }
        let threads = settings
            .threads
            .unwrap_or_else(|| {
                // One core stays free: with a thread on every core the caller's own threads
                // wait longer, whatever the priority.
                available_parallelism().map_or(1, |cores| cores.get() - 1)
            })
            .max(1);
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("tollward-math-{index}"))
            .build()
            .map_err(|error| LoadError::Threads(error.to_string()))?;
        let info = ModelInfo {
            name: prompts.model.clone(),
            architecture: decoder.config.architecture.clone(),
            context_tokens: small(decoder.config.context),
            vocabulary: small(decoder.config.vocabulary),
            chats: prompts.chats(),
            weight_bytes: decoder.weight_bytes(),
        };
        tracing::info!(
            model.name = info.name,
            model.architecture = info.architecture,
            model.weight_bytes = info.weight_bytes,
            threads,
            "model loaded"
        );
        Ok(Self {
            decoder,
            prompts,
            pool,
            info,
        })
    }

    /// The tokens of a request's prompt.
    pub(super) fn encode(&self, input: &Input) -> Result<Vec<u32>, EngineError> {
        let tokens = self.prompts.encode(input)?;
        let context_tokens = self.info.context_tokens;
        let prompt_tokens = small(tokens.len());
        if tokens.is_empty() {
            Err(EngineError::EmptyPrompt)
        } else if prompt_tokens >= context_tokens {
            Err(EngineError::PromptTooLong {
                prompt_tokens,
                context_tokens,
            })
        } else {
            Ok(tokens)
        }
    }
}

/// Counts of tokens; the context is bounded far below 2^32.
pub(super) fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Makes the calling thread yield to the caller's threads.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(error = %error, "cannot lower the priority of an engine thread");
    }
}
