//! A week of calls, and a gateway that answers them: planned from their bodies by the code that plans
//! calls, played at sites that are slow and fail, and booked as the gateway books them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tollward::assembly::{Assembly, Standing};
use tollward::pipeline::admit::hints::Hints;
use tollward::pipeline::admit::{Admitted, Arrived};
use tollward::pipeline::authenticate::Caller;
use tollward::pipeline::route::survey::Question;
use tollward::pipeline::route::{Asking, Choice, Plan, prospect};
use tollward::policy::price::token_counts;
use tollward::policy::retry::{Situation, Verdict, decide_among};
use tollward::shelf::Shelf;
use tollward::snapshot::route::Group;
use tollward::snapshot::{Deployment, Snapshot};
use tollward::telemetry::metric::Metrics;
use tollward::upstream::affinity::Affinity;
use tollward::upstream::health::{Demand, Flight};
use tollward_config::Sources;
use tollward_store::{Course, Entry, NanoUsd, Outcome, RequestId, Store, ThingCounts};
use tollward_wire::document::Document;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::usage::Usage;
use tollward_wire::view::RequestView;

use crate::chance::Dice;
use crate::site::{Answer, Nature, Site};

/// Monday, 16 November 2026, 00:00 UTC.
pub(crate) const MONDAY_MS: i64 = 1_794_787_200_000;
pub(crate) const WEEK: Duration = Duration::from_secs(7 * 86_400);
const CONVERSATIONS: u64 = 120;
const TURNS: usize = 6;

/// One call, as its client makes it; the same whoever answers.
pub(crate) struct Arrival {
    at: Duration,
    body: Bytes,
    tags: Vec<Box<str>>,
    /// Tokens that the answer will have.
    output: u64,
}

/// So many calls of conversations: busy by day, and in bursts.
pub(crate) fn traffic(calls: usize, seed: u64) -> Vec<Arrival> {
    let mut dice = Dice::new(seed);
    let mut said: HashMap<u64, Vec<Value>> = HashMap::new();
    let mut moments = Vec::new();
    while moments.len() < calls {
        let at = WEEK.mul_f64(dice.uniform());
        let hour = at.as_secs() / 3_600 % 24;
        let busy = if (8..20).contains(&hour) { 1_000 } else { 250 };
        if dice.happens(busy) {
            let burst = 1 + dice.below(6);
            moments.extend((0..burst).map(|it| at + Duration::from_millis(it * 400)));
        }
    }
    moments.truncate(calls);
    moments.sort_unstable();
    let arrival = |at| {
        let number = dice.below(CONVERSATIONS);
        let conversation = said.entry(number).or_default();
        if conversation.len() >= 2 * TURNS {
            conversation.clear();
        }
        // One of eight talks about a long text.
        let words = if number.is_multiple_of(8) { 900 } else { 60 };
        let words = 20 + dice.below(words);
        let text = format!(
            "Step {} of {number}: {}",
            at,
            "so many words ".repeat(usize::try_from(words / 3).unwrap())
        );
        conversation.push(json!({"role": "user", "content": text}));
        let body =
            json!({"model": "chat", "stream": number.is_multiple_of(2), "messages": conversation});
        let output = 20 + dice.below(600);
        conversation.push(json!({"role": "assistant", "content": format!("Done with {output}.")}));
        let secret = number.is_multiple_of(5).then(|| "secret".into());
        Arrival {
            at: Duration::from_nanos(at),
            body: Bytes::from(body.to_string()),
            tags: secret.into_iter().collect(),
            output,
        }
    };
    let moments = moments
        .into_iter()
        .map(|it| u64::try_from(it.as_nanos()).unwrap());
    moments.map(arrival).collect()
}

