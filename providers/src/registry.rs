//! The table of kinds, and the way from settings to a provider.
//!
//! A kind of the `OpenAI` family is a row of `compatible`; one with an API of its own is a
//! file and a line here. Order is that of the documentation: hosted vendors, servers
//! people run themselves, the generic row, then the vendors with APIs of their own.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::compatible::Compatible;
use crate::compatible::rows::ROWS;
use crate::kind::Kind;
use crate::provider::Provider;
use crate::settings::BuildError;
use crate::{anthropic, azure, bedrock, cohere, gemini, ollama, vertex};

/// Makes a provider of its settings.
type Build = fn(Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError>;

/// The kinds with an API of their own.
const OWN: &[(&Kind, Build)] = &[
    (&anthropic::KIND, anthropic::build),
    (&gemini::KIND, gemini::build),
    (&vertex::KIND, vertex::build),
    (&bedrock::KIND, bedrock::build),
    (&azure::KIND, azure::build),
    (&azure::ml::KIND, azure::ml::build),
    (&cohere::KIND, cohere::build),
    (&ollama::KIND, ollama::build),
];

/// Every kind of provider.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    let own = OWN.iter().map(|(kind, _)| *kind);
    ROWS.iter().map(|row| &row.facts).chain(own)
}

/// A kind by its word; `None` if there is no such kind.
pub fn kind(word: &str) -> Option<&'static Kind> {
    kinds().find(|it| it.kind == word)
}

/// Builds a provider of `kind` from its settings.
///
/// # Errors
/// [`BuildError`] naming the kind or the setting at fault.
pub fn build(kind: &str, settings: Map<String, Value>) -> Result<Arc<dyn Provider>, BuildError> {
    if let Some(row) = ROWS.iter().find(|it| it.facts.kind == kind) {
        return Ok(Arc::new(Compatible::new(row, settings)?));
    }
    match OWN.iter().find(|(it, _)| it.kind == kind) {
        Some((_, build)) => build(settings),
        None => Err(BuildError::UnknownKind {
            kind: kind.to_owned(),
            known: kinds().map(|it| it.kind).collect(),
        }),
    }
}
