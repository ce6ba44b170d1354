//! Temporary keys as AWS's services write them, in JSON or XML, and how long they last.

use serde::Deserialize;
use tollward_providers::AwsKeys;

use super::Found;
use crate::credentials::fetcher::{Answer, FetchError};

/// The answer of a container's endpoint or of the instance's metadata service.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

/// Reads keys out of a JSON answer.
pub(super) fn of_json(place: &'static str, answer: &Answer) -> Result<Found, FetchError> {
    let document = serde_json::from_slice(&answer.body);
    let document: Document = document.map_err(|_| FetchError::Unreadable {
        place,
        reason: "it is not a document with keys",
    })?;
    found(place, &document, answer)
}

/// Reads keys out of an XML answer of the token service.
pub(super) fn of_xml(place: &'static str, answer: &Answer) -> Result<Found, FetchError> {
    let text = String::from_utf8_lossy(&answer.body);
    let missing = FetchError::Unreadable {
        place,
        reason: "it is not a document with keys",
    };
    let (Some(id), Some(secret)) = (
        element(&text, "AccessKeyId"),
        element(&text, "SecretAccessKey"),
    ) else {
        return Err(missing);
    };
    let document = Document {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        token: element(&text, "SessionToken").map(str::to_owned),
        expiration: element(&text, "Expiration").map(str::to_owned),
    };
    found(place, &document, answer)
}

/// The text of the first element of that name. These answers have neither attributes nor
/// entities in the few elements that are read.
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once("</")?;
    Some(inner.trim())
}

fn found(place: &'static str, document: &Document, answer: &Answer) -> Result<Found, FetchError> {
    let unreadable = |reason| FetchError::Unreadable { place, reason };
    let keys = AwsKeys::new(
        &document.access_key_id,
        &document.secret_access_key,
        document.token.as_deref(),
    );
    let lifetime = match &document.expiration {
        Some(expiration) => {
            let left = answer.left_until(expiration);
            let left = left.ok_or_else(|| unreadable("its expiration is no time"))?;
            if left.is_zero() {
                return Err(unreadable("its keys have expired"));
            }
            Some(left)
        }
        None => None,
    };
    Ok(Found {
        keys: keys.ok_or_else(|| unreadable("its keys cannot be sent"))?,
        lifetime,
    })
}
