//! Admitted → [`Recalled`]: the request with the conversation that it goes on from.
//!
//! Only `/v1/responses` refers to what was said before. What is stored here is put in front
//! of the request's own input; a response that is not, or is another key's, is told and never
//! left out. A provider that keeps responses itself is sent the reference as it is.

use std::collections::HashMap;

use bytes::Bytes;
use tollward_providers::Service;
use tollward_store::{History, HistoryBounds, KeyId, RequestId, StoreError};
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::openai_responses::listing::{answer_of, items_with_ids};
use tollward_wire::dialect::openai_responses::state::{State, input_items, join, state_of};
use tollward_wire::document::{Document, FieldError};
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::pipeline::admit::Admitted;
use crate::pipeline::route::Plan;
use crate::responses::{Keepsake, parse_id, parse_word, word};
use crate::snapshot::{Limits, Target};

/// Most turns of a conversation; its bytes are bounded as those of a request are.
const MAX_TURNS: u32 = 1_000;
/// Most responses whose items a request may refer to one by one.
const MAX_REFERRED: usize = 8;

/// A request that is complete in itself.
pub struct Recalled {
    /// The request, its document with all that was said before.
    pub admitted: Admitted,
    /// As the caller wrote it, where that is another one.
    written: Option<Document>,
    /// What is known of the response, if it is to be stored.
    pub keepsake: Option<Keepsake>,
}

impl Recalled {
    /// With the thoughts of other vendors open that the caller kept sealed.
    #[must_use]
    pub fn unsealed(mut self, seal: &Seal) -> Self {
        let keeps = self.admitted.operation.dialect().is_some();
        if keeps && let Some(open) = seal.open_all(&self.admitted.document) {
            let sealed = std::mem::replace(&mut self.admitted.document, open);
            self.written.get_or_insert(sealed);
        }
        self
    }

    /// The request as the caller wrote it.
    pub fn written(&self) -> &Document {
        self.written.as_ref().unwrap_or(&self.admitted.document)
    }
}

/// Why a request cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// A field is wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The response that it goes on from is not stored for the caller, or one before that.
    #[error("the response `{id}` is not stored here, so there is nothing to go on from")]
    Unknown {
        /// The response.
        id: String,
    },
    /// The store cannot be read.
    #[error("the stored responses cannot be read")]
    Unavailable,
}

impl From<StoreError> for RecallError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "stored responses cannot be read");
        Self::Unavailable
    }
}

/// Completes a request.
///
/// # Errors
/// [`RecallError`] where what it refers to is not there.
///
/// # Cancellation
/// Nothing was changed.
pub async fn recall(
    gateway: &Gateway,
    limits: &Limits,
    admitted: Admitted,
    plan: &Plan,
) -> Result<Recalled, RecallError> {
    let alone = |admitted| Recalled {
        admitted,
        written: None,
        keepsake: None,
    };
    if admitted.operation != Operation::Responses {
        return Ok(alone(admitted));
    }
    let state = state_of(&admitted.document)?;
    let is_stored = state.is_stored && !limits.retention.is_zero();
    let key = admitted.caller.key().map(|key| key.id);
    let past = Past {
        gateway,
        limits,
        key,
    };
    if state.previous.is_none() && state.references.is_empty() {
        // What is wrong with the input is for its reader to say.
        let input = is_stored.then(|| input_items(&admitted.document, |_| None).ok());
        let keepsake = input
            .flatten()
            .map(|input| keepsake(&admitted, limits, None, input));
        return Ok(Recalled {
            keepsake,
            ..alone(admitted)
        });
    }
    let (joined, previous, input) = match past.join(&admitted.document, &state).await {
        Ok(joined) => joined,
        Err(RecallError::Unknown { .. } | RecallError::Field(_)) if relays(plan) => {
            return Ok(alone(admitted));
        }
        Err(error) => return Err(error),
    };
    let keepsake = is_stored.then(|| keepsake(&admitted, limits, previous, input));
    let written = admitted.document.clone();
    Ok(Recalled {
        admitted: Admitted {
            document: joined,
            ..admitted
        },
        written: Some(written),
        keepsake,
    })
}

