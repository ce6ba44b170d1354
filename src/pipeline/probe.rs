//! Probes: deployments are asked by the gateway how they are, so that no caller has to find out.
//!
//! One task looks twice a second which of them are due and asks a few at a time. What is asked for its
//! list of models is asked as `tollward doctor` does; a chat is a call of the gateway's own, as a shadow
//! is, with a row and a price. What follows from an answer is in `policy/probing.rs`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::json;
use tokio::time::MissedTickBehavior;
use tollward_config::ProbeAsk;
use tollward_providers::Provider;
use tollward_store::RequestId;
use tollward_wire::document::Document;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use crate::app::Gateway;
use crate::clock;
use crate::pipeline::admit::hints::Hints;
use crate::pipeline::admit::places::Places;
use crate::pipeline::admit::{Admitted, Arrived};
use crate::pipeline::attempt::attempt;
use crate::pipeline::authenticate::Caller;
use crate::pipeline::deliver::deliver;
use crate::pipeline::recall::Recalled;
use crate::pipeline::reserve::reserve;
use crate::pipeline::route::Plan;
use crate::pipeline::settle::Settlement;
use crate::policy::probing::{LONGEST, News, Told};
use crate::snapshot::{Deployment, Probe, Target};
use crate::upstream::health::is_failure;
use crate::upstream::inquiry::{AskError, Inquiry};

/// How often it is looked who is to be asked.
const TICK: Duration = Duration::from_millis(500);
/// Deployments that are asked at one time; others wait for the next look.
const AT_ONCE: usize = 16;
/// Tokens that a chat may have in answer: the fewest that every vendor takes.
const TOKENS: u32 = 16;
/// How long an answer to it may take: less than a probe is waited for.
const PATIENCE: Duration = LONGEST.saturating_sub(Duration::from_secs(2));
/// What the ledger has as the rule of such a call.
const RULE: &str = "probe";

/// Asks until the tasks stop.
pub fn follow(gateway: &Arc<Gateway>) {
    let own = Arc::clone(gateway);
    gateway.tasks.spawn("probes", Box::pin(run(own)));
}

async fn run(gateway: Arc<Gateway>) {
    let stop = gateway.tasks.stopping();
    let places = Places::new(Gauge::default(), Gauge::default());
    let mut looks = tokio::time::interval(TICK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(()) = running.next(), if !running.is_empty() => {}
            _ = looks.tick() => {
                for deployment in due(&gateway, AT_ONCE - running.len()) {
                    running.push(ask(&gateway, &places, deployment));
                }
            }
        }
    }
    // They end at once, and are booked.
    while running.next().await.is_some() {}
}

/// Those that are to be asked now, at most `room`.
fn due(gateway: &Gateway, room: usize) -> Vec<Arc<Deployment>> {
    let (snapshot, now) = (gateway.snapshot(), clock::mono());
    let is_due = |it: &&Arc<Deployment>| {
        let probe = it.probe.as_ref();
        probe.is_some_and(|probe| {
            let dice = clock::uniform();
            it.health.begin_probe(&probe.terms, now, dice)
        })
    };
    let due = snapshot.probed().iter().filter(is_due);
    due.take(room).cloned().collect()
}

/// Asks `deployment`, and notes what it told.
async fn ask(gateway: &Arc<Gateway>, places: &Arc<Places>, deployment: Arc<Deployment>) {
    let Some(probe) = &deployment.probe else {
        return;
    };
    let told = match (probe.ask, &deployment.target) {
        (ProbeAsk::Models, Target::Http(provider)) => {
            let asking = models(gateway, &deployment, &**provider);
            let stop = gateway.tasks.stopping();
            let told = stop.run_until_cancelled(asking).await;
            told.unwrap_or(Told::Nothing)
        }
        (ProbeAsk::Chat, _) => chat(gateway, places, &deployment).await,
        (ProbeAsk::Models, Target::Local(_)) => Told::Nothing,
    };
    note(gateway, &deployment, probe, told);
}

fn note(gateway: &Gateway, deployment: &Deployment, probe: &Probe, told: Told) {
    gateway.metrics.count_probe(deployment, told);
    let (now, dice) = (clock::mono(), clock::uniform());
    match deployment.health.probed(told, &probe.terms, now, dice) {
        News::Away => tracing::warn!(
            deployment.id = %deployment.id,
            "a deployment does not answer probes, and calls are kept away from it"
        ),
        News::Back => {
            tracing::info!(deployment.id = %deployment.id, "a deployment answers probes again");
        }
        News::None => {}
    }
}

