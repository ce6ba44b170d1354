//! Asks about one account: each of its credentials, and what the list says about its models.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use http::header::{DATE, LOCATION};
use tollward_providers::listing::{Covers, ListedModel};
use tollward_providers::{http_date, kind};
use tollward_wire::fault::{Fault, Phase};

use super::finding::{Check, Finding, Verdict};
use super::judge::{self, Asked};
use super::words::shown;
use crate::assembly::Account;
use crate::cli::accounts::Desk;
use crate::credentials::fetcher::Blame;
use crate::credentials::pool::Holder;
use crate::credentials::signer::Signer;
use crate::upstream::inquiry::{Answer, AskError, Inquiry, LIMIT, ListError, Listed, secrets};

/// Credentials of one account that are asked about at once.
const AT_ONCE: usize = 4;

/// What is said of a key that made no difference.
const UNPROVEN: &str = "answers without a key too, so the key is not proven";

/// Who is asked about, and what advice depends on.
pub struct Patient<'a> {
    /// The account.
    pub account: &'a Account,
    /// Whether the environment names a proxy, which the gateway does not use.
    pub names_proxy: bool,
}

/// Checks an account. The findings begin with those of its credentials, in their order.
pub async fn account(desk: &Desk, patient: &Patient<'_>) -> Vec<Finding> {
    let account = patient.account;
    let listing = account.provider.listing();
    let inquiry = Inquiry {
        client: desk.fetcher.client(),
        scope: account.provider.host_scope(),
        listing: &listing,
    };
    let holders = account.credentials.holders();
    let checks = holders
        .iter()
        .map(|holder| credential(desk, patient, &inquiry, holder));
    let each = stream::iter(checks).buffered(AT_ONCE).collect::<Vec<_>>();
    let (each, is_open) = tokio::join!(each, is_open(&inquiry, holders));
    let mut found = merged(&account.name, &each);
    if is_open {
        for finding in &mut found {
            if (finding.verdict, finding.check) == (Verdict::Ok, Check::Key) {
                finding.verdict = Verdict::Warn;
                finding.message = String::from(UNPROVEN);
            }
        }
    }
    found
}

/// Whether the question that should prove a key is answered to anybody.
async fn is_open(inquiry: &Inquiry<'_>, holders: &[Arc<Holder>]) -> bool {
    let has_key = holders.iter().any(|it| !it.name().is_empty());
    let Some(uri) = inquiry.listing.proving().filter(|_| has_key) else {
        return false;
    };
    let answer = inquiry.ask_unproven(uri).await;
    answer.is_ok_and(|answer| answer.status.is_success())
}

/// The findings of all credentials; what is the same for each of them is said once.
fn merged(name: &str, each: &[Vec<Finding>]) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    let says = |all: &[Finding], one: &Finding| {
        all.iter()
            .any(|it| it.message == one.message && it.verdict == one.verdict)
    };
    for finding in each.iter().flatten() {
        let is_everywhere = each.len() > 1 && each.iter().all(|all| says(all, finding));
        if !is_everywhere {
            merged.push(finding.clone());
        } else if !says(&merged, finding) {
            merged.push(Finding {
                subject: name.to_owned(),
                ..finding.clone()
            });
        }
    }
    merged
}

/// Checks one credential: the key itself, the models, the clock.
async fn credential(
    desk: &Desk,
    patient: &Patient<'_>,
    inquiry: &Inquiry<'_>,
    holder: &Holder,
) -> Vec<Finding> {
    let account = patient.account;
    let subject = subject(account, holder);
    match asked_of(desk, patient, inquiry, holder).await {
        Err(finding) => vec![finding],
        Ok((listed, answer)) => {
            let date = answer.headers.get(DATE).and_then(|it| it.to_str().ok());
            let theirs = date.and_then(http_date);
            let clock = theirs.and_then(|it| judge::clock(&subject, it, answer.at_unix_s));
            let asked = patient.asked(inquiry, &subject, &answer.uri);
            let wanted = account.models.iter().map(|(model, _)| &**model);
            let missing = judge::missing_models(&asked, inquiry.listing, &listed.models, wanted);
            let well = well(holder, inquiry, &listed.models, &answer);
            let first = Finding::new(Verdict::Ok, Check::Key, subject, well);
            std::iter::once(first).chain(clock).chain(missing).collect()
        }
    }
}

/// What is well about an account.
fn well(holder: &Holder, inquiry: &Inquiry<'_>, models: &[ListedModel], answer: &Answer) -> String {
    let took = answer.took.as_millis();
    let key = if holder.name().is_empty() {
        "answers"
    } else {
        "key accepted"
    };
    if inquiry.listing.lists.is_empty() {
        return format!("{key}, {took} ms");
    }
    let what = match (inquiry.listing.covers, models.len()) {
        (Covers::Offer, _) => "models on offer",
        (Covers::Account | Covers::Google, 1) => "model",
        (Covers::Account | Covers::Google, _) => "models",
    };
    format!("{key}, {} {what}, {took} ms", models.len())
}

fn subject(account: &Account, holder: &Holder) -> String {
    if account.credentials.has_choice() {
        format!("{}/{}", account.name, holder.name())
    } else {
        account.name.to_string()
    }
}

