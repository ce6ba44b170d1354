#![expect(clippy::unwrap_used, reason = "tests")]

use super::{KeyRecord, NewKey};
use crate::StoreError;

fn record(models: &[&str], expires_ms: Option<i64>) -> Result<KeyRecord, StoreError> {
    let new = NewKey {
        name: "ci".to_owned(),
        allowed_models: models.iter().map(|model| (*model).to_owned()).collect(),
        account: None,
        now_ms: 1_000,
        expires_ms,
    };
    KeyRecord::from_new(new, "tw-…abcd".to_owned())
}

#[test]
fn an_empty_list_allows_every_model_and_patterns_match_prefixes() {
    assert!(record(&[], None).unwrap().allows("anything"));
    let key = record(&["gpt-*", "claude-sonnet"], None).unwrap();
    for (model, want) in [
        ("gpt-4o", true),
        ("gpt-", true),
        ("gpt", false),
        ("GPT-4o", false),
        ("claude-sonnet", true),
        ("claude-sonnet-4", false),
        ("", false),
    ] {
        assert_eq!(key.allows(model), want, "{model}");
    }
    assert!(record(&["*"], None).unwrap().allows(""));
}

#[test]
fn a_star_in_the_middle_and_empty_patterns_are_refused() {
    for models in [
        &["g*t"] as &[&str],
        &["**"],
        &[""],
        &["a\0"],
        &["ok", "a\nb"],
    ] {
        assert!(
            matches!(record(models, None), Err(StoreError::InvalidKey { .. })),
            "{models:?}"
        );
    }
    assert!(record(&vec!["m"; 257], None).is_err());
}

#[test]
fn a_key_works_until_its_expiry_and_never_after_revocation() {
    let mut key = record(&[], Some(2_000)).unwrap();
    assert!(key.is_active(1_999));
    assert!(!key.is_active(2_000));
    key.expires_ms = None;
    assert!(key.is_active(i64::MAX));
    key.revoked_ms = Some(5_000);
    assert!(
        !key.is_active(0),
        "a clock that steps back must not revive it"
    );
}