/// Whether somebody of the plan keeps responses himself.
fn relays(plan: &Plan) -> bool {
    plan.candidates().any(|it| match &it.target {
        Target::Http(provider) => provider.service(Operation::Responses) == Some(Service::Relay),
        Target::Local(_) => false,
    })
}

fn keepsake(
    admitted: &Admitted,
    limits: &Limits,
    previous: Option<RequestId>,
    input: Bytes,
) -> Keepsake {
    Keepsake {
        id: admitted.request,
        at_ms: admitted.at_ms,
        key: admitted.caller.key().map(|key| key.id),
        previous,
        model: admitted.view.model.clone(),
        written: admitted.document.clone(),
        input,
        retention: limits.retention,
    }
}

/// What was said before, as far as it is the caller's.
struct Past<'a> {
    gateway: &'a Gateway,
    limits: &'a Limits,
    key: Option<KeyId>,
}

impl Past<'_> {
    /// The whole request, the response it goes on from, and its own items.
    async fn join(
        &self,
        document: &Document,
        state: &State<'_>,
    ) -> Result<(Document, Option<RequestId>, Bytes), RecallError> {
        let previous = match &state.previous {
            None => None,
            Some(text) => Some(self.known(text)?),
        };
        let mut history = Vec::new();
        if let Some(id) = previous {
            history = self.history(id).await?;
        }
        let items = self.items(&state.references).await?;
        let input = input_items(document, |id| items.get(id).cloned())?;
        Ok((join(document, &history, &input)?, previous, input))
    }

    /// The id of a response that may be stored here.
    fn known(&self, text: &str) -> Result<RequestId, RecallError> {
        let id = parse_id(text).filter(|_| !self.limits.retention.is_zero());
        id.ok_or_else(|| RecallError::Unknown {
            id: text.to_owned(),
        })
    }

    /// The items of a conversation, input and output of each turn.
    async fn history(&self, id: RequestId) -> Result<Vec<Bytes>, RecallError> {
        let bounds = HistoryBounds {
            turns: MAX_TURNS,
            bytes: self.limits.max_body_bytes as u64,
        };
        match self.gateway.responses.history(id, self.key, bounds).await? {
            History::Whole(turns) => {
                let both = turns.into_iter().map(|turn| [turn.input, turn.output]);
                Ok(both.flatten().map(Bytes::from).collect())
            }
            History::Missing(id) => Err(RecallError::Unknown {
                id: crate::responses::id_text(id),
            }),
            History::TooLong => {
                let expected = format!(
                    "the end of a conversation of at most {MAX_TURNS} turns and {} bytes",
                    bounds.bytes
                );
                Err(FieldError::new("previous_response_id", expected).into())
            }
        }
    }

    /// The items that are referred to, by id, as far as they are there.
    async fn items(&self, references: &[String]) -> Result<HashMap<String, Bytes>, RecallError> {
        let mut items = HashMap::new();
        if self.limits.retention.is_zero() {
            return Ok(items);
        }
        let answers = references.iter().filter_map(|id| answer_of(id));
        let mut answers: Vec<RequestId> = answers.filter_map(parse_word).collect();
        answers.sort_unstable();
        answers.dedup();
        if answers.len() > MAX_REFERRED {
            let expected = format!("items of at most {MAX_REFERRED} responses");
            return Err(FieldError::new("input", expected).into());
        }
        for id in answers {
            let Some(found) = self.gateway.responses.get(id, self.key).await? else {
                continue;
            };
            for array in [&found.input, &found.output] {
                let named = items_with_ids(array, &word(id)).into_iter().flatten();
                items.extend(named.filter(|(id, _)| references.contains(id)));
            }
        }
        // One item may be named many times.
        let bytes = references.iter().filter_map(|id| items.get(id));
        let bytes: usize = bytes.map(Bytes::len).sum();
        if bytes > self.limits.max_body_bytes {
            let expected = format!("items of at most {} bytes", self.limits.max_body_bytes);
            return Err(FieldError::new("input", expected).into());
        }
        Ok(items)
    }
}
