//! The chain against scripted servers on this host, and files of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![expect(clippy::disallowed_methods, reason = "tests run their own tasks")]

use std::sync::{Arc, Mutex};

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tollward_providers::{AwsRole, AwsScope};

use super::*;
use crate::task::Tasks;
use crate::upstream::client::Client;
use crate::upstream::trust::Trust;

/// What a server saw, each request whole.
type Log = Arc<Mutex<Vec<String>>>;

/// A server that answers each request by its first line; one request a connection.
async fn server(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let seen = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            let length = |text: &str| {
                let (_, rest) = text.split_once("content-length: ")?;
                rest.lines().next()?.parse::<usize>().ok()
            };
            loop {
                let text = String::from_utf8_lossy(&request).into_owned();
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
                if body.is_some_and(|it| it >= length(&text).unwrap_or(0)) {
                    break;
                }
                if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let (status, body) = answer(request.lines().next().unwrap_or_default());
            seen.lock().unwrap().push(request);
            let head = "connection: close\r\ndate: Fri, 02 Jan 2026 03:00:00 GMT";
            let answer = format!(
                "HTTP/1.1 {status} X\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, log)
}

fn json(id: &str) -> String {
    format!(
        r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"secret","Token":"token","Expiration":"2026-01-02T04:00:00Z"}}"#
    )
}

fn chain(profile: Option<&str>, environment: &[(&str, &str)]) -> Chain {
    let identity = AwsIdentity {
        scope: AwsScope {
            region: "eu-central-1".into(),
            service: "bedrock",
        },
        base: profile.map_or(AwsBase::Found, |it| AwsBase::Profile(it.into())),
        role: None,
    };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Chain::new(identity, &environment.iter().map(owned).collect())
}

async fn find(chain: &Chain) -> Result<Fetched, FetchError> {
    let client = Client::new(Duration::from_secs(1), Trust::load(None).unwrap());
    let fetcher = Fetcher::new(client, Tasks::new(Counter::default()));
    chain.fetch(&fetcher).await
}

/// The keys that were found, by their id, and how long they last.
#[track_caller]
fn expect(found: Result<Fetched, FetchError>, id: &str, token: Option<&str>, seconds: Option<u64>) {
    let found = found.unwrap();
    let Key::Aws { keys, .. } = &found.key else {
        panic!("keys of AWS")
    };
    assert_eq!(Some(keys), AwsKeys::new(id, "secret", token).as_ref());
    assert_eq!(found.lifetime, seconds.map(Duration::from_secs));
}

#[tokio::test]
async fn the_environment_comes_first() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    let pair = [
        ("HOME", home),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    expect(find(&chain(None, &pair)).await, "id", None, None);
    let all = [&pair[..], &[("AWS_SESSION_TOKEN", "token")]].concat();
    expect(find(&chain(None, &all)).await, "id", Some("token"), None);
}

#[tokio::test]
async fn profiles_are_read_from_both_files_and_the_secret_one_wins() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let config = "# shared\n[default]\nregion = x\naws_access_key_id = plain\naws_secret_access_key = secret\n\
                  [profile team]\naws_access_key_id = old\n\n[profile role]\nrole_arn = arn\nsource_profile = team\n";
    std::fs::write(folder.join("config"), config).unwrap();
    let secrets = "[team]\naws_access_key_id=new # yes\naws_secret_access_key = secret\naws_session_token = token\ns3 =\n  aws_access_key_id = inner\n";
    std::fs::write(folder.join("credentials"), secrets).unwrap();
    let home = ("HOME", home.path().to_str().unwrap());
    let quarter = Some(900);
    expect(find(&chain(None, &[home])).await, "plain", None, quarter);
    let named = find(&chain(None, &[home, ("AWS_PROFILE", "team")])).await;
    expect(named, "new", Some("token"), quarter);
    // A profile that the settings name wins over keys in the environment.
    let pair = [
        home,
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let written = find(&chain(Some("team"), &pair)).await;
    expect(written, "new", Some("token"), quarter);
    for (profile, reason) in [("none", "no AWS profile `none`"), ("role", "not supported")] {
        let error = find(&chain(Some(profile), &[home])).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_container_is_asked_with_the_token_that_its_file_has_now() {
    let (address, log) = server(|_| (200, json("box"))).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let address = format!("{address}/v1/credentials");
    let chain = chain(
        None,
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                file.to_str().unwrap(),
            ),
        ],
    );
    for token in ["first", "second"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        // An hour by the clock of who answers.
        expect(find(&chain).await, "box", Some("token"), Some(3_600));
        let seen = log.lock().unwrap().pop().unwrap();
        assert!(seen.starts_with("GET /v1/credentials "), "{seen}");
        assert!(
            seen.contains(&format!("authorization: {token}\r\n")),
            "{seen}"
        );
    }
}

// S-06
#[tokio::test]
async fn no_other_host_is_asked_without_tls() {
    for address in [
        "http://10.0.0.1/",
        "http://169.254.0.9/",
        "http://192.0.2.1/",
    ] {
        let variable = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)];
        let error = find(&chain(None, &variable)).await.unwrap_err();
        assert!(error.to_string().contains("not an address"), "{error}");
    }
}

