//! What came of a replay: who answered and who would have, what it cost and would have cost.

mod histogram;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tollward_store::{CostSource, Entry, NanoUsd, Outcome};
use tollward_wire::fault::Fault;
use tollward_wire::usage::Usage;

use self::histogram::Histogram;
use super::record::{Kinds, LeftOut, Recorded};
use crate::http::error::Problem;
use crate::pipeline::route::RouteError;
use crate::policy::decision;
use crate::policy::obstacle::Obstacle;
use crate::policy::routing::Look;
use crate::snapshot::route::Group;
use crate::snapshot::{Deployment, Snapshot};
use crate::upstream::health::Demand;

/// How a call would have ended.
pub enum Ending {
    /// That deployment would have answered.
    Answered(Arc<Deployment>),
    /// The caller would have left while that deployment was asked.
    Left(Arc<Deployment>),
    /// Everybody who was asked would have failed, the last one for that.
    Failed(Fault),
    /// Nobody could have been asked: all would have been left alone.
    Unasked,
    /// It would have been refused.
    Denied(Box<str>),
}

/// Sums on their way.
pub struct Tally {
    only: Option<Box<str>>,
    began: Instant,
    lines: BTreeMap<Box<str>, Line>,
    total: Line,
    denied: BTreeMap<Box<str>, u64>,
    notes: Notes,
    first_ms: Option<i64>,
    last_ms: i64,
    moved: u64,
}

/// One deployment, or all.
#[derive(Default)]
struct Line {
    was: Sums,
    would_be: Sums,
    /// Times to the first content in the log.
    first: Kinds<Histogram>,
    /// Answers that would have come from there.
    answers: Kinds<u64>,
}

/// How many calls, and what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Calls that went there, whatever became of them; of all, those that came.
    pub calls: u64,
    /// Those of them that were answered.
    pub answered: u64,
    /// Those of which nobody was asked, because all were left alone.
    pub unasked: u64,
    /// The sum of known costs.
    #[serde(rename = "cost_usd")]
    pub cost: NanoUsd,
    /// Calls of which some cost is not known.
    pub unpriced: u64,
}

/// What a reader of the sums must know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notes {
    /// What the configuration decides by that the log does not keep.
    pub not_kept: Vec<String>,
    /// Calls whose row knows no users and no conversations: an older release wrote it.
    pub older: u64,
    /// Calls that had more tags than the log keeps.
    pub cut_tags: u64,
    /// Calls of a key that is not in the store; they were taken to be allowed everything.
    pub strangers: u64,
    /// Calls that failed in the log and would have been answered: what they would have used is expected.
    pub expected: u64,
}

/// Milliseconds to the first content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Half of the calls had it before that.
    pub p50: u64,
    /// 95 of a hundred had.
    pub p95: u64,
}

/// One deployment before and after.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its id.
    pub deployment: Box<str>,
    /// In the log.
    pub was: Sums,
    /// In the replay.
    pub would_be: Sums,
    /// The log's own times there; `None` if it never saw any.
    pub first_content_ms: Option<Times>,
}

/// What came of a replay.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When the first call came, in Unix milliseconds; `None` if there was no call.
    pub first_ms: Option<i64>,
    /// When the last one came.
    pub last_ms: i64,
    /// The log.
    pub was: Sums,
    /// The replay.
    pub would_be: Sums,
    /// Times in the log.
    pub first_content_ms: Option<Times>,
    /// Times as they would have been, by what the log knows of each deployment.
    pub first_content_would_be_ms: Option<Times>,
    /// Answers that would have come from a deployment of which the log knows no time.
    pub untimed: u64,
    /// Calls that would have gone to another deployment, or to none.
    pub moved: u64,
    /// Calls that would have been refused, by why.
    pub denied: BTreeMap<Box<str>, u64>,
    /// The deployments, by name.
    pub deployments: Vec<Row>,
    /// What could not be walked.
    pub left_out: LeftOut,
    /// What must be known to read this.
    #[serde(flatten)]
    pub notes: Notes,
}

impl Tally {
    /// Nothing was counted. Only calls of the model `only` will be.
    pub(super) fn new(snapshot: &Snapshot, only: Option<&str>, began: Instant) -> Self {
        let deployments = snapshot.deployments();
        let lines = deployments
            .iter()
            .map(|it| (Box::from(&*it.id), Line::default()));
        Self {
            only: only.map(Box::from),
            began,
            // Where nothing goes is worth a line.
            lines: if only.is_none() {
                lines.collect()
            } else {
                BTreeMap::new()
            },
            total: Line::default(),
            denied: BTreeMap::new(),
            notes: Notes {
                not_kept: not_kept(snapshot),
                ..Notes::default()
            },
            first_ms: None,
            last_ms: 0,
            moved: 0,
        }
    }

