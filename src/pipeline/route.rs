//! Model name → [`Plan`]: which deployments may answer, in which order.
//!
//! A rule of the model may send the call to another model's route. What a call may not go to is
//! left out, what should be left alone for now comes last, and the policies of each group order the
//! rest; the groups of the fallbacks follow. All that is looked at is gathered by [`survey`].

pub mod survey;

use std::borrow::Cow;
use std::iter::{Chain, Once};
use std::slice;
use std::sync::Arc;
use std::time::Instant;

use tollward_config::closest;
use tollward_wire::dialect::Dialect;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;

use self::survey::{Question, Surveyed, Thread};
use crate::app::Gateway;
use crate::clock;
use crate::pipeline::admit::Admitted;
use crate::pipeline::authenticate::Caller;
use crate::policy::allowance::AllowanceTerms;
use crate::policy::decision::Decision;
use crate::policy::obstacle::{Obstacle, Pause, Toll, toll};
use crate::policy::plan::Lineup;
use crate::policy::routing::Look;
use crate::snapshot::route::{Group, Hedge, Route, Rule, Shadow};
use crate::snapshot::{Deployment, Snapshot};
use crate::upstream::health::Demand;

/// Names with which one that is not known is compared.
const MAX_COMPARED: usize = 256;

/// This call's ordered choices; never empty.
pub struct Plan {
    first: Choice,
    others: Vec<Choice>,
    /// The rule that sent the call where it goes.
    pub rule: Option<Arc<str>>,
    /// Those that are not asked, or only when nobody else is left, and why, in a word; of what a key
    /// or the configuration rules out nothing is said.
    pub passed: Vec<(Arc<str>, &'static str)>,
    /// What routing saw of the request; `None` if nothing was to be decided.
    pub decision: Option<Box<Decision>>,
    /// Attempts beyond the first; `None`: as for all models.
    pub attempts: Option<u32>,
    /// When it is asked of another one as well.
    pub hedge: Option<Arc<Hedge>>,
    /// Another model that is asked as well.
    pub shadow: Option<Arc<Shadow>>,
    /// The conversation, if its turns are kept together.
    pub thread: Option<Thread>,
    too_long: Vec<Choice>,
    filtered: Vec<Choice>,
}

/// One of a plan's choices.
#[derive(Clone)]
pub struct Choice {
    /// Who is asked.
    pub deployment: Arc<Deployment>,
    /// The group that leads to it, where it is not the first one: its turn is taken when it is reached.
    pub group: Option<Arc<Group>>,
}

impl Choice {
    /// It is asked.
    fn of(deployment: Arc<Deployment>) -> Self {
        Self {
            deployment,
            group: None,
        }
    }

    /// Whether it may be asked, though it should perhaps be left alone; `others` are behind it.
    ///
    /// It is looked at now, and not as it was when the call was planned: a failed attempt may have
    /// taken minutes, and others may have failed here meanwhile.
    ///
    /// # Errors
    /// Why it should be left alone.
    pub fn may_be_asked<'c>(
        &self,
        others: impl IntoIterator<Item = &'c Self>,
        asking: Asking,
    ) -> Result<(), Pause> {
        let Asking {
            demand,
            made,
            terms,
            now,
        } = asking;
        let deployment = &self.deployment;
        let pause = deployment.pause(demand, now);
        let mut others = others.into_iter();
        let is_other_free = || others.any(|it| it.deployment.pause(demand, now).is_none());
        let may = match toll(pause, made, is_other_free) {
            Toll::Nothing => true,
            Toll::Turn => deployment.health.may_force(now),
            Toll::Retry => deployment.allowance.spend(terms, now),
            Toll::Forbidden => false,
        };
        match pause {
            Some(pause) if !may => Err(pause),
            Some(_) | None => Ok(()),
        }
    }

    /// A call that was at the group `reached` has come to this choice: it takes a turn of each group of
    /// another model that it comes to.
    pub fn reach(&self, reached: &mut Option<Arc<Group>>) {
        if let Some(group) = &self.group
            && !reached.as_ref().is_some_and(|it| Arc::ptr_eq(it, group))
        {
            group.next_turn();
            *reached = Some(Arc::clone(group));
        }
    }
}

