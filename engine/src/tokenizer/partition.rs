//! Cuts text at special tokens, before the family's own algorithm sees the rest.
//!
//! Longer spellings win over the whole text, as in llama.cpp. Control tokens are cut
//! only out of template text; user-defined tokens (whitespace runs, markup) are a part
//! of how the model reads any text and are always cut.

use super::vocabulary::{TokenKind, Vocabulary};

/// A part of the text: already a token, or still text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fragment {
    Token(u32),
    Raw(String),
}

#[derive(Debug)]
pub(super) struct Specials {
    /// Longest spelling first.
    control: Vec<(Box<str>, u32)>,
    user_defined: Vec<(Box<str>, u32)>,
}

impl Specials {
    pub(super) fn new(vocabulary: &Vocabulary) -> Self {
        let collect = |wanted: fn(TokenKind) -> bool| {
            let mut found: Vec<(Box<str>, u32)> = vocabulary
                .iter()
                .filter(|(_, spelling, kind)| wanted(*kind) && !spelling.is_empty())
                .map(|(id, spelling, _)| (spelling.into(), id))
                .collect();
            found.sort_by_key(|(spelling, id)| (std::cmp::Reverse(spelling.len()), *id));
            found
        };
        Self {
            control: collect(|kind| matches!(kind, TokenKind::Control | TokenKind::Unknown)),
            user_defined: collect(|kind| kind == TokenKind::UserDefined),
        }
    }

    pub(super) fn split_plain(&self, text: &str) -> Vec<Fragment> {
        cut(vec![Fragment::Raw(text.to_owned())], &self.user_defined)
    }

    pub(super) fn split_template(&self, text: &str, mark: Option<char>) -> Vec<Fragment> {
        let mut fragments = cut(vec![Fragment::Raw(text.to_owned())], &self.control);
        if let Some(mark) = mark {
            for fragment in &mut fragments {
                if let Fragment::Raw(raw) = fragment {
                    raw.retain(|c| c != mark);
                }
            }
            fragments.retain(|fragment| !matches!(fragment, Fragment::Raw(raw) if raw.is_empty()));
        }
        cut(fragments, &self.user_defined)
    }

    /// Puts `mark` inside every spelling of a control token, and at the ends of the text
    /// where it could become one together with its neighbours.
    pub(super) fn protect(&self, content: &str, mark: char) -> String {
        let mut text = content.to_owned();
        for (spelling, _) in &self.control {
            if text.contains(spelling.as_ref()) {
                let mut chars = spelling.chars();
                let broken: String = chars
                    .next()
                    .into_iter()
                    .chain([mark])
                    .chain(chars)
                    .collect();
                text = text.replace(spelling.as_ref(), &broken);
            }
        }
        let starts_inside = self.control.iter().any(|(spelling, _)| {
            proper_cuts(spelling).any(|(_, suffix)| content.starts_with(suffix))
                || inner_parts_contain(spelling, content)
        });
        let ends_inside = self.control.iter().any(|(spelling, _)| {
            proper_cuts(spelling).any(|(prefix, _)| content.ends_with(prefix))
        });
        if starts_inside {
            text.insert(0, mark);
        }
        if ends_inside {
            text.push(mark);
        }
        text
    }
}

/// Every way to cut a spelling into two non-empty parts.
fn proper_cuts(spelling: &str) -> impl Iterator<Item = (&str, &str)> {
    spelling
        .char_indices()
        .skip(1)
        .map(|(at, _)| spelling.split_at(at))
}

/// Whether the whole content could be the middle of a spelling.
fn inner_parts_contain(spelling: &str, content: &str) -> bool {
    !content.is_empty() && content.len() < spelling.len() && spelling.contains(content)
}

fn cut(fragments: Vec<Fragment>, specials: &[(Box<str>, u32)]) -> Vec<Fragment> {
    let mut fragments = fragments;
    let pairs = BytePairs::of(&fragments);
    for (spelling, id) in specials {
        if !pairs.may_contain(spelling) {
            continue;
        }
        fragments = fragments
            .into_iter()
            .flat_map(|fragment| match fragment {
                Fragment::Raw(raw) => cut_one(raw, spelling, *id),
                token @ Fragment::Token(_) => vec![token],
            })
            .collect();
    }
    fragments
}

fn cut_one(raw: String, spelling: &str, id: u32) -> Vec<Fragment> {
    if !raw.contains(spelling) {
        return vec![Fragment::Raw(raw)];
    }
    let mut parts = Vec::new();
    for (place, part) in raw.split(spelling).enumerate() {
        if place > 0 {
            parts.push(Fragment::Token(id));
        }
        if !part.is_empty() {
            parts.push(Fragment::Raw(part.to_owned()));
        }
    }
    parts
}

/// Which pairs of neighbouring bytes occur: a vocabulary may have thousands of
/// user-defined tokens, and a text contains almost none of them.
struct BytePairs(Vec<u64>);

impl BytePairs {
    fn of(fragments: &[Fragment]) -> Self {
        let mut bits = vec![0_u64; (1 << 16) / 64];
        for fragment in fragments {
            let Fragment::Raw(raw) = fragment else {
                continue;
            };
            for (first, second) in raw.bytes().zip(raw.bytes().skip(1)) {
                let (word, bit) = Self::place(first, second);
                if let Some(word) = bits.get_mut(word) {
                    *word |= bit;
                }
            }
        }
        Self(bits)
    }

    fn may_contain(&self, spelling: &str) -> bool {
        let mut pairs = spelling.bytes().zip(spelling.bytes().skip(1));
        pairs.all(|(first, second)| {
            let (word, bit) = Self::place(first, second);
            self.0.get(word).is_some_and(|word| word & bit != 0)
        })
    }

    fn place(first: u8, second: u8) -> (usize, u64) {
        let index = usize::from(first) << 8 | usize::from(second);
        (index / 64, 1 << (index % 64))
    }
}
