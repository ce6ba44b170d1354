//! What routing saw of a request, as its ledger row keeps it: enough to ask another configuration
//! where the same request would have gone.
//!
//! Numbers, and the caller's tags; nothing of what was said. What the row has anyway (the model, the
//! operation, the key, the time, whether the answer was a stream) is not repeated.

use serde::{Deserialize, Serialize};
use tollward_wire::view::needs::Needs;

/// Bytes of tags that are kept; the ledger keeps 256 of a text.
const MAX_TAG_BYTES: usize = 120;

/// What routing saw of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// Tokens of the request, about.
    pub tokens: u64,
    /// The caller's bound on output tokens; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_output: u64,
    /// What it needs of a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// Its tags, as far as they are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Box<str>>,
    /// It had more tags.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_tags: bool,
}

/// Something that not every model has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// It calls tools.
    Tools,
    /// It sees pictures.
    Vision,
    /// It keeps to a schema.
    Schema,
}

impl Need {
    /// Those of a request, one by one.
    pub fn all(needs: Needs) -> Vec<Self> {
        let all = [
            (Self::Tools, needs.tools),
            (Self::Vision, needs.vision),
            (Self::Schema, needs.schema),
        ];
        let needed = all.into_iter().filter(|(_, is_needed)| *is_needed);
        needed.map(|(need, _)| need).collect()
    }
}

impl Decision {
    /// What there is to know of a request with so many tokens.
    pub fn new(tokens: u64, max_output: Option<u64>, needs: Needs, tags: &[Box<str>]) -> Self {
        let mut left = MAX_TAG_BYTES;
        let mut fits = |tag: &str| {
            // As it stands in JSON, with a comma behind it.
            let bytes = serde_json::to_string(tag).map_or(MAX_TAG_BYTES, |it| it.len() + 1);
            let rest = left.checked_sub(bytes);
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let kept = tags.iter().take_while(|it| fits(it)).cloned();
        let kept: Vec<Box<str>> = kept.collect();
        Self {
            tokens,
            max_output: max_output.unwrap_or(0),
            needs: Need::all(needs),
            more_tags: kept.len() < tags.len(),
            tags: kept,
        }
    }

    /// As the ledger keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_takes_a_few_bytes_and_the_largest_one_fits_its_column() {
        let plain = Decision::new(12, None, Needs::default(), &[]);
        assert_eq!(plain.to_json(), r#"{"tokens":12}"#);
        let needs = Needs {
            tools: true,
            vision: true,
            schema: true,
        };
        let tags: Vec<Box<str>> = vec!["\"".repeat(16).into(); 32];
        let largest = Decision::new(u64::MAX, Some(u64::MAX), needs, &tags);
        assert!(largest.to_json().len() <= 256, "{}", largest.to_json());
        assert!(largest.more_tags);
        assert_eq!(largest.tags.len(), 3);
        let read: Decision = serde_json::from_str(&largest.to_json()).unwrap_or_default();
        assert_eq!(read, largest);
    }
}
