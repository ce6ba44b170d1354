//! How much to think: a level for newer models, a budget of tokens for older ones.

use std::borrow::Cow;

use crate::chat::{ChatRequest, Effort, Traits, Written};
use crate::json::{Json, Object};

/// The smallest budget that all models with budgets take, but for none at all.
const LEAST_BUDGET: u64 = 512;
/// The smallest budget of a model that must think.
const ALMOST_NONE: u64 = 128;

/// `thinkingConfig`; `None` leaves it to the vendor.
pub(super) fn config<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    written: &mut Written<'a>,
) -> Option<Json<'a>> {
    let thinking = request.thinking;
    let wanted = thinking.meant();
    if !traits.thinks {
        if wanted.is_some_and(|it| it != Effort::None) {
            written.drop_field("reasoning_effort");
        }
        return None;
    }
    let mut config = Object::new();
    if let Some(effort) = wanted {
        if traits.thinks_by_effort {
            let level = level(effort, traits, written);
            config.push(Cow::Borrowed("thinkingLevel"), level.into());
        } else {
            let budget = match (thinking.effort, thinking.budget) {
                (None, Some(tokens)) if tokens > 0 => bounded(tokens, traits, written),
                _ => budget(effort, traits, written),
            };
            config.push(Cow::Borrowed("thinkingBudget"), budget.into());
        }
    }
    let is_shown = thinking
        .is_visible
        .or(wanted.map(|it| it != Effort::None))
        .or(thinking.is_on)
        .filter(|it| *it && wanted != Some(Effort::None));
    if let Some(is_shown) = is_shown {
        config.push(Cow::Borrowed("includeThoughts"), is_shown.into());
    }
    (!config.is_empty()).then_some(config.into())
}

/// The effort as far as there is a word for it. *As much as there is* is always the most.
fn taken(effort: Effort, traits: Traits, written: &mut Written<'_>) -> Effort {
    let taken = effort.max(traits.least_effort).min(traits.most_effort);
    if taken != effort && effort != Effort::Max {
        written.drop_field("reasoning_effort");
    }
    taken
}

fn level(effort: Effort, traits: Traits, written: &mut Written<'_>) -> &'static str {
    match taken(effort, traits, written) {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High => "HIGH",
        Effort::XHigh | Effort::Max => "XHIGH",
    }
}

fn budget(effort: Effort, traits: Traits, written: &mut Written<'_>) -> u64 {
    if effort != Effort::None {
        return tokens(taken(effort, traits, written));
    }
    if traits.may_not_think {
        return 0;
    }
    written.drop_field("reasoning_effort");
    ALMOST_NONE
}

/// The budgets that Google's own OpenAI-shaped endpoint takes for the words, and the largest.
const fn tokens(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High => 24_576,
        Effort::XHigh | Effort::Max => 32_768,
    }
}

fn bounded(wanted: u64, traits: Traits, written: &mut Written<'_>) -> u64 {
    let budget = wanted.clamp(LEAST_BUDGET, tokens(traits.most_effort));
    if budget != wanted {
        written.drop_field("reasoning.max_tokens");
    }
    budget
}
