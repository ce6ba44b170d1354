//! Why a call went where it went, as it is noted on the way and as its row tells it.

use std::fmt::Write;
use std::sync::Arc;

use tollward_store::Course;
use tollward_wire::fault::Fault;

use crate::pipeline::route::Plan;

/// Longest text, in bytes; the ledger keeps 256 of each.
const MAX_BYTES: usize = 240;

/// A deployment, and what became of it in a word.
type Step = (Arc<str>, &'static str);

/// How a call came to its answer, or to none, as its caller is told.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// Attempts made.
    pub attempts: u32,
    /// Why the first attempt failed, when it was not the last one.
    pub fallback_reason: Option<Fault>,
    /// What became of each attempt, when there were several.
    pub tried: Option<String>,
    /// The rule of the route that sent the call where it went.
    pub rule: Option<Arc<str>>,
}

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
        joined(&[], &self.steps)
    }

    /// Whether others than `deployment` failed or were passed over.
    pub(super) fn has_others(&self, deployment: &Arc<str>) -> bool {
        let mut steps = self.passed.iter().chain(&self.steps);
        steps.any(|(id, _)| id != deployment)
    }

    /// What the call's last row tells.
    pub(super) fn course(&self) -> Course {
        let is_plain = self.passed.is_empty() && matches!(*self.steps, [] | [(_, ANSWERED)]);
        let tried = || {
            // Those that were asked in the end, because there was nobody else, are told of once.
            let was_asked = |it: &Step| self.steps.iter().any(|step| step.0 == it.0);
            let passed = self.passed.iter().filter(|it| !was_asked(it));
            let passed: Vec<&Step> = passed.collect();
            joined(&passed, &self.steps).into()
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
/// Another one that was asked beside it has answered before it.
pub(super) const OUTRUN: &str = "outrun";
/// It cannot be asked such a thing.
pub(super) const SKIPPED: &str = "skipped";

/// `deployment:what`, set apart by commas: those that were passed over, then those that were asked.
/// Where that would be too long, it is told of how many more there are, of those passed over first.
fn joined(passed: &[&Step], steps: &[Step]) -> String {
    let (asked, more_asked) = told(steps.iter(), MAX_BYTES);
    let (mut text, more_passed) = told(passed.iter().copied(), MAX_BYTES - asked.len());
    let mut add = |part: &str| {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{part}");
    };
    let more = |count: usize| format!("+{count}");
    if more_passed > 0 {
        add(&more(more_passed));
    }
    if !asked.is_empty() {
        add(&asked);
    }
    if more_asked > 0 {
        add(&more(more_asked));
    }
    text
}

/// As many of `steps` as fit into `room`, and how many do not.
fn told<'a>(steps: impl Iterator<Item = &'a Step>, room: usize) -> (String, usize) {
    let (mut text, mut more) = (String::new(), 0);
    for (deployment, what) in steps {
        if more > 0 || text.len() + deployment.len() + what.len() + 2 > room {
            more += 1;
            continue;
        }
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{deployment}:{what}");
    }
    (text, more)
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
        // Those that were asked are told of before those that were not.
        let many = [("b/m", "broken"); 300];
        let told = notes(&many, &[("a/m", "timeout"), ("c/m", ANSWERED)]).unwrap_or_default();
        assert!(told.starts_with("b/m:broken,"), "{told}");
        assert!(told.ends_with(",a/m:timeout,c/m:ok"), "{told}");
        assert!(told.contains(",+2") && told.len() <= 256, "{told}");
    }
}
