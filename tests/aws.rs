//! Bedrock with AWS's own keys: signatures, keys that expire, and clocks that differ.

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::sigv4::verified;
use crate::support::until;
use crate::support::upstream::Upstream;

const SECRET: &str = "canary/secret";

fn answer() -> Script {
    let message = json!({"role": "assistant", "content": [{"text": "hello"}]});
    let usage = json!({"inputTokens": 1, "outputTokens": 1, "totalTokens": 2});
    let body = json!({
        "output": {"message": message}, "stopReason": "end_turn",
        "usage": usage, "metrics": {"latencyMs": 1},
    });
    Script::json("200 OK", &body)
}

fn config(upstream: &Upstream, settings: Value) -> Config {
    let mut provider = settings;
    provider["kind"] = json!("bedrock");
    provider["base_url"] = json!(format!("http://{}", upstream.addr));
    Config::empty()
        .set("/providers/aws", provider)
        .model("chat", &["aws/eu.anthropic.claude-a-v1:0"])
}

/// Seconds since 1970 as `2026-01-02T03:04:05Z`.
fn moment(ahead: Duration) -> String {
    let at = SystemTime::now() + ahead;
    let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let at = jiff::Timestamp::from_second(i64::try_from(at).unwrap()).unwrap();
    at.to_string()
}

#[tokio::test]
async fn a_call_is_signed_with_the_keys_of_the_environment() {
    let upstream = Upstream::new(answer()).await;
    let home = Home::new(&config(&upstream, json!({})))
        .variable("AWS_REGION", "eu-central-1")
        .variable("AWS_ACCESS_KEY_ID", "AKIDENV")
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("AWS_SESSION_TOKEN", "canary-token");
    let gateway = home.serve().await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    let seen = upstream.only();
    assert_eq!(seen.path(), "/model/eu.anthropic.claude-a-v1%3A0/converse");
    assert_eq!(verified(&seen, SECRET, "bedrock").0, "AKIDENV");
    assert_eq!(seen.head.get("x-amz-security-token"), Some("canary-token"));
    let authorization = seen.head.get("authorization").unwrap();
    assert!(
        authorization.contains("/eu-central-1/bedrock/"),
        "{authorization}"
    );
    assert!(!gateway.printed().contains("canary"));
}

#[tokio::test]
async fn credentials_of_either_kind_take_turns() {
    let upstream = Upstream::answering(|seen| match seen.head.get("authorization") {
        Some("Bearer canary-api-key") => Script::json("403 Forbidden", &json!({"message": "no"})),
        _ => answer(),
    })
    .await;
    let keys = json!({"name": "pair", "access_key_id": "AKIDPAIR", "secret_access_key": SECRET});
    let list = json!({"credentials": ["canary-api-key", keys]});
    let gateway = Gateway::start(&config(&upstream, list)).await;
    let told = gateway.chat(&openai::chat()).await;
    assert_eq!(
        (told.status, told.header("x-tollward-credential")),
        (200, Some("pair"))
    );
    assert_eq!(
        verified(&upstream.request(1).await, SECRET, "bedrock").0,
        "AKIDPAIR"
    );
}

/// An endpoint as a container has it: the first keys last two seconds, the others an hour.
async fn endpoint() -> Upstream {
    let counted = std::sync::atomic::AtomicUsize::new(0);
    Upstream::answering(move |_| {
        let number = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let ahead = Duration::from_secs(if number == 0 { 2 } else { 3_600 });
        let keys = json!({
            "AccessKeyId": format!("AKID{number}"), "SecretAccessKey": SECRET,
            "Token": "canary-token", "Expiration": moment(ahead),
        });
        Script::json("200 OK", &keys)
    })
    .await
}

#[tokio::test]
async fn two_hundred_calls_at_the_end_of_a_key_cost_one_renewal() {
    let (upstream, endpoint) = (Upstream::new(answer()).await, endpoint().await);
    let address = format!("http://{}/v2/credentials/1", endpoint.addr);
    let home = Home::new(&config(&upstream, json!({"region": "eu-central-1"})))
        .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address);
    let gateway = home.serve().await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!(endpoint.calls(), 1);
    let expired = Instant::now() + Duration::from_secs(2);
    until("the first keys have expired", async || {
        (Instant::now() > expired).then_some(())
    })
    .await;
    let body = openai::chat();
    let calls = join_all((0..200).map(|_| gateway.chat(&body))).await;
    assert!(calls.iter().all(|it| it.status == 200));
    assert_eq!((endpoint.calls(), upstream.calls()), (2, 201));
    let used = |at: usize| verified(&upstream.seen()[at], SECRET, "bedrock").0;
    assert_eq!(
        (used(0), used(1), used(200)),
        ("AKID0".into(), "AKID1".into(), "AKID1".into())
    );
    let renewals = "tollward_credential_renewals_total";
    gateway
        .until_metric(renewals, &["outcome=\"fetched\""], 2.0)
        .await;
    assert!(!gateway.printed().contains("canary"));
}