    fn counts(&self, call: &Recorded) -> bool {
        self.only.as_ref().is_none_or(|it| **it == *call.model)
    }

    /// A call's key is not in the store.
    pub(super) fn stranger(&mut self, call: &Recorded) {
        self.notes.strangers += u64::from(self.counts(call));
    }

    /// A call went as the log has it.
    pub(super) fn was(&mut self, call: &Recorded) {
        if !self.counts(call) {
            return;
        }
        self.first_ms.get_or_insert(call.at_ms);
        self.last_ms = self.last_ms.max(call.at_ms);
        self.notes.older += u64::from(call.decision.version < decision::VERSION);
        self.notes.cut_tags += u64::from(call.decision.more_tags);
        let is_answered = call.is_answered();
        let deployment = call.deployment().map(|it| Box::<str>::from(&**it));
        if let Some(id) = &deployment {
            let line = self.lines.entry(id.clone()).or_default();
            line.was.calls += 1;
            line.was.answered += u64::from(is_answered);
            if let Some(time) = call.first_content_ms() {
                line.first.of_mut(call).add(time);
                self.total.first.of_mut(call).add(time);
            }
        }
        let total = &mut self.total.was;
        total.calls += 1;
        total.answered += u64::from(is_answered);
        total.unasked += u64::from(deployment.is_none());
        let mut is_unpriced = false;
        for (row, _) in call.rows() {
            is_unpriced |= row.cost.is_none();
            let cost = row.cost.unwrap_or_default();
            self.total.was.pay(cost);
            if row.attempts > 0 {
                let line = self.lines.entry(Box::from(&*row.deployment)).or_default();
                line.was.pay(cost);
            }
        }
        self.total.was.unpriced += u64::from(is_unpriced);
        if let Some(id) = deployment.filter(|_| is_unpriced) {
            self.lines.entry(id).or_default().was.unpriced += 1;
        }
    }

    /// The same call would have ended as `ending`; those in `failed` would have been asked before.
    pub(super) fn would_be(
        &mut self,
        call: &Recorded,
        ending: &Ending,
        failed: &[Arc<Deployment>],
    ) {
        if !self.counts(call) {
            return;
        }
        let (deployment, is_answered) = match ending {
            Ending::Answered(it) => (Some(it), true),
            Ending::Left(it) => (Some(it), false),
            Ending::Failed(_) => (failed.last(), false),
            Ending::Unasked | Ending::Denied(_) => (None, false),
        };
        let is_same = deployment.map(|it| &it.id) == call.deployment();
        self.moved += u64::from(!is_same);
        if let Ending::Denied(why) = ending {
            *self.denied.entry(why.clone()).or_default() += 1;
        }
        let total = &mut self.total.would_be;
        total.calls += 1;
        total.answered += u64::from(is_answered);
        total.unasked += u64::from(matches!(ending, Ending::Unasked));
        let Some(deployment) = deployment else {
            return;
        };
        let line = self.lines.entry(Box::from(&*deployment.id)).or_default();
        line.would_be.calls += 1;
        line.would_be.answered += u64::from(is_answered);
        if is_answered {
            *line.answers.of_mut(call) += 1;
        }
        let mut is_unpriced = false;
        for (payee, cost) in self.costs(call, ending, failed) {
            is_unpriced |= cost.is_none();
            let cost = cost.unwrap_or_default();
            self.total.would_be.pay(cost);
            let line = self.lines.entry(Box::from(&*payee.id)).or_default();
            line.would_be.pay(cost);
        }
        if is_unpriced {
            self.total.would_be.unpriced += 1;
            let line = self.lines.entry(Box::from(&*deployment.id)).or_default();
            line.would_be.unpriced += 1;
        }
    }

