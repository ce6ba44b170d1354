//! The JSON shapes of answers.
//!
//! Parts that `async-openai` types completely are its types; the envelopes are
//! ours, because its own leave out fields that must be `null`.

use std::collections::BTreeMap;

use async_openai::types::chat::{
    ChatChoiceLogprobs, ChatCompletionTokenLogprob, CompletionUsage, FinishReason, TopLogprobs,
};
use serde::Serialize;
use tollward_engine::{Candidate, EngineError, StopReason, TokenLogprob};
use tollward_wire::error_body::ErrorBody;

#[derive(Serialize)]
pub(super) struct Envelope<'a, C> {
    pub(super) id: &'a str,
    pub(super) object: &'static str,
    pub(super) created: i64,
    pub(super) model: &'a str,
    pub(super) choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<CompletionUsage>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Choice<'a> {
    Delta {
        index: u32,
        delta: Delta<'a>,
        logprobs: Option<ChatChoiceLogprobs>,
        finish_reason: Option<FinishReason>,
    },
    Message {
        index: u32,
        message: Message<'a>,
        logprobs: Option<ChatChoiceLogprobs>,
        finish_reason: Option<FinishReason>,
    },
    Text {
        index: u32,
        text: &'a str,
        logprobs: Option<TextLogprobs>,
        finish_reason: Option<FinishReason>,
    },
}

#[derive(Default, Serialize)]
pub(super) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: &'a str,
    pub(super) refusal: Option<&'static str>,
}

/// Log-probabilities in the shape of the older completions API.
#[derive(Default, Serialize)]
pub(super) struct TextLogprobs {
    pub(super) tokens: Vec<String>,
    pub(super) token_logprobs: Vec<f32>,
    pub(super) top_logprobs: Vec<BTreeMap<String, f32>>,
    pub(super) text_offset: Vec<usize>,
}

pub(super) fn finish(reason: StopReason) -> FinishReason {
    match reason {
        StopReason::Stop => FinishReason::Stop,
        StopReason::Length => FinishReason::Length,
    }
}

pub(super) fn usage(prompt_tokens: u32, completion_tokens: u32) -> CompletionUsage {
    let total_tokens = prompt_tokens.saturating_add(completion_tokens);
    CompletionUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens,
        ..CompletionUsage::default()
    }
}

pub(super) fn chat_logprobs(tokens: &[TokenLogprob]) -> Option<ChatChoiceLogprobs> {
    if tokens.is_empty() {
        return None;
    }
    let top = |candidate: &Candidate| TopLogprobs {
        token: candidate.text.clone(),
        logprob: candidate.logprob,
        bytes: Some(candidate.bytes.clone()),
    };
    let one = |token: &TokenLogprob| ChatCompletionTokenLogprob {
        token: token.token.text.clone(),
        logprob: token.token.logprob,
        bytes: Some(token.token.bytes.clone()),
        top_logprobs: token.top.iter().map(top).collect(),
    };
    Some(ChatChoiceLogprobs {
        content: Some(tokens.iter().map(one).collect()),
        refusal: None,
    })
}

pub(super) fn text_logprobs(tokens: &[TokenLogprob], offset: usize) -> Option<TextLogprobs> {
    if tokens.is_empty() {
        return None;
    }
    let mut shaped = TextLogprobs::default();
    let mut at = offset;
    for token in tokens {
        shaped.text_offset.push(at);
        at += token.token.text.len();
        shaped.tokens.push(token.token.text.clone());
        shaped.token_logprobs.push(token.token.logprob);
        shaped.top_logprobs.push(
            token
                .top
                .iter()
                .map(|top| (top.text.clone(), top.logprob))
                .collect(),
        );
    }
    Some(shaped)
}

pub(super) fn failure(error: &EngineError) -> ErrorBody {
    let (kind, code) = match error {
        EngineError::PromptTooLong { .. } => ("invalid_request_error", "context_length_exceeded"),
        EngineError::EmptyPrompt
        | EngineError::NoChatTemplate { .. }
        | EngineError::Template(_) => ("invalid_request_error", "invalid_value"),
        _ => ("server_error", "engine_failed"),
    };
    ErrorBody {
        message: error.to_string(),
        kind: kind.into(),
        param: None,
        code: Some(code.into()),
        filtered: None,
    }
}

pub(super) fn crashed() -> ErrorBody {
    ErrorBody {
        message: "the embedded engine stopped".into(),
        kind: "server_error".into(),
        param: None,
        code: Some("engine_failed".into()),
        filtered: None,
    }
}
