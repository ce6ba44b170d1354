//! Why a candidate is not asked, or only when no other is left.
//!
//! Some obstacles stand in the way of this call whatever happens; others pass by themselves, and a
//! candidate with one of those is asked when nobody without one is left. So no route is ever shut.

use std::sync::Arc;
use std::time::Duration;

use tollward_wire::fault::Fault;

/// What stands in the way of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The caller's key may not use the model that leads to it.
    Forbidden,
    /// It does not serve the operation.
    NotServed,
    /// Its own condition does not hold.
    Condition,
    /// A guard asks for a tag that it does not have.
    Guard(Arc<str>),
    /// Its model lacks something that the request needs.
    Lacks(&'static str),
    /// The request is too long for it: tokens there are, tokens it takes.
    TooLong(u64, u64),
    /// An operator has taken it out.
    Drained,
    /// It failed lately; for so long it is left alone.
    Broken(Duration),
    /// It asked to be left alone, for so long and for that reason.
    Resting(Duration, Fault),
    /// All its credentials rest, for so long.
    Refused(Duration),
}

/// A candidate that is asked only when no other is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it will have passed.
    pub left: Duration,
    /// What a caller is told who gets no answer for it.
    pub fault: Fault,
}

impl Obstacle {
    /// What passes by itself.
    pub fn pause(&self) -> Option<Pause> {
        let (left, fault) = match self {
            Self::Broken(left) => (*left, Fault::Overloaded),
            Self::Resting(left, fault) => (*left, *fault),
            Self::Refused(left) => (*left, Fault::RateLimited),
            Self::Forbidden
            | Self::NotServed
            | Self::Condition
            | Self::Guard(_)
            | Self::Lacks(_)
            | Self::TooLong(..)
            | Self::Drained => return None,
        };
        Some(Pause { left, fault })
    }

    /// What it is, for whoever asked.
    pub fn told(&self) -> String {
        let seconds = |left: &Duration| left.as_secs_f64().ceil();
        match self {
            Self::Forbidden => "the key may not use it".to_owned(),
            Self::NotServed => "it does not serve this".to_owned(),
            Self::Condition => "its condition does not hold".to_owned(),
            Self::Guard(name) => format!("the guard `{name}` keeps the request from it"),
            Self::Lacks(what) => format!("its model does not take {what}"),
            Self::TooLong(tokens, room) => {
                format!("the request has about {tokens} tokens, and its model takes {room}")
            }
            Self::Drained => "it is taken out".to_owned(),
            Self::Broken(left) => format!("it failed lately and rests for {} s", seconds(left)),
            Self::Resting(left, fault) => {
                format!(
                    "it said `{}` and rests for {} s",
                    fault.code(),
                    seconds(left)
                )
            }
            Self::Refused(left) => format!("its credentials rest for {} s", seconds(left)),
        }
    }

    /// What it is, in a word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::NotServed => "not_served",
            Self::Condition => "condition",
            Self::Guard(_) => "guard",
            Self::Lacks(_) => "lacks",
            Self::TooLong(..) => "too_long",
            Self::Drained => "drained",
            Self::Broken(_) => "broken",
            Self::Resting(..) => "resting",
            Self::Refused(_) => "refused",
        }
    }
}
