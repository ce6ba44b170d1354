//! What was said before, as far as it is the caller's: stored here, or kept by a vendor.

use std::collections::HashMap;

use bytes::Bytes;
use tollward_store::{History, HistoryBounds, KeyId, Located, RequestId};
use tollward_wire::dialect::openai_responses::listing::{answer_of, items_with_ids};
use tollward_wire::dialect::openai_responses::state::State;
use tollward_wire::document::FieldError;

use super::RecallError;
use crate::app::Gateway;
use crate::responses::{id_text, parse_id, parse_word, word};
use crate::snapshot::{Limits, provider_of};

/// Most turns of a conversation; its bytes are bounded as those of a request are.
const MAX_TURNS: u32 = 1_000;
/// Most responses stored here whose items a request may refer to one by one.
const MAX_REFERRED: usize = 8;
/// Most items that a request may name by their ids.
const MAX_NAMED: usize = 4_096;

/// Where a caller's past is looked for.
pub(super) struct Past<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) limits: &'a Limits,
    pub(super) key: Option<KeyId>,
}

/// What vendors keep for the caller of all that a request names.
#[derive(Default)]
pub(super) struct Kept(HashMap<String, Located>);

impl Kept {
    /// Whether a vendor keeps it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The accounts with which what is named is kept.
    pub(super) fn accounts(&self, names: &[&str]) -> Vec<&str> {
        let located = names.iter().filter_map(|name| self.0.get(*name));
        let mut accounts: Vec<&str> = located.map(|it| provider_of(&it.deployment)).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }
}

impl Past<'_> {
    /// Finds what vendors keep.
    pub(super) async fn kept(&self, state: &State<'_>) -> Result<Kept, RecallError> {
        if self.limits.retention.is_zero() {
            return Ok(Kept::default());
        }
        let items = state.references.iter().chain(&state.thoughts).cloned();
        let previous = state.previous.as_deref().map(str::to_owned);
        let names: Vec<String> = items.chain(previous).collect();
        if names.len() > MAX_NAMED {
            let expected = format!("at most {MAX_NAMED} items that are named by their ids");
            return Err(FieldError::new("input", expected).into());
        }
        let located = self.gateway.responses.locate(&names).await?;
        let (own, others): (Vec<_>, Vec<_>) =
            located.into_iter().partition(|it| it.key == self.key);
        // The vendor would look the thought up for whoever asks.
        if let Some(other) = others.iter().find(|it| state.thoughts.contains(&it.name)) {
            let id = other.name.clone();
            return Err(RecallError::Unknown { id });
        }
        let own = own.into_iter().map(|it| (it.name.clone(), it));
        Ok(Kept(own.collect()))
    }

    /// The id of a response that may be stored here.
    pub(super) fn known(&self, text: &str) -> Result<RequestId, RecallError> {
        let id = parse_id(text).filter(|_| !self.limits.retention.is_zero());
        id.ok_or_else(|| RecallError::Unknown {
            id: text.to_owned(),
        })
    }

    /// The items of a conversation, input and output of each turn.
    pub(super) async fn history(&self, id: RequestId) -> Result<Vec<Bytes>, RecallError> {
        let bounds = HistoryBounds {
            turns: MAX_TURNS,
            bytes: self.limits.max_body_bytes as u64,
        };
        match self.gateway.responses.history(id, self.key, bounds).await? {
            History::Whole(turns) => {
                let both = turns.into_iter().map(|turn| [turn.input, turn.output]);
                Ok(both.flatten().map(Bytes::from).collect())
            }
            History::Missing(id) => Err(RecallError::Unknown { id: id_text(id) }),
            History::TooLong => {
                let expected = format!(
                    "the end of a conversation of at most {MAX_TURNS} turns and {} bytes",
                    bounds.bytes
                );
                Err(FieldError::new("previous_response_id", expected).into())
            }
        }
    }

    /// The items that are referred to, by id, as far as they are stored here.
    pub(super) async fn items(
        &self,
        references: &[String],
        kept: &Kept,
    ) -> Result<HashMap<String, Bytes>, RecallError> {
        let mut items = HashMap::new();
        if self.limits.retention.is_zero() {
            return Ok(items);
        }
        let here = || references.iter().filter(|id| !kept.has(id));
        let answers = here().filter_map(|id| answer_of(id));
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
                items.extend(named.filter(|(id, _)| here().any(|it| it == id)));
            }
        }
        // One item may be named many times.
        let bytes = here().filter_map(|id| items.get(id));
        let bytes: usize = bytes.map(Bytes::len).sum();
        if bytes > self.limits.max_body_bytes {
            let expected = format!("items of at most {} bytes", self.limits.max_body_bytes);
            return Err(FieldError::new("input", expected).into());
        }
        Ok(items)
    }
}
