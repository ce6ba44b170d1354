//! Why a call went where it went, as it is noted on the way and as its row tells it.

use std::fmt::Write;
use std::sync::Arc;

use tollward_store::Course;

use crate::pipeline::route::Plan;

/// Longest text, in bytes; the ledger keeps 256 of each.
const MAX_BYTES: usize = 240;

/// A deployment, and what became of it in a word.
type Step = (Arc<str>, &'static str);

/// Why a call goes where it goes.
pub(super) struct Notes {
    /// The rule of the route that sent it there.
    pub(super) rule: Option<Arc<str>>,
    /// Those that were passed over while the call was planned.
    passed: Vec<Step>,
    /// Those that came to be asked, in order; one more than once if it was.
    steps: Vec<Step>,
    decision: Option<Arc<str>>,
}

impl Notes {
    /// A call has a plan.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            rule: plan.rule.clone(),
            passed: plan.passed.clone(),
            steps: Vec::new(),
            decision: plan.decision.as_ref().map(|it| it.to_json().into()),
        }
    }

    /// `deployment` came to be asked, and that became of it.
    pub(super) fn step(&mut self, deployment: &Arc<str>, what: &'static str) {
        self.steps.push((Arc::clone(deployment), what));
    }

    /// What became of those that came to be asked, for the caller.
    pub(super) fn tried(&self) -> String {
        joined(&self.steps)
    }

    /// What the call's last row tells.
    pub(super) fn course(&self) -> Course {
        let is_plain = self.passed.is_empty() && matches!(*self.steps, [] | [(_, ANSWERED)]);
        let tried = || {
            // Those that were asked in the end, because there was nobody else, are told of once.
            let was_asked = |it: &Step| self.steps.iter().any(|step| step.0 == it.0);
            let passed = self.passed.iter().filter(|it| !was_asked(it));
            joined(passed.chain(&self.steps)).into()
        };
        Course {
            rule: self.rule.clone(),
            tried: (!is_plain).then(tried),
            decision: self.decision.clone(),
        }
    }
}

/// It has answered, or begun to.
pub(super) const ANSWERED: &str = "ok";
/// It cannot be asked such a thing.
pub(super) const SKIPPED: &str = "skipped";

/// `deployment:what`, set apart by commas; how many more there are where it would be too long.
fn joined<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let mut text = String::new();
    let mut left = 0;
    for (deployment, what) in steps {
        let fits = text.len() + deployment.len() + what.len() + 2 <= MAX_BYTES;
        if left > 0 || !fits {
            left += 1;
            continue;
        }
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{deployment}:{what}");
    }
    if left > 0 {
        let _ = write!(text, ",+{left}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(passed: &[(&str, &'static str)], steps: &[(&str, &'static str)]) -> Option<String> {
        let steps_of = |it: &[(&str, &'static str)]| -> Vec<Step> {
            it.iter()
                .map(|(id, what)| (Arc::from(*id), *what))
                .collect()
        };
        let notes = Notes {
            rule: None,
            passed: steps_of(passed),
            steps: steps_of(steps),
            decision: None,
        };
        notes.course().tried.map(|it| it.to_string())
    }

    #[test]
    fn what_was_tried_is_told_in_order_and_not_where_there_is_nothing_to_tell() {
        assert_eq!(notes(&[], &[("a/m", ANSWERED)]), None);
        assert_eq!(notes(&[], &[]), None);
        let failed = notes(&[], &[("a/m", "timeout")]);
        assert_eq!(failed.as_deref(), Some("a/m:timeout"));
        let steps = [("a/m", "timeout"), ("b/m", SKIPPED), ("c/m", ANSWERED)];
        let told = notes(&[("d/m", "broken"), ("a/m", "resting")], &steps);
        let expected = "d/m:broken,a/m:timeout,b/m:skipped,c/m:ok";
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[test]
    fn a_text_that_would_be_too_long_says_how_many_more_there_are() {
        let long = "p/".to_owned() + &"m".repeat(100);
        let step = (long.as_str(), "timeout");
        let told = notes(&[], &[step; 5]).unwrap_or_default();
        assert!(told.ends_with(":timeout,+3"), "{told}");
        assert!(told.len() <= 256);
    }
}
