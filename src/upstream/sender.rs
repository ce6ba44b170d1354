//! How a vendor's requests leave: signed at the moment at which they are sent.

use http::{Method, Response};
use tollward_providers::{HostScope, Outbound};

use crate::credentials::signer::Signer;
use crate::upstream::client::{Client, SendError};
use crate::upstream::lanes::Carried;
use crate::upstream::upload::Upload;

/// The connections, and what a call's requests are signed with.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    /// The connections.
    pub client: &'a Client,
    /// The call's key.
    pub signer: &'a Signer,
    /// What follows the body of each request, if anything does.
    pub upload: Option<&'a Upload>,
}

impl Sender<'_> {
    /// Sends a request and waits for the response head; sends it once more where that is no second
    /// attempt: nobody took it, or its signature was refused for the time in it.
    ///
    /// # Errors
    /// No connection came about, or it broke before the head.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection if the request was sent.
    pub async fn send(
        &self,
        scope: HostScope,
        method: Method,
        outbound: &Outbound,
    ) -> Result<Response<Carried>, SendError> {
        let signed = || {
            let request = self.signer.signed(method.clone(), outbound);
            request.map(|body| body.then(self.upload))
        };
        let is_spent = || self.upload.is_some_and(Upload::is_spent);
        let mut answer = match self.client.send(scope, signed()).await {
            // A connection that ended under our hands is no failure of the call and costs no retry.
            Err(error) if error.is_untaken && !is_spent() => {
                tracing::debug!(%error, host = outbound.uri.host(), "the request was not taken and is sent again");
                self.client.send(scope, signed()).await?
            }
            sent => sent?,
        };
        if !is_spent() && self.signer.learns_time(answer.status(), answer.headers()) {
            answer = self.client.send(scope, signed()).await?;
        }
        self.signer.note_headroom(answer.headers());
        Ok(answer)
    }
}