impl<'a> Patient<'a> {
    fn asked(&self, inquiry: &Inquiry<'_>, subject: &'a str, uri: &'a http::Uri) -> Asked<'a> {
        let row = kind(&self.account.kind);
        Asked {
            subject,
            provider: &self.account.name,
            uri,
            key_place: &self.account.key_place,
            needs_right: inquiry.listing.needs_right,
            is_own_server: row.is_some_and(|row| row.default_port.is_some()),
            names_proxy: self.names_proxy,
            base_url: self.account.base_url(),
        }
    }
}

/// Asks for the lists of an account with one credential.
///
/// # Errors
/// What keeps it from being told.
pub async fn list(
    desk: &Desk,
    account: &Account,
    inquiry: &Inquiry<'_>,
    holder: &Holder,
) -> Result<Listed, Finding> {
    let patient = Patient {
        account,
        names_proxy: false,
    };
    let signer = signer(desk, &patient, holder).await?;
    listed(&patient, inquiry, holder, &signer).await
}

/// The key is proven first, where the list does not prove it.
async fn asked_of(
    desk: &Desk,
    patient: &Patient<'_>,
    inquiry: &Inquiry<'_>,
    holder: &Holder,
) -> Result<(Listed, Answer), Finding> {
    let signer = signer(desk, patient, holder).await?;
    let mut proof = None;
    // Without a key there is nothing to prove.
    if let (Some(uri), false) = (&inquiry.listing.proof, holder.name().is_empty()) {
        let subject = subject(patient.account, holder);
        let asked = patient.asked(inquiry, &subject, uri);
        let answer = inquiry.ask(uri, &signer).await;
        let answer = answer.map_err(|error| unanswered(&asked, &error))?;
        if !answer.status.is_success() {
            return Err(refused(patient, &asked, inquiry, &signer, &answer));
        }
        proof = Some(answer);
    }
    let mut listed = listed(patient, inquiry, holder, &signer).await?;
    match proof.or_else(|| listed.first.take()) {
        Some(answer) => Ok((listed, answer)),
        None => Err(Finding::new(
            Verdict::Warn,
            Check::Key,
            subject(patient.account, holder),
            "there is nothing that could be asked without a call",
        )),
    }
}

async fn signer(desk: &Desk, patient: &Patient<'_>, holder: &Holder) -> Result<Signer, Finding> {
    let account = patient.account;
    let failed = |why: String, blame: Option<Blame>| {
        let subject = subject(account, holder);
        let message = format!("there is no key to sign with: {}", shown(&why, &[]));
        let found = Finding::new(Verdict::Fail, Check::Key, subject, message);
        let place = blame.map(|it| account.place_of(it.setting, it.variable));
        let place = place.as_ref().unwrap_or(&account.key_place);
        found.with_help(format!("look at {place}"))
    };
    match tokio::time::timeout(LIMIT, holder.signer(&desk.fetcher)).await {
        Ok(signer) => signer.map_err(|error| failed(error.to_string(), error.blame())),
        Err(_) => Err(failed(format!("none was given within {LIMIT:?}"), None)),
    }
}

async fn listed(
    patient: &Patient<'_>,
    inquiry: &Inquiry<'_>,
    holder: &Holder,
    signer: &Signer,
) -> Result<Listed, Finding> {
    let subject = subject(patient.account, holder);
    inquiry.list(signer).await.map_err(|error| match error {
        ListError::Ask(error) => {
            let first = inquiry.listing.lists.first().map(|it| it.uri.clone());
            let uri = first.unwrap_or_default();
            unanswered(&patient.asked(inquiry, &subject, &uri), &error)
        }
        ListError::Answer(answer) => {
            let asked = patient.asked(inquiry, &subject, &answer.uri);
            if answer.status.is_success() {
                judge::no_list(&asked, answer.status)
            } else {
                refused(patient, &asked, inquiry, signer, &answer)
            }
        }
    })
}

fn unanswered(asked: &Asked<'_>, error: &AskError) -> Finding {
    let fault = match error {
        AskError::Send(error) => error.fault,
        AskError::Slow => Fault::Timeout(Phase::FirstByte),
        AskError::Broken => Fault::Truncated,
    };
    judge::silence(asked, fault, &shown(&error.to_string(), &[]))
}

fn refused(
    patient: &Patient<'_>,
    asked: &Asked<'_>,
    inquiry: &Inquiry<'_>,
    signer: &Signer,
    answer: &Answer,
) -> Finding {
    let provider = &patient.account.provider;
    let failure = provider.fault(answer.status, &answer.headers, &answer.body);
    let secrets = secrets(&inquiry.listing.outbound(&answer.uri), signer);
    let words = failure
        .error
        .as_ref()
        .map(|error| shown(&error.message, &secrets));
    let location = answer.headers.get(LOCATION);
    let location = location
        .and_then(|it| it.to_str().ok())
        .map(|it| shown(it, &secrets));
    if let Some(finding) = judge::not_plain(asked, answer.status, &answer.body) {
        return finding;
    }
    judge::refusal(
        asked,
        answer.status,
        &failure,
        words.as_deref(),
        location.as_deref(),
    )
}

#[cfg(test)]
mod tests;
