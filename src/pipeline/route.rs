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

use tollward_wire::dialect::Dialect;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;

use self::survey::{Question, Thread};
use crate::app::Gateway;
use crate::pipeline::admit::Admitted;
use crate::policy::obstacle::{Obstacle, Pause};
use crate::policy::plan::Lineup;
use crate::snapshot::route::{Group, Route, Rule};
use crate::snapshot::{Deployment, Snapshot};

/// This call's ordered choices; never empty.
pub struct Plan {
    first: Choice,
    others: Vec<Choice>,
    /// The rule that sent the call where it goes.
    pub rule: Option<Arc<str>>,
    /// Attempts beyond the first; `None`: as for all models.
    pub attempts: Option<u32>,
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
    /// Why it should rather not be asked, for now.
    pub pause: Option<Pause>,
}

impl Choice {
    /// It is asked.
    fn of(deployment: Arc<Deployment>) -> Self {
        Self {
            deployment,
            pause: None,
        }
    }
}

impl Plan {
    /// There is no choice.
    pub fn only(deployment: Arc<Deployment>) -> Self {
        Self {
            first: Choice::of(deployment),
            others: Vec::new(),
            rule: None,
            attempts: None,
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
            attempts: self.attempts,
            thread: self.thread,
            too_long: of(&self.too_long),
            filtered: of(&self.filtered),
        })
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
    },
    /// The model is known, but nothing that answers for it serves this operation.
    #[error("the model `{model}` does not serve {operation}")]
    NotServed {
        /// The name that was asked for.
        model: String,
        /// The operation's name.
        operation: &'static str,
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
    let route = found(snapshot, admitted)?;
    let question = Question::new(&gateway.affinity, snapshot, admitted);
    let (route, rule) = redirected(snapshot, &question, route);
    let question = question.of(&route);
    let is_sticky = route.groups().any(|it| it.is_ordered_by("sticky"));
    let lineup = line_up(&question, route.groups());
    let obstacle = lineup.obstacle().cloned();
    let mut in_order = choices(lineup).into_iter();
    let first = in_order.next();
    Ok(Plan {
        first: first.ok_or_else(|| refusal(admitted, obstacle))?,
        others: in_order.collect(),
        rule,
        attempts: route.attempts,
        thread: is_sticky.then(|| question.thread()),
        too_long: choices(line_up(&question, &route.context_fallbacks)),
        filtered: choices(line_up(&question, &route.filter_fallbacks)),
    })
}

/// The route of the name that was asked for.
///
/// # Errors
/// There is none, or the caller's key may not use it.
pub fn found(snapshot: &Snapshot, admitted: &Admitted) -> Result<Arc<Route>, RouteError> {
    let model = &admitted.view.model;
    let spellings = spellings(admitted.operation, model);
    let mut routes = spellings.iter().filter_map(|it| snapshot.resolve(it));
    let route = routes.find(|route| admitted.caller.allows(&route.model));
    route.ok_or_else(|| RouteError::UnknownModel {
        model: model.clone(),
    })
}

/// Where the first rule that holds sends the call, and the rule's name.
pub fn redirected(
    snapshot: &Snapshot,
    question: &Question<'_>,
    route: Arc<Route>,
) -> (Arc<Route>, Option<Arc<str>>) {
    let holds = |rule: &&Rule| rule.when.holds(&question.facts()) == Some(true);
    let led = |rule: &Rule| Some((snapshot.resolve(&rule.model)?, Some(Arc::clone(&rule.name))));
    let led = route.rules.iter().find(holds).and_then(led);
    led.unwrap_or((route, None))
}

/// The choices of some groups, one group after the other.
fn line_up<'g>(
    question: &Question<'_>,
    groups: impl IntoIterator<Item = &'g Arc<Group>>,
) -> Lineup<Arc<Deployment>> {
    let mut lineup = Lineup::default();
    for group in groups {
        let surveyed = question.survey(group);
        for place in question.order(group, &surveyed, group.next_turn()) {
            if let Some(found) = surveyed.get(place) {
                lineup.add(Arc::clone(&found.deployment), found.obstacle.as_ref());
            }
        }
    }
    lineup
}

fn choices(lineup: Lineup<Arc<Deployment>>) -> Vec<Choice> {
    let choice = |(deployment, pause)| Choice { deployment, pause };
    lineup.in_order().into_iter().map(choice).collect()
}

/// Why nothing is left.
fn refusal(admitted: &Admitted, obstacle: Option<Obstacle>) -> RouteError {
    let model = admitted.view.model.clone();
    match obstacle {
        None | Some(Obstacle::Forbidden) => RouteError::UnknownModel { model },
        Some(Obstacle::NotServed) => RouteError::NotServed {
            model,
            operation: admitted.operation.name(),
        },
        Some(obstacle) => RouteError::Excluded { model, obstacle },
    }
}
