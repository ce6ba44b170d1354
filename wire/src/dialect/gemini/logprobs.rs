//! Log probabilities, from Gemini's two lists to `OpenAI`'s one and back.

use std::borrow::Cow;

use crate::json::{Json, Object};

/// What `OpenAI` writes for a token that is all but impossible.
const LEAST: &str = "-9999.0";

/// The tokens of a `logprobsResult`; `None` if it has none.
pub(super) fn tokens<'e>(result: &'e Json<'_>) -> Option<Json<'e>> {
    let chosen = result.get("chosenCandidates").and_then(Json::as_array)?;
    let steps = result.get("topCandidates").and_then(Json::as_array);
    let steps = steps.unwrap_or_default();
    let tokens: Vec<Json<'e>> = chosen
        .iter()
        .enumerate()
        .map(|(at, it)| {
            let step = steps.get(at).and_then(|it| it.get("candidates"));
            let others = step.and_then(Json::as_array).unwrap_or_default();
            let others: Vec<Json<'e>> = others.iter().map(|it| token(it).into()).collect();
            token(it).with("top_logprobs", others).into()
        })
        .collect();
    (!tokens.is_empty()).then_some(Json::Array(tokens))
}

fn token<'e>(candidate: &'e Json<'_>) -> Object<'e> {
    let text = candidate.str("token").unwrap_or_default();
    let bytes: Vec<Json<'e>> = text.bytes().map(|it| u64::from(it).into()).collect();
    Object::new()
        .with("token", text)
        .with("logprob", logprob(candidate.get("logProbability")))
        .with("bytes", bytes)
}

/// In the vendor's digits. Its JSON leaves zeros out and has infinity as a word.
fn logprob<'e>(value: Option<&'e Json<'_>>) -> Json<'e> {
    Json::Number(Cow::Borrowed(match value {
        None => "0",
        Some(Json::Number(digits)) => digits,
        Some(_) => LEAST,
    }))
}

/// The `logprobsResult` of tokens in `OpenAI`'s shape.
pub(super) fn result<'e>(tokens: &'e [Json<'_>]) -> Object<'e> {
    let chosen: Vec<Json<'e>> = tokens.iter().map(|it| candidate(it).into()).collect();
    let steps = tokens.iter().map(|it| {
        let others = it.get("top_logprobs").and_then(Json::as_array);
        let others = others.unwrap_or_default().iter();
        let others: Vec<Json<'e>> = others.map(|it| candidate(it).into()).collect();
        Object::new().with("candidates", others).into()
    });
    Object::new()
        .with("topCandidates", steps.collect::<Vec<Json<'e>>>())
        .with("chosenCandidates", chosen)
}

fn candidate<'e>(token: &'e Json<'_>) -> Object<'e> {
    let digits = match token.get("logprob") {
        Some(Json::Number(digits)) => digits,
        _ => LEAST,
    };
    Object::new()
        .with("token", token.str("token").unwrap_or_default())
        .with("logProbability", Json::Number(Cow::Borrowed(digits)))
}
