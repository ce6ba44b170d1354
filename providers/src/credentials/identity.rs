//! Identities whose access tokens are fetched: Google's, and those of Microsoft Entra.
//!
//! Only what is written about them is here. How a token is fetched is the gateway's business.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// What Entra's tokens are for if nothing else is said: `OpenAI`'s and most other models at Azure.
const COGNITIVE_SERVICES: &str = "https://cognitiveservices.azure.com";

/// An identity at Google Cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleIdentity {
    /// The file that describes it; `None` for the one that Google's own tools would take.
    pub file: Option<Arc<str>>,
}

/// An identity at Microsoft Entra.
#[derive(Clone, Debug)]
pub struct EntraIdentity {
    /// The directory; `None` leaves it to the environment.
    pub tenant: Option<Arc<str>>,
    /// The application, or the identity that a machine has; `None` leaves it to the environment.
    pub client: Option<Arc<str>>,
    /// The file, in PEM, that has the application's certificate and its private key.
    pub certificate: Option<Arc<str>>,
    /// What its tokens are for.
    pub resource: &'static str,
    /// The application's secret; `None` for an identity that has none.
    secret: Option<SecretString>,
}

impl EntraIdentity {
    /// An identity of which this is written down.
    pub fn new(
        tenant: Option<Arc<str>>,
        client: Option<Arc<str>>,
        secret: Option<SecretString>,
    ) -> Self {
        Self {
            tenant,
            client,
            certificate: None,
            resource: COGNITIVE_SERVICES,
            secret,
        }
    }

    /// The same, which proves itself with the certificate in a file.
    #[must_use]
    pub fn with_certificate(self, file: Option<Arc<str>>) -> Self {
        Self {
            certificate: file,
            ..self
        }
    }

    /// The same, with tokens that are for another resource.
    #[must_use]
    pub fn for_resource(self, resource: &'static str) -> Self {
        Self { resource, ..self }
    }

    /// The application's secret, to be sent to Entra only.
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(SecretString::expose_secret)
    }
}

impl PartialEq for EntraIdentity {
    fn eq(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.tenant.clone(), it.client.clone(), it.certificate.clone());
        parts(self) == parts(other)
            && self.resource == other.resource
            && self.secret() == other.secret()
    }
}

impl Eq for EntraIdentity {}
