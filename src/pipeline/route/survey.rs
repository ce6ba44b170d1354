//! Gathers what policies and conditions look at: of the call, and of each candidate.
//!
//! The request's tokens and needs are only counted for routes that have something to decide.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use tollward_config::SpreadBy;
use tollward_config::catalog::Capabilities;
use tollward_store::NanoUsd;
use tollward_wire::conversation::{Beginnings, beginnings};
use tollward_wire::view::needs::Needs;

use crate::pipeline::admit::{Admitted, Arrived};
use crate::policy::condition::{Condition, Facts, Scope};
use crate::policy::decision::{self, Decision, Mark, Need};
use crate::policy::estimate;
use crate::policy::obstacle::{Obstacle, doubt};
use crate::policy::routing::{Draw, Look, Outlook, fingerprint, mix, order};
use crate::snapshot::route::{Group, Guard, Route};
use crate::snapshot::{Deployment, Snapshot};
use crate::upstream::affinity::Affinity;
use crate::upstream::health::{Demand, Vitals};

/// A call that is to be routed.
pub struct Question<'a> {
    admitted: &'a Admitted,
    now: Instant,
    /// What the ledger kept of the request, where its body is not there any more.
    kept: Option<&'a Decision>,
    tokens: OnceCell<u64>,
    needs: OnceCell<Needs>,
    user: OnceCell<String>,
    scope: OnceCell<Scope>,
    beginnings: OnceCell<Option<Beginnings>>,
    /// The guards that ask something of this call.
    guards: Vec<&'a Guard>,
    /// There is more than one deployment to ask.
    has_choice: bool,
    /// The most that the call may be expected to cost.
    max_cost: Option<NanoUsd>,
    affinity: &'a Affinity,
    thread: OnceCell<Thread>,
}

/// The conversation that a call goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thread {
    /// By which its next turn will know it; `None` if the call is no part of one.
    pub beginning: Option<u64>,
    /// Identity of the deployment that answered its last turn.
    pub warm: Option<u64>,
}

/// A candidate, and what was found out about it.
pub struct Surveyed {
    /// The candidate.
    pub deployment: Arc<Deployment>,
    /// What policies see of it.
    pub outlook: Outlook,
    /// How it is.
    pub vitals: Vitals,
    /// What stands in its way.
    pub obstacle: Option<Obstacle>,
}

impl<'a> Question<'a> {
    /// What is asked by `admitted` at `now`, given which conversations are where.
    pub fn new(affinity: &'a Affinity, admitted: &'a Admitted, now: Instant) -> Self {
        Self {
            admitted,
            now,
            kept: None,
            tokens: OnceCell::new(),
            needs: OnceCell::new(),
            user: OnceCell::new(),
            scope: OnceCell::new(),
            beginnings: OnceCell::new(),
            guards: Vec::new(),
            has_choice: true,
            max_cost: None,
            affinity,
            thread: OnceCell::new(),
        }
    }

    /// The same of a request of which there is only what the ledger kept.
    #[must_use]
    pub fn kept(self, kept: &'a Decision) -> Self {
        Self {
            kept: Some(kept),
            ..self
        }
    }

    /// The same under the guards of `snapshot`.
    #[must_use]
    pub fn guarded(self, snapshot: &'a Snapshot) -> Self {
        // What cannot be answered is guarded: a guard that fails must not let anything out. Of a form,
        // of what is passed through and of what will be said in a session nothing is known.
        let holds = |when: &Condition| match &self.admitted.arrived {
            Arrived::Unread(None) if when.is_about_content() => false,
            Arrived::Form(..) | Arrived::Unread(Some(_)) | Arrived::Handshake(_)
                if when.is_about_content() =>
            {
                true
            }
            _ => self.meets(when) != Some(false),
        };
        let held = snapshot.guards.iter().filter(|it| holds(&it.when));
        let guards = held.collect();
        Self { guards, ..self }
    }