#[tokio::test]
async fn an_instance_is_asked_within_a_session() {
    let (address, log) = server(|line| match line.split(' ').nth(1) {
        Some("/latest/api/token") if line.starts_with("PUT") => (200, "session".to_owned()),
        Some("/latest/meta-data/iam/security-credentials/") => (200, "my-role\n".to_owned()),
        Some("/latest/meta-data/iam/security-credentials/my-role") => (200, json("node")),
        _ => (404, String::new()),
    })
    .await;
    let variable = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", address.as_str());
    let found = find(&chain(None, &[variable])).await;
    expect(found, "node", Some("token"), Some(3_600));
    let seen = log.lock().unwrap().clone();
    let [put, role, keys] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert!(
        put.contains("x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n"),
        "{put}"
    );
    for get in [role, keys] {
        assert!(
            get.contains("x-aws-ec2-metadata-token: session\r\n"),
            "{get}"
        );
    }
    let off = [variable, ("AWS_EC2_METADATA_DISABLED", "true")];
    let error = find(&chain(None, &off)).await.unwrap_err();
    assert!(
        error.to_string().starts_with("no AWS credentials"),
        "{error}"
    );
    assert_eq!(log.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_web_identity_takes_its_role_and_a_refusal_shows_no_token() {
    let answer = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                  <AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>x</Arn></AssumedRoleUser><Credentials>\
                  <AccessKeyId>pod</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
                  <SessionToken>token</SessionToken><Expiration>2026-01-02T03:15:00Z</Expiration>\
                  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
    let (address, log) = server(move |_| (200, answer.to_owned())).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a.jwt/canary\n").unwrap();
    let environment = |address| {
        [
            ("AWS_ENDPOINT_URL_STS", address),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ]
    };
    let found = find(&chain(None, &environment(&address))).await;
    expect(found, "pod", Some("token"), Some(900));
    let seen = log.lock().unwrap().pop().unwrap();
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\
                &RoleSessionName=tollward&WebIdentityToken=a.jwt%2Fcanary";
    assert!(seen.ends_with(body), "{seen}");
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code>\
                   <Message>canary</Message></Error></ErrorResponse>";
    let (address, _) = server(move |_| (400, refusal.to_owned())).await;
    let error = find(&chain(None, &environment(&address)))
        .await
        .unwrap_err();
    let told = "AWS's token service answered 400 Bad Request (ExpiredTokenException)";
    assert_eq!((&*error.to_string(), error.blame()), (told, None));
    let denied = refusal.replace("ExpiredTokenException", "AccessDenied");
    let (address, _) = server(move |_| (403, denied.clone())).await;
    let error = find(&chain(None, &environment(&address)))
        .await
        .unwrap_err();
    assert_eq!(error.blame().map(|it| it.setting), Some("role_arn"));
}

fn role_answer() -> String {
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>role</AccessKeyId>\
     <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
     <Expiration>2026-01-02T04:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        .to_owned()
}

#[tokio::test]
async fn a_role_is_taken_with_the_keys_that_were_found_and_by_the_clock_of_aws() {
    // The server's clock is far from ours, so the first signature is refused for its time.
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let (address, log) = server(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            1 => (
                403,
                "<Error><Code>SignatureDoesNotMatch</Code></Error>".to_owned(),
            ),
            _ => (200, role_answer()),
        }
    })
    .await;
    let environment = [
        ("AWS_ENDPOINT_URL_STS", &*address),
        ("AWS_ACCESS_KEY_ID", "base"),
        ("AWS_SECRET_ACCESS_KEY", "base-secret"),
    ];
    let mut chain = chain(None, &environment);
    chain.identity.role = Some(AwsRole {
        arn: "arn:aws:iam::1:role/r".into(),
        external_id: Some("e/1".into()),
        session: None,
    });
    expect(find(&chain).await, "role", Some("token"), Some(3_600));
    let seen = log.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    let body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\
                &RoleSessionName=tollward&ExternalId=e%2F1";
    assert!(seen[1].ends_with(body), "{seen:?}");
    let signed = "Credential=base/20260102/eu-central-1/sts/aws4_request";
    assert!(seen[1].contains(signed), "{seen:?}");
    assert!(seen[1].contains("x-amz-date: 20260102T0300"), "{seen:?}");
    assert!(!seen[0].contains(signed), "{seen:?}");
}

#[tokio::test]
async fn what_is_set_up_and_fails_is_told_instead_of_what_comes_after() {
    let (address, _) = server(|_| (500, "canary".to_owned())).await;
    let error = find(&chain(
        None,
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)],
    ))
    .await;
    let told = "the container's credential endpoint answered 500 Internal Server Error";
    assert_eq!(error.unwrap_err().to_string(), told);
    for body in [
        "{}",
        "canary",
        &json("").replace("2026-01-02T04", "2026-01-02T02"),
    ] {
        let body = body.to_owned();
        let (address, _) = server(move |_| (200, body.clone())).await;
        let error = find(&chain(
            None,
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)],
        ))
        .await;
        let error = error.unwrap_err();
        assert!(matches!(error, FetchError::Unreadable { .. }), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}
