//! What routing saw of a request, as its ledger row keeps it: enough to ask another configuration
//! where the same request would have gone.
//!
//! Numbers, the caller's tags, and fingerprints; nothing of what was said. What the row has anyway
//! (the model, the operation, the key, the time, whether the answer was a stream) is not repeated.
//! A fingerprint cannot be read, but who guesses the whole of a text can see whether it was that.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tollward_wire::view::needs::Needs;

/// The version that is written. Rows of version 1 say no version, and know no users and no conversations.
pub const VERSION: u8 = 2;

/// Bytes of all of it; the ledger keeps 256 of a text.
const MAX_BYTES: usize = 256;
/// Bytes of tags that are kept, where there is room for them.
const MAX_TAG_BYTES: usize = 120;
/// What stands around tags, and says that there were more.
const AROUND_TAGS: usize = r#","tags":[],"more_tags":true"#.len();

/// What routing saw of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// How it is written.
    #[serde(rename = "v")]
    pub version: u8,
    /// Tokens of the request as it came, about.
    pub tokens: u64,
    /// The caller's bound on output tokens; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_output: u64,
    /// How many choices were asked for.
    #[serde(skip_serializing_if = "is_one")]
    pub choices: u32,
    /// What it needs of a model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// For whom the caller asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Mark>,
    /// The conversation that the caller named, which may be another one's under another key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Mark>,
    /// The conversation as it is now, by which its next turn will know it, where none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<Mark>,
    /// The same as it was at its last turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Mark>,
    /// Its tags, as far as they are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Box<str>>,
    /// It had more tags.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_tags: bool,
}

/// A fingerprint, written in hexadecimal digits: numbers of 64 bits are not everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub u64);

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        let number = u64::from_str_radix(&text, 16);
        number.map(Self).map_err(D::Error::custom)
    }
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

impl Default for Decision {
    /// As a row that says nothing: of the first version.
    fn default() -> Self {
        Self {
            version: 1,
            tokens: 0,
            max_output: 0,
            choices: 1,
            needs: Vec::new(),
            user: None,
            session: None,
            turn: None,
            after: None,
            tags: Vec::new(),
            more_tags: false,
        }
    }
}

impl Decision {
    /// The same with as many of `tags` as there is room for.
    #[must_use]
    pub fn tagged(mut self, tags: &[Box<str>]) -> Self {
        if tags.is_empty() {
            return self;
        }
        let room = MAX_BYTES.saturating_sub(self.to_json().len() + AROUND_TAGS);
        let mut left = room.min(MAX_TAG_BYTES);
        let mut fits = |tag: &str| {
            // As it stands in JSON, with a comma behind it.
            let bytes = serde_json::to_string(tag).map_or(MAX_BYTES, |it| it.len() + 1);
            let rest = left.checked_sub(bytes);
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        self.tags = tags.iter().take_while(|it| fits(it)).cloned().collect();
        self.more_tags = self.tags.len() < tags.len();
        self
    }

    /// What the request needs of a model.
    pub fn needed(&self) -> Needs {
        let has = |need| self.needs.contains(&need);
        Needs {
            tools: has(Need::Tools),
            vision: has(Need::Vision),
            schema: has(Need::Schema),
        }
    }

    /// As the ledger keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As the ledger kept it; `None` if it is of a release that came later, or of none.
    pub fn parse(text: &str) -> Option<Self> {
        let read: Self = serde_json::from_str(text).ok()?;
        (1..=VERSION).contains(&read.version).then_some(read)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_takes_a_few_bytes_and_the_largest_one_fits_its_column() {
        let plain = Decision {
            version: VERSION,
            tokens: 12,
            ..Decision::default()
        };
        assert_eq!(plain.to_json(), r#"{"v":2,"tokens":12}"#);
        let mark = Some(Mark(u64::MAX));
        let tags: Vec<Box<str>> = vec!["\"".repeat(16).into(); 32];
        let largest = Decision {
            // More than any body has, and the largest bound that is taken for one.
            tokens: 1 << 40,
            max_output: 1 << 31,
            choices: 128,
            needs: vec![Need::Tools, Need::Vision, Need::Schema],
            user: mark,
            turn: mark,
            after: mark,
            ..plain.clone()
        };
        let largest = largest.tagged(&tags);
        assert!(
            largest.to_json().len() <= MAX_BYTES,
            "{}",
            largest.to_json()
        );
        assert!(largest.more_tags);
        let common = plain.tagged(&tags);
        assert_eq!(common.tags.len(), 3);
        for decision in [largest, common] {
            assert_eq!(Decision::parse(&decision.to_json()), Some(decision));
        }
    }

    #[test]
    fn what_another_release_wrote_is_read_if_it_came_before() {
        let old = Decision::parse(r#"{"tokens":7,"needs":["tools"]}"#).unwrap_or_default();
        assert_eq!((old.version, old.tokens, old.choices), (1, 7, 1));
        assert!(old.needed().tools);
        assert_eq!(Decision::parse(r#"{"v":3,"tokens":7}"#), None);
        assert_eq!(Decision::parse(r#"{"tokens":7,"needs":["#), None);
    }
}
