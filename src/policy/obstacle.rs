//! Why a candidate is not asked, or only when no other is left.
//!
//! Some obstacles stand in the way of this call whatever happens; others pass by themselves, and a
//! candidate with one of those is asked when nobody without one is left. So no route is ever shut.
//! What a catalogue says that a model lacks keeps it from being asked while there is another one.

use std::sync::Arc;
use std::time::Duration;

use tollward_config::catalog::Capabilities;
use tollward_store::NanoUsd;
use tollward_wire::fault::Fault;
use tollward_wire::view::needs::Needs;

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
    /// The call is expected to cost more than it may, or nobody knows what.
    TooDear(Option<NanoUsd>),
    /// An operator has taken it out.
    Drained,
    /// It failed lately; for so long it is left alone.
    Broken(Duration),
    /// It is left alone, for so long and for that reason; whether its vendor asked for that.
    Resting(Duration, Fault, bool),
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
    /// Even when nobody else is left, hardly anybody is let through.
    pub is_strict: bool,
}

/// What it takes to ask a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toll {
    /// Nothing.
    Nothing,
    /// A turn of its own: one call a second finds out whether it must still be left alone.
    Turn,
    /// One of its provider's retries.
    Retry,
    /// It is not asked.
    Forbidden,
}

/// What it takes to ask a candidate with that `pause` when the call has made so many `attempts`, and
/// there may be another one after it with none.
///
/// When everybody rests, going on to the next is as much a retry as asking the same one again.
pub fn toll(pause: Option<Pause>, attempts: u32, is_other_free: impl FnOnce() -> bool) -> Toll {
    match pause {
        None => Toll::Nothing,
        Some(_) if is_other_free() => Toll::Forbidden,
        Some(pause) if pause.is_strict => Toll::Turn,
        Some(_) if attempts > 0 => Toll::Retry,
        Some(_) => Toll::Nothing,
    }
}

impl Obstacle {
    /// What passes by itself.
    pub fn pause(&self) -> Option<Pause> {
        let (left, fault, is_strict) = match self {
            Self::Broken(left) => (*left, Fault::Overloaded, true),
            Self::Resting(left, fault, is_asked) => (*left, *fault, *is_asked),
            // The vendor knows better than we do whether they still have to.
            Self::Refused(left) => (*left, Fault::RateLimited, false),
            Self::Forbidden
            | Self::NotServed
            | Self::Condition
            | Self::Guard(_)
            | Self::Lacks(_)
            | Self::TooLong(..)
            | Self::TooDear(_)
            | Self::Drained => return None,
        };
        Some(Pause {
            left,
            fault,
            is_strict,
        })
    }

    /// Whether it is only said to be one, by a catalogue that may be wrong.
    pub fn is_doubt(&self) -> bool {
        matches!(self, Self::Lacks(_) | Self::TooLong(..))
    }

    /// How much a caller learns from it who gets no answer: most from what an operator can undo, least
    /// from what is none of the caller's business.
    pub fn telling(&self) -> u8 {
        match self {
            Self::Drained => 6,
            Self::TooDear(_) => 5,
            Self::Guard(_) => 4,
            Self::Condition => 3,
            Self::NotServed => 2,
            Self::Forbidden => 1,
            // These keep nobody from being asked.
            Self::Lacks(_)
            | Self::TooLong(..)
            | Self::Broken(_)
            | Self::Resting(..)
            | Self::Refused(_) => 0,
        }
    }

    /// Whether it has to do with how the candidate is, or with what is known of its model: with what
    /// may be otherwise for the next call.
    pub fn is_of_state(&self) -> bool {
        self.pause().is_some() || self.is_doubt() || *self == Self::Drained
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
            Self::TooDear(Some(cost)) => format!("it would cost about {cost}, more than it may"),
            Self::TooDear(None) => "nobody knows what it costs".to_owned(),
            Self::Drained => "it is taken out".to_owned(),
            Self::Broken(left) => format!("it failed lately and rests for {} s", seconds(left)),
            Self::Resting(left, fault, _) => {
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
            Self::TooDear(_) => "too_dear",
            Self::Drained => "drained",
            Self::Broken(_) => "broken",
            Self::Resting(..) => "resting",
            Self::Refused(_) => "refused",
        }
    }
}

/// What the catalogue says that a model lacks for a request with `needs` and about so many `tokens`.
///
/// Tokens are an estimate, so only what is clearly too long counts as that.
pub fn doubt(can: &Capabilities, needs: Needs, tokens: u64) -> Option<Obstacle> {
    let lacks = |needed: bool, can: Option<bool>| needed && can == Some(false);
    if lacks(needs.tools, can.tools) {
        return Some(Obstacle::Lacks("tools"));
    }
    if lacks(needs.vision, can.vision) {
        return Some(Obstacle::Lacks("pictures"));
    }
    if lacks(needs.schema, can.schema) {
        return Some(Obstacle::Lacks("a schema for the answer"));
    }
    let context = can.context.filter(|it| tokens > it + it / 4)?;
    Some(Obstacle::TooLong(tokens, context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_says_keeps_no_model_from_being_asked() {
        let everything = Needs {
            tools: true,
            vision: true,
            schema: true,
        };
        assert_eq!(doubt(&Capabilities::default(), everything, 1 << 40), None);
    }

    #[test]
    fn a_model_is_doubted_for_what_it_lacks_and_for_what_is_clearly_too_long() {
        let can = Capabilities {
            tools: Some(false),
            vision: Some(true),
            context: Some(8_000),
            ..Capabilities::default()
        };
        let pictures = Needs {
            vision: true,
            ..Needs::default()
        };
        let tools = Needs {
            tools: true,
            ..Needs::default()
        };
        assert_eq!(doubt(&can, tools, 10), Some(Obstacle::Lacks("tools")));
        assert_eq!(doubt(&can, pictures, 9_999), None);
        let long = doubt(&can, pictures, 10_001);
        assert_eq!(long, Some(Obstacle::TooLong(10_001, 8_000)));
    }

    #[test]
    fn who_rests_is_asked_first_for_nothing_and_after_a_failure_for_a_retry() {
        let pause = |it: Obstacle| it.pause();
        let alone = |pause, attempts| toll(pause, attempts, || false);
        let refused = pause(Obstacle::Refused(Duration::from_secs(5)));
        assert_eq!(alone(refused, 0), Toll::Nothing);
        assert_eq!(alone(refused, 1), Toll::Retry);
        let broken = pause(Obstacle::Broken(Duration::from_secs(5)));
        assert_eq!([alone(broken, 0), alone(broken, 1)], [Toll::Turn; 2]);
        assert_eq!(toll(None, 2, || true), Toll::Nothing);
        for rests in [refused, broken] {
            assert_eq!(toll(rests, 0, || true), Toll::Forbidden);
        }
    }

    #[test]
    fn only_what_passes_by_itself_is_a_pause() {
        let second = Duration::from_secs(1);
        let passing = [
            Obstacle::Broken(second),
            Obstacle::Resting(second, Fault::RateLimited, true),
            Obstacle::Refused(second),
        ];
        assert!(passing.iter().all(|it| it.pause().is_some()));
        for lasting in [
            Obstacle::Drained,
            Obstacle::Condition,
            Obstacle::Lacks("tools"),
        ] {
            assert_eq!(lasting.pause(), None);
        }
    }
}
