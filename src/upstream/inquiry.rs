//! What an account is asked without any call: its models, and whether its key is accepted.
//!
//! Questions go over the connections of calls and are signed as calls are, so that who asks learns
//! what calls would meet. What an answer means is decided by whoever asked.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use tollward_providers::listing::{ListedModel, Listing, ModelList};
use tollward_providers::{HostScope, Outbound};

use crate::clock;
use crate::credentials::signer::{Signer, Skew};
use crate::upstream::client::{Client, SendError};
use crate::upstream::sender::Sender;

/// One answer must be there within this, connecting included.
pub const LIMIT: Duration = Duration::from_secs(5);
/// Largest answer, in bytes: routers list hundreds of models with long descriptions.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// More pages than this are not asked for; vendors' pages have up to a thousand models.
const MAX_PAGES: usize = 20;

/// Who is asked, and how the questions travel.
#[derive(Clone, Copy)]
pub struct Inquiry<'a> {
    /// The connections.
    pub client: &'a Client,
    /// Who vouches for the host.
    pub scope: HostScope,
    /// What may be asked.
    pub listing: &'a Listing,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The question's address.
    pub uri: Uri,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// When its head was here, in Unix seconds by our clock.
    pub at_unix_s: i64,
    /// How long it took.
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No connection came about, or it broke.
    #[error(transparent)]
    Send(#[from] SendError),
    /// [`LIMIT`] passed.
    #[error("no answer within {LIMIT:?}")]
    Slow,
    /// The answer broke off, or is too large.
    #[error("the answer broke off or is larger than 16 MiB")]
    Broken,
}

/// Why there is no list.
#[derive(Debug)]
pub enum ListError {
    /// Nothing came.
    Ask(AskError),
    /// What came is no list: a refusal, or something else altogether.
    Answer(Box<Answer>),
}

/// The lists of an account, as one, and the answers that they came with.
#[derive(Debug)]
pub struct Listed {
    /// The models.
    pub models: Vec<ListedModel>,
    /// The first answer; `None` if there is no list.
    pub first: Option<Answer>,
    /// Whether there were more pages than are asked for.
    pub is_cut: bool,
}

impl Inquiry<'_> {
    /// Asks at `uri`.
    ///
    /// # Errors
    /// No complete answer came within [`LIMIT`].
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub async fn ask(&self, uri: &Uri, signer: &Signer) -> Result<Answer, AskError> {
        self.send(&self.listing.outbound(uri), signer).await
    }

    /// Asks at `uri` as somebody without any key would.
    ///
    /// # Errors
    /// As of [`Inquiry::ask`].
    pub async fn ask_unproven(&self, uri: &Uri) -> Result<Answer, AskError> {
        let mut outbound = self.listing.outbound(uri);
        // A key may also be written among the operator's own headers.
        let mut headers = HeaderMap::new();
        let harmless = outbound.headers.iter().filter(|(_, it)| !it.is_sensitive());
        headers.extend(harmless.map(|(name, value)| (name.clone(), value.clone())));
        outbound.headers = headers;
        self.send(&outbound, &Signer::new(None, &Skew::default()))
            .await
    }

    /// Asks for all lists, page by page.
    ///
    /// # Errors
    /// A page did not come, or is none.
    pub async fn list(&self, signer: &Signer) -> Result<Listed, ListError> {
        let mut listed = Listed {
            models: Vec::new(),
            first: None,
            is_cut: false,
        };
        for list in &self.listing.lists {
            self.read(list, signer, &mut listed).await?;
        }
        Ok(listed)
    }

    async fn read(
        &self,
        list: &ModelList,
        signer: &Signer,
        listed: &mut Listed,
    ) -> Result<(), ListError> {
        let mut next = Some(list.uri.clone());
        for _ in 0..MAX_PAGES {
            let Some(uri) = next else {
                return Ok(());
            };
            let answer = self.ask(&uri, signer).await.map_err(ListError::Ask)?;
            let page = list.form.read(&answer.body);
            let Some(page) = page.ok().filter(|_| answer.status.is_success()) else {
                return Err(ListError::Answer(Box::new(answer)));
            };
            next = page.next.and_then(|token| list.following(&token));
            listed.models.extend(page.models);
            listed.first.get_or_insert(answer);
        }
        listed.is_cut |= next.is_some();
        Ok(())
    }

    async fn send(&self, outbound: &Outbound, signer: &Signer) -> Result<Answer, AskError> {
        let since: Instant = clock::mono();
        let client = self.client;
        let asking = async {
            let sender = Sender {
                client,
                signer,
                upload: None,
            };
            let sent = sender.send(self.scope, Method::GET, outbound).await?;
            let at_unix_s = clock::unix_ms() / 1_000;
            let (head, body) = sent.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            Ok(Answer {
                uri: outbound.uri.clone(),
                status: head.status,
                headers: head.headers,
                body: body.map_err(|_| AskError::Broken)?.to_bytes(),
                at_unix_s,
                took: clock::mono().saturating_duration_since(since),
            })
        };
        let answered = tokio::time::timeout(LIMIT, asking).await;
        answered.unwrap_or(Err(AskError::Slow))
    }
}

/// The secrets that a question carries: what a vendor says in answer may repeat them.
///
/// AWS's signature is none: it is good for one request.
pub fn secrets(outbound: &Outbound, signer: &Signer) -> Vec<String> {
    let request = signer.signed(Method::GET, outbound);
    let values = request.headers().values();
    let values = values.filter(|it| it.is_sensitive());
    let texts = values.filter_map(|it| it.to_str().ok());
    let texts = texts.filter(|it| !it.starts_with("AWS4-"));
    texts
        .map(|it| it.strip_prefix("Bearer ").unwrap_or(it).to_owned())
        .collect()
}
