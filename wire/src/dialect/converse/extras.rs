//! How much to think, in the words of each family: Converse has none of its own.

use super::family::Family;
use crate::chat::{ChatRequest, Effort, Traits, Written};
use crate::dialect::anthropic::{Orders, orders};
use crate::json::Object;

/// What became of the caller's wish.
#[derive(Debug, Default)]
pub(super) struct Thinking {
    /// Claude's word for the effort.
    pub(super) effort: Option<&'static str>,
    /// The tokens that thinking may take.
    pub(super) budget: Option<u64>,
    /// Whether Claude thinks, which rules out most sampling.
    pub(super) rules_out_sampling: bool,
}

/// Says it in `extras`.
pub(super) fn think<'a>(
    request: &ChatRequest<'a>,
    (family, traits): (Family, Traits),
    (max_tokens, is_barred): (Option<u64>, bool),
    extras: &mut Object<'a>,
    written: &mut Written<'a>,
) -> Thinking {
    let is_visible = request.thinking.is_visible;
    let orders = match family {
        Family::Claude => orders(request, traits, max_tokens, is_barred),
        Family::Nova | Family::Gpt | Family::Mistral | Family::Other => Orders::Silent,
    };
    // Only a Claude that thinks as it sees fit can be told to keep its thoughts to itself.
    if is_visible == Some(false) && !matches!(orders, Orders::Effort(_) | Orders::Off) {
        written.drop_field("reasoning.exclude");
    }
    let wish = request.thinking;
    if matches!(orders, Orders::Effort(_)) && wish.effort.is_none() && wish.budget.is_some() {
        written.drop_field("reasoning.max_tokens");
    }
    match family {
        Family::Claude => claude(orders, is_visible, extras, written),
        Family::Nova | Family::Gpt | Family::Mistral | Family::Other => {
            let is_said = request
                .thinking
                .meant()
                .is_none_or(|effort| tell(family, traits, effort, extras));
            if !is_said {
                written.drop_field("reasoning_effort");
            }
            Thinking::default()
        }
    }
}

fn claude<'a>(
    orders: Orders,
    is_visible: Option<bool>,
    extras: &mut Object<'a>,
    written: &mut Written<'a>,
) -> Thinking {
    let kind = |kind: &'static str| Object::new().with("type", kind);
    let mut thinking = Thinking::default();
    let said = match orders {
        Orders::Silent => return thinking,
        Orders::Refused => {
            written.drop_field("reasoning_effort");
            return thinking;
        }
        Orders::Off => {
            extras.set("thinking", kind("disabled"));
            return thinking;
        }
        Orders::Effort(word) => {
            thinking.effort = word;
            let display = is_visible.map(|it| if it { "summarized" } else { "omitted" });
            kind("adaptive").with_some("display", display)
        }
        Orders::Budget(budget) => {
            thinking.budget = Some(budget);
            kind("enabled").with("budget_tokens", budget)
        }
    };
    thinking.rules_out_sampling = true;
    extras.set("thinking", said);
    thinking
}

/// Tells another family; returns whether it was told what the caller wants.
fn tell(family: Family, traits: Traits, effort: Effort, extras: &mut Object<'_>) -> bool {
    if !traits.thinks {
        return effort == Effort::None;
    }
    let word = match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    };
    match family {
        // It always thinks.
        Family::Gpt => {
            extras.set("reasoning_effort", word);
            effort != Effort::None
        }
        Family::Nova if effort == Effort::None => {
            extras.set("reasoningConfig", Object::new().with("type", "disabled"));
            true
        }
        Family::Nova => {
            let config = Object::new()
                .with("type", "enabled")
                .with("maxReasoningEffort", word);
            extras.set("reasoningConfig", config);
            true
        }
        Family::Claude | Family::Mistral | Family::Other => effort == Effort::None,
    }
}
