//! Signatures against AWS's published test suite and botocore.

#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use http::Method;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30 12:36:00, the moment of AWS's test suite.
const MOMENT: i64 = 1_440_938_160;

struct Case {
    request: (&'static str, &'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    scope: (&'static str, &'static str),
    token: Option<&'static str>,
    now: i64,
    signed: &'static str,
    signature: &'static str,
}

/// A case of AWS's test suite `aws-sig-v4-test-suite`, without a token and of the service `service`.
const fn suite(
    request: (&'static str, &'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    signed: &'static str,
    signature: &'static str,
) -> Case {
    Case {
        request,
        headers,
        scope: ("us-east-1", "service"),
        token: None,
        now: MOMENT,
        signed,
        signature,
    }
}

const CASES: [Case; 7] = [
    suite(
        ("GET", "https://example.amazonaws.com/", ""),
        &[],
        "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    suite(
        ("POST", "https://example.amazonaws.com/", ""),
        &[],
        "host;x-amz-date",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    suite(
        (
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            "",
        ),
        &[],
        "host;x-amz-date",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    suite(
        ("POST", "https://example.amazonaws.com/", "Param1=value1"),
        &[("content-type", "application/x-www-form-urlencoded")],
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    // What follows was made with botocore 1.44.8.
    suite(
        (
            "GET",
            "https://example.amazonaws.com/example/../a//b/./",
            "",
        ),
        &[],
        "host;x-amz-date",
        "125084d05882beb82770f7553eca9dc5479bd484c2579776817cc0a340800974",
    ),
    Case {
        request: (
            "POST",
            "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123xyz/converse",
            r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#,
        ),
        headers: &[("content-type", "application/json"), ("accept", "a/b")],
        scope: ("us-east-1", "bedrock"),
        token: Some("TOKEN"),
        // 2026-01-02 03:04:05.
        now: 1_767_323_045,
        signed: "content-type;host;x-amz-date;x-amz-security-token",
        signature: "7c28e96ac15a00a7f3ae55bfe7a141b5e77ac8a132fac70f33534d758f2e7f20",
    },
    Case {
        request: ("POST", "http://127.0.0.1:4567/model/m%3A0/converse", "{}"),
        headers: &[
            ("content-type", "application/json"),
            ("x-amz-meta", "  a   b "),
        ],
        scope: ("cn-north-1", "bedrock"),
        token: None,
        // 2024-02-29 23:59:59.
        now: 1_709_251_199,
        signed: "content-type;host;x-amz-date;x-amz-meta",
        signature: "82c722f4136dc8bc3c2a2ef1c05706b024589b7331e801e260dd0c1d999dac85",
    },
];

#[test]
fn signatures_are_those_of_aws_and_of_botocore() {
    for case in CASES {
        let (method, uri, body) = case.request;
        let uri: Uri = uri.parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in case.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        // In two pieces, as a spliced body is.
        let mut pieces = Segments::new();
        let (first, second) = body.split_at(body.len() / 2);
        pieces.push(Bytes::from_static(first.as_bytes()));
        pieces.push(Bytes::from_static(second.as_bytes()));
        let (region, service) = case.scope;
        let scope = AwsScope {
            region: region.into(),
            service,
        };
        let keys = AwsKeys::new("AKIDEXAMPLE", SECRET, case.token).unwrap();
        let request = Unsigned {
            method: &Method::from_bytes(method.as_bytes()).unwrap(),
            uri: &uri,
            headers: &mut headers,
            body: &pieces,
        };
        sign(&keys, &scope, request, case.now);
        let date = &time(case.now)[..8];
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{date}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={}",
            case.signed, case.signature
        );
        assert_eq!(*headers.get(AUTHORIZATION).unwrap(), *expected, "{uri}");
        assert_eq!(
            headers.get(TOKEN).map(|it| it.to_str().unwrap()),
            case.token
        );
        assert!(!format!("{headers:?} {keys:?}").contains("TOKEN"));
    }
}

#[test]
fn keys_that_cannot_be_sent_are_none_and_no_debug_shows_them() {
    assert!(AwsKeys::new("", "s", None).is_none());
    assert!(AwsKeys::new("id", "s\n", None).is_none());
    assert!(AwsKeys::new("id", "s", Some("")).is_none());
    let keys = AwsKeys::new("id", "canary", Some("canary")).unwrap();
    assert!(!format!("{keys:?}").contains("canary"));
    assert_eq!(keys, keys.clone());
    assert_ne!(keys, AwsKeys::new("id", "other", Some("canary")).unwrap());
}

#[test]
fn a_moment_is_written_as_aws_reads_it() {
    for (now, written) in [
        (0, "19700101T000000Z"),
        (951_782_400, "20000229T000000Z"),
        (1_735_689_599, "20241231T235959Z"),
        (4_107_542_400, "21000301T000000Z"),
    ] {
        assert_eq!(time(now), written);
    }
}
