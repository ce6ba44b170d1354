//! What becomes of a call at a deployment, as far as the log tells.
//!
//! Where the log's own call went there, what became of it; else what became of the last call that
//! did. What a request itself is refused for follows it to whoever is asked; what a deployment
//! failed for stays there until it answers again.

use std::collections::HashMap;
use std::time::Duration;

use tollward_wire::fault::{Fault, Phase};

use super::record::{Kinds, Recorded, Step};

/// Deployments that are remembered; callers choose some of their names.
const MAX_DEPLOYMENTS: usize = 4_096;

/// What becomes of a call at a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It answers.
    Answers {
        /// Time to the first content.
        first: Duration,
        /// Time from there to the end.
        rest: Duration,
        /// The answer breaks off there.
        is_cut: bool,
    },
    /// It fails.
    Fails {
        /// Why.
        fault: Fault,
        /// After how long.
        after: Duration,
    },
    /// The caller leaves before there is an answer.
    Leaves {
        /// After how long.
        after: Duration,
    },
}

impl Fate {
    /// The time until it shows.
    pub fn head(self) -> Duration {
        match self {
            Self::Answers { first, .. } => first,
            Self::Fails { after, .. } | Self::Leaves { after } => after,
        }
    }
}

/// What became of the last call at each deployment: of streams and of whole answers.
#[derive(Debug, Default)]
pub struct Fates {
    last: HashMap<Box<str>, Kinds<Option<Fate>>>,
}

impl Fates {
    /// What becomes of `call` at the deployment of that id.
    pub fn of(&self, call: &Recorded, deployment: &str) -> Fate {
        let (after, rest) = call.times();
        let own = match call.step(deployment) {
            Some(Step::Answered) => Some(Fate::Answers {
                first: after,
                rest,
                is_cut: call.is_cut(),
            }),
            Some(Step::Failed(fault)) => Some(failing(fault, after)),
            Some(Step::Skipped) | None => None,
        };
        let mut steps = call.steps();
        let followed = steps.find_map(|(_, step)| match step {
            Step::Failed(fault) if is_of_request(fault) => Some(failing(fault, after)),
            Step::Failed(_) | Step::Answered | Step::Skipped => None,
        });
        let last = || *self.last.get(deployment)?.of(call);
        own.or(followed).or_else(last).unwrap_or(Fate::Answers {
            first: after,
            rest,
            is_cut: false,
        })
    }

    /// A call of the log went as it did.
    pub fn learn(&mut self, call: &Recorded) {
        for (deployment, step) in call.steps() {
            let is_of_call = match step {
                Step::Failed(fault) => is_of_request(fault),
                Step::Skipped => true,
                Step::Answered => false,
            };
            let is_known = self.last.contains_key(deployment);
            if is_of_call || !is_known && self.last.len() >= MAX_DEPLOYMENTS {
                continue;
            }
            let fate = self.of(call, deployment);
            let last = self.last.entry(deployment.into()).or_default();
            *last.of_mut(call) = Some(fate);
        }
    }
}

fn failing(fault: Fault, after: Duration) -> Fate {
    if fault == Fault::Cancelled {
        Fate::Leaves { after }
    } else {
        Fate::Fails { fault, after }
    }
}

/// Whether a fault has to do with the call, and not with who was asked.
fn is_of_request(fault: Fault) -> bool {
    match fault {
        Fault::BadRequest
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::ForeignCipher
        | Fault::Misgenerated
        | Fault::Cancelled
        | Fault::Timeout(Phase::Total) => true,
        Fault::NotFound
        | Fault::Auth
        | Fault::Quota
        | Fault::RateLimited
        | Fault::Overloaded
        | Fault::Server
        | Fault::Timeout(Phase::Connect | Phase::FirstByte | Phase::FirstContent | Phase::Idle)
        | Fault::Unreachable
        | Fault::Dns
        | Fault::Tls
        | Fault::ForbiddenAddress
        | Fault::Redirect
        | Fault::Protocol
        | Fault::Truncated
        | Fault::Incomplete
        | Fault::Empty
        | Fault::EventTooLarge => false,
    }
}
