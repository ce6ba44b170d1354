//! The embedded engine behind the same exchange as every upstream.
//!
//! An OpenAI-shaped request becomes a generation; its events become the bytes
//! of an OpenAI-shaped answer, so that the pipeline reads, meters and books
//! them like any vendor's. What the engine cannot do is refused by name, never
//! ignored.
//!
//! - [`request`]: document → generation request
//! - [`answer`]: events → bytes

mod answer;
mod request;

use std::path::Path;
use std::sync::Arc;

use tollward_config::EngineConfig;
use tollward_engine::{Engine, EngineSettings, State, SubmitError};
use tollward_providers::Call;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

use crate::snapshot::LocalModel;
use crate::upstream::exchange::{AttemptFailure, LocalBody};
use crate::weights;

/// Whether the engine is part of this build.
pub const IS_BUILT_IN: bool = true;

/// A model's engine, started when the model is first configured.
struct Local {
    name: String,
    engine: Result<Engine, String>,
}

/// Opens the engine of `model`, whose weights are looked for in `dir`.
///
/// Weights that are not there are no error here: the gateway serves its other
/// models, and a call says what to do. Loading goes on behind the call.
///
/// # Errors
/// The engine's threads cannot be started.
pub fn open(model: &str, dir: &Path, config: &EngineConfig) -> Result<Arc<dyn LocalModel>, String> {
    let engine = match weights::locate(model, &[dir.to_owned()]) {
        Some(path) => {
            let settings = EngineSettings { model: path, threads: config.threads, context_tokens: config.context_tokens, max_queue: config.max_queue };
            Ok(Engine::start(settings).map_err(|error| error.to_string())?)
        }
        None => Err(format!("the weights of `{model}` are not on this machine; fetch them with `tollward pull {model}`")),
    };
    Ok(Arc::new(Local { name: model.to_owned(), engine }))
}

impl LocalModel for Local {
    fn open(&self, call: &Call<'_>) -> Result<LocalBody, AttemptFailure> {
        let engine = self.engine.as_ref().map_err(|why| refused(Fault::NotFound, "model_not_loaded", None, why))?;
        let wanted = request::read(call).map_err(|error| refused(Fault::BadRequest, "unsupported_parameter", Some(error.param), &error.reason))?;
        let generation = engine.submit(wanted.generate).map_err(|error| match error {
            SubmitError::Busy { .. } => refused(Fault::Overloaded, "engine_busy", None, &error.to_string()),
            SubmitError::Failed(_) => refused(Fault::NotFound, "model_not_loaded", None, &error.to_string()),
            SubmitError::Invalid { param, reason } => refused(Fault::BadRequest, "invalid_value", Some(param.to_owned()), &reason),
        })?;
        let head = answer::Head::new(call.operation, &call.view.model, wanted.echo);
        Ok(answer::body(generation, head, call.view.is_stream))
    }

    fn status(&self) -> String {
        match &self.engine {
            Ok(engine) => match engine.state() {
                State::Loading => format!("{} is loading", self.name),
                State::Ready(info) => format!("{} ({}, {} tokens of context)", self.name, info.architecture, info.context_tokens),
                State::Failed(why) => format!("{} failed to load: {why}", self.name),
            },
            Err(why) => why.clone(),
        }
    }
}

fn refused(fault: Fault, code: &str, param: Option<String>, message: &str) -> AttemptFailure {
    let error = ErrorBody { message: message.to_owned(), kind: "invalid_request_error".into(), param, code: Some(code.into()) };
    AttemptFailure { error: Some(error), ..AttemptFailure::of(fault, message) }
}
