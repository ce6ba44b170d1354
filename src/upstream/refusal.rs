//! A vendor's refusal: its words, within bounds of size and time, and without our key.
//!
//! Whoever asks a vendor reads its refusals here, because the words may reach a caller.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body_util::BodyExt;
use tollward_providers::Provider;

use crate::clock;
use crate::credentials::signer::Signer;
use crate::upstream::failure::AttemptFailure;
use crate::upstream::lanes::Carried;

/// Largest error body that is read, in bytes; the rest is not waited for.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// An error body must be complete within this.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads an answer whose status says no to what `signer` signed.
pub(super) async fn refusal(
    signer: &Signer,
    provider: &dyn Provider,
    parts: &Parts,
    body: Carried,
) -> AttemptFailure {
    let text = signer.masked(error_text(body).await);
    let failure = provider.fault(parts.status, &parts.headers, &text);
    let now = clock::unix_ms() / 1_000;
    let retry_after = failure.retry_after.map(|wait| wait.delay(now));
    // A vendor that refuses with a status does not bill (faults U-14).
    AttemptFailure {
        error: failure.error,
        status: Some(parts.status),
        retry_after,
        ..AttemptFailure::of(failure.fault, format!("upstream answered {}", parts.status))
    }
}

/// Reads an error body as far as it comes: half an error is better than none.
async fn error_text(mut body: Carried) -> Bytes {
    let mut text = BytesMut::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                text.extend_from_slice(
                    data.get(..data.len().min(MAX_ERROR_BYTES - text.len()))
                        .unwrap_or_default(),
                );
            }
            if text.len() == MAX_ERROR_BYTES {
                break;
            }
        }
    };
    // A late error body is used as far as it came.
    let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, reading).await;
    text.freeze()
}
