//! Where a call would go, and why: the plan of a call that is not made.
//!
//! It walks the code that plans calls ([`prospect`]), so the two cannot disagree; but it takes no turn,
//! asks nobody and changes nothing. Of a model whose calls come in meanwhile, the next one may have the turn
//! that was told of.

mod told;

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use tollward_store::RequestId;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;
use tollward_wire::view::{Address, RequestView};

pub use self::told::{CircuitTold, Explanation, RestTold, State};
use crate::clock;
use crate::pipeline::admit::hints::Hints;
use crate::pipeline::admit::{AdmitError, Admitted, Arrived};
use crate::pipeline::authenticate::Caller;
use crate::pipeline::route::survey::Question;
use crate::pipeline::route::{Prospect, RouteError, prospect, spellings};
use crate::snapshot::Snapshot;
use crate::snapshot::route::Group;
use crate::upstream::affinity::Affinity;

/// A call that is not made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inquiry {
    /// The public name of the model.
    pub model: String,
    /// The operation's name; `chat` if there is none.
    #[serde(default)]
    pub operation: Option<String>,
    /// The request's body; without one a call with no content is meant.
    #[serde(default)]
    pub body: Option<Map<String, Value>>,
    /// The name of the virtual key; without one, whoever may use every model.
    #[serde(default)]
    pub key: Option<String>,
    /// The call's tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The conversation that it belongs to.
    #[serde(default)]
    pub session: String,
}

/// Why a call cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// What is asked cannot be understood.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
    /// There is no such operation.
    #[error("there is no operation `{0}`; there are {all}", all = operations())]
    Operation(String),
    /// There is no such key.
    #[error("there is no active key named `{0}`")]
    Key(String),
    /// There is no such deployment.
    #[error("no deployment that a model names is called `{named}`{end}", end = suggested(.meant.as_deref()))]
    Deployment {
        /// What it was called.
        named: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The call would be refused before it is routed.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// Nothing answers to that model.
    #[error(transparent)]
    Route(#[from] RouteError),
}

fn operations() -> String {
    Operation::ALL.map(Operation::name).join(", ")
}

/// The end of a message about a name that is not known.
fn suggested(name: Option<&str>) -> String {
    name.map_or_else(String::new, |it| format!("; did you mean `{it}`?"))
}

impl Inquiry {
    /// Reads an inquiry.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, ExplainError> {
        serde_json::from_slice(bytes).map_err(|error| ExplainError::Malformed(error.to_string()))
    }

    /// The call as it would be routed for `caller`.
    ///
    /// # Errors
    /// Its operation is unknown, or its body would be refused.
    pub fn admitted(&self, caller: Caller) -> Result<Admitted, ExplainError> {
        let name = self.operation.as_deref().unwrap_or("chat");
        let mut operations = Operation::ALL.into_iter();
        let operation = operations.find(|it| it.name() == name);
        let operation = operation.ok_or_else(|| ExplainError::Operation(name.to_owned()))?;
        let (document, view) = self.content(operation)?;
        let at_ms = clock::unix_ms();
        Ok(Admitted {
            request: RequestId::from_parts(at_ms, clock::id_bytes()),
            at_ms,
            operation,
            document,
            arrived: Arrived::Document,
            betas: None,
            view,
            hints: Hints::told(&self.tags, &self.session).map_err(AdmitError::from)?,
            caller,
            client_request_id: None,
            started: clock::mono(),
        })
    }

    fn content(&self, operation: Operation) -> Result<(Document, RequestView), AdmitError> {
        let has_body = self.body.is_some();
        let mut body = self.body.clone().unwrap_or_default();
        let is_stream = body.get("stream") == Some(&Value::Bool(true));
        let model = self.model.clone();
        body.insert("model".to_owned(), Value::String(model.clone()));
        let document = Document::parse(Bytes::from(Value::Object(body).to_string()))?;
        let view = if !has_body {
            RequestView::for_count(None, &document)
        } else if operation == Operation::GenerateContent {
            let address = Address { model, is_stream };
            RequestView::read_at(Some(address), operation, &document)
        } else {
            RequestView::read(operation, &document)
        };
        Ok((document, view?))
    }
}

/// Explains where `admitted` would go, given which conversations are where.
///
/// # Errors
/// Nothing answers to the model, or the caller may not use it.
pub fn explain(
    (affinity, snapshot): (&Affinity, &Snapshot),
    admitted: &Admitted,
    state: State,
) -> Result<Explanation, RouteError> {
    let question = Question::new(affinity, admitted, clock::mono());
    let prospect = prospect(snapshot, question, Group::turn)?;
    Ok(Explanation::new(snapshot, admitted, &prospect, state))
}

/// By what the route of the name that was asked for was found.
fn found_by(snapshot: &Snapshot, admitted: &Admitted, prospect: &Prospect<'_>) -> &'static str {
    let names = spellings(admitted.operation, &admitted.view.model);
    let ways = names.iter().filter_map(|it| snapshot.way(it));
    let mut fitting = ways.filter(|(route, _)| route.model == prospect.asked.model);
    fitting.next().map_or("name", |(_, way)| way)
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
