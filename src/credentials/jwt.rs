//! Signed assertions: JWTs with an RSA key (RFC 7519, RFC 7515, RFC 7518 section 3).
//!
//! The signature is made by the same cryptography that TLS uses here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

/// How an assertion is signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256 and a salt of its length.
    Ps256,
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    const fn scheme(self) -> SignatureScheme {
        match self {
            Self::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::Ps256 => SignatureScheme::RSA_PSS_SHA256,
        }
    }
}

/// Signs claims with an RSA key in PEM, which `key_id` names by a header field and its value;
/// `None` if the key is none.
pub(super) fn signed(
    algorithm: Algorithm,
    pem: &[u8],
    key_id: Option<(&str, &str)>,
    claims: &Value,
) -> Option<String> {
    let mut header = serde_json::json!({ "alg": algorithm.name(), "typ": "JWT" });
    if let (Some((name, value)), Some(fields)) = (key_id, header.as_object_mut()) {
        fields.insert(name.to_owned(), value.into());
    }
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let mut token = format!("{header}.{claims}");
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let key = any_supported_type(&key).ok()?;
    let signer = key.choose_scheme(&[algorithm.scheme()])?;
    let signature = signer.sign(token.as_bytes()).ok()?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}
