//! Admitted → [`Recollection`]: the request with the conversation that it goes on from; and with its
//! plan, [`Recalled`].
//!
//! Only `/v1/responses` refers to what was said before. What is stored here is put in front
//! of the request's own input, before anybody asks where the request may go. What a vendor keeps is
//! named to that vendor and to no other, so the plan comes out with those who answer by the same account. A response that is
//! neither, or is another key's, is told and never left out, let alone passed on: vendors
//! keep the responses of all keys together.

mod past;

use bytes::Bytes;
use tollward_store::{RequestId, StoreError};
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::openai_responses::state::{
    State, input_items, item_reference, join, state_of, unstored, with_items,
};
use tollward_wire::document::{Document, FieldError};
use tollward_wire::operation::Operation;
use tollward_wire::view::bounded::bounded;

use self::past::{Kept, Past};
use crate::app::Gateway;
use crate::pipeline::admit::Admitted;
use crate::pipeline::reserve::Spending;
use crate::pipeline::route::Plan;
use crate::responses::{Keepsake, KeptTurn};
use crate::snapshot::{Deployment, Limits};

/// A request that is complete in itself, or for the vendor that it goes to.
pub struct Recalled {
    /// The request, its document with all that was said before and is stored here.
    pub admitted: Admitted,
    /// As the caller wrote it, where that is another one.
    written: Option<Document>,
    /// What is known of the response, if a caller may go on from it.
    pub keepsake: Option<Keepsake>,
}

impl Recalled {
    /// A request that has no past.
    pub fn plain(admitted: Admitted) -> Self {
        Self {
            admitted,
            written: None,
            keepsake: None,
        }
    }

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

    /// With the bound on output that its caller did not set and its budgets want.
    #[must_use]
    pub fn spending(mut self, spending: Option<&Spending>) -> Self {
        let Some(tokens) = spending.and_then(|it| it.applied) else {
            return self;
        };
        let admitted = &mut self.admitted;
        if let Some(bounded) = bounded(admitted.operation, &admitted.document, tokens) {
            let unbounded = std::mem::replace(&mut admitted.document, bounded);
            self.written.get_or_insert(unbounded);
            admitted.view.max_output = Some(tokens);
        }
        self
    }

    /// The request as the caller wrote it.
    pub fn written(&self) -> &Document {
        self.written.as_ref().unwrap_or(&self.admitted.document)
    }

    /// Whether the request is what the caller wrote.
    pub fn is_as_written(&self) -> bool {
        self.written.is_none()
    }

