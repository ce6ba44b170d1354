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
#[derive(Clone, Debug)]
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
    /// The setting that has the address, if somebody wrote one.
    pub(super) base_url: Option<String>,
}

impl Asked<'_> {
    fn found(&self, verdict: Verdict, check: Check, message: String) -> Finding {
        Finding::new(verdict, check, self.subject, message)
    }

    /// Advice about the setting that has the address; where none is written, what comes from the
    /// vendor's own address or a server's usual one is nobody's mistake in the configuration.
    fn of_address(&self, advice: impl FnOnce(&str) -> String) -> String {
        match (&self.base_url, self.is_own_server) {
            (Some(setting), _) => advice(setting),
            (None, true) => {
                let provider = self.provider;
                format!("another address is written in `providers.{provider}.base_url`")
            }
            (None, false) => {
                "its address is built in: does something on the way answer in its place?".to_owned()
            }
        }
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
    let key = asked.key_place;
    if status.is_redirection() {
        let to = location.unwrap_or("nowhere");
        return asked
            .found(
                Verdict::Fail,
                Check::Reach,
                told(&format!("answers with a redirect to {to}")),
            )
            .with_help(asked.of_address(|it| {
                format!("the gateway follows none: write where it leads in {it}")
            }));
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
            let help = asked.of_address(|it| {
                if place.contains("/v1") {
                    format!("is {it} right?")
                } else {
                    format!("does {it} lack `/v1` at its end?")
                }
            });
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
    asked
        .found(Verdict::Fail, Check::Reach, message)
        .with_help(asked.of_address(|it| format!("is {it} the address of its API?")))
}

/// What a server says that was addressed by `http://` and speaks TLS: nginx, Go's, Apache's.
const WANTS_TLS: [&[u8]; 3] = [b"HTTPS port", b"HTTPS server", b"SSL-enabled server port"];

/// What it means that a server refuses plain HTTP; `None` if it does not.
pub(super) fn not_plain(asked: &Asked<'_>, status: StatusCode, body: &[u8]) -> Option<Finding> {
    let says = |words: &&[u8]| memchr::memmem::find(body, words).is_some();
    let is_plain = asked.uri.scheme_str() == Some("http");
    let is_told = status == StatusCode::BAD_REQUEST && WANTS_TLS.iter().any(says);
    (is_plain && is_told).then(|| {
        let message = format!("{} takes HTTPS only (400)", asked.host());
        let found = asked.found(Verdict::Fail, Check::Reach, message);
        found.with_help(asked.of_address(write_https))
    })
}

fn write_https(setting: &str) -> String {
    format!("write `https://` in {setting}")
}

/// What it means that no answer came; `detail` is what the connection says about it.
pub(super) fn silence(asked: &Asked<'_>, fault: Fault, detail: &str) -> Finding {
    let host = asked.host();
    let is_plain = asked.uri.scheme_str() == Some("http");
    let is_private = || "a host inside your network must be written in its `base_url`".to_owned();
    let (message, help) = match fault {
        Fault::Dns => (
            format!("{host} does not resolve"),
            look_at(asked, "this machine's DNS"),
        ),
        Fault::ForbiddenAddress => (
            format!("{host} is at an address that it may not have: {detail}"),
            is_private(),
        ),
        Fault::Tls => (
            format!("no TLS with {host}: {}", reason(detail)),
            tls_help(asked, detail),
        ),
        Fault::Unreachable if asked.is_own_server => (
            format!("nothing answers at {host}: {}", reason(detail)),
            does_it_run(asked),
        ),
        Fault::Unreachable => (
            format!("nothing answers at {host}: {}", reason(detail)),
            look_at(asked, "firewalls on the way"),
        ),
        Fault::Timeout(Phase::Connect) => (
            format!("no connection to {host}: {}", reason(detail)),
            "look at firewalls on the way".to_owned(),
        ),
        Fault::Timeout(_) => (
            format!("{host} took the connection and then said nothing in time"),
            "try again, or look at the provider's status page".to_owned(),
        ),
        // What answers plain HTTP so is most often TLS, whose alert is no HTTP.
        Fault::Protocol if is_plain => (
            format!("what {host} answers is no HTTP: {}", reason(detail)),
            asked.of_address(|it| format!("does it speak TLS? Then {}", write_https(it))),
        ),
        _ => (
            format!("the connection to {host} broke: {}", reason(detail)),
            asked.of_address(|it| {
                let tls = if is_plain {
                    ", and not one that takes HTTPS only"
                } else {
                    ""
                };
                format!("is {it} the address of an API{tls}?")
            }),
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
        "client error (SendRequest): ",
        "connection error: ",
        "the TLS handshake failed: ",
        "connecting failed: ",
    ];
    let mut detail = detail;
    for part in outer {
        detail = detail.strip_prefix(part).unwrap_or(detail);
    }
    detail
}

fn does_it_run(asked: &Asked<'_>) -> String {
    match &asked.base_url {
        Some(setting) => format!("does the server run, and is {setting} its address?"),
        None => format!(
            "does the server run? If it is elsewhere: {}",
            asked.of_address(str::to_owned)
        ),
    }
}

fn look_at(asked: &Asked<'_>, what: &str) -> String {
    match &asked.base_url {
        Some(setting) => format!("look at {setting} and at {what}"),
        None => format!("look at {what}"),
    }
}

fn tls_help(asked: &Asked<'_>, detail: &str) -> String {
    // The second is an authority's namesake.
    if detail.contains("UnknownIssuer") || detail.contains("BadSignature") {
        "name the authority that signed its certificate in `upstream.ca_file`".to_owned()
    } else if detail.contains("InvalidContentType") {
        asked.of_address(|it| format!("it seems to speak HTTP: write `http://` in {it}"))
    } else if detail.contains("CaUsedAsEndEntity") {
        "it shows the certificate of an authority (CA:TRUE): give the server one of its own, with CA:FALSE, \
         and name the authority in `upstream.ca_file`"
            .to_owned()
    } else if detail.contains("certificate") {
        "its certificate must be valid for this host today".to_owned()
    } else {
        asked.of_address(|it| format!("is {it} the right host, and does it speak HTTPS?"))
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
