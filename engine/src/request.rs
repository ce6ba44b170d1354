//! What a caller asks for: an input, how to sample, and when to stop.
//!
//! Every field is checked by [`GenerateRequest::validate`] before the request is queued,
//! so that the worker never meets a number outside its range. Checks that need the model
//! (context size, vocabulary) happen when the request is admitted; see the worker.

use crate::error::SubmitError;

/// Most choices one request may ask for.
pub const MAX_CHOICES: u32 = 128;
/// Most alternatives reported per token.
pub const MAX_TOP_LOGPROBS: u8 = 20;
/// Most stop strings of one request.
pub const MAX_STOPS: usize = 16;
/// Longest stop string in bytes; the detokenizer may hold back that much.
pub const MAX_STOP_BYTES: usize = 1024;
/// Most logit-bias entries of one request.
pub const MAX_LOGIT_BIAS: usize = 2048;

/// One request for generated text.
#[derive(Debug, Clone)]
pub struct GenerateRequest {
    /// What the model continues.
    pub input: Input,
    /// How the next token is drawn.
    pub sampling: Sampling,
    /// Most tokens per choice; `None` means up to the end of the context.
    pub max_tokens: Option<u32>,
    /// Strings that end a choice; they are not part of its text.
    pub stop: Vec<String>,
    /// Number of independent answers, at least 1.
    pub n: u32,
}

/// What the model continues.
#[derive(Debug, Clone)]
pub enum Input {
    /// Turns of a conversation, rendered by the model's own chat template.
    Chat(Vec<ChatMessage>),
    /// Plain text, continued as it stands.
    Text(String),
}

/// One turn of a conversation.
#[derive(Debug, Clone)]
pub struct ChatMessage {
    /// Who speaks, in the words of the model's template: `system`, `user`, `assistant`.
    pub role: String,
    /// What was said. Special tokens spelled out in it stay text.
    pub content: String,
}

/// How the next token is drawn.
///
/// Order of effects: `logit_bias`, penalties, `temperature`, `top_k`, `top_p`, draw.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// 0 takes the most likely token; up to 2 flattens the distribution.
    pub temperature: f32,
    /// Keeps the smallest set of tokens whose probabilities reach this sum, in `(0, 1]`.
    pub top_p: f32,
    /// Keeps this many most likely tokens; `None` or 0 keeps all.
    pub top_k: Option<u32>,
    /// Makes the draw repeatable; `None` takes a fresh seed.
    pub seed: Option<u64>,
    /// Subtracted once from every token already produced, in `[-2, 2]`.
    pub presence_penalty: f32,
    /// Subtracted per occurrence of a token already produced, in `[-2, 2]`.
    pub frequency_penalty: f32,
    /// Added to the logits of single tokens: `(token id, bias in [-100, 100])`.
    pub logit_bias: Vec<(u32, f32)>,
    /// `Some(n)` reports the log-probability of each token and of the `n` most likely ones;
    /// `None` reports nothing.
    pub logprobs: Option<u8>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_p: 1.0,
            top_k: None,
            seed: None,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            logprobs: None,
        }
    }
}

impl GenerateRequest {
    /// Checks every range that does not depend on the model.
    ///
    /// # Errors
    /// [`SubmitError::Invalid`] with the name of the first field that is out of range.
    pub fn validate(&self) -> Result<(), SubmitError> {
        let Sampling {
            temperature,
            top_p,
            presence_penalty,
            frequency_penalty,
            ..
        } = self.sampling;
        within("temperature", temperature, 0.0, 2.0)?;
        within("top_p", top_p, 0.0, 1.0)?;
        within("presence_penalty", presence_penalty, -2.0, 2.0)?;
        within("frequency_penalty", frequency_penalty, -2.0, 2.0)?;
        for &(_, bias) in &self.sampling.logit_bias {
            within("logit_bias", bias, -100.0, 100.0)?;
        }
        let bias_count = self.sampling.logit_bias.len();
        let longest_stop = self.stop.iter().map(String::len).max().unwrap_or(0);
        let top = self.sampling.logprobs.unwrap_or(0);
        check(bias_count <= MAX_LOGIT_BIAS, "logit_bias", || {
            format!("{bias_count} entries, at most {MAX_LOGIT_BIAS} are allowed")
        })?;
        check(top <= MAX_TOP_LOGPROBS, "logprobs", || {
            format!("{top} alternatives, at most {MAX_TOP_LOGPROBS} are allowed")
        })?;
        check((1..=MAX_CHOICES).contains(&self.n), "n", || {
            format!("{} choices, allowed are 1 to {MAX_CHOICES}", self.n)
        })?;
        check(self.max_tokens != Some(0), "max_tokens", || {
            "must be at least 1".to_owned()
        })?;
        check(self.stop.len() <= MAX_STOPS, "stop", || {
            format!(
                "{} strings, at most {MAX_STOPS} are allowed",
                self.stop.len()
            )
        })?;
        check(longest_stop <= MAX_STOP_BYTES, "stop", || {
            format!("a string of {longest_stop} bytes, at most {MAX_STOP_BYTES} are allowed")
        })?;
        check(!self.stop.iter().any(String::is_empty), "stop", || {
            "a stop string must not be empty".to_owned()
        })?;
        let is_blank = matches!(&self.input, Input::Chat(messages) if messages.is_empty());
        check(!is_blank, "input", || {
            "a conversation needs at least one message".to_owned()
        })
    }
}

fn within(param: &'static str, value: f32, low: f32, high: f32) -> Result<(), SubmitError> {
    // NaN lies in no range, so it is refused here as well.
    check((low..=high).contains(&value), param, || {
        format!("{value} is outside {low} to {high}")
    })
}

fn check(
    holds: bool,
    param: &'static str,
    reason: impl FnOnce() -> String,
) -> Result<(), SubmitError> {
    if holds {
        Ok(())
    } else {
        Err(SubmitError::Invalid {
            param,
            reason: reason(),
        })
    }
}

#[cfg(test)]
mod tests;