    /// The call.
    pub fn admitted(&self) -> &'a Admitted {
        self.admitted
    }

    /// The same, asked of `route`.
    #[must_use]
    pub fn of(self, route: &Route) -> Self {
        Self {
            has_choice: route.deployments().nth(1).is_some(),
            max_cost: route.max_cost,
            ..self
        }
    }

    /// What conditions see of the call.
    pub fn facts(&self) -> Facts<'_> {
        let admitted = self.admitted;
        Facts {
            model: &admitted.view.model,
            operation: admitted.operation.name(),
            key: self.key(),
            user: self.kept.is_none().then(|| self.user()),
            tags: &admitted.hints.tags,
            tokens: self.tokens(),
            max_output: admitted.view.max_output.unwrap_or(0),
            is_stream: admitted.view.is_stream,
            needs: self.needs(),
            at_unix_s: admitted.at_ms / 1_000,
            body: self.kept.is_none().then_some(&admitted.document),
        }
    }

    /// The guard that keeps the call from `deployment`.
    pub fn guard(&self, deployment: &Deployment) -> Option<&Arc<str>> {
        let guard = self.guards.iter().find(|it| !it.lets(deployment));
        guard.map(|it| &it.name)
    }

    /// Whether a condition holds for the call; `None` if that cannot be said.
    pub fn meets(&self, when: &Condition) -> Option<bool> {
        when.holds(self.scope.get_or_init(|| Scope::new(&self.facts())))
    }

    /// What there is to know of the request for whoever asks later where it would have gone.
    pub fn decision(&self) -> Decision {
        let view = &self.admitted.view;
        let found = self.beginnings();
        let session = self.session();
        let unnamed = found.filter(|_| session.is_none());
        let decision = Decision {
            version: decision::VERSION,
            tokens: self.tokens(),
            max_output: view.max_output.unwrap_or(0),
            choices: view.choices,
            needs: Need::all(self.needs()),
            user: self.user_mark().map(Mark),
            session: session.map(Mark),
            turn: unnamed.map(|it| Mark(it.whole)),
            after: unnamed.and_then(|it| it.earlier.first().copied().map(Mark)),
            ..Decision::default()
        };
        decision.tagged(&self.admitted.hints.tags)
    }

    /// Tokens of the request, about.
    pub fn tokens(&self) -> u64 {
        let count = || match self.kept {
            Some(kept) => kept.tokens,
            None => estimate::input_tokens(self.admitted.document.bytes()),
        };
        *self.tokens.get_or_init(count)
    }

    fn needs(&self) -> Needs {
        *self.needs.get_or_init(|| match self.kept {
            Some(kept) => kept.needed(),
            None => Needs::of(&self.admitted.document),
        })
    }

    /// The conversation that the call goes on: by the name that the caller gave it, or by how it
    /// begins. A first turn is remembered, but not known again by itself: others begin alike, and all
    /// of them would go to one deployment.
    pub fn thread(&self) -> Thread {
        *self.thread.get_or_init(|| {
            let Some(found) = self.beginnings() else {
                return Thread::default();
            };
            // Another model's deployments have caches of their own, and no caller is to notice by
            // who answers that another one said the same.
            let admitted = self.admitted;
            let whose = format!("{}\n{}", self.key(), admitted.view.model);
            let whose = fingerprint(whose.as_bytes());
            Thread {
                beginning: Some(found.whole ^ whose),
                warm: found.known().find_map(|it| self.affinity.find(it ^ whose)),
            }
        })
    }

    /// How the conversation begins, as far as it is one.
    fn beginnings(&self) -> Option<&Beginnings> {
        let found = self
            .beginnings
            .get_or_init(|| match (self.session(), self.kept) {
                (Some(session), _) => Some(Beginnings {
                    whole: session,
                    is_answered: true,
                    earlier: Vec::new(),
                }),
                // What is embedded or ranked is in a list as well.
                (None, None) => {
                    self.admitted.operation.dialect()?;
                    beginnings(&self.admitted.document)
                }
                (None, Some(kept)) => kept.turn.map(|turn| Beginnings {
                    whole: turn.0,
                    is_answered: kept.after.is_some(),
                    earlier: kept.after.iter().map(|it| it.0).collect(),
                }),
            });
        found.as_ref()
    }

    /// The name of the caller's key.
    fn key(&self) -> &str {
        self.admitted.caller.key().map_or("", |it| &*it.name)
    }

    /// Stands for the conversation that the caller named.
    fn session(&self) -> Option<u64> {
        match self.kept {
            Some(kept) => kept.session.map(|it| it.0),
            None => mark(&self.admitted.hints.session),
        }
    }

    /// Stands for the user.
    fn user_mark(&self) -> Option<u64> {
        match self.kept {
            Some(kept) => kept.user.map(|it| it.0),
            None => mark(self.user()),
        }
    }

    /// For whom the caller asks: OpenAI's `user`, or Anthropic's `metadata.user_id`.
    fn user(&self) -> &str {
        self.user.get_or_init(|| {
            let document = &self.admitted.document;
            let user: Option<String> = document.get("user").ok().flatten();
            let metadata = || {
                let metadata = document.object("metadata")?;
                serde_json::from_slice(metadata.raw(document, "user_id")?).ok()
            };
            user.or_else(metadata).unwrap_or_default()
        })
    }

    /// The candidates of a group, as they are now.
    pub fn survey(&self, group: &Group) -> Vec<Surveyed> {
        let deployments = group.deployments.iter();
        deployments.map(|it| self.surveyed(group, it)).collect()
    }

    fn surveyed(&self, group: &Group, deployment: &Arc<Deployment>) -> Surveyed {
        // Nobody compares the times of a single one.
        let input = if group.deployments.len() > 1 {
            self.tokens()
        } else {
            0
        };
        let demand = Demand {
            operation: self.admitted.operation,
            input,
            is_stream: self.admitted.view.is_stream,
        };
        let vitals = deployment.health.at(self.now, &deployment.breaker, demand);
        Surveyed {
            outlook: self.outlook(group, deployment, &vitals),
            obstacle: self.obstacle(group, deployment, &vitals),
            deployment: Arc::clone(deployment),
            vitals,
        }
    }

    fn outlook(&self, group: &Group, deployment: &Deployment, vitals: &Vitals) -> Outlook {
        let at_unix_s = self.admitted.at_ms / 1_000;
        let cost = || self.cost(deployment, vitals);
        let headroom = || deployment.headroom_left(at_unix_s);
        Outlook {
            identity: deployment.identity,
            weight: u64::from(deployment.weight) * u64::from(vitals.share()),
            in_flight: vitals.in_flight,
            first_content_us: vitals.first_content_us,
            cost: group.looks_at(Look::Cost).then(cost).flatten(),
            headroom: group.looks_at(Look::Headroom).then(headroom).flatten(),
            is_warm: group.looks_at(Look::Warmth)
                && self.thread().warm == Some(deployment.identity),
        }
    }

    /// What the call will cost there, about; `None` if no price is known.
    pub fn cost(&self, deployment: &Deployment, vitals: &Vitals) -> Option<NanoUsd> {
        let (view, learned) = (&self.admitted.view, &vitals.learned);
        // Vectors and rankings are no output that has a price.
        let has_output = self.admitted.operation.dialect().is_some();
        let max_output = view.max_output.filter(|_| has_output);
        let max_output = max_output.or((!has_output).then_some(0));
        let usage = learned.expected(self.tokens(), max_output, view.choices);
        let at_unix_s = self.admitted.at_ms / 1_000;
        deployment.prices.cost(&usage, at_unix_s).cost
    }

    /// What stands in the way of a candidate; what does not pass is looked for first.
    fn obstacle(
        &self,
        group: &Group,
        deployment: &Deployment,
        vitals: &Vitals,
    ) -> Option<Obstacle> {
        if !self.admitted.caller.allows(&group.model) {
            return Some(Obstacle::Forbidden);
        }
        if !deployment.serves(self.admitted.operation) {
            return Some(Obstacle::NotServed);
        }
        if let Some(guard) = self.guard(deployment) {
            return Some(Obstacle::Guard(Arc::clone(guard)));
        }
        if let Some(when) = &deployment.when
            && self.meets(when) != Some(true)
        {
            return Some(Obstacle::Condition);
        }
        if let Some(most) = self.max_cost {
            let cost = self.cost(deployment, vitals);
            if cost.is_none_or(|it| it > most) {
                return Some(Obstacle::TooDear(cost));
            }
        }
        if deployment.is_drained() {
            return Some(Obstacle::Drained);
        }
        if let Some(doubt) = self.doubt(deployment) {
            return Some(doubt);
        }
        deployment.rests(vitals, self.now)
    }

    /// What the catalogue says that a candidate's model lacks. Who is asked in any case is not doubted.
    fn doubt(&self, deployment: &Deployment) -> Option<Obstacle> {
        let can = &deployment.capabilities;
        if !self.has_choice || *can == Capabilities::default() {
            return None;
        }
        let mut needs = self.needs();
        // Where calls are translated, a forced tool stands for a schema.
        needs.schema = needs.schema && deployment.relays(self.admitted.operation);
        doubt(can, needs, self.tokens())
    }

    /// Places of the surveyed in the order in which the group has them asked.
    pub fn order(&self, group: &Group, surveyed: &[Surveyed], turn: u64) -> Vec<usize> {
        let outlooks: Vec<Outlook> = surveyed.iter().map(|it| it.outlook).collect();
        // Turns begin anywhere, so what is mixed from one is chance, and can be told in advance.
        let draw = Draw::of_turn(turn, mix(turn));
        let draw = match self.unit(group.spread_by) {
            Some(unit) => draw.together(unit),
            None => draw,
        };
        let mut places = order(&group.policies, &outlooks, draw);
        // Without weight one is asked when no other is left, whatever the policies look at.
        let is_spare = |place: usize| {
            surveyed
                .get(place)
                .is_some_and(|it| it.deployment.weight == 0)
        };
        places.sort_by_key(|place| is_spare(*place));
        places
    }

    /// Stands for what the call is to stay together with; what belongs to nobody is by itself.
    fn unit(&self, spread_by: SpreadBy) -> Option<u64> {
        match spread_by {
            SpreadBy::Call => None,
            SpreadBy::Key => mark(self.key()),
            SpreadBy::User => self.user_mark(),
            SpreadBy::Conversation => self.session(),
        }
    }
}

/// Stands for a name; nobody has none.
fn mark(name: &str) -> Option<u64> {
    (!name.is_empty()).then(|| fingerprint(name.as_bytes()))
}
