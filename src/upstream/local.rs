//! The embedded engine behind the same exchange as every upstream.
//!
//! An OpenAI-shaped request becomes a generation; its events become the bytes
//! of an OpenAI-shaped answer, so that the pipeline reads, meters and books
//! them like any vendor's. What the engine cannot do is refused by name, never
//! ignored.
//!
//! - `request`: document → generation request
//! - `answer`, `shape`: events → bytes

mod answer;
mod request;
mod shape;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tollward_config::EngineConfig;
use tollward_engine::{Engine, EngineSettings, Sampling, State, SubmitError};
use tollward_providers::Call;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

use crate::snapshot::LocalModel;
use crate::upstream::count::LocalCount;
use crate::upstream::exchange::LocalBody;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::local::request::Wanted;
use crate::weights;
use crate::weights::known::{self, Suggested};

/// Whether the engine is part of this build.
pub const IS_BUILT_IN: bool = true;

/// A model's engine; started when it is first wanted.
struct Local {
    name: String,
    dir: PathBuf,
    config: EngineConfig,
    engine: Mutex<Option<Engine>>,
    /// One request at a time is counted.
    counting: Arc<Semaphore>,
}

/// The engine of `model`, whose weights are looked for in `dir`.
///
/// Nothing is loaded yet. Weights that are not there are no error: the gateway
/// serves its other models, and a call says what to do.
///
/// # Errors
/// Never in this build; a build without the engine says so.
pub fn open(model: &str, dir: &Path, config: &EngineConfig) -> Result<Arc<dyn LocalModel>, String> {
    Ok(Arc::new(Local {
        name: model.to_owned(),
        dir: dir.to_owned(),
        config: config.clone(),
        engine: Mutex::new(None),
        counting: Arc::new(Semaphore::new(1)),
    }))
}

impl Local {
    /// The running engine. Weights that were fetched meanwhile are found.
    fn engine(&self) -> Result<Engine, String> {
        let mut engine = self.engine.lock();
        if let Some(engine) = &*engine {
            return Ok(engine.clone());
        }
        let model = &self.name;
        let path = weights::locate(model, std::slice::from_ref(&self.dir));
        let path = path.ok_or_else(|| format!("the weights of `{model}` are not on this machine; fetch them with `tollward pull {model}`"))?;
        let EngineConfig {
            threads,
            context_tokens,
            max_queue,
            ..
        } = self.config;
        let started = Engine::start(EngineSettings {
            model: path,
            threads,
            context_tokens,
            max_queue,
        })
        .map_err(|error| error.to_string())?;
        *engine = Some(started.clone());
        Ok(started)
    }
}

impl Local {
    /// The engine, and what it is to do.
    fn wanted(&self, call: &Call<'_>) -> Result<(Engine, Wanted), Box<AttemptFailure>> {
        let engine = self
            .engine()
            .map_err(|why| refused(Fault::NotFound, "model_not_loaded", None, &why))?;
        let wanted = request::read(call, &self.sampling()).map_err(|error| {
            refused(
                Fault::BadRequest,
                "unsupported_parameter",
                Some(error.param),
                &error.reason,
            )
        })?;
        Ok((engine, wanted))
    }

    /// How to sample when a request does not say.
    fn sampling(&self) -> Sampling {
        let suggested = known::find(&self.name).map(|model| model.suggested);
        suggested.map_or_else(Sampling::default, |Suggested { temperature, top_p }| {
            Sampling {
                temperature,
                top_p,
                ..Sampling::default()
            }
        })
    }
}

impl LocalModel for Local {
    fn warm(&self) {
        if let Err(why) = self.engine() {
            tracing::warn!("{why}");
        }
    }

    fn open(&self, call: &Call<'_>) -> Result<LocalBody, Box<AttemptFailure>> {
        let (engine, wanted) = self.wanted(call)?;
        let generation = engine
            .submit(wanted.generate)
            .map_err(|error| match error {
                SubmitError::Busy { .. } => {
                    refused(Fault::Overloaded, "engine_busy", None, &error.to_string())
                }
                SubmitError::Failed(_) => refused(
                    Fault::NotFound,
                    "model_not_loaded",
                    None,
                    &error.to_string(),
                ),
                SubmitError::Invalid { param, reason } => refused(
                    Fault::BadRequest,
                    "invalid_value",
                    Some(param.to_owned()),
                    &reason,
                ),
            })?;
        let head = answer::Head::new(call.operation, &call.view.model, wanted.echo);
        Ok(answer::body(generation, head, call.view.is_stream))
    }

    fn count(&self, call: &Call<'_>) -> Result<LocalCount, Box<AttemptFailure>> {
        let (engine, wanted) = self.wanted(call)?;
        let input = wanted.generate.input;
        let count = move || engine.count(&input).map_err(|error| error.to_string());
        Ok(LocalCount {
            turn: Arc::clone(&self.counting),
            work: Box::new(count),
        })
    }

    fn status(&self) -> String {
        match self.engine() {
            Ok(engine) => match engine.state() {
                State::Loading => format!("{} is loading", self.name),
                State::Ready(info) => format!(
                    "{} ({}, {} tokens of context)",
                    self.name, info.architecture, info.context_tokens
                ),
                State::Failed(why) => format!("{} failed to load: {why}", self.name),
            },
            Err(why) => why,
        }
    }
}

fn refused(fault: Fault, code: &str, param: Option<String>, message: &str) -> Box<AttemptFailure> {
    let error = ErrorBody {
        message: message.to_owned(),
        kind: "invalid_request_error".into(),
        param,
        code: Some(code.into()),
        filtered: None,
    };
    Box::new(AttemptFailure {
        error: Some(error),
        is_inexpressible: fault == Fault::BadRequest,
        is_ours: true,
        ..AttemptFailure::of(fault, message)
    })
}
