//! What answers mean for an account: status and body in, verdict and advice out.

use http::{StatusCode, Uri};
use tollward_providers::Failure;
use tollward_providers::listing::{ListedModel, Listing, Told};
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::{Fault, Phase};

use super::finding::{Check, Finding, Verdict};

/// A clock may be off by this, in seconds. Signatures and tokens hold for minutes.
const TOLERATED_SKEW: i64 = 60;

/// What was asked of whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Whose finding it is: the provider's name, and that of the credential where there are several.
    pub(super) subject: &'a str,
    /// The provider's name in the configuration.
    pub(super) provider: &'a str,
    /// The question's address.
    pub(super) uri: &'a Uri,
    /// Where the key is written.
    pub(super) key_place: &'a str,
    /// Whether a key may be good for calls and not for this question.
    pub(super) needs_right: bool,
    /// Whether it is a server that people run themselves.
    pub(super) is_own_server: bool,
    /// Whether the environment names a proxy, which the gateway does not use.
    pub(super) names_proxy: bool,
}

impl Asked<'_> {
    fn found(&self, verdict: Verdict, check: Check, message: String) -> Finding {
        Finding::new(verdict, check, self.subject, message)
    }

    fn host(&self) -> &str {
        self.uri
            .authority()
            .map_or("the host", |authority| authority.as_str())
    }
}

/// What a refusal means. `words` are the vendor's, fit to be shown; `location` is where it points to.
pub(super) fn refusal(
    asked: &Asked<'_>,
    status: StatusCode,
    failure: &Failure,
    words: Option<&str>,
    location: Option<&str>,
) -> Finding {
    let said = words.map_or_else(String::new, |words| format!(": {words}"));
    let told = |what: &str| format!("{what} ({}){said}", status.as_u16());
    let (key, provider) = (asked.key_place, asked.provider);
    if status.is_redirection() {
        let to = location.unwrap_or("nowhere");
        return asked
            .found(
                Verdict::Fail,
                Check::Reach,
                told(&format!("answers with a redirect to {to}")),
            )
            .with_help(format!(
                "the gateway follows none: write where it leads in `providers.{provider}.base_url`"
            ));
    }
    let fail = |check, message: String| asked.found(Verdict::Fail, check, message);
    match failure.fault {
        Fault::Auth if asked.needs_right && is_only_the_right(failure.error.as_ref()) => asked
            .found(
                Verdict::Warn,
                Check::Key,
                told("the key is known and may not list models"),
            )
            .with_help("calls may work all the same"),
        Fault::Auth if status == StatusCode::FORBIDDEN => {
            fail(Check::Key, told("the account or its key may not do this")).with_help(format!(
                "look at what the account and the key in {key} are allowed"
            ))
        }
        Fault::Auth => fail(Check::Key, told("the key is refused"))
            .with_help(format!("write one that is valid: {key}")),
        Fault::Quota => fail(Check::Key, told("the account has no credit or quota left"))
            .with_help("look at the account's billing"),
        Fault::RateLimited => asked
            .found(
                Verdict::Warn,
                Check::Key,
                told("asked too often, so the key could not be checked"),
            )
            .with_help("try again in a minute"),
        _ if is_no_place(status) => {
            let place = asked.uri.path();
            let help = if place.contains("/v1") {
                format!("is `providers.{provider}.base_url` right?")
            } else {
                format!("does `providers.{provider}.base_url` lack `/v1` at its end?")
            };
            fail(
                Check::Reach,
                told(&format!("{} has nothing at {place}", asked.host())),
            )
            .with_help(help)
        }
        Fault::Server | Fault::Overloaded => {
            fail(Check::Reach, told("the provider is failing")).with_help("try again later")
        }
        _ => fail(Check::Reach, told("an answer that makes no sense here")),
    }
}

/// Whether an address is wrong.
fn is_no_place(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE
    )
}

/// Whether a refusal is about the right to ask and not about who asks.
///
/// AWS's and Google's names for that; `OpenAI` names the scope in words only. Source: the errors of
/// `ListFoundationModels` in botocore 1.44.8, `google.rpc.Code` (read 2026-11).
fn is_only_the_right(error: Option<&ErrorBody>) -> bool {
    error.is_some_and(|error| {
        let kind = error.kind.to_ascii_lowercase();
        let is_named = ["accessdeniedexception", "permission_denied"].contains(&&*kind);
        is_named || error.message.contains("api.model.read")
    })
}