/// Who wants to ask one of its choices, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// What is to be done.
    pub demand: Demand,
    /// Attempts that the call has made.
    pub made: u32,
    /// On which terms retries are paid for.
    pub terms: AllowanceTerms,
    /// The time.
    pub now: Instant,
}

impl Plan {
    /// There is no choice.
    pub fn only(deployment: Arc<Deployment>) -> Self {
        Self {
            first: Choice::of(deployment),
            others: Vec::new(),
            rule: None,
            passed: Vec::new(),
            decision: None,
            attempts: None,
            hedge: None,
            shadow: None,
            thread: None,
            too_long: Vec::new(),
            filtered: Vec::new(),
        }
    }

    /// The choices in order.
    pub fn choices(&self) -> Chain<Once<&Choice>, slice::Iter<'_, Choice>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The deployments in order.
    pub fn candidates(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.choices().map(|it| &it.deployment)
    }

    /// All that may come to be asked, whatever happens.
    pub fn anybody(&self) -> impl Iterator<Item = &Deployment> {
        let detours = self.too_long.iter().chain(&self.filtered);
        self.choices().chain(detours).map(|it| &*it.deployment)
    }

    /// Who is asked instead of the others once a call has failed with `fault`.
    pub fn detour(&self, fault: Fault) -> &[Choice] {
        match fault {
            Fault::ContextLength => &self.too_long,
            Fault::ContentFilter => &self.filtered,
            _ => &[],
        }
    }

    /// The choices that `may_answer` takes; `None` if it takes none.
    pub fn narrowed(&self, may_answer: impl Fn(&Deployment) -> bool) -> Option<Self> {
        let of = |choices: &[Choice]| -> Vec<Choice> {
            let taken = choices.iter().filter(|it| may_answer(&it.deployment));
            taken.cloned().collect()
        };
        let mut choices = self.choices().filter(|it| may_answer(&it.deployment));
        Some(Self {
            first: choices.next()?.clone(),
            others: choices.cloned().collect(),
            rule: self.rule.clone(),
            passed: self.passed.clone(),
            decision: self.decision.clone(),
            attempts: self.attempts,
            hedge: self.hedge.clone(),
            shadow: self.shadow.clone(),
            thread: self.thread,
            too_long: of(&self.too_long),
            filtered: of(&self.filtered),
        })
    }

    /// The same, under the name of a rule.
    #[must_use]
    pub fn called(self, rule: Arc<str>) -> Self {
        Self {
            rule: Some(rule),
            ..self
        }
    }

    /// The preferred deployment.
    pub fn first(&self) -> &Arc<Deployment> {
        &self.first.deployment
    }
}

/// Why a call has no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RouteError {
    /// No route has that name, or the caller's key may not use it: the answer is the same.
    #[error("the model `{model}` does not exist or the key may not use it")]
    UnknownModel {
        /// The name that was asked for.
        model: String,
        /// One that the caller may use, and probably meant.
        meant: Option<String>,
    },
    /// The model is known, but nothing that answers for it serves this operation.
    #[error("the model `{model}` does not serve {operation}")]
    NotServed {
        /// The name that was asked for.
        model: String,
        /// The operation's name.
        operation: &'static str,
    },
    /// A rule of the model leads to another one, which the caller's key may not use.
    #[error(
        "the rule `{rule}` of the model `{model}` sends this to `{to}`, which the key may not use"
    )]
    Elsewhere {
        /// The name that was asked for.
        model: String,
        /// The rule's name.
        rule: Arc<str>,
        /// The model that it leads to.
        to: Arc<str>,
    },
    /// Every deployment is out of the question for this call.
    #[error("no deployment of the model `{model}` may answer this: {}", .obstacle.told())]
    Excluded {
        /// The name that was asked for.
        model: String,
        /// What stands in the way of the first of them.
        obstacle: Obstacle,
    },
}

impl RouteError {
    /// There is no `model` for `caller`.
    pub fn unknown(snapshot: &Snapshot, caller: &Caller, model: String) -> Self {
        let names = snapshot.names(|it| caller.allows(it));
        let names = names.map(|(name, _)| name).take(MAX_COMPARED);
        let meant = closest(&model, names).map(str::to_owned);
        Self::UnknownModel { model, meant }
    }
}