#[tokio::test]
async fn without_any_key_the_caller_learns_that_it_is_not_theirs() {
    let upstream = Upstream::new(answer()).await;
    let home = Home::new(&config(&upstream, json!({"region": "eu-central-1"})))
        .variable("AWS_EC2_METADATA_DISABLED", "true");
    let gateway = home.serve().await;
    gateway
        .chat(&openai::chat())
        .await
        .error(502, "upstream_auth");
    assert_eq!(upstream.calls(), 0);
    until("the log says where was looked", async || {
        let log = gateway.stderr.text();
        log.contains("no AWS credentials were found").then_some(())
    })
    .await;
}

// U-64
#[tokio::test]
async fn a_wrong_clock_costs_one_refusal_and_no_attempt() {
    let upstream = Upstream::answering(|seen| {
        // By this server's clock it is the year 2040.
        let date = seen.head.get("x-amz-date").unwrap_or_default();
        if date.starts_with("2040") {
            return answer();
        }
        let headers = [
            ("date", "Mon, 02 Jan 2040 03:04:05 GMT"),
            ("x-amzn-errortype", "InvalidSignatureException"),
        ];
        Script::answer(
            "403 Forbidden",
            &headers,
            r#"{"message":"Signature expired"}"#,
        )
    })
    .await;
    let keys = json!({"access_key_id": "AKID", "secret_access_key": SECRET});
    let gateway = Gateway::start(&config(&upstream, keys)).await;
    for calls in [2, 3] {
        let told = gateway.chat(&openai::chat()).await;
        assert_eq!(
            (told.status, told.header("x-tollward-attempts")),
            (200, Some("1"))
        );
        assert_eq!(upstream.calls(), calls);
    }
    let (_, date) = verified(&upstream.request(2).await, SECRET, "bedrock");
    assert!(date.starts_with("20400102T0304"), "{date}");
}

#[tokio::test]
async fn a_role_is_taken_once_with_the_keys_that_are_written_and_signs_the_calls() {
    let upstream = Upstream::new(answer()).await;
    let expires = moment(Duration::from_secs(3_600));
    let service = Upstream::answering(move |_| {
        let keys = format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>\
             <SecretAccessKey>canary/role</SecretAccessKey><SessionToken>canary-token</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        );
        Script::answer("200 OK", &[("content-type", "text/xml")], keys)
    })
    .await;
    let settings = json!({
        "region": "eu-central-1", "access_key_id": "AKIDBASE", "secret_access_key": SECRET,
        "role_arn": "arn:aws:iam::123456789012:role/r", "external_id": "e",
        "guardrail": "g1", "guardrail_version": "DRAFT",
    });
    let address = format!("http://{}", service.addr);
    let home = Home::new(&config(&upstream, settings)).variable("AWS_ENDPOINT_URL_STS", &address);
    let gateway = home.serve().await;
    let body = openai::chat();
    let calls = join_all((0..20).map(|_| gateway.chat(&body))).await;
    assert!(calls.iter().all(|it| it.status == 200));
    let asked = service.only();
    assert_eq!(verified(&asked, SECRET, "sts").0, "AKIDBASE");
    let asked = String::from_utf8(asked.body.to_vec()).unwrap();
    assert!(asked.starts_with("Action=AssumeRole&"), "{asked}");
    assert!(asked.ends_with("&ExternalId=e"), "{asked}");
    let seen = upstream.request(0).await;
    assert_eq!(verified(&seen, "canary/role", "bedrock").0, "AKIDROLE");
    assert_eq!(seen.head.get("x-amz-security-token"), Some("canary-token"));
    let guardrail = json!({"guardrailIdentifier": "g1", "guardrailVersion": "DRAFT"});
    assert_eq!(seen.json()["guardrailConfig"], guardrail);
    assert!(!gateway.printed().contains("canary"));
}
