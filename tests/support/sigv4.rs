//! Looks at a signature of AWS's from the other side, by what was on the wire.
//!
//! Written from AWS's description and not from the gateway's code, so that both would have to be
//! wrong alike. Source: "Elements of an AWS API request signature" (read 2026-11).

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

use super::upstream::Seen;

/// Asserts that `seen` was signed with `secret` and says by which key id and at what time.
#[track_caller]
pub(crate) fn verified(seen: &Seen, secret: &str, service: &str) -> (String, String) {
    let header = |name: &str| seen.head.get(name).unwrap_or_default().to_owned();
    let authorization = header("authorization");
    let field = |name: &str| {
        let (_, rest) = authorization
            .split_once(&format!("{name}="))
            .expect("a field");
        rest.split([',', ' ']).next().expect("a value").to_owned()
    };
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 "),
        "{authorization}"
    );
    let (signed, date) = (field("SignedHeaders"), header("x-amz-date"));
    for must in ["host", "x-amz-date"] {
        assert!(signed.split(';').any(|it| it == must), "{signed}");
    }
    let credential = field("Credential");
    let [id, day, region, of, end] = credential.split('/').collect::<Vec<_>>()[..] else {
        panic!("{credential}")
    };
    assert_eq!((day, of, end), (&date[..8], service, "aws4_request"));
    let lines = signed
        .split(';')
        .map(|name| format!("{name}:{}\n", header(name).trim()));
    let method = seen.head.first_line.split(' ').next().expect("a method");
    // The path is encoded once more as it came.
    let path = seen.path().replace('%', "%25");
    let canonical = format!(
        "{method}\n{path}\n\n{}\n{signed}\n{}",
        lines.collect::<String>(),
        hex(&Sha256::digest(&seen.body))
    );
    let scope = format!("{day}/{region}/{of}/{end}");
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for step in [day, region, of, end, &text] {
        key = hmac(&key, step.as_bytes());
    }
    assert_eq!(field("Signature"), hex(&key), "{canonical}");
    (id.to_owned(), date)
}

/// RFC 2104, for keys of up to 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64, "a short key");
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (place, byte) in block.iter_mut().zip(key) {
            *place ^= byte;
        }
        block
    };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}
