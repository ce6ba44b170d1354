//! Buckets that gateways share: what a call takes of them, and what it used in the end.
//!
//! Taking is one question for all buckets of a call. What was used is told behind the call, many calls at a time. Where
//! the server does not answer, nobody waits for it for a second, and each gateway goes by meters of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tollward_store::{Correction, Draw, Drawn, Holder, RateLimits, SharedRates};

use super::Standing;
use super::meter::{Level, Measure, Taken, Wait};
use crate::clock;

/// After a failure nobody waits for the server for so long.
const REST: Duration = Duration::from_secs(1);
/// Calls whose use is told at once.
const BATCH: usize = 64;

/// The buckets of limits that gateways share.
pub struct Pool {
    rates: Arc<dyn SharedRates>,
    /// When the server did not answer; `None`: it did, the last time.
    failed: Mutex<Option<Instant>>,
    used: UnboundedSender<Vec<Correction>>,
    told: Mutex<Option<UnboundedReceiver<Vec<Correction>>>>,
}

/// Who takes, and how fast its calls may come.
pub type Taker = (Holder, RateLimits);

/// How taking went.
pub enum Outcome {
    /// What was taken for each taker, and how the tightest buckets stand.
    Taken(Vec<Taken>, Standing),
    /// The taker of that place has to wait.
    Lacks(usize, Wait, Standing),
}

/// One bucket that a call takes from.
struct Want {
    taker: usize,
    measure: Measure,
    draw: Draw,
}

impl Pool {
    /// Buckets in `rates`.
    pub fn new(rates: Arc<dyn SharedRates>) -> Self {
        let (used, told) = unbounded_channel();
        Self {
            rates,
            failed: Mutex::default(),
            used,
            told: Mutex::new(Some(told)),
        }
    }

    /// Takes what a call with about so many tokens of input needs of all `takers`, or nothing; `None` if the server does
    /// not answer.
    pub async fn take(&self, takers: &[Taker], input: u64) -> Option<Outcome> {
        let is_away = |at: Instant| clock::mono().saturating_duration_since(at) < REST;
        if self.failed.lock().is_some_and(is_away) {
            return None;
        }
        let wants = wants(takers, input);
        if wants.is_empty() {
            let nothing = vec![Taken::default(); takers.len()];
            return Some(Outcome::Taken(nothing, Standing::default()));
        }
        let draws: Vec<Draw> = wants.iter().map(|it| it.draw.clone()).collect();
        let answer = self.rates.take(&draws).await;
        *self.failed.lock() = answer.is_err().then(clock::mono);
        match answer {
            Ok(answer) => Some(outcome(takers, &wants, &answer)),
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(error = %format!("{error:#}"), "the server with the buckets of limits does not answer; each gateway keeps to its share");
                None
            }
        }
    }

    /// A call of `whose` that took `taken` used that.
    pub fn settle(&self, whose: &Taker, taken: Taken, input: u64, output: u64) {
        let all = input.saturating_add(output);
        let used = [
            (Measure::Tokens, taken.tokens, all),
            (Measure::InputTokens, taken.input, input),
            (Measure::OutputTokens, taken.output, output),
        ];
        let correction = |(measure, taken, used)| {
            Some(Correction {
                bucket: bucket(&whose.0, measure),
                limit: limit(&whose.1, measure)?,
                taken,
                used,
            })
        };
        let corrections: Vec<_> = used.into_iter().filter_map(correction).collect();
        if !corrections.is_empty() {
            // Nobody listens any more when the gateway has ended.
            _ = self.used.send(corrections);
        }
    }

    /// Tells the server what calls used, until `stop`.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let Some(mut told) = self.told.lock().take() else {
            return;
        };
        let telling = async {
            let mut some = Vec::with_capacity(BATCH);
            while told.recv_many(&mut some, BATCH).await > 0 {
                let corrections = some.drain(..).flatten().collect::<Vec<_>>();
                if let Err(error) = self.rates.correct(&corrections).await {
                    // The buckets are full again within a minute, whatever was used.
                    tracing::debug!(%error, "what calls used was not told");
                }
            }
        };
        stop.run_until_cancelled(telling).await;
    }
}

fn wants(takers: &[Taker], input: u64) -> Vec<Want> {
    let mut wants = Vec::new();
    for (taker, (holder, limits)) in takers.iter().enumerate() {
        // How long the answer is, nobody knows yet: there has to be something left.
        for (measure, amount) in [
            (Measure::Requests, 1),
            (Measure::Tokens, input),
            (Measure::InputTokens, input),
            (Measure::OutputTokens, 1),
        ] {
            let Some(limit) = limit(limits, measure) else {
                continue;
            };
            wants.push(Want {
                taker,
                measure,
                draw: Draw {
                    bucket: bucket(holder, measure),
                    limit,
                    // What is more than the bucket holds would never come in.
                    amount: u32::try_from(amount).unwrap_or(limit).min(limit),
                },
            });
        }
    }
    wants
}

fn outcome(takers: &[Taker], wants: &[Want], drawn: &Drawn) -> Outcome {
    let mut standing = Standing::default();
    for (want, left) in wants.iter().zip(&drawn.left) {
        let level = Level {
            limit: want.draw.limit,
            left: *left,
        };
        standing.tighten(want.measure, level);
    }
    let lacks = drawn
        .lacks
        .and_then(|(place, wait)| Some((wants.get(place)?, wait)));
    if let Some((want, wait)) = lacks {
        let wait = Wait {
            measure: want.measure,
            limit: want.draw.limit,
            wait,
        };
        return Outcome::Lacks(want.taker, wait, standing);
    }
    let mut taken = vec![Taken::default(); takers.len()];
    for want in wants {
        if let Some(taken) = taken.get_mut(want.taker) {
            taken.note(want.measure, want.draw.amount);
        }
    }
    Outcome::Taken(taken, standing)
}

fn limit(limits: &RateLimits, measure: Measure) -> Option<u32> {
    match measure {
        Measure::Requests => limits.requests_per_minute,
        Measure::Tokens => limits.tokens_per_minute,
        Measure::InputTokens => limits.input_tokens_per_minute,
        Measure::OutputTokens => limits.output_tokens_per_minute,
        // Calls that run are each gateway's own.
        Measure::Parallel => None,
    }
}

fn bucket(holder: &Holder, measure: Measure) -> String {
    let measure = match measure {
        Measure::Requests => "requests",
        Measure::Tokens => "tokens",
        Measure::InputTokens => "input",
        Measure::OutputTokens => "output",
        Measure::Parallel => "parallel",
    };
    match holder {
        Holder::Gateway => format!("all:{measure}"),
        Holder::Organization(id) | Holder::Team(id) => format!("{id}:{measure}"),
        Holder::Key(id) => format!("{id}:{measure}"),
    }
}
