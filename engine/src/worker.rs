//! The inference thread.
use std::sync::mpsc::Receiver;

use tokio::sync::mpsc;

use crate::{
    engine::{EngineSettings, StateCell},
    error::{EngineError, LoadError},
    event::Event,
    request::GenerateRequest,
};

/// A queued request and where its events go.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: GenerateRequest,
    pub(crate) events: mpsc::Sender<Event>,
}

pub(crate) struct Worker {
    inbox: Receiver<Job>,
}

impl Worker {
    pub(crate) fn new(inbox: Receiver<Job>) -> Self {
        Self { inbox }
    }

    pub(crate) fn run(self, settings: &EngineSettings, state: &StateCell) {
        let error = EngineError::Load(LoadError::Unusable(format!("{}", settings.model.display())));
        state.fail(&error);
        while let Ok(job) = self.inbox.try_recv() {
            drop(job.request);
            let _ = job.events.try_send(Event::Failed(error.clone()));
        }
    }
}
