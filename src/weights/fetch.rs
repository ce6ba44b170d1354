//! A download that survives cuts: bytes are appended to `<file>.part` until the file is whole.
//!
//! A part is continued only when it is known to be of the same file: its note must name the same checksum,
//! and the server must confirm the entity tag (`If-Range`). Anything else starts over. Whether the whole is
//! right is not decided here but by the caller's checksum, which also covers a part that went bad on disk.
//! Source: RFC 9110, sections 13.1.5, 14.2, 14.4 and 15.3.7 (read 2026-11).

use std::{fs::File, io::Write, path::PathBuf, time::Duration};

use reqwest::{Method, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::weights::{
    hub::Hub,
    progress::Progress,
    store::{self, Expected, FileError, Place},
};

/// Attempts in a row that may bring nothing before we give up.
const MAX_FRUITLESS: u32 = 4;

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be made; mostly missing root certificates.
    #[error("no HTTPS client could be made (are root certificates installed?): {}", root_cause(.0))]
    Client(#[source] reqwest::Error),
    /// The endpoint cannot carry a path.
    #[error("HF_ENDPOINT cannot carry a path")]
    Address,
    /// Nobody answered.
    #[error("{host} could not be reached: {}", root_cause(source))]
    Unreachable {
        /// Host that was asked.
        host: String,
        /// What went wrong underneath.
        source: reqwest::Error,
    },
    /// The hub said no.
    #[error("{host} answered {status}{hint}")]
    Status {
        /// Host that answered.
        host: String,
        /// Its status.
        status: StatusCode,
        /// What to do about it; empty or starting with a colon.
        hint: &'static str,
    },
    /// A redirect that is not followed.
    #[error("a redirect to {to} was refused: {reason}")]
    Redirect {
        /// Where it would lead.
        to: String,
        /// Why not.
        reason: &'static str,
    },
    /// The hub knows no checksum for the file, so what it sends could not be checked.
    #[error("the hub gives no sha256 for this file, so it was not fetched")]
    NoChecksum,
    /// The file there has another size than it should.
    #[error("the hub's file has {actual} bytes, expected {expected}")]
    Size {
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        actual: u64,
    },
    /// The connection broke, again and again.
    #[error("the transfer broke off: {}", root_cause(.0))]
    Cut(#[source] reqwest::Error),
    /// The connection ended early, again and again.
    #[error("the transfer ended after {have} of {total} bytes")]
    Short {
        /// Bytes here.
        have: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// The models folder failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl FetchError {
    pub(crate) fn status(status: StatusCode, url: &Url) -> Self {
        let hint = match status.as_u16() {
            401 | 403 => {
                ": the repository is private or asks for accepted terms; set HF_TOKEN to a token that may read it"
            }
            404 => ": the file is not there",
            429 => ": too many requests; wait, or set HF_TOKEN",
            _ => "",
        };
        Self::Status {
            host: url.host_str().unwrap_or("the hub").to_owned(),
            status,
            hint,
        }
    }

    /// Whether asking again may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Cut(_) | Self::Short { .. } => true,
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 408 | 416 | 429) || status.is_server_error()
            }
            Self::Client(_)
            | Self::Address
            | Self::Redirect { .. }
            | Self::NoChecksum
            | Self::Size { .. }
            | Self::File(_) => false,
        }
    }
}

/// The innermost message: "dns error" and "connection refused" are what a person can act on.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What an unfinished download is a part of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartState {
    expected: Expected,
    /// Strong entity tag of the content; without one a part is never continued.
    etag: Option<String>,
}

/// One file on its way from the hub.
pub(crate) struct Transfer<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) url: Url,
    pub(crate) expected: &'a Expected,
    pub(crate) place: &'a Place,
    /// Pause after the first fruitless attempt; doubles with each further one.
    pub(crate) retry_delay: Duration,
}