/// The names under which a model may be asked for. Ollama's clients add and leave out `:latest` as they like.
pub fn spellings(operation: Operation, model: &str) -> Vec<Cow<'_, str>> {
    let is_ollama = matches!(
        operation.dialect(),
        Some(Dialect::Ollama | Dialect::OllamaGenerate)
    );
    let mut names = vec![Cow::Borrowed(model)];
    if is_ollama {
        names.push(match model.strip_suffix(":latest") {
            Some(plain) => Cow::Borrowed(plain),
            None => Cow::Owned(format!("{model}:latest")),
        });
    }
    names
}

/// Plans a call.
///
/// The key's allowlist is checked for every candidate under the public name
/// that leads to it, so neither a fallback nor a rule widens what a key may use.
///
/// # Errors
/// [`RouteError`] when no candidate remains.
pub fn route(
    gateway: &Gateway,
    snapshot: &Snapshot,
    admitted: &Admitted,
) -> Result<Plan, RouteError> {
    let question = Question::new(&gateway.affinity, admitted, clock::mono());
    prospect(snapshot, question, Group::next_turn)?.plan()
}

/// Who would be asked, by a call that is none.
///
/// # Errors
/// [`RouteError`] when no candidate remains.
pub fn foreseen(
    gateway: &Gateway,
    snapshot: &Snapshot,
    admitted: &Admitted,
) -> Result<Plan, RouteError> {
    let question = Question::new(&gateway.affinity, admitted, clock::mono());
    prospect(snapshot, question, Group::turn)?.plan()
}

/// All that may answer a call, before anybody is chosen.
pub struct Prospect<'a> {
    /// What is asked.
    pub question: Question<'a>,
    /// The route of the name that is asked for.
    pub asked: Arc<Route>,
    /// Where it goes.
    pub route: Arc<Route>,
    /// The rule that sent it there.
    pub rule: Option<Arc<str>>,
    /// One group after the other, each in the order of its policies.
    pub candidates: Vec<Candidate>,
    /// The same of those that are asked when the request is too long.
    pub too_long: Vec<Candidate>,
    /// The same of those that are asked when a filter refuses it.
    pub filtered: Vec<Candidate>,
}

/// One that may answer.
pub struct Candidate {
    /// The group that leads to it.
    pub group: Arc<Group>,
    /// What was found out about it.
    pub found: Surveyed,
}

/// Looks at all that may answer a call. `turn`: the number that the call has in its own group; those
/// of other groups count the calls that reach them.
///
/// # Errors
/// [`RouteError::UnknownModel`].
pub fn prospect<'a>(
    snapshot: &'a Snapshot,
    question: Question<'a>,
    turn: fn(&Group) -> u64,
) -> Result<Prospect<'a>, RouteError> {
    let asked = found(snapshot, question.admitted())?;
    let question = question.guarded(snapshot);
    let (route, rule) = redirected(snapshot, &question, Arc::clone(&asked));
    let question = question.of(&route);
    let others = |groups: &[Arc<Group>]| -> Vec<Candidate> {
        let of = |it| candidates(&question, it, it.turn());
        groups.iter().flat_map(of).collect()
    };
    let mut candidates = candidates(&question, &route.own, turn(&route.own));
    candidates.extend(others(&route.fallbacks));
    Ok(Prospect {
        candidates,
        too_long: others(&route.context_fallbacks),
        filtered: others(&route.filter_fallbacks),
        question,
        asked,
        route,
        rule,
    })
}