/// A configuration as the gateway would run it.
pub(crate) fn snapshot(config: &Value) -> (Snapshot, Instant) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollward.json");
    let mut written = std::fs::File::create(&file).unwrap();
    written.write_all(config.to_string().as_bytes()).unwrap();
    let kinds = tollward_providers::kinds().map(|row| row.kind.to_owned());
    let loaded = tollward_config::load(&Sources {
        file: Some(file),
        env: Vec::new(),
        overrides: Vec::new(),
        known_kinds: kinds.collect(),
    });
    let metrics = Arc::new(Metrics::new());
    let (models, shelf) = (folder.path().to_owned(), Shelf::new(folder.path()));
    let standing = Standing::played(metrics, models, shelf, &[]);
    let assembly = Assembly {
        standing: &standing,
        env: &[],
        detected: None,
    };
    let snapshot = assembly.snapshot(&loaded.unwrap(), 1).unwrap();
    (snapshot, standing.began())
}

/// What came of the calls.
#[derive(Debug, Default)]
pub(crate) struct Came {
    /// Calls that went there, whatever became of them.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) cost: i64,
    pub(crate) denied: u64,
    /// Calls that were not answered, the denied ones left out.
    pub(crate) failed: u64,
    pub(crate) first_ms: Vec<u64>,
}

struct Call {
    request: RequestId,
    at: Duration,
    is_stream: bool,
    plan: Plan,
    left: Vec<Choice>,
    made: u32,
    here: u32,
    tried: Vec<String>,
    usage: Usage,
    first: Option<Duration>,
}

struct Running {
    call: Call,
    deployment: Arc<Deployment>,
    /// `None` before it begins.
    flight: Option<Flight>,
    answer: Option<Answer>,
    is_answered: bool,
}

pub(crate) struct Live<'a> {
    snapshot: Snapshot,
    began: Instant,
    now: Duration,
    affinity: Affinity,
    store: &'a Store,
    sites: HashMap<String, Site>,
    dice: Dice,
    due: BinaryHeap<Reverse<(Duration, u64)>>,
    running: HashMap<u64, Running>,
    serial: u64,
    came: Came,
}

impl<'a> Live<'a> {
    pub(crate) fn new(
        config: &Value,
        store: &'a Store,
        natures: Vec<(&str, Nature)>,
        seed: u64,
    ) -> Self {
        let (snapshot, began) = snapshot(config);
        let sites = natures.into_iter();
        Self {
            sites: sites
                .map(|(id, it)| (id.to_owned(), Site::new(it, began)))
                .collect(),
            snapshot,
            began,
            now: Duration::ZERO,
            affinity: Affinity::default(),
            store,
            dice: Dice::new(seed),
            due: BinaryHeap::new(),
            running: HashMap::new(),
            serial: 0,
            came: Came::default(),
        }
    }

    /// Answers all of them.
    pub(crate) fn play(mut self, traffic: &[Arrival]) -> Came {
        for (number, arrival) in traffic.iter().enumerate() {
            self.until(Some(arrival.at));
            self.now = arrival.at;
            self.arrive(number, arrival);
        }
        self.until(None);
        self.came
    }

    fn until(&mut self, end: Option<Duration>) {
        while let Some(Reverse((at, serial))) = self.due.peek().copied() {
            if end.is_some_and(|end| at > end) {
                break;
            }
            self.due.pop();
            self.now = at;
            let running = self.running.remove(&serial).unwrap();
            self.happens(running);
        }
    }

    fn instant(&self) -> Instant {
        self.began + self.now
    }

    fn ms(at: Duration) -> i64 {
        MONDAY_MS + i64::try_from(at.as_millis()).unwrap()
    }

