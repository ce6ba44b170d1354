//! What is told of a call that is not made, as JSON.

use std::ptr;
use std::sync::Arc;

use serde::Serialize;
use tollward_config::catalog::Unit;
use tollward_store::NanoUsd;

use super::{found_by, seconds};
use crate::clock;
use crate::pipeline::admit::Admitted;
use crate::pipeline::route::{Candidate, Prospect, RouteError, lineup};
use crate::policy::breaker::Circuit;
use crate::policy::decision::Need;
use crate::policy::routing::WHOLE;
use crate::snapshot::Snapshot;
use crate::upstream::health::Resting;

/// Whether what is told of deployments is how they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As the running gateway sees them.
    Running,
    /// From the configuration alone.
    Unknown,
}

/// Where a call would go, and why.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The name that is asked for.
    pub model: String,
    /// The operation's name.
    pub operation: &'static str,
    /// Whether what is told of deployments is how they are.
    pub state: State,
    /// The model that the name leads to.
    route: Arc<str>,
    /// `name`, `alias` or `pattern`: how it leads there.
    found_by: &'static str,
    /// The rule that sends the call elsewhere.
    rule: Option<Arc<str>>,
    /// The model whose deployments are asked.
    goes_to: Arc<str>,
    /// The rules of the first model, in order.
    rules: Vec<Answered>,
    /// The guards.
    guards: Vec<Answered>,
    request: Request,
    /// The groups of deployments that are asked, one after the other.
    groups: Vec<GroupTold>,
    /// All that could answer, in the order in which their groups have them asked.
    candidates: Vec<Told>,
    /// Those that are asked instead when the request is too long.
    context_fallbacks: Vec<Told>,
    /// Those that are asked instead when a filter refuses the request.
    filter_fallbacks: Vec<Told>,
    /// Why nobody is asked, if so.
    #[serde(skip)]
    pub refusal: Option<RouteError>,
}

/// A condition and its answer to this call.
#[derive(Debug, Serialize)]
struct Answered {
    name: Arc<str>,
    /// `null`: it cannot be answered. A rule does not hold then, a guard does.
    holds: Option<bool>,
    /// Where a rule leads.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    leads_to: Option<Arc<str>>,
    /// The tags that a guard asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    only: Vec<Box<str>>,
}

/// What routing sees of the request.
#[derive(Debug, Serialize)]
struct Request {
    key: Option<String>,
    tags: Vec<Box<str>>,
    /// About.
    tokens: u64,
    max_output: Option<u64>,
    stream: bool,
    /// What it needs of a model.
    needs: Vec<Need>,
}

#[derive(Debug, Serialize)]
struct GroupTold {
    model: Arc<str>,
    policies: Vec<&'static str>,
}

/// One that could answer.
#[derive(Debug, Serialize)]
struct Told {
    deployment: Arc<str>,
    /// The model that leads to it.
    model: Arc<str>,
    /// Its place among those that are asked, from 1; `null`: it is not.
    place: Option<usize>,
    /// What stands in its way.
    obstacle: Option<ObstacleTold>,
    weight: u32,
    in_flight: u32,
    /// Expected, if it was asked lately.
    first_content_ms: Option<u64>,
    /// Expected of this call, if the price is known.
    cost_usd: Option<String>,
    /// What is left of its vendor's tightest limit, in thousandths.
    headroom: Option<u32>,
    /// It answered the last turn of the conversation.
    warm: bool,
    price: PriceTold,
    can: Can,
    circuit: CircuitTold,
    /// It is left alone though its circuit is closed.
    rest: Option<RestTold>,
    credentials: Vec<CredentialTold>,
    tags: Vec<Box<str>>,
}

