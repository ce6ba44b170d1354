//! One admitted request: its prompt, its answers, and the events it owes its reader.

mod choice;

use std::collections::VecDeque;

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    Job,
    load::{Model, small},
    reserve::{Reserve, blocks},
};
use crate::{
    error::EngineError,
    event::Event,
    model::{Segment, cache::KvCache},
    request::GenerateRequest,
};
use choice::Choice;

/// A request whose prompt was tokenized and fits; it waits for memory.
pub(super) struct Prepared {
    request: GenerateRequest,
    events: mpsc::Sender<Event>,
    tokens: Vec<u32>,
    /// Most tokens per choice.
    answer_tokens: usize,
    /// Blocks that the prompt and one answer may need.
    pub(super) blocks: usize,
}

impl Prepared {
    /// Tokenizes the prompt; `None` when the request cannot run and its reader was told.
    pub(super) fn read(job: Job, model: &Model) -> Option<Self> {
        let Job { request, events } = job;
        let encoded = check_bias(&request, model).and_then(|()| model.encode(&request.input));
        let tokens = match encoded {
            Ok(tokens) => tokens,
            Err(error) => {
                // The channel is empty: this event fits unless the reader is gone.
                let _ = events.try_send(Event::Failed(error));
                return None;
            }
        };
        let room = model.decoder.config.context - tokens.len();
        let answer_tokens = request
            .max_tokens
            .map_or(room, |most| room.min(most as usize));
        Some(Self {
            blocks: blocks(tokens.len()) + blocks(answer_tokens) + 1,
            request,
            events,
            tokens,
            answer_tokens,
        })
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    pub(super) fn into_events(self) -> mpsc::Sender<Event> {
        self.events
    }
}

pub(super) struct Active {
    request: GenerateRequest,
    seed: u64,
    events: mpsc::Sender<Event>,
    /// Events that did not fit into the channel. While any is left, nothing is computed.
    outbox: VecDeque<Event>,
    prompt: Prompt,
    /// Choices that began and did not end.
    choices: Vec<Choice>,
    begun: u32,
    output_tokens: u32,
    /// Most tokens per choice.
    answer_tokens: usize,
    /// Blocks taken from the reserve.
    blocks: usize,
    is_done: bool,
    in_step: InStep,
}

/// Which rows of this request are in the step that is running.
#[derive(Default)]
struct InStep {
    prompt: bool,
    choices: bool,
}

struct Prompt {
    tokens: Vec<u32>,
    cache: KvCache,
    /// Logits after the last token, once all were read.
    logits: Option<Vec<f32>>,
}

impl Active {
    /// Begins a request whose blocks were taken from the reserve.
    pub(super) fn start(prepared: Prepared, model: &Model) -> Self {
        let seed = prepared.request.sampling.seed.unwrap_or_else(fresh_seed);
        let mut active = Self {
            request: prepared.request,
            seed,
            events: prepared.events,
            outbox: VecDeque::new(),
            prompt: Prompt {
                tokens: prepared.tokens,
                cache: KvCache::new(&model.decoder.config),
                logits: None,
            },
            choices: Vec::new(),
            begun: 0,
            output_tokens: 0,
            answer_tokens: prepared.answer_tokens,
            blocks: prepared.blocks,
            is_done: false,
            in_step: InStep::default(),
        };
        let prompt_tokens = active.prompt_tokens();
        active.send(Event::Started { prompt_tokens });
        active
    }

    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Rows that this request adds to a step when it answers.
    pub(super) fn running(&self) -> usize {
        self.choices.len().max(1)
    }

    /// Whether a step now would contain one of its answers.
    pub(super) fn is_answering(&self) -> bool {
        self.outbox.is_empty() && !self.choices.is_empty()
    }

    /// Nothing more will be sent: delivered in full, or nobody listens.
    pub(super) fn is_over(&self) -> bool {
        self.events.is_closed() || (self.is_done && self.outbox.is_empty())
    }

