//! The beginning of a form: as much as it takes to know the model, and a little more, so that a
//! small form can be sent again.
//!
//! SDKs write fields in the order of the caller's own code, and `curl` in that of its arguments, so
//! the model may stand behind the file. Such a form is held up to the limit of any other body, and
//! a longer one is refused with what to do about it.

use bytes::BytesMut;
use http::header;
use http_body::Body as _;
use tollward_wire::document::FieldError;
use tollward_wire::form::{Form, FormError, FormScanner};

use super::{BODY_TIMEOUT, Ingress, IngressError, next_chunk};
use crate::clock;
use crate::pipeline::admit::AdmitError;
use crate::snapshot::Limits;
use crate::upstream::upload::{Rest, Upload};

/// Bytes of a form that are held; one that is no longer can be sent again.
const HELD_BYTES: usize = 1024 * 1024;

/// The content type, if it is a form's.
pub fn form_type(ingress: &Ingress) -> Option<String> {
    let declared = ingress.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = declared.split(';').next()?.trim();
    kind.eq_ignore_ascii_case("multipart/form-data")
        .then(|| declared.to_owned())
}

/// Reads the beginning of a form; the rest, if there is one, is an upload.
///
/// # Errors
/// [`AdmitError`]; the rest of the body is then not read.
pub async fn read_form(
    ingress: &mut Ingress,
    content_type: &str,
    limits: &Limits,
) -> Result<(Form, Option<Upload>), AdmitError> {
    ingress.check_encoding()?;
    let mut scanner = FormScanner::new(content_type).map_err(IngressError::from)?;
    let limit = limits.max_upload_bytes;
    let hint = ingress.body.size_hint();
    if hint.lower() > limit as u64 {
        return Err(IngressError::TooLarge { limit }.into());
    }
    let deadline = clock::mono() + BODY_TIMEOUT;
    let mut held = BytesMut::new();
    let is_whole = loop {
        let room = match scanner.model() {
            Some(_) => HELD_BYTES,
            None => limits.max_body_bytes,
        };
        if held.len() >= room {
            break false;
        }
        let Some(chunk) = next_chunk(&mut ingress.body, deadline).await? else {
            break true;
        };
        scanner.push(&chunk).map_err(IngressError::from)?;
        held.extend_from_slice(&chunk);
    };
    let is_whole = is_whole || hint.exact() == Some(held.len() as u64);
    if is_whole && !scanner.is_ended() {
        return Err(IngressError::from(FormError::UNENDED).into());
    }
    if held.len() > limit {
        return Err(IngressError::TooLarge { limit }.into());
    }
    let length = held.len();
    let Some(form) = Form::new(content_type, held.freeze(), &scanner) else {
        if is_whole {
            return Err(FieldError::new("model", "the name of a model").into());
        }
        let limit = limits.max_body_bytes;
        return Err(IngressError::LateModel { limit }.into());
    };
    let upload = (!is_whole).then(|| {
        Upload::new(Rest {
            left: hint.exact().map(|it| it.saturating_sub(length as u64)),
            body: std::mem::take(&mut ingress.body),
            scanner: Some(scanner),
            allowed: (limit - length) as u64,
            limit,
        })
    });
    Ok((form, upload))
}
