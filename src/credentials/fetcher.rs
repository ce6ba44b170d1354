//! Asking for keys: short questions with short answers, over the pooled client.

use std::time::Duration;

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use tollward_providers::{HostScope, http_date};
use tollward_wire::segments::Segments;

use crate::clock;
use crate::task::Tasks;
use crate::upstream::body::RequestBody;
use crate::upstream::client::Client;

/// Largest answer, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Asks for keys: the connections, and what runs beside the calls. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher {
    client: Client,
    tasks: Tasks,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// How long it is until `moment`, an RFC 3339 time, by the clock of who answered, so that ours may
    /// be wrong; nothing if it is past, `None` if it is no time.
    pub fn left_until(&self, moment: &str) -> Option<Duration> {
        let end: Timestamp = moment.parse().ok()?;
        let date = self.headers.get(DATE).and_then(|it| it.to_str().ok());
        let now = date.and_then(http_date).unwrap_or(clock::unix_ms() / 1_000);
        let left = end.as_second().saturating_sub(now);
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }
}

/// Why there is no key. No text of it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nobody could be asked.
    #[error("{place} cannot be reached: {reason}")]
    Unreachable {
        /// Who was to be asked.
        place: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// Whoever was asked refused.
    #[error("{place} answered {status}{}{}", told(.code.as_deref()), why(*.blame))]
    Refused {
        /// Who was asked.
        place: &'static str,
        /// The status of the answer.
        status: StatusCode,
        /// The code of the error, if there was one.
        code: Option<String>,
        /// What it is about, if the code says so.
        blame: Option<Blame>,
    },
    /// The answer holds no key.
    #[error("the answer of {place} cannot be read: {reason}")]
    Unreadable {
        /// Who was asked.
        place: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is nobody to ask, or what is configured cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The gateway is shutting down.
    #[error("the gateway is shutting down")]
    Stopped,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The setting to look at.
    pub setting: &'static str,
    /// The variable that stands for it where it is not written.
    pub variable: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

fn told(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" ({code})"))
}

fn why(blame: Option<Blame>) -> String {
    blame.map_or_else(String::new, |it| format!(": {}", it.why))
}

impl FetchError {
    /// What a refusal is about, as far as it says so.
    pub fn blame(&self) -> Option<Blame> {
        match self {
            Self::Refused { blame, .. } => *blame,
            Self::Unreachable { .. }
            | Self::Unreadable { .. }
            | Self::Unusable(_)
            | Self::Stopped => None,
        }
    }
}

impl Fetcher {
    /// Asks through `client`; renewals run as tasks of `tasks`.
    pub fn new(client: Client, tasks: Tasks) -> Self {
        Self { client, tasks }
    }

    /// Asks `place` and reads all of the answer, within `limit`.
    ///
    /// # Errors
    /// No complete answer came, or it is too large.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub async fn ask(
        &self,
        place: &'static str,
        scope: HostScope,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Answer, FetchError> {
        let failed = |reason: String| FetchError::Unreachable { place, reason };
        let request = request.map(|body| RequestBody::from(Segments::from(body)));
        let asking = async {
            let answer = self.client.send(scope, request).await;
            let (head, body) = answer
                .map_err(|error| failed(error.to_string()))?
                .into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body =
                body.map_err(|_| failed("the answer broke off or is too large".to_owned()))?;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        let answered = tokio::time::timeout(limit, asking).await;
        answered.unwrap_or_else(|_| Err(failed(format!("no answer within {limit:?}"))))
    }

    /// The connections.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where renewals run.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}