    fn arrive(&mut self, number: usize, arrival: &Arrival) {
        let document = Document::parse(arrival.body.clone()).unwrap();
        let view = RequestView::read(Operation::Chat, &document).unwrap();
        let mut id = [0; 10];
        id[2..].copy_from_slice(&(number as u64).to_be_bytes());
        let admitted = Admitted {
            request: RequestId::from_parts(Self::ms(self.now), id),
            at_ms: Self::ms(self.now),
            operation: Operation::Chat,
            document,
            arrived: Arrived::Document,
            betas: None,
            view,
            hints: Hints {
                tags: arrival.tags.clone(),
                ..Hints::default()
            },
            caller: Caller::Open,
            client_request_id: None,
            started: self.instant(),
        };
        let question = Question::new(&self.affinity, &admitted, self.instant());
        let planned = prospect(&self.snapshot, question, Group::next_turn);
        let Ok(plan) = planned.and_then(|it| it.plan()) else {
            // Nothing is booked of a call that has no plan.
            self.came.denied += 1;
            return;
        };
        let input = plan.decision.as_ref().unwrap().tokens * 11 / 10;
        let call = Call {
            request: admitted.request,
            at: self.now,
            is_stream: admitted.view.is_stream,
            left: plan.choices().cloned().collect(),
            plan,
            made: 0,
            here: 0,
            tried: Vec::new(),
            usage: Usage {
                input,
                output: arrival.output,
                ..Usage::default()
            },
            first: None,
        };
        self.go_on(call, None);
    }

    fn next(&self, call: &mut Call) -> Option<Arc<Deployment>> {
        while !call.left.is_empty() {
            let choice = call.left.remove(0);
            let asking = Asking {
                demand: Demand::chat(0, call.is_stream),
                made: call.made,
                terms: self.snapshot.retry.allowance,
                now: self.instant(),
            };
            if choice.may_be_asked(&call.left, asking).is_ok() {
                choice.deployment.allowance.earn(asking.terms);
                call.here = 0;
                return Some(choice.deployment);
            }
        }
        None
    }

    fn go_on(&mut self, mut call: Call, last: Option<&Arc<Deployment>>) {
        match self.next(&mut call) {
            Some(deployment) => self.begin(call, deployment),
            None => self.book(&call, last, Outcome::UpstreamError),
        }
    }

    fn begin(&mut self, mut call: Call, deployment: Arc<Deployment>) {
        (call.made, call.here) = (call.made + 1, call.here + 1);
        let tokens = call.plan.decision.as_ref().unwrap().tokens;
        let health = &deployment.health;
        let flight = health.begin(
            deployment.breaker,
            Demand::chat(tokens, call.is_stream),
            self.instant(),
        );
        let site = self.sites.get_mut(&*deployment.id).unwrap();
        site.busy += 1;
        let answer = site.ask(self.now, tokens, false, &mut self.dice);
        let (Answer::Content { after, .. } | Answer::Failure { after, .. }) = answer;
        let running = Running {
            call,
            deployment,
            flight: Some(flight),
            answer: Some(answer),
            is_answered: false,
        };
        self.wait(running, after);
    }

    fn wait(&mut self, running: Running, after: Duration) {
        self.serial += 1;
        self.due.push(Reverse((self.now + after, self.serial)));
        self.running.insert(self.serial, running);
    }

    fn happens(&mut self, mut running: Running) {
        let now = self.instant();
        let Some(mut flight) = running.flight.take() else {
            return self.begin(running.call, running.deployment);
        };
        match running.answer {
            Some(Answer::Content { body, .. }) if !running.is_answered => {
                flight.answered(now);
                let beginning = running.call.plan.thread.and_then(|it| it.beginning);
                if let Some(beginning) = beginning {
                    self.affinity
                        .remember(beginning, running.deployment.identity);
                }
                running.call.first = Some(self.now - running.call.at);
                running
                    .call
                    .tried
                    .push(format!("{}:ok", running.deployment.id));
                (running.is_answered, running.flight) = (true, Some(flight));
                self.wait(running, body);
            }
            Some(Answer::Content { is_cut, .. }) => {
                let outcome = if is_cut {
                    flight.failed(Fault::Truncated, None, now, self.dice.uniform());
                    Outcome::UpstreamError
                } else {
                    flight.used(&running.call.usage);
                    Outcome::Complete
                };
                drop(flight);
                self.sites.get_mut(&*running.deployment.id).unwrap().busy -= 1;
                self.book(&running.call, Some(&running.deployment), outcome);
            }
            Some(Answer::Failure {
                fault, retry_after, ..
            }) => {
                flight.failed(fault, retry_after, now, self.dice.uniform());
                drop(flight);
                self.sites.get_mut(&*running.deployment.id).unwrap().busy -= 1;
                self.failed(running.call, running.deployment, fault, retry_after);
            }
            None => panic!("no attempt is made"),
        }
    }

