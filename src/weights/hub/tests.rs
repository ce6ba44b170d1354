#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn a_content_address_keeps_the_path_of_the_endpoint_and_escapes_the_rest() {
    let of = |endpoint: &str| {
        let settings = HubSettings::from_variables(Some(endpoint), None).unwrap();
        let remote = Remote {
            repo: "o/n",
            revision: "r",
            file: "sub/a b?.gguf",
        };
        Hub::new(&settings)
            .unwrap()
            .content_url(remote)
            .unwrap()
            .to_string()
    };
    let path = "o/n/resolve/r/sub/a%20b%3F.gguf";
    assert_eq!(
        of("https://hub.example"),
        format!("https://hub.example/{path}")
    );
    assert_eq!(
        of("https://hub.example/hf/"),
        format!("https://hub.example/hf/{path}")
    );
}

#[test]
fn only_a_sha256_is_taken_for_one() {
    let sha256 = "AB".repeat(32);
    let spellings = [
        sha256.clone(),
        format!("\"{sha256}\""),
        format!("W/\"{sha256}\""),
    ];
    for etag in spellings {
        assert_eq!(sha256_of_etag(&etag), Some("ab".repeat(32)), "{etag}");
    }
    for etag in ["", "\"abc\"", &"g".repeat(64), &"a".repeat(40)] {
        assert_eq!(sha256_of_etag(etag), None, "{etag}");
    }
}

// S-35
#[test]
fn an_endpoint_without_https_is_refused_unless_it_is_this_machine() {
    let of = |endpoint: &str| {
        HubSettings::from_variables(Some(endpoint), None).map_err(|error| error.to_string())
    };
    assert!(of("").is_ok());
    assert!(of("https://mirror.example/hf").is_ok());
    assert!(of("http://localhost:8080").is_ok());
    let refused = "HF_ENDPOINT `http://mirror.example` must be an https:// address";
    assert_eq!(of("http://mirror.example").unwrap_err(), refused);
    assert!(of("mirror.example").is_err());
    assert!(of("https://me:pass@mirror.example").is_err());
}
