//! The answer of a ranking: any vendor's is read, the common one is written.

use bytes::Bytes;

use super::{RerankDialect, RerankRequest};
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::usage::{Things, Usage, UsageAnomaly};

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The vendor's own id of the answer.
    pub id: Option<String>,
    /// The documents, the best first.
    pub ranked: Vec<Ranked>,
    /// Cohere's `meta`: the version of its API, and what it bills.
    pub meta: Option<Json<'static>>,
    /// What was used.
    pub usage: Option<Result<Usage, UsageAnomaly>>,
}

/// A document and how well it fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The document's place in the request.
    pub index: usize,
    /// The score, in the vendor's digits.
    pub score: Json<'static>,
}

/// Reads a vendor's answer.
///
/// # Errors
/// [`Fault::Protocol`] if it is none, or names a document twice or one that was not sent;
/// [`Fault::Empty`] if it ranks nothing.
pub fn read(
    dialect: RerankDialect,
    request: &RerankRequest<'_>,
    body: &[u8],
) -> Result<Ranking, Fault> {
    let value = Json::parse(body).ok_or(Fault::Protocol)?;
    let results = match &value {
        Json::Array(items) => items,
        other => other
            .get("results")
            .and_then(Json::as_array)
            .ok_or(Fault::Protocol)?,
    };
    let mut ranked = results
        .iter()
        .map(one)
        .collect::<Option<Vec<_>>>()
        .ok_or(Fault::Protocol)?;
    if ranked.is_empty() {
        return Err(Fault::Empty);
    }
    let mut is_seen = vec![false; request.documents.len()];
    for place in ranked.iter().map(|it| it.index) {
        match is_seen.get_mut(place) {
            Some(seen @ false) => *seen = true,
            Some(true) | None => return Err(Fault::Protocol),
        }
    }
    let wanted = request.top_n.and_then(|it| usize::try_from(it).ok());
    ranked.truncate(wanted.unwrap_or(usize::MAX));
    let usage = usage(&value).or_else(|| {
        let billed = Usage {
            things: Things {
                search_units: 1,
                ..Things::default()
            },
            ..Usage::default()
        };
        dialect.bills_searches().then_some(Ok(billed))
    });
    Ok(Ranking {
        id: value.str("id").map(str::to_owned),
        meta: value.get("meta").cloned().map(Json::into_owned),
        ranked,
        usage,
    })
}

fn one(result: &Json<'_>) -> Option<Ranked> {
    let score = result
        .get("relevance_score")
        .or_else(|| result.get("score"))?;
    score.as_f64()?;
    Some(Ranked {
        index: usize::try_from(result.get("index")?.as_u64()?).ok()?,
        score: score.clone().into_owned(),
    })
}

/// What was used, as far as the answer says so: tokens in `usage` (Jina, vLLM, llama.cpp), searches
/// or tokens in `meta.billed_units` (Cohere), tokens of each document (`SGLang`).
pub fn usage(answer: &Json<'_>) -> Option<Result<Usage, UsageAnomaly>> {
    if let Some(usage) = answer.get("usage") {
        return Some(Usage::from_openai_input(&usage.to_bytes()));
    }
    if let Some(billed) = answer.get("meta").and_then(|it| it.get("billed_units")) {
        return Usage::from_billed_units(&billed.to_bytes());
    }
    let mut sum = Usage::default();
    for one in answer.as_array()? {
        let count = one.get("meta_info")?.get("prompt_tokens")?.to_bytes();
        match Usage::of_input("prompt_tokens", std::str::from_utf8(&count).ok()?) {
            Ok(usage) => sum = sum.plus_input(&usage),
            anomaly @ Err(_) => return Some(anomaly),
        }
    }
    (sum.input > 0).then_some(Ok(sum))
}

/// Writes the common answer; `id` stands in where the vendor has given none.
pub fn write(request: &RerankRequest<'_>, ranking: Ranking, model: &str, id: &str) -> Bytes {
    let results = ranking.ranked.into_iter().map(|it| {
        let text = request.documents.get(it.index);
        let text = text.filter(|_| request.returns_documents);
        let document = text.map(|text| Object::new().with("text", &**text));
        Object::new()
            .with("index", it.index as u64)
            .with("relevance_score", it.score)
            .with_some("document", document)
            .into()
    });
    let results: Vec<Json<'_>> = results.collect();
    let id = ranking.id.unwrap_or_else(|| format!("rerank-{id}"));
    let counted = ranking.usage.and_then(Result::ok);
    let usage = counted.as_ref().filter(|it| it.input > 0).map(|it| {
        Object::new()
            .with("prompt_tokens", it.input)
            .with("total_tokens", it.input)
    });
    let body = Object::new()
        .with("id", id)
        .with("model", model)
        .with("results", results)
        .with_some("meta", ranking.meta)
        .with_some("usage", usage);
    Json::from(body).to_bytes()
}
