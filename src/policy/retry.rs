//! What to do about a failed attempt: again, next, or stop.

use std::time::Duration;

use tollward_wire::fault::{Fault, Phase};

use crate::policy::backoff::{Backoff, LONGEST_HONOURED};

/// What is known when an attempt has failed.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Why it failed.
    pub fault: Fault,
    /// Attempts made on this deployment so far, the failed one included.
    pub attempts_here: u32,
    /// Attempts that the call may still make, over all deployments.
    pub attempts_left: u32,
    /// Whether the plan has another candidate.
    pub has_next: bool,
    /// Whether it has others for requests that fail in this way.
    pub has_detour: bool,
    /// What the vendor asked us to wait, relative to now.
    pub retry_after: Option<Duration>,
    /// A uniform draw from `[0, 1)`, for the jitter.
    pub dice: f64,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try the same deployment once more, after this wait. Costs one of the provider's allowance.
    Again(Duration),
    /// Try the next candidate at once.
    Next,
    /// Give the fault to the client.
    Stop,
}

/// How a fault behaves when it is met again.
enum Nature {
    /// The request itself is refused: no other deployment may dodge that.
    Final,
    /// This deployment will not serve the call; another may.
    Here,
    /// Likely gone in a moment.
    Passing,
}

/// Decides about a failed attempt.
///
/// Another candidate is always preferred to waiting: the caller pays for waits.
/// A slow deployment is asked a second time once, not twice: its answer may
/// already have been paid for. So is one whose model wrote what cannot be used.
pub fn decide(situation: &Situation, backoff: &Backoff) -> Verdict {
    if situation.attempts_left == 0 {
        return Verdict::Stop;
    }
    let again = || match situation.retry_after {
        Some(asked) if asked > LONGEST_HONOURED => Verdict::Stop,
        asked => Verdict::Again(backoff.delay(situation.attempts_here, asked, situation.dice)),
    };
    match nature(situation.fault) {
        _ if situation.has_detour => Verdict::Next,
        Nature::Final => Verdict::Stop,
        Nature::Here | Nature::Passing if situation.has_next => Verdict::Next,
        Nature::Here => Verdict::Stop,
        Nature::Passing if is_dear(situation.fault) && situation.attempts_here > 1 => Verdict::Stop,
        Nature::Passing => again(),
    }
}

/// The same where finding another candidate has effects: `has_next` is asked only where one is wanted.
pub fn decide_among(
    situation: &Situation,
    backoff: &Backoff,
    has_next: impl FnOnce() -> bool,
) -> Verdict {
    match decide(situation, backoff) {
        Verdict::Next if !has_next() => {
            let alone = Situation {
                has_next: false,
                has_detour: false,
                ..*situation
            };
            decide(&alone, backoff)
        }
        verdict => verdict,
    }
}

fn is_dear(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Misgenerated | Fault::Timeout(Phase::FirstByte | Phase::FirstContent | Phase::Idle)
    )
}

fn nature(fault: Fault) -> Nature {
    match fault {
        Fault::BadRequest
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::Cancelled
        | Fault::Timeout(Phase::Total) => Nature::Final,
        Fault::NotFound
        | Fault::ForeignCipher
        | Fault::Auth
        | Fault::Quota
        | Fault::Tls
        | Fault::ForbiddenAddress
        | Fault::Redirect
        | Fault::EventTooLarge => Nature::Here,
        Fault::RateLimited
        | Fault::Overloaded
        | Fault::Misgenerated
        | Fault::Server
        | Fault::Timeout(Phase::Connect | Phase::FirstByte | Phase::FirstContent | Phase::Idle)
        | Fault::Unreachable
        | Fault::Dns
        | Fault::Protocol
        | Fault::Truncated
        | Fault::Incomplete
        | Fault::Empty => Nature::Passing,
    }
}

#[cfg(test)]
mod tests;
