//! Model name → [`Plan`]: which deployments may answer, in which order.

use std::borrow::Cow;
use std::sync::Arc;

use tollward_wire::dialect::Dialect;
use tollward_wire::operation::Operation;

use crate::pipeline::admit::Admitted;
use crate::snapshot::{Candidate, Deployment, Snapshot};

/// This call's ordered choices; never empty.
pub struct Plan {
    first: Arc<Deployment>,
    others: Vec<Arc<Deployment>>,
}

impl Plan {
    /// There is no choice.
    pub fn only(deployment: Arc<Deployment>) -> Self {
        Self {
            first: deployment,
            others: Vec::new(),
        }
    }

    /// The choices in order.
    pub fn candidates(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The choices that `may_answer` takes; `None` if it takes none.
    pub fn narrowed(&self, may_answer: impl Fn(&Deployment) -> bool) -> Option<Self> {
        let mut candidates = self.candidates().filter(|it| may_answer(it)).cloned();
        Some(Self {
            first: candidates.next()?,
            others: candidates.collect(),
        })
    }

    /// The preferred choice.
    pub fn first(&self) -> &Arc<Deployment> {
        &self.first
    }
}

/// Why a call has no plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RouteError {
    /// No route has that name, or the caller's key may not use it: the answer is the same.
    #[error("the model `{model}` does not exist or the key may not use it")]
    UnknownModel {
        /// The name that was asked for.
        model: String,
    },
    /// The model is known, but nothing that answers for it serves this operation.
    #[error("the model `{model}` does not serve {operation}")]
    NotServed {
        /// The name that was asked for.
        model: String,
        /// The operation's name.
        operation: &'static str,
    },
}

/// The names under which a model may be asked for. Ollama's clients add and leave out `:latest` as they like.
pub fn spellings(operation: Operation, model: &str) -> Vec<Cow<'_, str>> {
    let is_ollama = matches!(
        operation.dialect(),
        Some(Dialect::Ollama | Dialect::OllamaGenerate)
    );
    let mut names = vec![Cow::Borrowed(model)];
    if is_ollama {
        names.push(match model.strip_suffix(":latest") {
            Some(plain) => Cow::Borrowed(plain),
            None => Cow::Owned(format!("{model}:latest")),
        });
    }
    names
}

/// Plans a call.
///
/// The key's allowlist is checked for every candidate under the public name
/// that leads to it, so a fallback never widens what a key may use.
///
/// # Errors
/// [`RouteError`] when no candidate remains.
pub fn route(snapshot: &Snapshot, admitted: &Admitted) -> Result<Plan, RouteError> {
    let model = &admitted.view.model;
    let unknown = || RouteError::UnknownModel {
        model: model.clone(),
    };
    let spellings = spellings(admitted.operation, model);
    let route = spellings
        .iter()
        .filter(|name| admitted.caller.allows(name))
        .find_map(|name| snapshot.resolve(name))
        .ok_or_else(unknown)?;
    let may_answer = |candidate: &&Candidate| {
        admitted.caller.allows(&candidate.model) && candidate.deployment.serves(admitted.operation)
    };
    let mut candidates = route
        .candidates
        .iter()
        .filter(may_answer)
        .map(|candidate| Arc::clone(&candidate.deployment));
    let first = candidates.next().ok_or_else(|| RouteError::NotServed {
        model: model.clone(),
        operation: admitted.operation.name(),
    })?;
    Ok(Plan {
        first,
        others: candidates.collect(),
    })
}
