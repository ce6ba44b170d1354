//! How many tokens a call has, asked of whoever would answer it.
//!
//! One question, bounded in time and repeated only with another credential: whoever asks has an estimate for when nothing
//! comes of it. The embedded engine counts on a thread of its own, beside what it generates.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use tokio::sync::Semaphore;
use tollward_providers::count::{Question, ask};
use tollward_providers::{Call, Counter, EncodeError, Provider};
use tollward_wire::document::Document;

use crate::clock;
use crate::credentials::fetcher::Fetcher;
use crate::credentials::pool::COUNTS;
use crate::snapshot::{Deployment, Target};
use crate::task::Tasks;
use crate::upstream::client::SendError;
use crate::upstream::exchange::prompt_for_engine;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::lanes::Carried;
use crate::upstream::refusal::refusal;
use crate::upstream::sender::Sender;

/// The count must be there within this, connecting included.
pub const LIMIT: Duration = Duration::from_secs(2);
/// Largest answer, in bytes: vLLM lists each token beside their number.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// The engine's side of a count.
pub struct LocalCount {
    /// Whose turn it is to count; counting may take all of a core.
    pub turn: Arc<Semaphore>,
    /// Counts; may block. `None` while nothing is known of the model.
    pub work: Box<dyn FnOnce() -> Result<Option<usize>, String> + Send>,
}

/// What whoever answers a call says about its tokens.
pub struct Counted {
    /// How many there are.
    pub tokens: u64,
    /// The vendor's answer, where it is in the caller's own dialect: it may say more than a number.
    pub answer: Option<Bytes>,
}

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The vendor does not count, or not what the caller wrote.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The question did not get through.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The vendor refused it with every credential, or there is no key to ask with.
    #[error("{}", .0.detail)]
    Refused(Box<AttemptFailure>),
    /// The answer broke off, is too long, or says no number.
    #[error("the answer has no count")]
    Unreadable,
    /// The engine cannot.
    #[error("{0}")]
    Engine(String),
    /// [`LIMIT`] passed.
    #[error("no count within {LIMIT:?}")]
    Slow,
}

impl From<Box<AttemptFailure>> for CountError {
    fn from(failure: Box<AttemptFailure>) -> Self {
        Self::Engine(failure.detail)
    }
}

/// Counts the tokens of `call`, if `deployment` does that.
///
/// # Errors
/// [`CountError`]; the request itself may still be good.
///
/// # Cancellation
/// Dropping the future closes the upstream connection. A count that the engine has begun is
/// finished and lost.
pub async fn count(
    fetcher: &Fetcher,
    deployment: &Deployment,
    call: &Call<'_>,
) -> Result<Counted, CountError> {
    let counting = async {
        match &deployment.target {
            Target::Http(provider) => by_vendor(fetcher, deployment, &**provider, call).await,
            Target::Local(model) => {
                let prompt = prompt_for_engine(call)?;
                let LocalCount { turn, work } = model.count(&prompt.call(call))?;
                let tokens = by_engine(fetcher.tasks(), turn, work).await?;
                let answer = None;
                Ok(Counted { tokens, answer })
            }
        }
    };
    let counted = tokio::time::timeout(LIMIT, counting).await;
    counted.unwrap_or(Err(CountError::Slow))
}

/// Asks with the first credential that is not refused.
///
/// Vendors limit counts and calls apart from each other, so a credential that has to slow down here
/// rests for counts of the model only.
async fn by_vendor(
    fetcher: &Fetcher,
    deployment: &Deployment,
    provider: &dyn Provider,
    call: &Call<'_>,
) -> Result<Counted, CountError> {
    let Question { outbound, counter } = ask(provider, call)?;
    let counts = format!("{}{COUNTS}", call.upstream_model);
    let mut turn = deployment.credentials.turn(&counts);
    while let Some(signer) = turn.signer(fetcher).await {
        let sender = Sender {
            client: fetcher.client(),
            signer: &signer,
            upload: None,
        };
        let sending = sender.send(provider.host_scope(), Method::POST, &outbound);
        let (parts, body) = sending.await?.into_parts();
        if parts.status == StatusCode::OK {
            let is_callers = deployment.relays(call.operation)
                && call.operation.dialect() == Some(counter.dialect);
            return counted(body, &counter, is_callers).await;
        }
        let failure = refusal(&signer, provider, &parts, body).await;
        if !turn.failed(&signer, failure, clock::mono()) {
            break;
        }
    }
    Err(CountError::Refused(Box::new(turn.into_failure())))
}

async fn counted(
    body: Carried,
    counter: &Counter,
    is_callers: bool,
) -> Result<Counted, CountError> {
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect();
    let body: Bytes = body.await.map_err(|_| CountError::Unreadable)?.to_bytes();
    let answer = Document::parse(body).map_err(|_| CountError::Unreadable)?;
    Ok(Counted {
        tokens: counter.read(&answer).ok_or(CountError::Unreadable)?,
        answer: is_callers.then(|| answer.bytes().clone()),
    })
}

async fn by_engine(
    tasks: &Tasks,
    turn: Arc<Semaphore>,
    work: Box<dyn FnOnce() -> Result<Option<usize>, String> + Send>,
) -> Result<u64, CountError> {
    // The turn goes with the work, which may outlive its caller.
    let turn = turn.acquire_owned().await;
    let counting = move || {
        let _turn = turn;
        work()
    };
    let counted = tasks.run_blocking("count tokens", counting).await;
    let failed = |why: &str| CountError::Engine(why.to_owned());
    match counted {
        Some(Ok(Some(tokens))) => Ok(tokens as u64),
        Some(Ok(None)) => Err(failed("the model is loading")),
        Some(Err(why)) => Err(CountError::Engine(why)),
        None => Err(failed("counting panicked")),
    }
}
