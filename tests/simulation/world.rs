//! Clients, deployments and a gateway between them, in virtual time.
//!
//! Every decision is the gateway's own: `Health` and its `Flight`s, `routing::order`, `Lineup`,
//! `retry::decide_among` and `Allowance`. Only what waits and what answers is played here, as
//! `pipeline/route.rs` and `pipeline/attempt.rs` have it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use tollward::clock;
use tollward::policy::allowance::AllowanceTerms;
use tollward::policy::backoff::Backoff;
use tollward::policy::breaker::BreakerTerms;
use tollward::policy::credential::{Rest, rest};
use tollward::policy::obstacle::{Obstacle, Pause, Toll, toll};
use tollward::policy::plan::Lineup;
use tollward::policy::retry::{Situation, Verdict, decide_among};
use tollward::policy::routing::{Draw, Outlook, RoutingPolicy, mix, order, policy};
use tollward::upstream::health::{Demand, Flight, Vitals};
use tollward_store::NanoUsd;
use tollward_wire::fault::Fault;
use tollward_wire::usage::Usage;

use crate::chance::Dice;
use crate::site::{Answer, Nature, Site};
use crate::tally::{Ending, Tally};

/// The defaults of the configuration.
pub(crate) const BREAKER: BreakerTerms = BreakerTerms {
    failures: 5,
    percent: 50,
    pause: Duration::from_secs(5),
    longest_pause: Duration::from_secs(60),
    recovery: Duration::from_secs(30),
};
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(250),
    cap: Duration::from_secs(4),
};
pub(crate) const ALLOWANCE: AllowanceTerms = AllowanceTerms {
    percent: 10,
    per_second: 1,
};
pub(crate) const EXTRA_ATTEMPTS: u32 = 2;
const TOTAL: Duration = Duration::from_secs(15 * 60);

/// How candidates are put in order.
#[derive(Clone)]
pub(crate) enum Ordering {
    /// As the gateway does, by these policies.
    By(Vec<&'static dyn RoutingPolicy>),
    /// By chance, whatever is known of them: what there is to compare with.
    Blind,
}

impl Ordering {
    /// The policies of these names, and what the configuration adds to them.
    pub(crate) fn by(names: &[&str]) -> Self {
        let mut policies: Vec<_> = names.iter().map(|it| policy(it).unwrap()).collect();
        let is_total = |it: &&str| ["ordered", "weighted", "round_robin"].contains(it);
        if !names.iter().any(is_total) {
            policies.extend(policy("weighted"));
        }
        Self::By(policies)
    }
}

/// Who calls, and how often.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) calls: usize,
    /// The mean time between two calls.
    pub(crate) between: Duration,
    /// Of a thousand calls, those that no vendor will take.
    pub(crate) bad: u32,
    /// Of a thousand calls, those whose client leaves within five seconds.
    pub(crate) impatient: u32,
}

