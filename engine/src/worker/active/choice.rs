//! One answer of a request.

use crate::{
    event::{Candidate, Event, StopReason, TokenLogprob},
    model::{Segment, cache::KvCache},
    request::GenerateRequest,
    sampler::{Logprobs, Sampler},
    text_flow::{Released, TextFlow},
    tokenizer::Vocabulary,
    worker::load::Model,
};

pub(super) struct Choice {
    index: u32,
    /// Shares the prompt's blocks with the other choices.
    cache: KvCache,
    sampler: Sampler,
    flow: TextFlow,
    /// The token drawn last, which the next step reads.
    next: [u32; 1],
    drawn: usize,
    pub(super) is_over: bool,
}

impl Choice {
    pub(super) fn begin(
        index: u32,
        request: &GenerateRequest,
        seed: u64,
        prompt: &KvCache,
    ) -> Self {
        Self {
            index,
            cache: prompt.clone(),
            sampler: Sampler::new(request.sampling.clone(), seed, index),
            flow: TextFlow::new(request.stop.clone()),
            next: [0],
            drawn: 0,
            is_over: false,
        }
    }

    pub(super) fn segment(&mut self) -> Segment<'_> {
        Segment {
            cache: &mut self.cache,
            tokens: &self.next,
            wants_logits: true,
        }
    }

    /// Draws the next token and returns what the reader should hear of it.
    pub(super) fn accept(
        &mut self,
        logits: &[f32],
        most_tokens: usize,
        model: &Model,
    ) -> Vec<Event> {
        let vocabulary = model.prompts.tokenizer.vocabulary();
        let drawn = self.sampler.draw(logits);
        self.drawn += 1;
        self.next = [drawn.token];
        if vocabulary.is_end(drawn.token) {
            let rest = self.flow.finish();
            return self.end(rest, StopReason::Stop);
        }
        let entry = drawn
            .logprobs
            .map(|logprobs| describe(drawn.token, &logprobs, vocabulary));
        let mut released = self.flow.push(vocabulary.bytes(drawn.token), entry);
        if released.is_stopped {
            return self.end(released, StopReason::Stop);
        }
        if self.drawn >= most_tokens {
            let rest = self.flow.finish();
            released.text.push_str(&rest.text);
            released.logprobs.extend(rest.logprobs);
            return self.end(released, StopReason::Length);
        }
        self.text_event(released).into_iter().collect()
    }

    fn end(&mut self, rest: Released, reason: StopReason) -> Vec<Event> {
        self.is_over = true;
        let choice = self.index;
        let end = Event::Finished { choice, reason };
        self.text_event(rest).into_iter().chain([end]).collect()
    }

    fn text_event(&self, released: Released) -> Option<Event> {
        let is_empty = released.text.is_empty() && released.logprobs.is_empty();
        (!is_empty).then_some(Event::Token {
            choice: self.index,
            text: released.text,
            logprobs: released.logprobs,
        })
    }
}

fn describe(token: u32, logprobs: &Logprobs, vocabulary: &Vocabulary) -> TokenLogprob {
    let candidate = |id: u32, logprob: f32| {
        // Control tokens add no text; their spelling says what they are.
        let bytes = match vocabulary.bytes(id) {
            [] => vocabulary.spelling(id).as_bytes(),
            bytes => bytes,
        };
        Candidate {
            id,
            text: String::from_utf8_lossy(bytes).into_owned(),
            bytes: bytes.to_vec(),
            logprob,
        }
    };
    TokenLogprob {
        token: candidate(token, logprobs.chosen),
        top: logprobs
            .top
            .iter()
            .map(|&(id, logprob)| candidate(id, logprob))
            .collect(),
    }
}
