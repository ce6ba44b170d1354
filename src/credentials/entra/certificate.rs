//! What an application asserts that proves itself with a certificate.
//!
//! Source: azure-identity 1.27 `_internal/aad_client_base.py` and `_internal/aadclient_certificate.py`
//! (read 2026-11).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::clock;
use crate::credentials::fetcher::FetchError;
use crate::credentials::jwt::{self, Algorithm};

/// How long an assertion is good for, in seconds.
const LIFETIME: i64 = 30 * 60;

/// Asserts to `audience` that we are `client`, with the certificate and the key in `file`, which is
/// read each time, because certificates are renewed under their name.
pub(super) async fn assertion(
    file: &str,
    client: &str,
    audience: &str,
) -> Result<String, FetchError> {
    let pem = tokio::fs::read(file).await.map_err(|error| {
        FetchError::Unusable(format!("the certificate in {file} cannot be read: {error}"))
    })?;
    let unusable = || {
        let what = "holds no certificate with an RSA key in PEM without a password";
        FetchError::Unusable(format!("{file} {what}"))
    };
    let certificate = CertificateDer::from_pem_slice(&pem).map_err(|_| unusable())?;
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
    let now = clock::unix_ms() / 1_000;
    let claims = json!({
        "jti": URL_SAFE_NO_PAD.encode(clock::id_bytes()),
        "aud": audience, "iss": client, "sub": client, "nbf": now, "exp": now + LIFETIME,
    });
    let key_id = Some(("x5t#S256", &*thumbprint));
    jwt::signed(Algorithm::Ps256, &pem, key_id, &claims).ok_or_else(unusable)
}