    /// Moves what it owes into the channel, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.outbox.pop_front() {
            if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
                self.outbox.push_front(event);
                return;
            }
        }
    }

    /// Ends the request with an error, if its reader has room for one more event.
    pub(super) fn fail(self, error: &EngineError) {
        let _ = self.events.try_send(Event::Failed(error.clone()));
    }

    /// Begins the answers that the reserve has memory for, once the prompt was read.
    /// The first one's memory was taken with the prompt's.
    pub(super) fn start_choices(&mut self, model: &Model, reserve: &mut Reserve) {
        let share = blocks(self.answer_tokens) + 1;
        while self.outbox.is_empty() && self.begun < self.request.n {
            let Some(logits) = self.prompt.logits.take() else {
                return;
            };
            // A free share: none has begun, or all that began have ended.
            let is_first = self.choices.is_empty();
            let may_start =
                is_first || (self.choices.len() < super::MAX_ROWS && reserve.take(share));
            if may_start {
                if !is_first {
                    self.blocks += share;
                }
                let mut choice =
                    Choice::begin(self.begun, &self.request, self.seed, &self.prompt.cache);
                self.begun += 1;
                self.advance(&mut choice, &logits, model);
                if !choice.is_over {
                    self.choices.push(choice);
                }
            }
            self.prompt.logits = Some(logits);
            if !may_start {
                return;
            }
        }
        self.finish_when_all_ended();
    }

    /// Adds this request's rows to a step: one per answer, or a slice of the prompt.
    pub(super) fn add_segments<'a>(
        &'a mut self,
        segments: &mut Vec<Segment<'a>>,
        prompt_room: &mut usize,
    ) {
        if !self.outbox.is_empty() || self.is_done {
            return;
        }
        let read = self.prompt.cache.tokens();
        let left = self.prompt.tokens.get(read..).unwrap_or_default();
        let count = left.len().min(*prompt_room);
        if let Some(tokens) = left.get(..count).filter(|tokens| !tokens.is_empty()) {
            *prompt_room -= count;
            self.in_step.prompt = true;
            segments.push(Segment {
                cache: &mut self.prompt.cache,
                tokens,
                wants_logits: count == left.len(),
            });
        }
        self.in_step.choices = true;
        segments.extend(self.choices.iter_mut().map(Choice::segment));
    }

    /// Takes the results of the rows that `add_segments` added, in the same order.
    pub(super) fn take_results(
        &mut self,
        results: &mut impl Iterator<Item = Option<Vec<f32>>>,
        model: &Model,
    ) {
        if std::mem::take(&mut self.in_step.prompt)
            && let Some(logits) = results.next()
        {
            self.prompt.logits = logits;
        }
        if !std::mem::take(&mut self.in_step.choices) {
            return;
        }
        let mut choices = std::mem::take(&mut self.choices);
        for choice in &mut choices {
            if let Some(Some(logits)) = results.next() {
                self.advance(choice, &logits, model);
            }
        }
        choices.retain(|choice| !choice.is_over);
        self.choices = choices;
    }

    fn advance(&mut self, choice: &mut Choice, logits: &[f32], model: &Model) {
        self.output_tokens += 1;
        for event in choice.accept(logits, self.answer_tokens, model) {
            self.send(event);
        }
    }

    fn finish_when_all_ended(&mut self) {
        if !self.is_done && self.begun == self.request.n && self.choices.is_empty() {
            self.is_done = true;
            let prompt_tokens = self.prompt_tokens();
            let output_tokens = self.output_tokens;
            self.send(Event::Done {
                prompt_tokens,
                output_tokens,
            });
        }
    }

    fn send(&mut self, event: Event) {
        self.outbox.push_back(event);
        self.flush();
    }

    fn prompt_tokens(&self) -> u32 {
        small(self.prompt.tokens.len())
    }
}

fn check_bias(request: &GenerateRequest, model: &Model) -> Result<(), EngineError> {
    let vocabulary = model.info.vocabulary;
    let unknown = request
        .sampling
        .logit_bias
        .iter()
        .find(|(token, _)| *token >= vocabulary);
    match unknown {
        Some(&(token, _)) => Err(EngineError::UnknownToken { token, vocabulary }),
        None => Ok(()),
    }
}

/// Without a source of randomness every answer would repeat; that is still an answer.
fn fresh_seed() -> u64 {
    getrandom::u64().unwrap_or(0)
}