    /// Who would have asked how much for a call.
    fn costs(
        &mut self,
        call: &Recorded,
        ending: &Ending,
        failed: &[Arc<Deployment>],
    ) -> Vec<(Arc<Deployment>, Option<NanoUsd>)> {
        let at_unix_s = call.ended_unix_s();
        let mut costs = Vec::new();
        // What was used where nobody answered in the log is not known, and neither is it nothing.
        if let Ending::Answered(deployment) = ending
            && !call.is_answered()
        {
            self.notes.expected += 1;
            let vitals =
                deployment
                    .health
                    .at(self.began, &deployment.breaker, Demand::chat(0, false));
            let decision = &call.decision;
            let max_output = Some(decision.max_output).filter(|it| *it > 0);
            let usage = vitals
                .learned
                .expected(decision.tokens, max_output, decision.choices);
            let priced = deployment.prices.cost(&usage, at_unix_s);
            costs.push((Arc::clone(deployment), priced.cost));
            return costs;
        }
        let of = |row: &Entry| failed.iter().find(|it| it.id == row.deployment);
        for (row, usage) in call.rows() {
            let payee = match ending {
                _ if row.outcome == Outcome::Abandoned => of(row),
                Ending::Answered(it) | Ending::Left(it) => Some(it),
                Ending::Failed(_) | Ending::Unasked | Ending::Denied(_) => of(row),
            };
            if let Some(deployment) = payee {
                let cost = cost(deployment, row, usage, at_unix_s);
                costs.push((Arc::clone(deployment), cost));
            }
        }
        costs
    }

    /// The sums.
    pub(super) fn report(self, left_out: LeftOut) -> Report {
        let mut would_be = Histogram::default();
        let mut untimed = 0;
        for line in self.lines.values() {
            for (first, answers) in line.first.both().into_iter().zip(line.answers.both()) {
                if first.is_empty() {
                    untimed += *answers;
                } else {
                    would_be.add_scaled(first, *answers);
                }
            }
        }
        let rows = self.lines.into_iter().map(|(deployment, line)| Row {
            deployment,
            first_content_ms: times(line.first.both()),
            was: line.was,
            would_be: line.would_be,
        });
        Report {
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            was: self.total.was,
            would_be: self.total.would_be,
            first_content_ms: times(self.total.first.both()),
            first_content_would_be_ms: times([&would_be]),
            untimed,
            moved: self.moved,
            denied: self.denied,
            deployments: rows.collect(),
            left_out,
            notes: self.notes,
        }
    }
}

impl Sums {
    fn pay(&mut self, cost: NanoUsd) {
        self.cost = NanoUsd(self.cost.0.saturating_add(cost.0));
    }
}

/// Why a call would have been refused, in a few words.
pub(super) fn denial(error: RouteError) -> Box<str> {
    let detail = match &error {
        RouteError::UnknownModel { .. }
        | RouteError::NotServed { .. }
        | RouteError::Elsewhere { .. } => None,
        RouteError::Excluded { obstacle, .. } => Some(match obstacle {
            Obstacle::Guard(name) => format!("guard `{name}`"),
            other => other.code().to_owned(),
        }),
    };
    let problem = Problem::from(error);
    match detail {
        Some(detail) => format!("{}, {detail}", problem.code()).into(),
        None => problem.code().into(),
    }
}

/// What `deployment` asks for what a row says was used.
fn cost(deployment: &Deployment, row: &Entry, usage: Usage, at_unix_s: i64) -> Option<NanoUsd> {
    let is_there = row.deployment == deployment.id;
    let usage = Usage {
        // Another vendor's figure is no price.
        reported_cost: usage.reported_cost.filter(|_| is_there),
        ..usage
    };
    if row.cost_source == CostSource::Unmeasured {
        return deployment.prices.unmeasured(at_unix_s).cost;
    }
    if usage == Usage::default() {
        return Some(NanoUsd::ZERO);
    }
    deployment.prices.cost(&usage, at_unix_s).cost
}

fn times<const N: usize>(first: [&Histogram; N]) -> Option<Times> {
    let mut all = Histogram::default();
    for histogram in first {
        all.add_scaled(histogram, histogram.count());
    }
    Some(Times {
        p50: all.percentile(50)?,
        p95: all.percentile(95)?,
    })
}

/// What a configuration decides by that the log does not keep.
fn not_kept(snapshot: &Snapshot) -> Vec<String> {
    let mut found = Vec::new();
    let guards = snapshot.guards.iter().filter(|it| it.when.reads_unkept());
    found.extend(guards.map(|it| format!("guard `{}`", it.name)));
    for route in snapshot.routes() {
        let rules = route.rules.iter().filter(|it| it.when.reads_unkept());
        found.extend(rules.map(|it| format!("rule `{}` of `{}`", it.name, route.model)));
        found.extend(not_kept_of(&route.own));
    }
    found
}

fn not_kept_of(group: &Group) -> Vec<String> {
    let deployments = group.deployments.iter();
    let asks = |it: &&Arc<Deployment>| it.when.as_ref().is_some_and(|it| it.reads_unkept());
    let whens = deployments
        .filter(asks)
        .map(|it| format!("`when` of `{}` of `{}`", it.id, group.model));
    let mut found: Vec<String> = whens.collect();
    if group.looks_at(Look::Headroom) {
        found.push(format!("policy `headroom` of `{}`", group.model));
    }
    found
}
