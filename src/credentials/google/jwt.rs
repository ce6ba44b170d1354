//! The assertion that a service account signs: a JWT with RS256 (RFC 7519, RFC 7515).
//!
//! The signature is made by the same cryptography that TLS uses here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;
use serde_json::json;

/// How long an assertion is good for, in seconds; more is refused.
const LIFETIME: i64 = 3600;

/// What is asserted.
#[derive(Serialize)]
pub(super) struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    scope: &'a str,
    iat: i64,
    exp: i64,
}

impl<'a> Claims<'a> {
    /// That `issuer` asks `audience` for `scope` at `now`, in seconds since 1970.
    pub(super) fn new(issuer: &'a str, audience: &'a str, scope: &'a str, now: i64) -> Self {
        Self {
            iss: issuer,
            aud: audience,
            scope,
            iat: now,
            exp: now + LIFETIME,
        }
    }
}

/// Signs claims with an RSA key in PEM; `None` if the key is none.
pub(super) fn signed(pem: &str, key_id: Option<&str>, claims: &Claims<'_>) -> Option<String> {
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let (Some(key_id), Some(fields)) = (key_id, header.as_object_mut()) {
        fields.insert("kid".to_owned(), key_id.into());
    }
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
    let mut token = format!("{header}.{claims}");
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = any_supported_type(&key).ok()?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    let signature = signer.sign(token.as_bytes()).ok()?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}
