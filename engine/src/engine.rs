//! The handle: starts the inference thread, reports its state, queues requests.
//!
//! The engine owns one OS thread that loads the model and then runs every request, plus
//! a pool for matrix products. All of it runs at a lower priority than the caller's
//! threads and is parked when there is nothing to do. What the thread does is in
//! `worker`; here is only what callers touch.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, Thread},
};

use tokio::sync::mpsc;

use crate::{
    error::{EngineError, LoadError, SubmitError},
    event::Generation,
    prompt::Prompts,
    request::{GenerateRequest, Input},
    worker::{Job, Worker},
};

/// Events a request may be ahead of its reader.
const EVENT_CAPACITY: usize = 32;

/// What to load and how much of the machine to use.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// The GGUF file.
    pub model: PathBuf,
    /// Threads for matrix products; `None` takes one less than the process may use cores.
    pub threads: Option<usize>,
    /// Tokens of context to allow; `None` takes the model's own, at most 8192. A larger
    /// number than the model was trained for is reduced to the model's.
    pub context_tokens: Option<u32>,
    /// Requests that may wait for a place; the next one is refused as busy. At least 1.
    pub max_queue: usize,
}

/// What the engine can do at the moment.
#[derive(Debug, Clone)]
pub enum State {
    /// The model is being read. Requests may be queued.
    Loading,
    /// Requests are served.
    Ready(ModelInfo),
    /// Nothing will be served; the text says why.
    Failed(String),
}

/// Facts about the loaded model.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// The name inside the file, or the file's stem.
    pub name: String,
    /// The GGUF architecture, such as `llama`.
    pub architecture: String,
    /// Tokens of prompt and answer together.
    pub context_tokens: u32,
    /// Number of token ids.
    pub vocabulary: u32,
    /// Whether the file has a chat template; without one only text completion works.
    pub chats: bool,
    /// Weights in memory, in bytes.
    pub weight_bytes: u64,
}

/// A running engine. Clones share it; the thread ends when the last clone is dropped
/// and the requests in flight have ended.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    jobs: Option<SyncSender<Job>>,
    state: StateCell,
    alarm: Alarm,
    max_queue: usize,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The sender must be gone before the worker wakes, or it would park again.
        self.jobs = None;
        self.alarm.ring();
    }
}

impl Engine {
    /// Starts the thread and returns; the model loads there.
    ///
    /// # Errors
    /// [`LoadError::Threads`] when the operating system refuses the thread. Everything
    /// about the file is reported through [`state`](Self::state).
    pub fn start(settings: EngineSettings) -> Result<Self, EngineError> {
        let max_queue = settings.max_queue.max(1);
        let (jobs, inbox) = sync_channel(max_queue);
        let state = StateCell::default();
        let alarm = Alarm::default();
        let cell = state.clone();
        let thread = thread::Builder::new()
            .name("tollward-engine".to_owned())
            .spawn(move || {
                Worker::new(inbox).run(&settings, &cell);
            })
            .map_err(|error| LoadError::Threads(error.to_string()))?;
        alarm.arm(thread.thread().clone());
        Ok(Self {
            shared: Arc::new(Shared {
                jobs: Some(jobs),
                state,
                alarm,
                max_queue,
            }),
        })
    }

    /// What the engine can do now.
    pub fn state(&self) -> State {
        self.shared.state.read()
    }

    /// Counts the tokens of a prompt, as [`Event::Started`](crate::Event::Started) would report
    /// them, on the calling thread and beside the requests that run; `None` while nothing is known
    /// of the model. A prompt that is too long for the model is counted like any other.
    ///
    /// # Errors
    /// [`EngineError`] when the model's template refuses the conversation, or there is none.
    pub fn count(&self, input: &Input) -> Result<Option<usize>, EngineError> {
        let prompts = self.shared.state.prompts.get();
        let tokens = prompts.map(|it| it.encode(input)).transpose()?;
        Ok(tokens.map(|it| it.len()))
    }

    /// Queues a request.
    ///
    /// While the model loads, requests wait for it.
    ///
    /// # Errors
    /// [`SubmitError::Busy`] when the queue is full, [`SubmitError::Failed`] when the
    /// engine is not running, [`SubmitError::Invalid`] when a parameter is out of range.
    pub fn submit(&self, request: GenerateRequest) -> Result<Generation, SubmitError> {
        request.validate()?;
        if let State::Failed(reason) = self.state() {
            return Err(SubmitError::Failed(reason));
        }
        let (events, receiver) = mpsc::channel(EVENT_CAPACITY);
        let sent = match &self.shared.jobs {
            Some(jobs) => jobs.try_send(Job { request, events }),
            None => Err(TrySendError::Disconnected(Job { request, events })),
        };
        match sent {
            Ok(()) => {
                self.shared.alarm.ring();
                Ok(Generation::new(receiver, self.shared.alarm.clone()))
            }
            Err(TrySendError::Full(_)) => Err(SubmitError::Busy {
                max_queue: self.shared.max_queue,
            }),
            Err(TrySendError::Disconnected(_)) => {
                Err(SubmitError::Failed("the inference thread ended".to_owned()))
            }
        }
    }
}

/// Wakes the worker when it is parked; costs one atomic when it is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarm(Arc<OnceLock<Thread>>);

impl Alarm {
    fn arm(&self, thread: Thread) {
        // Set once, by `start`, before anyone else holds the alarm.
        let _ = self.0.set(thread);
    }

    pub(crate) fn ring(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

/// The state, written by the worker and read by everyone.
#[derive(Debug, Clone)]
pub(crate) struct StateCell {
    state: Arc<RwLock<State>>,
    /// There before the weights are, and as long as the engine.
    prompts: Arc<OnceLock<Arc<Prompts>>>,
}

impl Default for StateCell {
    fn default() -> Self {
        Self {
            state: Arc::new(RwLock::new(State::Loading)),
            prompts: Arc::default(),
        }
    }
}

impl StateCell {
    /// Lets everybody write prompts.
    pub(crate) fn publish(&self, prompts: Prompts) -> Arc<Prompts> {
        Arc::clone(self.prompts.get_or_init(|| Arc::new(prompts)))
    }

    pub(crate) fn set(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(crate) fn fail(&self, error: &EngineError) {
        tracing::error!(error = %error, "the inference engine stopped");
        self.set(State::Failed(error.to_string()));
    }

    fn read(&self) -> State {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The message of a panic, when it has one.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned())
}
