//! What an account has and no model is asked for: files, batches, vector stores and their like.
//!
//! The stages of a call without a route: the operator's configuration says which account, and which
//! keys may reach it, because an account's objects belong to all who may. There is one attempt, its
//! body and its answer stream, and a row is booked without tokens.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use http_body::Body as _;
use tollward_wire::fault::Fault;

use crate::app::Gateway;
use crate::clock;
use crate::http::headers::PROVIDER;
use crate::http::ingress::{Ingress, IngressError};
use crate::pipeline::ServeError;
use crate::pipeline::admit::hints::priority;
use crate::pipeline::admit::places::Slot;
use crate::pipeline::admit::{AdmitError, Admitted, Content, check_place, permitted};
use crate::pipeline::attempt::{AttemptError, Committed, Signers};
use crate::pipeline::authenticate::{Caller, authenticate};
use crate::pipeline::deliver::{Reply, deliver};
use crate::pipeline::recall::Recalled;
use crate::pipeline::reserve::unbudgeted;
use crate::pipeline::route::Plan;
use crate::pipeline::route::survey::Question;
use crate::pipeline::settle::{Books, Settlement};
use crate::snapshot::{Account, Deployment, Limits, Passthrough, Snapshot};
use crate::upstream::exchange::{Exchanged, Passed, pass as exchange};
use crate::upstream::failure::AttemptFailure;
use crate::upstream::sender::Sender;
use crate::upstream::upload::{Rest, Upload};

/// Longest path with its query, in bytes.
const MAX_PATH_BYTES: usize = 4 * 1024;

/// The caller's headers that go on, besides the vendor's own.
const PASSED: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("idempotency-key"),
];

/// Why a request is not passed through.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PassthroughError {
    /// The key is not one of those that may.
    #[error(
        "this key may not reach the provider's account; `passthrough.keys` names those that may"
    )]
    NotAllowed,
    /// The path could lead elsewhere.
    #[error("the path has a segment that is empty, a dot or encoded, or it is too long")]
    Path,
    /// No such provider is passed through to.
    #[error("the header `{PROVIDER}` names no provider that requests are passed through to")]
    UnknownProvider,
    /// A guard keeps it from the account.
    #[error(
        "the guard `{0}` keeps this from the account; what is passed through is not looked into"
    )]
    Guarded(Arc<str>),
}

/// Passes one request through; `path` is what follows the version, with the query.
///
/// # Errors
/// Whatever a stage refuses.
///
/// # Cancellation
/// Dropping the future closes the upstream connection and settles as *client gone*.
pub async fn pass(
    gateway: &Arc<Gateway>,
    mut ingress: Ingress,
    method: Method,
    path: &str,
) -> Result<(StatusCode, Reply), ServeError> {
    let snapshot = gateway.snapshot();
    let caller = authenticate(&snapshot, gateway, &ingress.headers, ingress.peer).await?;
    let account = account(&snapshot.passthrough, &caller, &ingress.headers)?;
    if !is_straight(path) {
        return Err(PassthroughError::Path.into());
    }
    let mut slot = slot(gateway, &snapshot.limits, &caller, &ingress.headers)?;
    let deployment = Arc::clone(match method {
        // What is deleted costs nothing either.
        Method::GET | Method::HEAD | Method::DELETE => &account.looking,
        _ => &account.changing,
    });
    let headers = passed(&ingress.headers);
    let upload = upload(&mut ingress, &snapshot.limits)?;
    let content = Content::unread(upload.clone());
    let admitted = Admitted::new(ingress, caller, content).map_err(AdmitError::from)?;
    check_place(gateway, &snapshot, &admitted, &slot)?;
    slot.permit = permitted(gateway, &admitted).await?;
    guarded(gateway, &snapshot, &admitted, &deployment)?;
    if Arc::ptr_eq(&deployment, &account.changing) {
        unbudgeted(gateway, &admitted)?;
    }
    let plan = Plan::only(Arc::clone(&deployment));
    let recalled = Recalled::plain(admitted);
    let mut settlement = Settlement::open(gateway, &recalled, &plan, None, slot);
    let passed = Passed {
        method: &method,
        path,
        headers,
        deadline: recalled.admitted.deadline(deployment.timeouts.total),
    };
    let upload = upload.as_ref();
    let passing = async {
        let books = Books::new(&mut settlement);
        signed((gateway, &books), &deployment, &passed, upload).await
    };
    match gateway.cut_calls.run_until_cancelled(passing).await {
        Some(Ok((status, exchanged))) => {
            settlement.answers_with(status);
            let committed = Committed::at_once(deployment, exchanged);
            let reply = deliver(committed, recalled, settlement, &snapshot.limits);
            Ok((status, reply))
        }
        Some(Err(failure)) => {
            let failure = told(failure);
            let mut error = AttemptError {
                upload: upload.and_then(Upload::take_failure),
                ..AttemptError::of(&deployment, failure)
            };
            settlement.fail(&mut error);
            Err(ServeError::Attempt(Box::new(error)))
        }
        None => {
            settlement.cut();
            Err(ServeError::Draining)
        }
    }
}

