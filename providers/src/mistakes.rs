//! Every mistake in a provider's settings, where [`build`] stops at the first.
//!
//! A setting that cannot be used is taken out, one that is missing gets a stand-in, and the rest is
//! tried again. So the kinds' own code stays what it is: it takes its settings one by one and gives up
//! at the first that is wrong. What is only the consequence of a change made here is not told.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::registry::{build, kind};
use crate::settings::BuildError;

/// Every setting that keeps a provider of kind `word` from being built; empty if it can be built.
pub fn mistakes(word: &str, mut settings: Map<String, Value>) -> Vec<BuildError> {
    let proof = kind(word).and_then(|it| it.access.fields.first());
    let proof = proof.copied().unwrap_or("api_key");
    let mut mistakes = Vec::new();
    let (mut touched, mut stood_in) = (BTreeSet::new(), BTreeSet::new());
    while let Err(error) = build(word, settings.clone()) {
        let Some(at) = error.field().map(str::to_owned) else {
            mistakes.push(error);
            break;
        };
        let is_missing = matches!(error, BuildError::Missing { .. });
        if !touched.iter().any(|it: &String| is_about(it, &at)) {
            mistakes.push(error);
        }
        let is_changed = if is_missing {
            // A stand-in that did not help once will not help again.
            stood_in.insert(at.clone()) && settings.insert(at.clone(), stand_in(&at)).is_none()
        } else {
            take_out(&mut settings, &at, proof)
        };
        touched.insert(at);
        if !is_changed {
            break;
        }
    }
    mistakes
}

/// Whether one path is the other, or leads to it.
fn is_about(one: &str, other: &str) -> bool {
    let leads = |short: &str, long: &str| {
        let rest = long.strip_prefix(short);
        rest.is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
    };
    leads(one, other) || leads(other, one)
}

/// A value that a setting may have.
fn stand_in(field: &str) -> Value {
    match field {
        "base_url" => "https://stand-in.invalid".into(),
        _ => "stand-in".into(),
    }
}

/// Takes a setting out, or one within it; an entry of a list is replaced, so that the others keep
/// their places. `false` if there was nothing to take.
fn take_out(settings: &mut Map<String, Value>, at: &str, proof: &str) -> bool {
    let (first, within) = match at.split_once('.') {
        Some((first, within)) => (first, Some(within)),
        None => (at, None),
    };
    let (field, index) = match first.strip_suffix(']').and_then(|it| it.split_once('[')) {
        Some((field, index)) => (field, index.parse::<usize>().ok()),
        None => (first, None),
    };
    let outer = settings.get_mut(field);
    let outer = match index {
        Some(index) => outer.and_then(|it| it.get_mut(index)),
        None => outer,
    };
    match (within, index, outer) {
        (_, _, None) => false,
        (Some(within), _, Some(outer)) => {
            let fields = outer.as_object_mut();
            fields.is_some_and(|it| it.remove(within).is_some())
        }
        (None, Some(_), Some(entry)) => {
            let stand_in = Value::Object(Map::from_iter([(proof.to_owned(), stand_in(proof))]));
            let is_new = *entry != stand_in;
            *entry = stand_in;
            is_new
        }
        (None, None, Some(_)) => settings.remove(field).is_some(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(kind: &str, settings: &Value) -> Vec<String> {
        let settings = settings.as_object().unwrap().clone();
        let found = mistakes(kind, settings);
        let mut fields: Vec<_> = found
            .iter()
            .map(|it| it.field().unwrap_or_default().to_owned())
            .collect();
        fields.sort();
        fields
    }

    #[test]
    fn every_mistake_is_told_once_and_its_consequences_are_not() {
        for (kind, settings, expected) in [
            ("openai", json!({"api_key": "k"}), &[][..]),
            ("openai", json!({}), &["api_key"]),
            (
                "openai",
                json!({"api_kee": "k", "base_url": "ftp://x", "headers": {"host": "a", "x.y z": "b", "ok": "c"}}),
                &[
                    "api_kee",
                    "api_key",
                    "base_url",
                    "headers.host",
                    "headers.x.y z",
                ],
            ),
            (
                "openai",
                json!({"credentials": [{"name": "a b", "api_key": "k"}, {"api_kee": "k"}, 7, "k k", "k"]}),
                &[
                    "credentials[0].name",
                    "credentials[1].api_kee",
                    "credentials[2]",
                    "credentials[3].api_key",
                ],
            ),
            (
                "bedrock",
                json!({"region": "a b", "role_arn": "r", "guardrail": "g1", "api": "x", "foo": 1}),
                &["api", "foo", "guardrail_version", "region", "role_arn"],
            ),
            (
                "azure",
                json!({"resourse": "x", "api_key": "k", "client_id": "c", "api_version": "2024 x"}),
                &["api_key", "api_version", "base_url", "resourse"],
            ),
            (
                "azure",
                json!({"resource": "x", "tenant_id": "t", "client_secret": "s", "client_certificate": "c"}),
                &["client_certificate", "client_id"],
            ),
            (
                "vertex",
                json!({"location": "a b", "project": 7}),
                &["location", "project"],
            ),
            ("no-such-kind", json!({"foo": 1}), &[""]),
        ] {
            assert_eq!(fields(kind, &settings), expected, "{kind} {settings}");
        }
    }
}
