//! How much to think, in Gemini's two ways to say it.
#![expect(clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::{body, traits};
use crate::chat::{Effort, Traits};

fn config(fields: &Value, traits: Traits) -> (Value, Vec<String>) {
    let mut chat = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in fields.as_object().into_iter().flatten() {
        chat[name] = value.clone();
    }
    let (mut body, dropped) = body(&chat, traits);
    (body["generationConfig"]["thinkingConfig"].take(), dropped)
}

fn effort(word: &str, traits: Traits) -> (Value, Vec<String>) {
    config(&json!({"reasoning_effort": word}), traits)
}

#[test]
fn newer_models_are_told_a_level() {
    let shown = |level: &str| json!({"thinkingLevel": level, "includeThoughts": true});
    assert_eq!(effort("minimal", traits()), (shown("MINIMAL"), vec![]));
    assert_eq!(effort("medium", traits()), (shown("MEDIUM"), vec![]));
    assert_eq!(effort("max", traits()), (shown("HIGH"), vec![]));
    let reported = vec!["reasoning_effort".to_owned()];
    assert_eq!(effort("xhigh", traits()), (shown("HIGH"), reported.clone()));
    let none = json!({"thinkingLevel": "MINIMAL"});
    assert_eq!(effort("none", traits()), (none, reported.clone()));
    let pro = Traits {
        least_effort: Effort::Low,
        most_effort: Effort::XHigh,
        ..traits()
    };
    assert_eq!(effort("minimal", pro), (shown("LOW"), reported));
    assert_eq!(effort("max", pro), (shown("XHIGH"), vec![]));
}

#[test]
fn older_models_are_given_a_budget() {
    let flash = Traits {
        thinks_by_effort: false,
        ..traits()
    };
    let shown = |tokens: u64| json!({"thinkingBudget": tokens, "includeThoughts": true});
    assert_eq!(effort("low", flash), (shown(1_024), vec![]));
    assert_eq!(effort("high", flash), (shown(24_576), vec![]));
    assert_eq!(effort("max", flash), (shown(24_576), vec![]));
    let none = json!({"thinkingBudget": 0});
    assert_eq!(effort("none", flash), (none, vec![]));
    let pro = Traits {
        may_not_think: false,
        most_effort: Effort::Max,
        ..flash
    };
    assert_eq!(effort("max", pro), (shown(32_768), vec![]));
    let almost = json!({"thinkingBudget": 128});
    let reported = vec!["reasoning_effort".to_owned()];
    assert_eq!(effort("none", pro), (almost, reported));

    let budget = |tokens: u64| config(&json!({"reasoning": {"max_tokens": tokens}}), flash);
    assert_eq!(budget(2_000), (shown(2_000), vec![]));
    assert_eq!(budget(0), (json!({"thinkingBudget": 0}), vec![]));
    let reported = vec!["reasoning.max_tokens".to_owned()];
    assert_eq!(budget(100), (shown(512), reported.clone()));
    assert_eq!(budget(1_000_000), (shown(24_576), reported));
}

#[test]
fn thoughts_are_shown_only_to_who_wants_them() {
    let hidden = json!({"reasoning": {"effort": "low", "exclude": true}});
    assert_eq!(config(&hidden, traits()).0, json!({"thinkingLevel": "LOW"}));
    let shown = json!({"reasoning": {"exclude": false}});
    assert_eq!(config(&shown, traits()).0, json!({"includeThoughts": true}));
    assert_eq!(config(&json!({}), traits()).0, Value::Null);
}

#[test]
fn a_model_that_does_not_think_is_not_told_to() {
    let plain = Traits {
        thinks: false,
        ..traits()
    };
    assert_eq!(effort("none", plain), (Value::Null, vec![]));
    let reported = vec!["reasoning_effort".to_owned()];
    assert_eq!(effort("high", plain), (Value::Null, reported));
}