/// Whether guards let the request pass to `deployment`.
///
/// # Errors
/// One does not.
fn guarded(
    gateway: &Gateway,
    snapshot: &Snapshot,
    admitted: &Admitted,
    deployment: &Deployment,
) -> Result<(), PassthroughError> {
    let question = Question::new(&gateway.affinity, admitted, clock::mono());
    match question.guarded(snapshot).guard(deployment) {
        Some(guard) => Err(PassthroughError::Guarded(Arc::clone(guard))),
        None => Ok(()),
    }
}

/// A place among the running calls, for one that can be booked.
fn slot(
    gateway: &Gateway,
    limits: &Limits,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Slot, AdmitError> {
    let key = caller.key().map(|it| it.id);
    let places = &gateway.places;
    let slot = places.take_as(priority(headers)?, key, limits.max_in_flight)?;
    if gateway.may_book(limits.on_ledger_error) {
        Ok(slot)
    } else {
        Err(AdmitError::LedgerUnavailable)
    }
}

/// One attempt, with the first credential that is not refused.
async fn signed(
    (gateway, books): (&Gateway, &Books<'_>),
    deployment: &Arc<Deployment>,
    passed: &Passed<'_>,
    upload: Option<&Upload>,
) -> Result<(StatusCode, Exchanged), AttemptFailure> {
    let mut signers = Signers::of(deployment, upload);
    while let Some(signer) = signers.next(gateway, books).await {
        let sender = Sender {
            client: &gateway.client,
            signer: &signer,
            upload,
        };
        match exchange(sender, deployment, passed).await {
            Ok(answer) => {
                signers.answered(books);
                return Ok(answer);
            }
            Err(failure) => signers.failed(&signer, failure, books),
        }
    }
    Err(signers.into_failure())
}

/// A failure as the caller is told of it. Who may reach the account may know what it lacks: a 403 in
/// the vendor's own words is most often about the object or the account's plan.
fn told(failure: AttemptFailure) -> AttemptFailure {
    let is_told = failure.status == Some(StatusCode::FORBIDDEN) && failure.error.is_some();
    match failure.fault {
        Fault::Auth if is_told => AttemptFailure {
            fault: Fault::BadRequest,
            ..failure
        },
        _ => failure,
    }
}

/// The account that the caller may reach and asks for.
fn account<'a>(
    passthrough: &'a Passthrough,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<&'a Account, PassthroughError> {
    let is_allowed = match caller {
        // Who has no key is none of those that are named.
        Caller::Open => passthrough.keys.is_empty() || passthrough.keys.iter().any(|it| it == "*"),
        Caller::Key(key) => passthrough
            .keys
            .iter()
            .any(|it| it == "*" || *it == key.name),
    };
    if !is_allowed {
        return Err(PassthroughError::NotAllowed);
    }
    let mut accounts = passthrough.accounts.iter();
    let found = match headers.get(PROVIDER) {
        None => accounts.next(),
        Some(name) => accounts.find(|it| it.looking.provider.as_bytes() == name.as_bytes()),
    };
    found.ok_or(PassthroughError::UnknownProvider)
}

/// Whether a path means what it says wherever it is read: no way up, no empty segment, nothing
/// encoded but a colon, which SDKs encode.
fn is_straight(path: &str) -> bool {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~:@+=,".contains(&it);
    let is_segment = |it: &str| {
        let decoded = it.replace("%3A", ":").replace("%3a", ":");
        !matches!(it, "" | "." | "..") && decoded.bytes().all(is_plain)
    };
    path.len() <= MAX_PATH_BYTES && path.split('/').all(is_segment)
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = headers.get(&name) {
            passed.insert(name, value.clone());
        }
    }
    passed
}

/// The body, which nobody looks into; `None` if there is none.
fn upload(ingress: &mut Ingress, limits: &Limits) -> Result<Option<Upload>, AdmitError> {
    ingress.check_encoding()?;
    let (hint, limit) = (ingress.body.size_hint(), limits.max_upload_bytes);
    if hint.lower() > limit as u64 {
        return Err(IngressError::TooLarge { limit }.into());
    }
    let has_body = !ingress.body.is_end_stream();
    Ok(has_body.then(|| {
        Upload::new(Rest {
            left: hint.exact(),
            body: std::mem::take(&mut ingress.body),
            scanner: None,
            allowed: limit as u64,
            limit,
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // S-09
    #[test]
    fn a_path_leads_nowhere_but_down() {
        for good in [
            "files",
            "files/file-abc/content?limit=2&after=../x",
            "fine_tuning/checkpoints/ft:gpt-4o:org::x/permissions",
            "fine_tuning/checkpoints/ft%3Agpt-4o/permissions",
        ] {
            assert!(is_straight(good), "{good}");
        }
        let long = format!("files/{}", "x".repeat(MAX_PATH_BYTES));
        for bad in [
            "files/../models",
            "files/./x",
            "files//x",
            "files/",
            "files/%2e%2e/models",
            "files/%2fmodels",
            "files/a%5cb",
            "files/a\\b",
            "files/a;b",
            "files/%00",
            &long,
        ] {
            assert!(!is_straight(bad), "{bad}");
        }
    }
}