    fn failed(
        &mut self,
        mut call: Call,
        deployment: Arc<Deployment>,
        fault: Fault,
        retry_after: Option<Duration>,
    ) {
        call.tried
            .push(format!("{}:{}", deployment.id, fault.code()));
        let terms = self.snapshot.retry.with_attempts(call.plan.attempts);
        let situation = Situation {
            fault,
            attempts_here: call.here,
            attempts_left: (terms.extra_attempts + 1).saturating_sub(call.made),
            has_next: true,
            has_detour: false,
            retry_after,
            dice: self.dice.uniform(),
        };
        let mut next = None;
        let verdict = decide_among(&situation, &terms.backoff, || {
            next = self.next(&mut call);
            next.is_some()
        });
        let now = self.instant();
        let deadline = now + Duration::from_secs(600);
        let pays = |delay| {
            let allowance = &deployment.allowance;
            allowance.pays(terms.allowance, delay, now, deadline)
        };
        match (verdict, next) {
            (Verdict::Next, Some(next)) => self.begin(call, next),
            (Verdict::Again(delay), _) if pays(delay) => {
                let running = Running {
                    call,
                    deployment,
                    flight: None,
                    answer: None,
                    is_answered: false,
                };
                self.wait(running, delay);
            }
            _ => self.book(&call, Some(&deployment), Outcome::UpstreamError),
        }
    }

    /// As the gateway books a call.
    fn book(&mut self, call: &Call, last: Option<&Arc<Deployment>>, outcome: Outcome) {
        let deployment = last.unwrap_or_else(|| call.plan.first());
        let is_answered = call.first.is_some();
        let usage = if is_answered {
            call.usage.clone()
        } else {
            Usage::default()
        };
        let priced = deployment.prices.cost(&usage, Self::ms(self.now) / 1_000);
        let came = &mut self.came;
        came.cost += priced.cost.unwrap_or(NanoUsd::ZERO).0;
        came.failed += u64::from(!is_answered);
        if call.made > 0 {
            *came.calls.entry(deployment.id.to_string()).or_default() += 1;
        }
        let millis = |it: Duration| u32::try_from(it.as_millis()).unwrap();
        came.first_ms
            .extend(call.first.map(|it| u64::from(millis(it))));
        let is_plain = call.made == 1 && is_answered;
        let decision = call.plan.decision.as_ref().unwrap().to_json();
        let entry = Entry {
            request: call.request,
            attempt: call.made,
            at_ms: Self::ms(call.at),
            key: None,
            operation: "chat".into(),
            model: "chat".into(),
            provider: Arc::clone(&deployment.provider),
            deployment: Arc::clone(&deployment.id),
            upstream_model: Arc::clone(&deployment.upstream_model),
            status: if is_answered { 200 } else { 502 },
            outcome,
            streamed: call.is_stream,
            tokens: token_counts(&usage),
            things: ThingCounts::default(),
            cost: priced.cost,
            cost_source: priced.source,
            saved: None,
            estimated: false,
            price_id: priced.price_id,
            credential: None,
            course: Course {
                rule: call.plan.rule.clone(),
                tried: (!is_plain).then(|| call.tried.join(",").into()),
                decision: Some(decision.into()),
            },
            held: None,
            attempts: call.made,
            first_content_ms: call.first.map(millis),
            duration_ms: millis(self.now - call.at),
        };
        self.store.ledger.record(&entry).unwrap();
    }
}
