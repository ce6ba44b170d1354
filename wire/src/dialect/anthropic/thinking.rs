//! How much a Claude is told to think, at Anthropic's and on Bedrock.

use crate::chat::turns::Conversation;
use crate::chat::{ChatRequest, Effort, Part, Provenance, Traits};

/// The smallest budget of thought.
const LEAST_BUDGET: u64 = 1_024;

/// What a Claude is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orders {
    /// Nothing.
    Silent,
    /// Not to think.
    Off,
    /// To think as it sees fit, this hard if there is a word.
    Effort(Option<&'static str>),
    /// To think this many tokens at most.
    Budget(u64),
    /// Nothing, although the caller asked for something.
    Refused,
}

/// What to say. The bound on output, if there is one, holds thoughts too; `is_barred` where the
/// rest of the request rules thinking out.
pub(crate) fn orders(
    request: &ChatRequest<'_>,
    traits: Traits,
    max_tokens: Option<u64>,
    is_barred: bool,
) -> Orders {
    let meant = request.thinking.meant();
    let is_on = meant.is_some() || request.thinking.is_on == Some(true);
    if !is_on {
        return Orders::Silent;
    }
    if meant == Some(Effort::None) {
        return match (traits.thinks, traits.may_not_think) {
            (true, true) => Orders::Off,
            (true, false) => Orders::Refused,
            (false, _) => Orders::Silent,
        };
    }
    if !traits.thinks || is_barred {
        // A model that may think as it sees fit may see fit not to.
        return meant.map_or(Orders::Silent, |_| Orders::Refused);
    }
    if traits.thinks_by_effort {
        return Orders::Effort(meant.map(effort_word));
    }
    // What the caller bounds stays bounded; older models need some bound.
    let effort = meant.unwrap_or(Effort::Medium);
    let wanted = request.thinking.budget.unwrap_or(effort.budget());
    let most = max_tokens.map_or(u64::MAX, |it| it.saturating_sub(1));
    match wanted.max(LEAST_BUDGET).min(most) {
        0..LEAST_BUDGET => Orders::Refused,
        budget => Orders::Budget(budget),
    }
}

/// Whether the last turn of the assistant called tools without a signed thought: to a model that
/// thinks, such a turn is refused.
pub(crate) fn lacks_thought(conversation: &Conversation<'_, '_>) -> bool {
    let Some(turn) = conversation.turns.iter().rev().find(|it| !it.is_user) else {
        return false;
    };
    let has_call = turn
        .parts
        .iter()
        .any(|it| matches!(**it, Part::ToolCall(_)));
    let has_thought = turn.parts.iter().any(|it| match &**it {
        Part::Thought(thought) => {
            thought.provenance == Provenance::Anthropic
                && (thought.signature.is_some() || thought.encrypted.is_some())
        }
        _ => false,
    });
    has_call && !has_thought
}

fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        other => other.word(),
    }
}