impl Clients {
    pub(crate) fn steady(calls: usize, per_second: u32) -> Self {
        Self {
            calls,
            between: Duration::from_secs(1) / per_second,
            bad: 0,
            impatient: 0,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival,
    /// An attempt has its first content or has failed.
    Head,
    /// The wait before another attempt is over.
    Again,
    /// An answer ends.
    End,
    /// The client hangs up.
    Leave,
}

struct Call {
    started: Duration,
    input: u64,
    is_bad: bool,
    /// Who was not asked yet, the next one last.
    plan: Vec<usize>,
    site: usize,
    attempts_here: u32,
    made: u32,
    flight: Option<Flight>,
    answer: Option<Answer>,
    /// What was told last.
    fault: Option<Fault>,
    is_over: bool,
}

pub(crate) struct World {
    base: Instant,
    now: Duration,
    pub(crate) sites: Vec<Site>,
    ordering: Ordering,
    clients: Clients,
    dice: Dice,
    queue: BinaryHeap<Reverse<(Duration, u64, Event, usize)>>,
    serial: u64,
    calls: Vec<Call>,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(
        natures: Vec<Nature>,
        ordering: &Ordering,
        clients: &Clients,
        seed: u64,
    ) -> Self {
        let base = clock::mono();
        let sites: Vec<_> = natures.into_iter().map(|it| Site::new(it, base)).collect();
        Self {
            base,
            now: Duration::ZERO,
            tally: Tally::of(sites.len()),
            sites,
            ordering: ordering.clone(),
            clients: clients.clone(),
            dice: Dice::new(seed),
            queue: BinaryHeap::new(),
            serial: 0,
            calls: Vec::new(),
        }
    }

    /// Plays until every call has ended.
    pub(crate) fn play(mut self) -> Self {
        self.at(Duration::ZERO, Event::Arrival, 0);
        while let Some(Reverse((at, _, event, call))) = self.queue.pop() {
            self.now = at;
            if event == Event::Arrival {
                self.arrive();
            } else if !self.calls[call].is_over {
                match event {
                    Event::Arrival => {}
                    Event::Head => self.head(call),
                    Event::Again => self.begin(call),
                    Event::End => self.end(call),
                    Event::Leave => self.leave(call),
                }
            }
        }
        self
    }

    /// The time as the decisions see it.
    fn instant(&self) -> Instant {
        self.base + self.now
    }

    fn at(&mut self, after: Duration, event: Event, call: usize) {
        self.serial += 1;
        let entry = (self.now + after, self.serial, event, call);
        self.queue.push(Reverse(entry));
    }

    fn arrive(&mut self) {
        if self.calls.len() + 1 < self.clients.calls {
            let wait = self.dice.exponential(self.clients.between);
            self.at(wait, Event::Arrival, 0);
        }
        let input = 50 + self.dice.below(4_000);
        let is_bad = self.dice.happens(self.clients.bad);
        let mut plan = self.plan(input);
        self.tally.began(self.now, &plan);
        plan.reverse();
        let call = self.calls.len();
        self.calls.push(Call {
            started: self.now,
            input,
            is_bad,
            plan,
            site: 0,
            attempts_here: 0,
            made: 0,
            flight: None,
            answer: None,
            fault: None,
            is_over: false,
        });
        if self.dice.happens(self.clients.impatient) {
            let patience = self.dice.between(Duration::ZERO, Duration::from_secs(5));
            self.at(patience, Event::Leave, call);
        }
        if self.next(call) {
            self.begin(call);
        } else {
            self.over(call, Ending::Rested);
        }
    }

    /// Who is asked, as `route` has it.
    fn plan(&mut self, input: u64) -> Vec<usize> {
        let seed = self.dice.bits();
        let Ordering::By(policies) = &self.ordering else {
            let mut places: Vec<usize> = (0..self.sites.len()).collect();
            places.sort_by_key(|place| mix(seed ^ mix(*place as u64)));
            return places;
        };
        let (mut outlooks, mut obstacles) = (Vec::new(), Vec::new());
        for (site, identity) in self.sites.iter().zip(0..) {
            let (outlook, obstacle) = self.survey(site, identity, input);
            outlooks.push(outlook);
            obstacles.push(obstacle);
        }
        let is_well = |outlook: &Outlook, site: &Site| {
            outlook.weight == u64::from(site.nature.weight) * 1_000
        };
        let mut all = outlooks.iter().zip(&self.sites);
        self.tally.is_well =
            obstacles.iter().all(Option::is_none) && all.all(|(it, site)| is_well(it, site));
        let draw = Draw::of_turn(self.calls.len() as u64, seed);
        let (free, others): (Vec<usize>, Vec<usize>) =
            (0..outlooks.len()).partition(|place| obstacles[*place].is_none());
        let of_free: Vec<Outlook> = free.iter().map(|place| outlooks[*place]).collect();
        let in_order = order(policies, &of_free, draw);
        let in_order = in_order.into_iter().map(|place| free[place]);
        let mut lineup = Lineup::default();
        for place in in_order.chain(others) {
            lineup.add(place, obstacles[place].as_ref());
        }
        lineup.in_order()
    }

    fn survey(&self, site: &Site, identity: u64, input: u64) -> (Outlook, Option<Obstacle>) {
        let vitals = site
            .health
            .at(self.instant(), &BREAKER, Demand::chat(input, true));
        let tokens = vitals.learned.expected(input, None, 1).output;
        let outlook = Outlook {
            identity,
            weight: u64::from(site.nature.weight) * u64::from(vitals.share()),
            in_flight: vitals.in_flight,
            first_content_us: vitals.first_content_us,
            cost: Some(NanoUsd(site.nature.price * tokens.cast_signed())),
            headroom: site.headroom(self.now),
            is_warm: false,
        };
        (outlook, self.rests(site, &vitals))
    }

    /// As `Deployment::rests` has it.
    fn rests(&self, site: &Site, vitals: &Vitals) -> Option<Obstacle> {
        let left = site.credential.saturating_sub(self.now);
        let refused = (!left.is_zero()).then_some(Obstacle::Refused(left));
        vitals.obstacle().or(refused)
    }

    fn pause(&self, site: &Site) -> Option<Pause> {
        let vitals = site
            .health
            .at(self.instant(), &BREAKER, Demand::chat(0, true));
        let obstacle = self.rests(site, &vitals);
        // Without health nobody rests.
        let obstacle = obstacle.filter(|_| matches!(self.ordering, Ordering::By(_)));
        obstacle.and_then(|it| it.pause())
    }

    /// Whether there is another one that may be asked; those before it are passed over.
    fn next(&mut self, call: usize) -> bool {
        let now = self.instant();
        while let Some(place) = self.calls[call].plan.pop() {
            let site = &self.sites[place];
            let made = self.calls[call].made;
            let mut others = self.calls[call].plan.iter();
            let is_other_free = || others.any(|it| self.pause(&self.sites[*it]).is_none());
            let may = match toll(self.pause(site), made, is_other_free) {
                Toll::Forbidden => false,
                Toll::Nothing => true,
                Toll::Turn => site.health.may_force(now),
                Toll::Retry => site.allowance.spend(ALLOWANCE, now),
            };
            if !may {
                continue;
            }
            site.allowance.earn(ALLOWANCE);
            self.calls[call].site = place;
            self.calls[call].attempts_here = 0;
            return true;
        }
        false
    }

    /// One attempt begins.
    fn begin(&mut self, id: usize) {
        let now = self.instant();
        let call = &mut self.calls[id];
        let site = &mut self.sites[call.site];
        call.attempts_here += 1;
        call.made += 1;
        site.busy += 1;
        call.flight = Some(
            site.health
                .begin(BREAKER, Demand::chat(call.input, true), now),
        );
        let answer = site.ask(self.now, call.input, call.is_bad, &mut self.dice);
        call.answer = Some(answer);
        self.tally.attempted(self.now, call.site);
        let (Answer::Content { after, .. } | Answer::Failure { after, .. }) = answer;
        self.at(after, Event::Head, id);
    }

    /// What `attempt` does once an attempt has shown how it goes.
    fn head(&mut self, id: usize) {
        let now = self.instant();
        let call = &mut self.calls[id];
        let site = &mut self.sites[call.site];
        match call.answer {
            Some(Answer::Content { body, .. }) => {
                call.flight.as_mut().unwrap().answered(now);
                site.credential = Duration::ZERO;
                self.tally.answered(call.site, self.now - call.started);
                self.at(body, Event::End, id);
            }
            Some(Answer::Failure {
                fault, retry_after, ..
            }) => {
                site.busy -= 1;
                let dice = self.dice.uniform();
                let mut flight = call.flight.take().unwrap();
                flight.failed(fault, retry_after, now, dice);
                drop(flight);
                let rest = rest(fault, None, None, retry_after);
                if let Some(Rest::Everywhere(rest) | Rest::Model(rest)) = rest {
                    site.credential = self.now + rest;
                }
                self.failed(id, fault, retry_after);
            }
            None => panic!("no attempt is made"),
        }
    }

    fn failed(&mut self, id: usize, fault: Fault, retry_after: Option<Duration>) {
        let call = &mut self.calls[id];
        call.fault = Some(fault);
        let situation = Situation {
            fault,
            attempts_here: call.attempts_here,
            attempts_left: (EXTRA_ATTEMPTS + 1).saturating_sub(call.made),
            has_next: true,
            has_detour: false,
            retry_after,
            dice: self.dice.uniform(),
        };
        match decide_among(&situation, &BACKOFF, || self.next(id)) {
            Verdict::Next => self.begin(id),
            Verdict::Again(delay) if self.pays(id, delay) => self.at(delay, Event::Again, id),
            Verdict::Again(_) | Verdict::Stop => self.give_up(id),
        }
    }

    fn pays(&self, id: usize, delay: Duration) -> bool {
        let call = &self.calls[id];
        let deadline = self.base + call.started + TOTAL;
        let allowance = &self.sites[call.site].allowance;
        allowance.pays(ALLOWANCE, delay, self.instant(), deadline)
    }

    fn end(&mut self, id: usize) {
        let call = &mut self.calls[id];
        let mut flight = call.flight.take().unwrap();
        self.sites[call.site].busy -= 1;
        let Some(Answer::Content { is_cut, body, .. }) = call.answer else {
            panic!("what did not begin ends");
        };
        if is_cut {
            let (now, dice) = (self.base + self.now, self.dice.uniform());
            flight.failed(Fault::Truncated, None, now, dice);
            drop(flight);
            return self.over(id, Ending::Cut);
        }
        // Fifty tokens a second.
        let output = u64::try_from(body.as_millis() / 20).unwrap();
        flight.used(&Usage {
            input: call.input,
            output,
            ..Usage::default()
        });
        drop(flight);
        self.over(id, Ending::Whole);
    }

    fn leave(&mut self, id: usize) {
        let call = &mut self.calls[id];
        if call.flight.take().is_some() {
            self.sites[call.site].busy -= 1;
        }
        self.over(id, Ending::Left);
    }

    /// A call ends for want of an answer.
    fn give_up(&mut self, id: usize) {
        let call = &self.calls[id];
        if call.fault == Some(Fault::BadRequest) {
            return self.over(id, Ending::Refused);
        }
        let may_go_on = call.made <= EXTRA_ATTEMPTS && !call.plan.is_empty();
        assert!(!may_go_on, "given up with {:?} left", call.plan);
        self.over(id, Ending::Failed);
    }

    fn over(&mut self, id: usize, ending: Ending) {
        let call = &mut self.calls[id];
        call.is_over = true;
        self.tally.over(call.started, ending);
    }

    /// What must be so when all calls have ended, whatever befell.
    pub(crate) fn is_settled(&self) {
        let tally = &self.tally;
        let unanswered = tally.failed + tally.refused + tally.rested + tally.left;
        let ended = tally.whole + tally.cut + unanswered;
        assert_eq!(ended, self.clients.calls, "calls that ended");
        for site in &self.sites {
            let vitals = site
                .health
                .at(self.instant(), &BREAKER, Demand::chat(0, true));
            assert_eq!(
                (vitals.in_flight, site.busy),
                (0, 0),
                "in flight at the end"
            );
        }
        assert!(self.calls.iter().all(|it| it.made <= EXTRA_ATTEMPTS + 1));
    }

    /// Ten minutes later nothing keeps anybody from being asked.
    pub(crate) fn is_open_again(&self) {
        let later = self.instant() + Duration::from_secs(600);
        for site in &self.sites {
            let vitals = site.health.at(later, &BREAKER, Demand::chat(0, true));
            assert_eq!(vitals.obstacle(), None, "shut for ever");
        }
    }
}
