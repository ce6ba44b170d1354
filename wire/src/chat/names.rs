//! Tool names that a target does not take, and the way back.
//!
//! A name that is illegal there is spelt differently for the length of one call: the map
//! is one to one, the same name gets the same spelling in every call, and the answer names
//! the tool as the caller did.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// What a target takes as a tool's name.
#[derive(Clone, Copy, Debug)]
pub struct NameRule {
    /// Longest name, in bytes.
    pub max_bytes: usize,
    /// Characters that are taken besides ASCII letters, digits and `_`.
    pub others: &'static [u8],
    /// Whether the first character may be a digit or one of `others`.
    pub begins_with_any: bool,
}

/// The names of one call that had to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By the caller's name.
    theirs: HashMap<Box<str>, Box<str>>,
    /// By the target's.
    own: HashMap<Box<str>, Box<str>>,
}

impl Names {
    /// Finds a spelling for every name that `rule` forbids.
    pub fn new<'n>(rule: NameRule, names: &(impl Iterator<Item = &'n str> + Clone)) -> Self {
        let mut map = Self::default();
        let mut forbidden = names.clone().filter(|it| !rule.takes(it)).peekable();
        if forbidden.peek().is_none() {
            return map;
        }
        let all: HashSet<&str> = names.clone().collect();
        for name in forbidden {
            if map.theirs.contains_key(name) {
                continue;
            }
            let mut salt = 0;
            let theirs = loop {
                let theirs = rule.respell(name, salt);
                if !map.own.contains_key(&*theirs) && !all.contains(&*theirs) {
                    break theirs;
                }
                salt += 1;
            };
            map.theirs.insert(name.into(), theirs.as_str().into());
            map.own.insert(theirs.into(), name.into());
        }
        map
    }

    /// The name as the target is to see it.
    pub fn to_target<'n>(&self, own: &'n str) -> Cow<'n, str> {
        match self.theirs.get(own) {
            Some(theirs) => Cow::Owned(theirs.to_string()),
            None => Cow::Borrowed(own),
        }
    }

    /// The name as the caller knows it.
    pub fn to_caller<'n>(&self, theirs: Cow<'n, str>) -> Cow<'n, str> {
        match self.own.get(&*theirs) {
            Some(own) => Cow::Owned(own.to_string()),
            None => theirs,
        }
    }
}

impl NameRule {
    fn takes(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        (1..=self.max_bytes).contains(&bytes.len())
            && bytes.iter().all(|it| self.takes_byte(*it))
            && (self.begins_with_any || bytes.first().is_some_and(|it| begins(*it)))
    }

    fn takes_byte(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'_' || self.others.contains(&byte)
    }

    /// What can be kept of the name, and a hash of all of it.
    fn respell(&self, name: &str, salt: u64) -> String {
        let mut kept: String = name
            .bytes()
            .map(|it| {
                if self.takes_byte(it) {
                    char::from(it)
                } else {
                    '_'
                }
            })
            .collect();
        if !self.begins_with_any && !kept.bytes().next().is_some_and(begins) {
            kept.insert(0, '_');
        }
        kept.truncate(self.max_bytes.saturating_sub(9));
        format!("{kept}_{:08x}", short_hash(name, salt))
    }
}

/// A tool call's id of ASCII letters, digits, `_` and `-`, at most 64 long: itself if it is one,
/// else always the same other one, so that call and result still meet.
pub fn plain_id(id: &str) -> Cow<'_, str> {
    let rule = NameRule {
        max_bytes: 64,
        others: b"-",
        begins_with_any: true,
    };
    if rule.takes(id) {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(rule.respell(id, 0))
    }
}

/// A tool call's id of nine letters and digits, as Mistral's models want it: itself if it is one,
/// else always the same other one.
pub fn nine(id: &str) -> Cow<'_, str> {
    if id.len() == 9 && id.bytes().all(|it| it.is_ascii_alphanumeric()) {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(format!("t{:08x}", short_hash(id, 0)))
    }
}

fn begins(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// FNV-1a, folded: enough to keep apart the names of one request, which is checked besides.
fn short_hash(text: &str, salt: u64) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ salt;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    u32::try_from((hash >> 32) ^ (hash & 0xFFFF_FFFF)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: NameRule = NameRule {
        max_bytes: 64,
        others: b"-",
        begins_with_any: false,
    };

    #[test]
    fn a_name_that_is_taken_stays_and_another_one_comes_back() {
        let long = "mcp__server__".repeat(8);
        let own = [
            "get_weather",
            "files.read",
            "files_read",
            "1st",
            "날씨",
            &long,
        ];
        let names = Names::new(RULE, &own.iter().copied());
        assert_eq!(names.to_target("get_weather"), "get_weather");
        let mut seen = std::collections::BTreeSet::new();
        for name in own {
            let theirs = names.to_target(name).into_owned();
            assert!(RULE.takes(&theirs), "{theirs}");
            assert!(seen.insert(theirs.clone()), "{theirs} stands for two");
            assert_eq!(names.to_caller(theirs.into()), name);
        }
    }

    #[test]
    fn an_id_of_nine_stays_and_another_one_becomes_nine() {
        assert_eq!(nine("aB3456789"), "aB3456789");
        for id in ["", "call_1", "tooluse_aZ-9", "123456789a"] {
            let short = nine(id);
            assert_eq!(short.len(), 9, "{id}");
            assert!(
                short.bytes().all(|it| it.is_ascii_alphanumeric()),
                "{short}"
            );
            assert_eq!(nine(id), short);
        }
        assert_ne!(nine("call_1"), nine("call_2"));
    }

    #[test]
    fn the_same_name_is_spelt_the_same_in_every_call() {
        let one = Names::new(RULE, &["a.b"].into_iter());
        let other = Names::new(RULE, &["x", "a.b", "a.b"].into_iter());
        assert_eq!(one.to_target("a.b"), other.to_target("a.b"));
    }
}