impl Prospect<'_> {
    /// Who is asked, in order.
    ///
    /// # Errors
    /// [`RouteError`] when no candidate remains.
    pub fn plan(&self) -> Result<Plan, RouteError> {
        let admitted = self.question.admitted();
        let lined_up = lineup(&self.candidates);
        let obstacle = lined_up.obstacle().cloned();
        let mut in_order = self.choices(lined_up).into_iter();
        let first = in_order.next();
        let is_sticky = self.route.groups().any(|it| it.looks_at(Look::Warmth));
        Ok(Plan {
            first: first.ok_or_else(|| self.refusal(admitted, obstacle))?,
            others: in_order.collect(),
            rule: self.rule.clone(),
            passed: passed(&self.candidates),
            decision: Some(Box::new(self.question.decision())),
            attempts: self.route.attempts,
            hedge: self.route.hedge.clone(),
            shadow: self.asked.shadow.clone(),
            thread: is_sticky.then(|| self.question.thread()),
            too_long: self.choices(lineup(&self.too_long)),
            filtered: self.choices(lineup(&self.filtered)),
        })
    }

    /// Why nothing is left.
    fn refusal(&self, admitted: &Admitted, obstacle: Option<Obstacle>) -> RouteError {
        let model = admitted.view.model.clone();
        match (obstacle, &self.rule) {
            (None | Some(Obstacle::Forbidden), Some(rule)) => RouteError::Elsewhere {
                model,
                rule: Arc::clone(rule),
                to: Arc::clone(&self.route.model),
            },
            (None | Some(Obstacle::Forbidden), None) => {
                RouteError::UnknownModel { model, meant: None }
            }
            (Some(Obstacle::NotServed), _) => RouteError::NotServed {
                model,
                operation: admitted.operation.name(),
            },
            (Some(obstacle), _) => RouteError::Excluded { model, obstacle },
        }
    }

    fn choices(&self, lineup: Lineup<&Candidate>) -> Vec<Choice> {
        let choice = |candidate: &Candidate| {
            let is_own = Arc::ptr_eq(&candidate.group, &self.route.own);
            Choice {
                deployment: Arc::clone(&candidate.found.deployment),
                group: (!is_own).then(|| Arc::clone(&candidate.group)),
            }
        };
        lineup.in_order().into_iter().map(choice).collect()
    }
}

/// The route of the name that was asked for.
///
/// # Errors
/// There is none, or the caller's key may not use it.
pub fn found(snapshot: &Snapshot, admitted: &Admitted) -> Result<Arc<Route>, RouteError> {
    let model = &admitted.view.model;
    let spellings = spellings(admitted.operation, model);
    let may_use = |model: &str| admitted.caller.allows(model);
    let mut routes = spellings
        .iter()
        .filter_map(|it| snapshot.resolve_for(it, may_use));
    let unknown = || RouteError::unknown(snapshot, &admitted.caller, model.clone());
    routes.next().ok_or_else(unknown)
}

/// Where the first rule that holds sends the call, and the rule's name.
fn redirected(
    snapshot: &Snapshot,
    question: &Question<'_>,
    route: Arc<Route>,
) -> (Arc<Route>, Option<Arc<str>>) {
    let holds = |rule: &&Rule| question.meets(&rule.when) == Some(true);
    let led = |rule: &Rule| Some((snapshot.resolve(&rule.model)?, Some(Arc::clone(&rule.name))));
    let led = route.rules.iter().find(holds).and_then(led);
    led.unwrap_or((route, None))
}

/// Those of a group, in the order of its policies for the call that has the number `turn` there. Who
/// is not asked, or only when nobody else is left, takes nobody's place in that order.
fn candidates(question: &Question<'_>, group: &Arc<Group>, turn: u64) -> Vec<Candidate> {
    let surveyed = question.survey(group);
    let (free, others): (Vec<_>, Vec<_>) =
        surveyed.into_iter().partition(|it| it.obstacle.is_none());
    let order = question.order(group, &free, turn);
    let mut free: Vec<_> = free.into_iter().map(Some).collect();
    let found = |place: usize| free.get_mut(place).and_then(Option::take);
    let free = order.into_iter().filter_map(found);
    let candidate = |found| Candidate {
        group: Arc::clone(group),
        found,
    };
    free.chain(others).map(candidate).collect()
}

/// Who is asked of `candidates`.
pub fn lineup(candidates: &[Candidate]) -> Lineup<&Candidate> {
    let mut lineup = Lineup::default();
    for candidate in candidates {
        lineup.add(candidate, candidate.found.obstacle.as_ref());
    }
    lineup
}

/// Those in whose way there is something that has to do with how they are.
fn passed(candidates: &[Candidate]) -> Vec<(Arc<str>, &'static str)> {
    let told = |it: &Candidate| {
        let obstacle = it.found.obstacle.as_ref().filter(|it| it.is_of_state())?;
        Some((Arc::clone(&it.found.deployment.id), obstacle.code()))
    };
    candidates.iter().filter_map(told).collect()
}