/// Asks for the list of models, or what else proves a key.
async fn models(gateway: &Gateway, deployment: &Deployment, provider: &dyn Provider) -> Told {
    let listing = provider.listing();
    let now = clock::mono();
    let model = &deployment.upstream_model;
    let holders = deployment.credentials.holders().iter();
    // The one that a call would take.
    let holder = holders.min_by_key(|it| it.wait(model, now));
    let (Some(uri), Some(holder)) = (listing.proving(), holder) else {
        return Told::Nothing;
    };
    let Ok(signer) = holder.signer(&gateway.fetcher).await else {
        return Told::Nothing;
    };
    let inquiry = Inquiry {
        client: &gateway.client,
        scope: provider.host_scope(),
        listing: &listing,
    };
    match inquiry.ask(uri, &signer).await {
        Ok(answer) if answer.status.is_success() => Told::Answers,
        Ok(answer) => {
            let failure = provider.fault(answer.status, &answer.headers, &answer.body);
            told(failure.fault)
        }
        Err(AskError::Send(error)) if error.is_shortage => Told::Nothing,
        Err(AskError::Send(error)) => told(error.fault),
        Err(AskError::Slow | AskError::Broken) => Told::Fails,
    }
}

/// Asks for a few tokens, as a call without a caller.
async fn chat(gateway: &Arc<Gateway>, places: &Arc<Places>, deployment: &Deployment) -> Told {
    let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let (Some(mut admitted), Ok(slot)) = (question(&deployment.model), places.take(None, most))
    else {
        return Told::Nothing;
    };
    // With a health of its own: what becomes of a probe says nothing of calls.
    let aside = Arc::new(Deployment {
        health: Arc::default(),
        canary: None,
        ..deployment.clone()
    });
    let snapshot = gateway.snapshot();
    let plan = Plan::only(Arc::clone(&aside)).called(RULE.into());
    let (plan, spending) = match reserve(gateway, &snapshot, &mut admitted, plan).await {
        // A budget may have room for another model only.
        Ok(reserved) if Arc::ptr_eq(reserved.0.first(), &aside) => reserved,
        Ok(_) | Err(_) => return Told::Nothing,
    };
    let terms = snapshot.retry.with_attempts(Some(0));
    let recalled = Recalled::plain(admitted).spending(spending.as_deref());
    let mut settlement = Settlement::open(gateway, &recalled, &plan, spending, slot);
    let answered = {
        let asking = attempt(gateway, &terms, &recalled, &plan, &mut settlement);
        let stop = gateway.tasks.stopping();
        stop.run_until_cancelled(Box::pin(asking)).await
    };
    match answered {
        Some(Ok(committed)) => {
            deliver(committed, recalled, settlement, &snapshot.limits);
            Told::Answers
        }
        Some(Err(mut error)) => {
            let is_asked = !error.trail.attempts.is_empty();
            let told = if is_asked {
                told(error.fault)
            } else {
                Told::Nothing
            };
            settlement.fail(&mut error);
            told
        }
        None => {
            settlement.cut();
            Told::Nothing
        }
    }
}

/// What a fault says about who is asked. A refusal is an answer.
fn told(fault: Fault) -> Told {
    if is_failure(fault) || matches!(fault, Fault::Timeout(_)) {
        Told::Fails
    } else {
        Told::Answers
    }
}

/// The shortest chat with `model`.
fn question(model: &str) -> Option<Admitted> {
    let body = json!({
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": TOKENS,
    });
    let document = Document::parse(Bytes::from(body.to_string())).ok()?;
    let view = RequestView::read(Operation::Chat, &document).ok()?;
    let at_ms = clock::unix_ms();
    Some(Admitted {
        request: RequestId::from_parts(at_ms, clock::id_bytes()),
        at_ms,
        operation: Operation::Chat,
        document,
        arrived: Arrived::Document,
        betas: None,
        view,
        hints: Hints {
            timeout: Some(PATIENCE),
            ..Hints::default()
        },
        caller: Caller::Open,
        client_request_id: None,
        started: clock::mono(),
    })
}
