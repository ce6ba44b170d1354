//! A request body that streams from the caller to a vendor, once.
//!
//! Its beginning was read before the call was routed and is held; of the rest nothing is. So a call
//! can be tried again, or elsewhere, until the first byte of the rest was taken ([`Upload::is_spent`]).
//! What passes is counted against its limit and, of a form, scanned: a second `model` ends it.
//! The vendor's socket draws the bytes and the caller's gives them, so neither runs ahead.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body as Incoming;
use bytes::Bytes;
use http_body::{Body, Frame};
use parking_lot::Mutex;
use tokio::time::Sleep;
use tollward_wire::form::{FormError, FormScanner};

use crate::clock;

/// Longest silence of a caller whose body is read.
pub const BODY_IDLE: Duration = Duration::from_secs(10);

/// What was wrong with the caller's bytes.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum UploadError {
    /// There were more of them than allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// They did not come in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The connection broke.
    #[error("the body broke off")]
    Broken,
    /// They are no form that can be read in one way only.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// The rest of a body. Clones are the same one.
#[derive(Clone)]
pub struct Upload(Arc<Shared>);

struct Shared {
    rest: Mutex<Option<Rest>>,
    progress: Mutex<Progress>,
}

struct Progress {
    /// When bytes last moved.
    moved: Instant,
    is_sent: bool,
    failure: Option<UploadError>,
}

/// What was not read yet.
pub struct Rest {
    /// The caller's connection.
    pub body: Incoming,
    /// Has seen the beginning of the form; `None` for a body that may be anything.
    pub scanner: Option<FormScanner>,
    /// Bytes that are still to come, if the caller said so.
    pub left: Option<u64>,
    /// Bytes that may still come.
    pub allowed: u64,
    /// The limit of the whole body, for the error.
    pub limit: usize,
}

impl Upload {
    /// What follows the beginning that was read.
    pub fn new(rest: Rest) -> Self {
        Self(Arc::new(Shared {
            rest: Mutex::new(Some(rest)),
            progress: Mutex::new(Progress {
                moved: clock::mono(),
                is_sent: false,
                failure: None,
            }),
        }))
    }

    /// Whether some of it was taken, so that it cannot be sent again.
    pub fn is_spent(&self) -> bool {
        self.0.rest.lock().is_none()
    }

    /// Whether all of it was sent: only then can a vendor answer it, and bill.
    pub fn is_sent(&self) -> bool {
        self.0.progress.lock().is_sent
    }

    /// When bytes last moved.
    pub fn moved(&self) -> Instant {
        self.0.progress.lock().moved
    }

    /// What was wrong with the caller's bytes.
    pub fn take_failure(&self) -> Option<UploadError> {
        self.0.progress.lock().failure.take()
    }

    /// Bytes that are still to come, if the caller said so and none was taken.
    pub(super) fn left(&self) -> Option<u64> {
        self.0.rest.lock().as_ref()?.left
    }
}

/// The caller's bytes were not what they should be; what, [`Upload::take_failure`] says.
#[derive(Debug, thiserror::Error)]
#[error("the caller's body broke off")]
pub struct BrokenUpload;

/// The rest of a body on its way to one vendor.
pub(super) struct UploadBody {
    upload: Upload,
    rest: Option<Rest>,
    alarm: Option<Pin<Box<Sleep>>>,
    is_ended: bool,
}

impl UploadBody {
    pub(super) fn new(upload: &Upload) -> Self {
        Self {
            upload: upload.clone(),
            rest: None,
            alarm: None,
            is_ended: false,
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The next bytes.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        if self.is_ended {
            return Poll::Ready(None);
        }
        if self.rest.is_none() {
            self.rest = self.upload.0.rest.lock().take();
        }
        let Some(rest) = &mut self.rest else {
            // Another attempt took it; this one is not to look complete.
            self.is_ended = true;
            return Poll::Ready(Some(Err(BrokenUpload)));
        };
        let Poll::Ready(heard) = next(rest, context) else {
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY_IDLE)));
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            return self.fail(UploadError::Slow);
        };
        self.alarm = None;
        self.upload.0.progress.lock().moved = clock::mono();
        match heard {
            // HTTP/1 does not ask for more than the length that it was told.
            Some(Ok(chunk)) if takes_last(rest, &chunk) => {
                if let Some(error) = ended(rest) {
                    return self.fail(error);
                }
                self.end();
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Some(Ok(chunk)) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Some(Err(error)) => self.fail(error),
            None => {
                self.end();
                Poll::Ready(None)
            }
        }
    }

    /// All of it was given to the vendor's connection.
    fn end(&mut self) {
        self.is_ended = true;
        self.upload.0.progress.lock().is_sent = true;
    }

    fn fail(&mut self, error: UploadError) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        self.is_ended = true;
        self.upload.0.progress.lock().failure = Some(error);
        Poll::Ready(Some(Err(BrokenUpload)))
    }
}

/// Whether nothing follows `chunk`, as far as the caller said how much there is.
fn takes_last(rest: &mut Rest, chunk: &Bytes) -> bool {
    let Some(left) = &mut rest.left else {
        return false;
    };
    *left = left.saturating_sub(chunk.len() as u64);
    *left == 0
}

/// The next bytes of the caller, checked.
fn next(rest: &mut Rest, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, UploadError>>> {
    loop {
        let Poll::Ready(heard) = Pin::new(&mut rest.body).poll_frame(context) else {
            return Poll::Pending;
        };
        let chunk = match heard {
            None => return Poll::Ready(ended(rest).map(Err)),
            Some(Err(_)) => return Poll::Ready(Some(Err(UploadError::Broken))),
            Some(Ok(frame)) => frame.into_data(),
        };
        let Ok(chunk) = chunk else { continue };
        let Some(allowed) = rest.allowed.checked_sub(chunk.len() as u64) else {
            let limit = rest.limit;
            return Poll::Ready(Some(Err(UploadError::TooLarge { limit })));
        };
        rest.allowed = allowed;
        let scanned = rest.scanner.as_mut().map(|it| it.push(&chunk));
        return Poll::Ready(Some(match scanned {
            Some(Err(error)) => Err(error.into()),
            Some(Ok(())) | None => Ok(chunk),
        }));
    }
}

/// What is wrong with the end of the body, if anything.
fn ended(rest: &Rest) -> Option<UploadError> {
    let scanner = rest.scanner.as_ref()?;
    (!scanner.is_ended()).then(|| FormError::UNENDED.into())
}
