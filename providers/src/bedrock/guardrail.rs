//! The guardrail of Bedrock's that stands before chats.
//!
//! Callers cannot choose or leave it out: it is the operator's.
//! Source: `GuardrailConfiguration` in the service model `bedrock-runtime` 2023-09-30 in botocore 1.44;
//! the headers of the API in `OpenAI`'s form are as its user guide has them, and were not tried.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use tollward_wire::segments::Segments;

use crate::settings::{BuildError, Settings, invalid};

const IDENTIFIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailidentifier");
const VERSION: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailversion");

/// A guardrail and its version.
pub(super) struct Guardrail {
    /// How a request to Converse begins that has it.
    opening: Bytes,
    identifier: HeaderValue,
    version: HeaderValue,
}

impl Guardrail {
    /// The one in the settings, if there is one.
    pub(super) fn read(settings: &mut Settings) -> Result<Option<Self>, BuildError> {
        let mut word = |field| {
            let text = settings.text_or_number(field)?;
            // An id or an ARN; a number or `DRAFT`.
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/-".contains(&byte);
            match text {
                Some(text) if text.is_empty() || !text.bytes().all(is_plain) => {
                    Err(invalid(field, "must be as Bedrock shows it"))
                }
                text => Ok(text),
            }
        };
        let (identifier, version) = match (word("guardrail")?, word("guardrail_version")?) {
            (None, None) => return Ok(None),
            (Some(identifier), Some(version)) => (identifier, version),
            (Some(_), None) => {
                return Err(BuildError::Missing {
                    field: "guardrail_version",
                });
            }
            (None, Some(_)) => return Err(BuildError::Missing { field: "guardrail" }),
        };
        let config = json!({ "guardrailIdentifier": identifier, "guardrailVersion": version });
        let header = |field, text: &str| {
            HeaderValue::from_str(text).map_err(|_| invalid(field, "cannot be a header value"))
        };
        Ok(Some(Self {
            opening: format!(r#"{{"guardrailConfig":{config},"#).into(),
            identifier: header("guardrail", &identifier)?,
            version: header("guardrail_version", &version)?,
        }))
    }

    /// A request to Converse with it; the request is an object with other members.
    pub(super) fn in_converse(&self, mut body: Segments) -> Segments {
        let mut whole = Segments::from(self.opening.clone());
        if let Some(first) = body.pop_front() {
            whole.push(first.slice(1.min(first.len())..));
        }
        whole.extend(body);
        whole
    }

    /// Names it in the headers of a request in `OpenAI`'s form.
    pub(super) fn in_headers(&self, headers: &mut HeaderMap) {
        headers.insert(IDENTIFIER, self.identifier.clone());
        headers.insert(VERSION, self.version.clone());
    }
}
