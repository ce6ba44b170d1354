//! Whose certificates are believed: the public authorities, and the operator's own.
//!
//! The public ones are compiled in, so that a bare container needs no system
//! store. `upstream.ca_file` adds to them: a server inside a company, or a proxy
//! that looks into TLS, has a certificate that no public authority signed.
//! Downloads off the data path ask the system instead.

use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};

/// The authorities that a provider's certificate may come from.
#[derive(Clone, Debug)]
pub struct Trust(RootCertStore);

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// A section of it is broken, or it is no text.
    #[error("the file is not PEM: {0}")]
    NotPem(PemError),
    /// It holds something else, such as a key.
    #[error("the file has no certificate in it; one begins with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// What a section holds is no certificate, or not one of an authority.
    #[error("certificate {number} of the file cannot be used: {reason}")]
    Unusable {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: rustls::Error,
    },
}

impl Trust {
    /// The public authorities, and those in `ca_file` when there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is not a list of certificates. One bad
    /// certificate refuses the file: half a list would fail later and elsewhere.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let public = webpki_roots::TLS_SERVER_ROOTS.iter().cloned();
        let mut roots: RootCertStore = public.collect();
        if let Some(file) = ca_file {
            add(
                &mut roots,
                &std::fs::read(file).map_err(TrustError::Unreadable)?,
            )?;
        }
        Ok(Self(roots))
    }

    /// Settings of a TLS client that believes them.
    pub(super) fn into_client_config(self) -> rustls::ClientConfig {
        rustls::ClientConfig::builder()
            .with_root_certificates(self.0)
            .with_no_client_auth()
    }
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), TrustError> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        count += 1;
        roots
            .add(certificate.map_err(TrustError::NotPem)?)
            .map_err(|reason| TrustError::Unusable {
                number: count,
                reason,
            })?;
    }
    if count == 0 {
        return Err(TrustError::Empty);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
