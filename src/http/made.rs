//! Calls whose answers are recorded: made in a task of their own, for whoever asks for them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::app::Gateway;
use crate::http::inference::{Answered, Head, answered};
use crate::idempotency;
use crate::pipeline::Opened;
use crate::recording::running::{Claim, Name};
use crate::recording::{self, End, Recorder};
use crate::telemetry::metric::Repetition;

/// The right to make a call, and what becomes of its answer.
pub enum Purpose {
    /// It has a name, and is made once.
    Once(idempotency::Claim, Duration),
    /// It is given to who asks for the same.
    Cache(Claim, Name, Duration),
}

/// Makes a call, records its answer, and keeps it if it is good.
///
/// # Cancellation
/// Dropping the future ends the call as if its client had left.
pub async fn make(
    gateway: Arc<Gateway>,
    head: Head,
    mut opened: Box<Opened>,
    purpose: Purpose,
    recorder: Recorder,
) {
    let request = opened.admitted.request;
    let receipt = Arc::clone(opened.receipt.get_or_insert_default());
    let mut purpose = Some(purpose);
    let Answered { response, refusal } = tokio::select! {
        biased;
        answered = answered(&gateway, &head, opened) => answered,
        () = recorder.left() => return,
    };
    if !response.status().is_success() {
        // Before anybody is told: whoever hears of it may try again at once.
        purpose = None;
    }
    let (parts, body) = response.into_parts();
    recorder.begin(recording::Head {
        request,
        status: parts.status,
        headers: parts.headers,
        length: body.size_hint().exact(),
        end: receipt.end(),
    });
    let mut is_broken = false;
    {
        let mut body = pin!(body);
        while let Some(frame) = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = recorder.left() => return,
        } {
            let Ok(frame) = frame else {
                is_broken = true;
                break;
            };
            if receipt.end().is_some_and(|it| !it.is_complete()) {
                purpose = None;
            }
            if let Ok(piece) = frame.into_data() {
                recorder.push(piece).await;
            }
        }
    }
    let end = match (refusal, is_broken) {
        (Some(code), _) => End::Refused(code),
        (None, true) => End::Lost,
        (None, false) => receipt.end().unwrap_or(End::Lost),
    };
    let purpose = purpose.filter(|_| end.is_complete());
    let whole = recorder.end(end.clone());
    if let Some(purpose) = purpose {
        purpose.keep(&gateway, whole, end).await;
    }
}

/// An answer, if it is there from its beginning to its end.
type Whole = Option<(Arc<recording::Head>, Vec<Bytes>)>;

impl Purpose {
    /// Keeps the answer of a call that was complete.
    async fn keep(self, gateway: &Gateway, whole: Whole, end: End) {
        match self {
            Self::Once(claim, keep) => {
                let is_kept = if let Some((head, body)) = whole {
                    claim.keep(&head, body.concat(), end.cost(), keep).await
                } else {
                    tracing::warn!(
                        "an answer with an idempotency key is too long to be kept, or too many are being written"
                    );
                    false
                };
                gateway.metrics.count_repetition(if is_kept {
                    Repetition::Kept
                } else {
                    Repetition::Unkept
                });
            }
            Self::Cache(claim, name, ttl) => {
                if let Some((head, body)) = whole {
                    let body = match <[Bytes; 1]>::try_from(body) {
                        Ok([only]) => only,
                        Err(pieces) => pieces.concat().into(),
                    };
                    gateway.cache.keep(name, &head, body, (end, ttl));
                }
                // Who asks from now on finds it there.
                drop(claim);
            }
        }
    }
}
