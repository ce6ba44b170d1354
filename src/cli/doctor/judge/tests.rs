#![expect(clippy::unwrap_used, reason = "tests")]

use http::HeaderMap;
use serde_json::json;
use tollward_providers::build;

use super::*;

const PLACE: &str = "OPENAI_API_KEY";

fn asked(uri: &Uri) -> Asked<'_> {
    Asked {
        subject: "alpha",
        provider: "alpha",
        uri,
        key_place: PLACE,
        needs_right: false,
        is_own_server: false,
        names_proxy: false,
        base_url: Some("`providers.alpha.base_url`".to_owned()),
    }
}

fn judged(asked: &Asked<'_>, status: u16, body: &str) -> Finding {
    let status = StatusCode::from_u16(status).unwrap();
    let failure = Failure::read(status, &HeaderMap::new(), body.as_bytes());
    let words = failure.error.as_ref().map(|it| it.message.clone());
    refusal(
        asked,
        status,
        &failure,
        words.as_deref(),
        Some("https://new/"),
    )
}

fn facts(finding: &Finding) -> (Verdict, Check, String) {
    assert_eq!(finding.subject, "alpha");
    (finding.verdict, finding.check, finding.text())
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_to_do() {
    use Check::{Key, Reach};
    use Verdict::{Fail, Warn};
    let uri = Uri::from_static("https://h.example/v1/models");
    let cases = [
        (
            401,
            r#"{"error":{"message":"no such key","type":"x","code":"invalid_api_key"}}"#,
            (
                Fail,
                Key,
                "the key is refused (401): no such key; write one that is valid: OPENAI_API_KEY",
            ),
        ),
        (
            403,
            r#"{"error":{"message":"blocked","type":"x"}}"#,
            (
                Fail,
                Key,
                "the account or its key may not do this (403): blocked; look at what the account and the key in \
                 OPENAI_API_KEY are allowed",
            ),
        ),
        (
            402,
            "",
            (
                Fail,
                Key,
                "the account has no credit or quota left (402); look at the account's billing",
            ),
        ),
        (
            429,
            "",
            (
                Warn,
                Key,
                "asked too often, so the key could not be checked (429); try again in a minute",
            ),
        ),
        (
            404,
            "<html>",
            (
                Fail,
                Reach,
                "h.example has nothing at /v1/models (404); is `providers.alpha.base_url` right?",
            ),
        ),
        (
            308,
            "",
            (
                Fail,
                Reach,
                "answers with a redirect to https://new/ (308); the gateway follows none: write where it leads in \
                 `providers.alpha.base_url`",
            ),
        ),
        (
            503,
            "",
            (
                Fail,
                Reach,
                "the provider is failing (503); try again later",
            ),
        ),
        (
            400,
            "",
            (Fail, Reach, "an answer that makes no sense here (400)"),
        ),
    ];
    for (status, body, (verdict, check, text)) in cases {
        let finding = judged(&asked(&uri), status, body);
        assert_eq!(
            facts(&finding),
            (verdict, check, text.to_owned()),
            "{status}"
        );
    }
}

#[test]
fn an_address_without_its_version_is_suspected() {
    let uri = Uri::from_static("https://h.example/openai/models");
    let finding = judged(&asked(&uri), 404, "");
    assert_eq!(
        finding.help.unwrap(),
        "does `providers.alpha.base_url` lack `/v1` at its end?"
    );
}

#[test]
fn a_key_that_may_only_not_list_is_no_bad_key() {
    let uri = Uri::from_static("https://h.example/v1/models");
    let needs = Asked {
        needs_right: true,
        ..asked(&uri)
    };
    let scopes =
        r#"{"error":{"message":"Missing scopes: api.model.read","type":"invalid_request_error"}}"#;
    let google = r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#;
    for (asked, body, verdict) in [
        (&needs, scopes, Verdict::Warn),
        (&needs, google, Verdict::Warn),
        (
            &needs,
            r#"{"error":{"message":"country","type":"x"}}"#,
            Verdict::Fail,
        ),
        (&needs, "", Verdict::Fail),
        (&asked(&uri), google, Verdict::Fail),
    ] {
        let finding = judged(asked, 403, body);
        assert_eq!(
            (finding.verdict, finding.check),
            (verdict, Check::Key),
            "{body}"
        );
    }
    let bedrock = build("bedrock", {
        let settings = json!({"api_key": "k", "region": "us-east-1"});
        settings.as_object().unwrap().clone()
    })
    .unwrap();
    for (name, verdict) in [
        ("AccessDeniedException", Verdict::Warn),
        ("UnrecognizedClientException", Verdict::Fail),
        ("InvalidSignatureException", Verdict::Fail),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-errortype", name.parse().unwrap());
        let status = StatusCode::FORBIDDEN;
        let failure = bedrock.fault(status, &headers, br#"{"message":"no"}"#);
        let finding = refusal(&needs, status, &failure, None, None);
        assert_eq!(finding.verdict, verdict, "{name}");
    }
}

#[test]
fn silence_is_told_by_the_step_that_failed() {
    let uri = Uri::from_static("https://h.example:8443/v1/models");
    let own = Asked {
        is_own_server: true,
        ..asked(&uri)
    };
    let proxied = Asked {
        names_proxy: true,
        ..asked(&uri)
    };
    let plain = &asked(&uri);
    let (own, proxied) = (&own, &proxied);
    let connect = Fault::Timeout(Phase::Connect);
    let slow = Fault::Timeout(Phase::FirstByte);
    let issuer =
        "client error (Connect): the TLS handshake failed: invalid peer certificate: UnknownIssuer";
    let plaintext = "client error (Connect): the TLS handshake failed: received corrupt message of type InvalidContentType";
    for (asked, fault, detail, expected) in [
        (
            plain,
            Fault::Dns,
            "",
            "h.example:8443 does not resolve; look at `providers.alpha.base_url` and at this machine's DNS",
        ),
        (
            plain,
            Fault::Tls,
            issuer,
            "no TLS with h.example:8443: invalid peer certificate: UnknownIssuer; name the authority that signed its certificate in `upstream.ca_file`",
        ),
        (
            plain,
            Fault::Tls,
            plaintext,
            "no TLS with h.example:8443: received corrupt message of type InvalidContentType; it seems to speak HTTP: write `http://` in `providers.alpha.base_url`",
        ),
        (
            plain,
            Fault::Tls,
            "invalid peer certificate: Expired",
            "no TLS with h.example:8443: invalid peer certificate: Expired; its certificate must be valid for this host today",
        ),
        (
            own,
            Fault::Unreachable,
            "connecting failed: refused",
            "nothing answers at h.example:8443: refused; does the server run, and is `providers.alpha.base_url` its address?",
        ),
        (
            plain,
            Fault::Unreachable,
            "refused",
            "nothing answers at h.example:8443: refused; look at `providers.alpha.base_url` and at firewalls on the way",
        ),
        (
            proxied,
            connect,
            "no connection within 3s",
            "no connection to h.example:8443: no connection within 3s; look at firewalls on the way; the gateway does not use the proxy that the environment names",
        ),
        (
            plain,
            slow,
            "",
            "h.example:8443 took the connection and then said nothing in time; try again, or look at the provider's status page",
        ),
        (
            plain,
            Fault::ForbiddenAddress,
            "10.0.0.1 is not an address that this host may have",
            "h.example:8443 is at an address that it may not have: 10.0.0.1 is not an address that this host may have; a host inside your network must be written in its `base_url`",
        ),
        (
            proxied,
            Fault::Truncated,
            "reset",
            "the connection to h.example:8443 broke: reset; is `providers.alpha.base_url` the address of an API?",
        ),
    ] {
        let finding = silence(asked, fault, detail);
        assert_eq!(
            facts(&finding),
            (Verdict::Fail, Check::Reach, expected.to_owned())
        );
    }
}

#[test]
fn a_scheme_that_does_not_fit_is_told_either_way() {
    let uri = Uri::from_static("http://h.example/v1/models");
    let plain = asked(&uri);
    let alert = silence(&plain, Fault::Protocol, "invalid HTTP version parsed");
    assert_eq!(
        alert.text(),
        "what h.example answers is no HTTP: invalid HTTP version parsed; does it speak TLS? Then write `https://` in \
         `providers.alpha.base_url`"
    );
    let reset = "client error (SendRequest): connection error: Connection reset by peer";
    assert_eq!(
        silence(&plain, Fault::Truncated, reset).text(),
        "the connection to h.example broke: Connection reset by peer; is `providers.alpha.base_url` the address of an \
         API, and not one that takes HTTPS only?"
    );
    let nginx = b"<center>The plain HTTP request was sent to HTTPS port</center>";
    let said = not_plain(&plain, StatusCode::BAD_REQUEST, nginx).unwrap();
    assert_eq!(
        said.text(),
        "h.example takes HTTPS only (400); write `https://` in `providers.alpha.base_url`"
    );
    let secure = Uri::from_static("https://h.example/v1/models");
    for (uri, status, body) in [
        (&secure, 400, &nginx[..]),
        (&uri, 404, nginx),
        (&uri, 400, b"no"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(not_plain(&asked(uri), status, body), None);
    }
}

#[test]
fn where_no_address_is_written_no_setting_is_blamed() {
    let uri = Uri::from_static("https://h.example/v1/models");
    let built_in = Asked {
        base_url: None,
        ..asked(&uri)
    };
    let own = Asked {
        is_own_server: true,
        ..built_in.clone()
    };
    let way = "does something on the way answer in its place?";
    assert!(judged(&built_in, 404, "").text().ends_with(way));
    assert_eq!(
        silence(&built_in, Fault::Dns, "").text(),
        "h.example does not resolve; look at this machine's DNS"
    );
    assert_eq!(
        silence(&own, Fault::Unreachable, "refused").text(),
        "nothing answers at h.example: refused; does the server run? If it is elsewhere: another address is written \
         in `providers.alpha.base_url`"
    );
}

#[test]
fn an_authority_that_stands_for_a_server_is_explained() {
    let uri = Uri::from_static("https://h.example/v1/models");
    let detail = "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))";
    let help = silence(&asked(&uri), Fault::Tls, detail).help.unwrap();
    assert!(
        help.contains("CA:FALSE") && help.contains("upstream.ca_file"),
        "{help}"
    );
}

#[test]
fn a_clock_is_told_of_when_it_is_more_than_a_minute_off() {
    let text = |theirs| clock("alpha", theirs, 1_000_000).map(|it| it.message);
    assert_eq!(text(1_000_000), None);
    assert_eq!(text(1_000_060), None);
    assert_eq!(text(999_940), None);
    let said = |what: &str| Some(format!("this machine's clock is {what} the provider's"));
    assert_eq!(text(1_000_061), said("61 s behind"));
    assert_eq!(text(999_400), said("10 min ahead of"));
}

#[test]
fn a_model_that_is_not_listed_is_a_warning_with_the_name_that_was_meant() {
    let settings = json!({"api_key": "k"});
    let provider = build("openai", settings.as_object().unwrap().clone()).unwrap();
    let listing = provider.listing();
    let page = listing.lists.first().unwrap().form;
    let page = page
        .read(br#"{"data":[{"id":"gpt-5-mini"},{"id":"o3"}]}"#)
        .unwrap();
    let uri = Uri::from_static("https://h.example/v1/models");
    let wanted = ["o3", "gpt-5-mni", "entirely-different"];
    let found = missing_models(&asked(&uri), &listing, &page.models, wanted.into_iter());
    let told: Vec<_> = found.iter().map(facts).collect();
    let warning = |text: &str| (Verdict::Warn, Check::Model, text.to_owned());
    assert_eq!(
        told,
        [
            warning("`gpt-5-mni` is not among the account's models; did you mean `gpt-5-mini`?"),
            warning(
                "`entirely-different` is not among the account's models; `tollward models --provider alpha` lists them"
            ),
        ]
    );
}