impl Transfer<'_> {
    /// Downloads the rest of the file and returns the part, which then has the expected size.
    ///
    /// # Cancellation
    /// What was written stays and is continued next time.
    pub(crate) async fn run(&self, progress: &mut dyn Progress) -> Result<PathBuf, FetchError> {
        progress.begin(self.resumable()?.0, self.expected.bytes);
        let result = self.repeat(progress).await;
        progress.end();
        result.map(|()| self.place.part())
    }

    async fn repeat(&self, progress: &mut dyn Progress) -> Result<(), FetchError> {
        let mut fruitless = 0;
        loop {
            let (have, state) = self.resumable()?;
            if have == self.expected.bytes {
                return Ok(());
            }
            let Err(error) = self.attempt(have, state, progress).await else {
                continue;
            };
            let gained = self.resumable()?.0 > have;
            fruitless = if gained { 0 } else { fruitless + 1 };
            if !error.is_passing() || fruitless > MAX_FRUITLESS {
                return Err(error);
            }
            tokio::time::sleep(self.retry_delay * 2_u32.pow(fruitless)).await;
        }
    }

    /// Bytes that may be kept and the note that vouches for them. What nobody vouches for is removed.
    fn resumable(&self) -> Result<(u64, Option<PartState>), FetchError> {
        let Some(have) = store::regular_size(&self.place.part())? else {
            return Ok((0, None));
        };
        let state = store::read_note::<PartState>(&self.place.part_state());
        let is_ours = state
            .as_ref()
            .is_some_and(|state| state.expected == *self.expected);
        // A whole part needs no tag: nothing of it is asked for again.
        let is_usable =
            have == self.expected.bytes || state.as_ref().is_some_and(|state| state.etag.is_some());
        if is_ours && is_usable && have <= self.expected.bytes {
            return Ok((have, state));
        }
        self.place.discard_part()?;
        Ok((0, None))
    }

    async fn attempt(
        &self,
        have: u64,
        state: Option<PartState>,
        progress: &mut dyn Progress,
    ) -> Result<(), FetchError> {
        let mut headers = header::HeaderMap::new();
        let etag = state.and_then(|state| state.etag).filter(|_| have > 0);
        if let Some(etag) = etag.and_then(|etag| header::HeaderValue::try_from(etag).ok()) {
            headers.insert(
                header::RANGE,
                header::HeaderValue::try_from(format!("bytes={have}-"))
                    .map_err(|_| FetchError::Address)?,
            );
            headers.insert(header::IF_RANGE, etag);
        }
        let response = self
            .hub
            .send(Method::GET, self.url.clone(), &headers)
            .await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if continues_at(&response, have, self.expected.bytes) => {
                self.append(response, have, progress).await
            }
            StatusCode::OK => self.start_over(response, progress).await,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.place.discard_part()?;
                Err(FetchError::status(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    &self.url,
                ))
            }
            status => Err(FetchError::status(status, &self.url)),
        }
    }

    async fn start_over(
        &self,
        response: Response,
        progress: &mut dyn Progress,
    ) -> Result<(), FetchError> {
        let (expected, actual) = (self.expected.bytes, response.content_length());
        if let Some(actual) = actual.filter(|actual| *actual != expected) {
            return Err(FetchError::Size { expected, actual });
        }
        self.place.discard_part()?;
        let etag = response
            .headers()
            .get(header::ETAG)
            .and_then(|value| value.to_str().ok());
        let etag = etag
            .filter(|etag| !etag.starts_with("W/"))
            .map(str::to_owned);
        store::write_note(
            &self.place.part_state(),
            &PartState {
                expected: self.expected.clone(),
                etag,
            },
        )?;
        self.append(response, 0, progress).await
    }

    async fn append(
        &self,
        mut response: Response,
        have: u64,
        progress: &mut dyn Progress,
    ) -> Result<(), FetchError> {
        let path = self.place.part();
        let failed = |error| FileError::new("write", &path, error);
        // Chunks are some ten kilobytes and go to the page cache: as quick as handing them to another thread.
        let mut part = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        let (mut have, total) = (have, self.expected.bytes);
        progress.advance(have);
        while let Some(chunk) = response.chunk().await.map_err(FetchError::Cut)? {
            have += chunk.len() as u64;
            if have > total {
                self.place.discard_part()?;
                return Err(FetchError::Size {
                    expected: total,
                    actual: have,
                });
            }
            part.write_all(&chunk).map_err(failed)?;
            progress.advance(have);
        }
        if have < total {
            Err(FetchError::Short { have, total })
        } else {
            Ok(())
        }
    }
}

/// Whether a 206 carries exactly the bytes from `have` to the end of a file of `total` bytes.
fn continues_at(response: &Response, have: u64, total: u64) -> bool {
    let range = response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    range == Some(&format!("bytes {have}-{}/{total}", total - 1))
}