/// What an answer means that came as if it were good and is no list.
pub(super) fn no_list(asked: &Asked<'_>, status: StatusCode) -> Finding {
    let message = format!(
        "what {} answers at {} is no list of models ({})",
        asked.host(),
        asked.uri.path(),
        status.as_u16()
    );
    let provider = asked.provider;
    asked
        .found(Verdict::Fail, Check::Reach, message)
        .with_help(format!(
            "is `providers.{provider}.base_url` the address of its API?"
        ))
}

/// What it means that no answer came; `detail` is what the connection says about it.
pub(super) fn silence(asked: &Asked<'_>, fault: Fault, detail: &str) -> Finding {
    let (host, provider) = (asked.host(), asked.provider);
    let setting = format!("`providers.{provider}.base_url`");
    let is_private = || "a host inside your network must be written in its `base_url`".to_owned();
    let (message, help) = match fault {
        Fault::Dns => (
            format!("{host} does not resolve"),
            format!("look at {setting} and at this machine's DNS"),
        ),
        Fault::ForbiddenAddress => (
            format!("{host} is at an address that it may not have: {detail}"),
            is_private(),
        ),
        Fault::Tls => (
            format!("no TLS with {host}: {}", reason(detail)),
            tls_help(detail, &setting),
        ),
        Fault::Unreachable if asked.is_own_server => (
            format!("nothing answers at {host}: {}", reason(detail)),
            format!("does the server run, and is {setting} its address?"),
        ),
        Fault::Unreachable => (
            format!("nothing answers at {host}: {}", reason(detail)),
            format!("look at {setting} and at firewalls on the way"),
        ),
        Fault::Timeout(Phase::Connect) => (
            format!("no connection to {host}: {}", reason(detail)),
            "look at firewalls on the way".to_owned(),
        ),
        Fault::Timeout(_) => (
            format!("{host} took the connection and then said nothing in time"),
            "try again, or look at the provider's status page".to_owned(),
        ),
        _ => (
            format!("the connection to {host} broke: {}", reason(detail)),
            format!("is {setting} the address of an API?"),
        ),
    };
    let is_far = matches!(fault, Fault::Dns | Fault::Unreachable | Fault::Timeout(_));
    let help = if asked.names_proxy && is_far && !asked.is_own_server {
        format!("{help}; the gateway does not use the proxy that the environment names")
    } else {
        help
    };
    asked
        .found(Verdict::Fail, Check::Reach, message)
        .with_help(help)
}

/// What a connection says, without the parts that every one of them begins with.
fn reason(detail: &str) -> &str {
    let outer = [
        "client error (Connect): ",
        "the TLS handshake failed: ",
        "connecting failed: ",
    ];
    let mut detail = detail;
    for part in outer {
        detail = detail.strip_prefix(part).unwrap_or(detail);
    }
    detail
}

fn tls_help(detail: &str, setting: &str) -> String {
    // The second is an authority's namesake.
    if detail.contains("UnknownIssuer") || detail.contains("BadSignature") {
        "name the authority that signed its certificate in `upstream.ca_file`".to_owned()
    } else if detail.contains("InvalidContentType") {
        format!("it seems to speak HTTP: write `http://` in {setting}")
    } else if detail.contains("certificate") {
        "its certificate must be valid for this host today".to_owned()
    } else {
        format!("is {setting} the right host, and does it speak HTTPS?")
    }
}

/// How far this machine's clock is from the provider's, if that is too far; both in Unix seconds.
pub(super) fn clock(subject: &str, theirs: i64, ours: i64) -> Option<Finding> {
    let skew = theirs - ours;
    if skew.abs() <= TOLERATED_SKEW {
        return None;
    }
    let way = if skew > 0 { "behind" } else { "ahead of" };
    let size = match skew.abs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    };
    let message = format!("this machine's clock is {size} {way} the provider's");
    let found = Finding::new(Verdict::Warn, Check::Clock, subject, message);
    Some(found.with_help("set it by NTP: signatures and tokens are refused when it is wrong"))
}

/// The models of `wanted` that the account's lists, which name `models`, do not have.
pub(super) fn missing_models<'a>(
    asked: &Asked<'_>,
    listing: &Listing,
    models: &[ListedModel],
    wanted: impl Iterator<Item = &'a str>,
) -> Vec<Finding> {
    let missing = wanted.filter(|model| listing.tells(models, model) == Told::Missing);
    let finding = |model: &str| {
        let names = models.iter().map(|it| it.id.as_str());
        let help = match tollward_config::closest(model, names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("`tollward models --provider {}` lists them", asked.provider),
        };
        let message = format!("`{model}` is not among the account's models");
        asked
            .found(Verdict::Warn, Check::Model, message)
            .with_help(help)
    };
    missing.map(finding).collect()
}

#[cfg(test)]
mod tests;