    /// Whether its answer is to be stored here, if it is one that we write.
    pub fn is_kept_here(&self) -> bool {
        self.keepsake.as_ref().is_some_and(|it| it.turn.is_some())
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
    /// What it goes on from is kept by a vendor that the model does not lead to.
    #[error(
        "`{id}` is kept by a provider that the model `{model}` does not lead to, and nowhere else"
    )]
    Elsewhere {
        /// The response or the item.
        id: String,
        /// The public name of the model.
        model: String,
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

/// A request with all that was said before and is stored here: what decides where it goes.
pub struct Recollection {
    /// The request.
    pub admitted: Admitted,
    /// What is known of its past; nothing else than `/v1/responses` has one.
    known: Option<Known>,
}

/// What is known of a request's past.
struct Known {
    /// Its response is to be kept, if anybody keeps responses.
    is_stored: bool,
    /// The response stored here that it goes on from.
    previous: Option<RequestId>,
    /// Its own items, where they had to be looked at.
    input: Option<Bytes>,
    /// As the caller wrote it, where that is another one.
    written: Option<Document>,
    stays: Stays,
}

/// With whom a conversation has to go on.
enum Stays {
    /// Anybody.
    Anywhere,
    /// All of these accounts, because one of them keeps what has this id.
    With(Vec<String>, String),
    /// These accounts, if they may; without their thoughts one can go on anywhere.
    Rather(Vec<String>),
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
) -> Result<Recollection, RecallError> {
    if admitted.operation != Operation::Responses {
        return Ok(Recollection {
            admitted,
            known: None,
        });
    }
    let state = state_of(&admitted.document)?;
    let past = Past {
        gateway,
        limits,
        key: admitted.caller.key().map(|key| key.id),
    };
    let kept = past.kept(&state).await?;
    let whole = past.complete(&admitted.document, &state, &kept).await?;
    let known = Known {
        is_stored: state.is_stored,
        previous: whole.previous,
        input: whole.input,
        written: whole.document.is_some().then(|| admitted.document.clone()),
        stays: stays(&state, &kept),
    };
    let document = whole.document.unwrap_or_else(|| admitted.document.clone());
    Ok(Recollection {
        admitted: Admitted {
            document,
            ..admitted
        },
        known: Some(known),
    })
}

impl Recollection {
    /// The request as it is asked, and of its plan who may answer it.
    ///
    /// # Errors
    /// What it goes on from is kept by nobody in the plan.
    pub fn planned(self, limits: &Limits, plan: Plan) -> Result<(Recalled, Plan), RecallError> {
        let Self { admitted, known } = self;
        let Some(known) = known else {
            return Ok((Recalled::plain(admitted), plan));
        };
        let plan = narrowed(plan, &known.stays, &admitted)?;
        let is_kept = !limits.retention.is_zero();
        let keepsake =
            (known.is_stored && is_kept).then(|| keepsake(&admitted, limits, &plan, &known));
        let is_off = known.is_stored && !is_kept && plan.candidates().any(|it| relays(it));
        // What nobody here can answer for is not to be kept by the vendor either.
        let (document, written) = match known.written {
            None if is_off => {
                let unstored = unstored(&admitted.document)?;
                (unstored, Some(admitted.document))
            }
            written => (admitted.document, written),
        };
        let recalled = Recalled {
            admitted: Admitted {
                document,
                ..admitted
            },
            written,
            keepsake,
        };
        Ok((recalled, plan))
    }
}

/// With whom it has to go on.
fn stays(state: &State<'_>, kept: &Kept) -> Stays {
    let owned = |accounts: Vec<&str>| accounts.into_iter().map(str::to_owned).collect();
    let references = state.references.iter().map(String::as_str);
    let needed = state.previous.as_deref().into_iter().chain(references);
    let needed: Vec<&str> = needed.filter(|id| kept.has(id)).collect();
    if let Some(id) = needed.first() {
        return Stays::With(owned(kept.accounts(&needed)), (*id).to_owned());
    }
    let thoughts: Vec<&str> = state.thoughts.iter().map(String::as_str).collect();
    let accounts = kept.accounts(&thoughts);
    if accounts.is_empty() {
        Stays::Anywhere
    } else {
        Stays::Rather(owned(accounts))
    }
}

/// The plan without those who cannot go on from what a vendor keeps.
fn narrowed(plan: Plan, stays: &Stays, admitted: &Admitted) -> Result<Plan, RecallError> {
    let with = |accounts: &[String]| {
        let has_all = |it: &Deployment| accounts.iter().all(|account| *it.provider == **account);
        plan.narrowed(|it| relays(it) && has_all(it))
    };
    match stays {
        Stays::Anywhere => Ok(plan),
        Stays::Rather(accounts) => Ok(with(accounts).unwrap_or(plan)),
        Stays::With(accounts, id) => with(accounts).ok_or_else(|| RecallError::Elsewhere {
            id: id.clone(),
            model: admitted.view.model.clone(),
        }),
    }
}

/// Whether it keeps responses itself.
fn relays(deployment: &Deployment) -> bool {
    deployment.relays(Operation::Responses)
}

/// A request with what was said before it.
#[derive(Default)]
struct Whole {
    /// The request, where it is another one than the caller's.
    document: Option<Document>,
    /// The response stored here that it goes on from.
    previous: Option<RequestId>,
    /// Its own items, where they had to be looked at.
    input: Option<Bytes>,
}

impl Past<'_> {
    /// Puts what is stored here into the request.
    async fn complete(
        &self,
        document: &Document,
        state: &State<'_>,
        kept: &Kept,
    ) -> Result<Whole, RecallError> {
        let previous = match state.previous.as_deref() {
            Some(text) if !kept.has(text) => Some(self.known(text)?),
            _ => None,
        };
        let is_here = |id: &String| !kept.has(id);
        if previous.is_none() && !state.references.iter().any(is_here) {
            return Ok(Whole::default());
        }
        let items = self.items(&state.references, kept).await?;
        let find = |id: &str| match items.get(id) {
            Some(item) => Some(item.clone()),
            None => kept.has(id).then(|| item_reference(id)),
        };
        let input = input_items(document, find)?;
        let joined = match previous {
            Some(id) => join(document, &self.history(id).await?, &input)?,
            None => with_items(document, &input)?,
        };
        Ok(Whole {
            document: Some(joined),
            previous,
            input: Some(input),
        })
    }
}

fn keepsake(admitted: &Admitted, limits: &Limits, plan: &Plan, known: &Known) -> Keepsake {
    let is_ours = !plan.candidates().all(|it| relays(it));
    let written = known.written.as_ref().unwrap_or(&admitted.document);
    let input = || match &known.input {
        Some(input) => Some(input.clone()),
        // What is wrong with the input is for its reader to say.
        None => input_items(written, |_| None).ok(),
    };
    let turn = is_ours.then(input).flatten().map(|input| KeptTurn {
        id: admitted.request,
        at_ms: admitted.at_ms,
        previous: known.previous,
        model: admitted.view.model.clone(),
        written: written.clone(),
        input,
    });
    Keepsake {
        key: admitted.caller.key().map(|key| key.id),
        retention: limits.retention,
        turn,
    }
}
