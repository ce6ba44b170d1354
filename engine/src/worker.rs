//! The inference thread: loads the model, then runs all requests on it, step by step.
//!
//! A step takes one token of every answer that can go on and a slice of the prompts
//! that are still being read, so requests advance side by side. A request whose reader
//! is behind, or whose channel is closed, adds nothing to a step. When no request can go
//! on the thread parks; submitting, reading and dropping wake it.

mod active;
mod load;
mod reserve;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, TryRecvError},
    thread,
};

use tokio::sync::mpsc;

use crate::{
    engine::{EngineSettings, State, StateCell, panic_text},
    error::EngineError,
    event::Event,
    model::Segment,
    request::GenerateRequest,
};
use active::{Active, Prepared};
use load::Model;
use reserve::Reserve;

/// Answers that advance in one step.
const MAX_ROWS: usize = 16;
/// Prompt tokens per step when no answer is waiting for its next token.
const PROMPT_CHUNK: usize = 256;
/// Prompt tokens per step otherwise: what an answer waits for, at most.
const SHARED_PROMPT_CHUNK: usize = 64;

/// A queued request and where its events go.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: GenerateRequest,
    pub(crate) events: mpsc::Sender<Event>,
}

pub(crate) struct Worker {
    inbox: Receiver<Job>,
    /// Requests that hold a place, oldest first.
    active: VecDeque<Active>,
    /// The next request, while there is no place for it.
    waiting: Option<Prepared>,
}

impl Worker {
    pub(crate) fn new(inbox: Receiver<Job>) -> Self {
        Self {
            inbox,
            active: VecDeque::new(),
            waiting: None,
        }
    }

    /// Runs until every handle of the engine is gone. Never panics: a defect ends the
    /// requests with an event and the engine with a state.
    pub(crate) fn run(mut self, settings: &EngineSettings, state: &StateCell) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let model = Model::load(settings, state)?;
            state.set(State::Ready(model.info.clone()));
            self.serve(&model);
            Ok(())
        }));
        let error = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => EngineError::Load(error),
            Err(panic) => EngineError::Crashed(panic_text(panic.as_ref())),
        };
        // The state first: whoever submits after it is refused, whoever came before is
        // still in the inbox.
        state.fail(&error);
        let waiting = self.waiting.take().map(Prepared::into_events);
        let queued = self.inbox.try_iter().map(|job| job.events);
        for events in waiting.into_iter().chain(queued) {
            let _ = events.try_send(Event::Failed(error.clone()));
        }
        for active in self.active {
            active.fail(&error);
        }
    }

    fn serve(&mut self, model: &Model) {
        let mut reserve = Reserve::new(&model.decoder.config);
        while self.admit(model, &mut reserve) {
            self.active.retain_mut(|active| {
                active.flush();
                let is_over = active.is_over();
                if is_over {
                    reserve.give_back(active.blocks());
                }
                !is_over
            });
            for active in &mut self.active {
                active.start_choices(model, &mut reserve);
            }
            if self.active.is_empty() {
                continue;
            }
            if self.step(model) {
                // Each request in turn is first in line for the prompt slice.
                self.active.rotate_left(1);
            } else {
                thread::park();
            }
        }
    }

    /// Takes requests while there is a place; waits for one when there is nothing else to
    /// do. False when no request can come any more and none is running.
    fn admit(&mut self, model: &Model, reserve: &mut Reserve) -> bool {
        loop {
            let next = match self.waiting.take() {
                Some(prepared) => Some(prepared),
                None => match self.next_job() {
                    Ok(job) => Prepared::read(job, model),
                    Err(TryRecvError::Empty) => return true,
                    Err(TryRecvError::Disconnected) => return !self.active.is_empty(),
                },
            };
            let Some(prepared) = next.filter(|prepared| !prepared.is_abandoned()) else {
                continue;
            };
            let rows: usize = self.active.iter().map(Active::running).sum();
            if rows >= MAX_ROWS || !reserve.take(prepared.blocks) {
                self.waiting = Some(prepared);
                return true;
            }
            self.active.push_back(Active::start(prepared, model));
        }
    }

    /// The next request in the queue; waits for one when there is nothing else to do.
    fn next_job(&self) -> Result<Job, TryRecvError> {
        if self.active.is_empty() {
            self.inbox.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            self.inbox.try_recv()
        }
    }

    /// One step of the model. False when no request could take part.
    fn step(&mut self, model: &Model) -> bool {
        let shares_step = self.active.iter().any(Active::is_answering);
        let mut prompt_room = if shares_step {
            SHARED_PROMPT_CHUNK
        } else {
            PROMPT_CHUNK
        };
        let mut segments: Vec<Segment<'_>> = Vec::new();
        for active in &mut self.active {
            active.add_segments(&mut segments, &mut prompt_room);
        }
        if segments.is_empty() {
            return false;
        }
        let logits = model.pool.install(|| model.decoder.step(&mut segments));
        drop(segments);
        let mut results = logits.into_iter();
        for active in &mut self.active {
            active.take_results(&mut results, model);
        }
        true
    }
}