#[derive(Debug, Serialize)]
struct ObstacleTold {
    code: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
struct PriceTold {
    input_per_mtok: Option<String>,
    output_per_mtok: Option<String>,
}

/// What its model can do, as far as somebody says so.
#[derive(Debug, Serialize)]
struct Can {
    context: Option<u64>,
    max_output: Option<u64>,
    tools: Option<bool>,
    vision: Option<bool>,
    schema: Option<bool>,
}

/// What a circuit lets through.
#[derive(Debug, Serialize)]
pub struct CircuitTold {
    /// `closed`, `trying` or `open`.
    state: &'static str,
    /// Seconds for which it is still open.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_s: Option<u64>,
    /// Thousandths of its weight, while it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<u32>,
}

/// For how many seconds a deployment is left alone that works, and what it said.
#[derive(Debug, Serialize)]
pub struct RestTold {
    left_s: u64,
    fault: &'static str,
}

#[derive(Debug, Serialize)]
struct CredentialTold {
    name: Arc<str>,
    /// Seconds for which it rests; 0 if it does not.
    rests_s: u64,
}

impl Explanation {
    pub(super) fn new(
        snapshot: &Snapshot,
        admitted: &Admitted,
        prospect: &Prospect<'_>,
        state: State,
    ) -> Self {
        let facts = prospect.question.facts();
        let rules = prospect.asked.rules.iter().map(|rule| Answered {
            name: Arc::clone(&rule.name),
            holds: prospect.question.meets(&rule.when),
            leads_to: Some(Arc::clone(&rule.model)),
            only: Vec::new(),
        });
        let guards = snapshot.guards.iter().map(|guard| Answered {
            name: Arc::clone(&guard.name),
            holds: prospect.question.meets(&guard.when),
            leads_to: None,
            only: guard.only.clone(),
        });
        let groups = prospect.route.groups().map(|group| GroupTold {
            model: Arc::clone(&group.model),
            policies: group.policies.iter().map(|it| it.name()).collect(),
        });
        let told = |candidates: &[Candidate]| told(admitted, prospect, candidates);
        Self {
            model: admitted.view.model.clone(),
            operation: admitted.operation.name(),
            state,
            route: Arc::clone(&prospect.asked.model),
            found_by: found_by(snapshot, admitted, prospect),
            rule: prospect.rule.clone(),
            goes_to: Arc::clone(&prospect.route.model),
            rules: rules.collect(),
            guards: guards.collect(),
            request: Request {
                key: admitted.caller.key().map(|it| it.name.clone()),
                tags: admitted.hints.tags.clone(),
                tokens: facts.tokens,
                max_output: admitted.view.max_output,
                stream: facts.is_stream,
                needs: Need::all(facts.needs),
            },
            groups: groups.collect(),
            candidates: told(&prospect.candidates),
            context_fallbacks: told(&prospect.too_long),
            filter_fallbacks: told(&prospect.filtered),
            refusal: prospect.plan().err(),
        }
    }
}

fn told(admitted: &Admitted, prospect: &Prospect<'_>, candidates: &[Candidate]) -> Vec<Told> {
    let in_order = lineup(candidates).in_order();
    let place = |candidate: &Candidate| {
        let mut places = in_order.iter().zip(1..);
        let found = places.find(|(it, _)| ptr::eq(**it, candidate));
        found.map(|(_, place)| place)
    };
    let told = candidates
        .iter()
        .map(|it| of_candidate(admitted, prospect, it, place(it)));
    let mut told: Vec<Told> = told.collect();
    told.sort_by_key(|it| it.place.unwrap_or(usize::MAX));
    told
}

fn of_candidate(
    admitted: &Admitted,
    prospect: &Prospect<'_>,
    candidate: &Candidate,
    place: Option<usize>,
) -> Told {
    let found = &candidate.found;
    let (deployment, vitals) = (&found.deployment, &found.vitals);
    let (now, at_unix_s) = (clock::mono(), admitted.at_ms / 1_000);
    let per_mtok = |unit| {
        // Pico-dollars for one are a thousandth of the nano-dollars for a million.
        let pico = deployment.prices.of_one(unit, at_unix_s)?;
        let nano = i64::try_from(pico).ok()?.checked_mul(1_000)?;
        Some(NanoUsd(nano).to_decimal())
    };
    let obstacle = found.obstacle.as_ref().map(|it| ObstacleTold {
        code: it.code(),
        message: it.told(),
    });
    let holders = deployment.credentials.holders().iter();
    let credentials = holders.filter(|it| !it.name().is_empty());
    let cost = prospect.question.cost(deployment, vitals);
    let can = &deployment.capabilities;
    Told {
        deployment: Arc::clone(&deployment.id),
        model: Arc::clone(&candidate.group.model),
        place,
        obstacle,
        weight: deployment.weight,
        in_flight: vitals.in_flight,
        first_content_ms: vitals.first_content_us.map(|it| it / 1_000),
        cost_usd: cost.map(NanoUsd::to_decimal),
        headroom: deployment.headroom_left(at_unix_s),
        warm: found.outlook.is_warm,
        price: PriceTold {
            input_per_mtok: per_mtok(Unit::Input),
            output_per_mtok: per_mtok(Unit::Output),
        },
        can: Can {
            context: can.context,
            max_output: can.max_output,
            tools: can.tools,
            vision: can.vision,
            schema: can.schema,
        },
        circuit: CircuitTold::of(vitals.circuit),
        rest: vitals.resting.as_ref().map(RestTold::of),
        credentials: credentials
            .map(|it| CredentialTold {
                name: Arc::clone(it.name()),
                rests_s: seconds(it.wait(&deployment.upstream_model, now)),
            })
            .collect(),
        tags: deployment.tags.clone(),
    }
}

impl CircuitTold {
    /// What is told of a circuit.
    pub fn of(circuit: Circuit) -> Self {
        let (state, left_s, share) = match circuit {
            Circuit::Closed(share) => ("closed", None, Some(share).filter(|it| *it < WHOLE)),
            Circuit::Trying => ("trying", None, None),
            Circuit::Open(left) => ("open", Some(seconds(left)), None),
        };
        Self {
            state,
            left_s,
            share,
        }
    }
}

impl RestTold {
    /// What is told of a rest.
    pub fn of(resting: &Resting) -> Self {
        Self {
            left_s: seconds(resting.left),
            fault: resting.fault.code(),
        }
    }
}
