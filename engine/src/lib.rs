//! Local inference on candle-core: weights, tokens, sampling. No HTTP, no money.
//!
//! Plain data in, events out: [`Engine::start`] loads a GGUF file on its own thread,
//! [`Engine::submit`] queues a [`GenerateRequest`] and returns a [`Generation`], whose
//! [`Event`]s are the answer. Dropping the `Generation` cancels the work.
//!
//! Inside, from the file up: `gguf` checks a file before anything trusts it, `weights`
//! packs its tensors for `kernels`, `model` is one decoder configured by data,
//! `tokenizer`, `template` and `prompt` turn text into ids and back, `sampler` draws, and
//! `worker` runs many requests on one model.

mod engine;
mod error;
mod event;
mod gguf;
mod kernels;
mod model;
mod prompt;
mod request;
mod sampler;
mod template;
mod text_flow;
mod tokenizer;
mod weights;
mod worker;

pub use engine::{Engine, EngineSettings, ModelInfo, State};
pub use error::{EngineError, LoadError, SubmitError};
pub use event::{Candidate, Event, Generation, StopReason, TokenLogprob};
pub use request::{
    ChatMessage, GenerateRequest, Input, MAX_CHOICES, MAX_LOGIT_BIAS, MAX_STOP_BYTES, MAX_STOPS,
    MAX_TOP_LOGPROBS, Sampling,
};
