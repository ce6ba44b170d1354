//! What is shown of settings, and what is left of them.

use serde_json::json;

use super::*;

#[test]
fn a_mask_tells_long_credentials_apart_and_hides_short_ones() {
    assert_eq!(mask("sk-0123456789abcdefghij"), "***ghij");
    assert_eq!(mask("short"), "***");
    assert_eq!(mask("비밀번호입니다"), "***");
    assert_eq!(mask(""), "");
}

#[test]
fn a_url_is_shown_without_its_user() {
    for (url, shown) in [
        (
            "https://user:pass@host:1/v1?a=b",
            "https://***@host:1/v1?a=b",
        ),
        ("https://host/v1@2", "https://host/v1@2"),
        ("https://a:p@ss@host", "https://***@host"),
        ("plain", "plain"),
    ] {
        assert_eq!(mask_userinfo(url), shown);
    }
}

#[test]
fn settings_print_their_names_only_and_wipe_their_text() {
    // P-18, D-25
    let json = json!({"api_key": "canary", "list": ["canary"], "n": 1});
    let map = json.as_object().cloned().unwrap_or_default();
    let settings = Settings::new(map.clone());
    assert_eq!(format!("{settings:?}"), "{\"api_key\", \"list\", \"n\"}");
    assert_eq!(settings.clone(), settings);
    let mut fields = Fields(map);
    fields.zeroize();
    assert_eq!(
        serde_json::Value::Object(fields.0),
        json!({"api_key": "", "list": [""], "n": 1})
    );
}
