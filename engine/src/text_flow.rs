//! From drawn tokens to text that may be shown: whole characters, no stop strings.
//!
//! Text that could be the beginning of a stop string is held back until the next tokens
//! decide. Log-probabilities travel with the text: a token's entry is released together
//! with its last byte.

use std::collections::VecDeque;

use crate::{event::TokenLogprob, tokenizer::Utf8Buffer};

/// Text released by one token.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Released {
    pub(crate) text: String,
    pub(crate) logprobs: Vec<TokenLogprob>,
    /// A stop string appeared; the choice is over.
    pub(crate) is_stopped: bool,
}

#[derive(Debug)]
pub(crate) struct TextFlow {
    stops: Vec<String>,
    characters: Utf8Buffer,
    /// Text not yet released.
    held: String,
    /// Bytes of text released so far.
    released: usize,
    waiting: VecDeque<Waiting>,
}

/// A token's entry and the place in the text where the token begins and is complete.
#[derive(Debug)]
struct Waiting {
    start: usize,
    end: usize,
    logprob: TokenLogprob,
}

impl TextFlow {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self {
            stops,
            characters: Utf8Buffer::default(),
            held: String::new(),
            released: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Adds a token's bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], logprob: Option<TokenLogprob>) -> Released {
        let start = self.produced();
        let text = self.characters.push(bytes);
        self.held.push_str(&text);
        if let Some(logprob) = logprob {
            // A token that ends inside a character is complete with that character.
            let end = self.produced() + usize::from(self.characters.is_waiting());
            self.waiting.push_back(Waiting {
                start,
                end,
                logprob,
            });
        }
        let found = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop))
            .min();
        if let Some(place) = found {
            return self.stop_at(place);
        }
        let kept = self.held.len() - self.open_stop();
        self.release(kept)
    }

    /// The rest, when the choice ended for another reason than a stop string.
    pub(crate) fn finish(&mut self) -> Released {
        let rest = self.characters.finish();
        self.held.push_str(&rest);
        let mut released = self.release(self.held.len());
        let left = self.waiting.drain(..).map(|waiting| waiting.logprob);
        released.logprobs.extend(left);
        released
    }

    /// Bytes of text seen so far, released or not.
    fn produced(&self) -> usize {
        self.released + self.held.len()
    }

    /// Length of the longest end of the held text that may grow into a stop string.
    fn open_stop(&self) -> usize {
        let begins = |stop: &String| {
            let mut prefixes = stop
                .char_indices()
                .filter_map(|(length, _)| stop.get(..length));
            prefixes
                .rfind(|prefix| self.held.ends_with(prefix))
                .map_or(0, str::len)
        };
        self.stops.iter().map(begins).max().unwrap_or(0)
    }

    fn stop_at(&mut self, place: usize) -> Released {
        let cut = self.released + place;
        let mut released = self.release(place);
        // A token that is partly before the stop string still belongs to the answer.
        let partly = self.waiting.drain(..).filter(|waiting| waiting.start < cut);
        released
            .logprobs
            .extend(partly.map(|waiting| waiting.logprob));
        released.is_stopped = true;
        released
    }

    fn release(&mut self, length: usize) -> Released {
        let rest = self.held.split_off(length);
        let text = std::mem::replace(&mut self.held, rest);
        self.released += length;
        let mut logprobs = Vec::new();
        while let Some(waiting) = self.waiting.pop_front_if(|w| w.end <= self.released) {
            logprobs.push(waiting.logprob);
        }
        Released {
            text,
            logprobs,
            is_stopped: false,
        }
    }
}

#[cfg(test)]
mod tests;
