//! One configuration file in memory: places, and excerpts that show no credential.
//!
//! Offsets are bytes; lines and columns count from 1, columns in characters. The text itself may
//! hold credentials, so it has no `Debug` and leaves this module only through
//! [`SourceFile::excerpt`], which masks whatever stands behind a key that looks secret.

use crate::report::{Excerpt, Location};

/// A byte range of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A file's name, text and line index.
pub(crate) struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<usize>,
    /// Whether the file's permissions let any user of the machine read it.
    pub(crate) is_open_to_others: bool,
}

/// Words that mark a key as a credential when it contains one of them.
const SECRET_WORDS: [&str; 12] = [
    "api_key",
    "apikey",
    "api-key",
    "secret",
    "password",
    "token",
    "auth",
    "credential",
    "cookie",
    "pepper",
    "postgres",
    "redis",
];

/// Keys that contain such a word and hold none.
const NOT_SECRET: [&str; 3] = ["auth", "context_tokens", "max_tokens"];

/// Whether a value under this key must not be shown. Where a file with a secret is, is none.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_known = NOT_SECRET.contains(&name.as_str()) || name.ends_with("_file");
    !is_known && SECRET_WORDS.iter().any(|word| name.contains(word))
}

impl SourceFile {
    pub(crate) fn new(name: String, text: String) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            name,
            text,
            line_starts,
            is_open_to_others: false,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte offset; past the end is the end.
    pub(crate) fn location(&self, offset: usize) -> Location {
        let (line, start) = self.line_of(offset);
        let before = self
            .text
            .get(start..floor(&self.text, offset))
            .unwrap_or_default();
        Location {
            file: self.name.clone(),
            line,
            column: before.chars().count() + 1,
        }
    }

    /// The first line of `span`, masked and cut to a readable width.
    pub(crate) fn excerpt(&self, span: Span) -> Excerpt {
        const BEFORE: usize = 60;
        const LONGEST: usize = 120;
        let (_, start) = self.line_of(span.start);
        let rest = self.text.get(start..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        let masked = if self.is_in_secret_list(start, line) {
            mask_item(line)
        } else {
            mask_line(line)
        };
        let from = floor(&self.text, span.start).saturating_sub(start);
        let until = floor(&self.text, span.end).saturating_sub(start);
        let column = line.get(..from).unwrap_or(line).chars().count();
        let underlined = line.get(from..until.min(line.len())).unwrap_or_default();

        let skipped = if masked.len() > LONGEST {
            column.saturating_sub(BEFORE)
        } else {
            0
        };
        let window: Vec<char> = masked.iter().copied().skip(skipped).take(LONGEST).collect();
        let lead = if skipped > 0 { "…" } else { "" };
        let cells = |chars: &[char]| chars.iter().map(|c| cell_width(*c)).sum::<usize>();
        let at = (column - skipped).min(window.len());
        let end = (at + underlined.chars().count()).min(window.len());
        Excerpt {
            text: format!("{lead}{}", window.iter().collect::<String>())
                .trim_end()
                .to_owned(),
            indent: cells(window.get(..at).unwrap_or_default()) + lead.chars().count(),
            width: cells(window.get(at..end).unwrap_or_default()).max(1),
        }
    }

    /// Whether the line at `start` names no key and so belongs to the last one above it, which is
    /// that of a credential.
    fn is_in_secret_list(&self, start: usize, line: &str) -> bool {
        let above = self.text.get(..start).unwrap_or_default();
        last_key(line).is_none()
            && above
                .lines()
                .rev()
                .find_map(last_key)
                .is_some_and(is_secret_name)
    }

    /// The line number (from 1) that holds `offset`, and where it starts.
    fn line_of(&self, offset: usize) -> (usize, usize) {
        let line = self
            .line_starts
            .partition_point(|start| *start <= offset)
            .max(1);
        (line, self.line_starts.get(line - 1).copied().unwrap_or(0))
    }
}

/// The nearest character boundary at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The line as printable characters, one for one, with `*` for what follows a secret key.
///
/// It works on text, not on the tree, because a file that does not parse has no tree and its
/// lines are shown too. A `${…}` reference stays: it is the fix, not the secret.
fn mask_line(line: &str) -> Vec<char> {
    let mut shown: Vec<char> = line
        .chars()
        .map(|c| {
            if c == '\t' || !c.is_control() {
                c
            } else {
                '\u{fffd}'
            }
        })
        .map(|c| if c == '\t' { ' ' } else { c })
        .collect();
    mask_userinfo(&mut shown);
    let mut name = String::new();
    let mut at = 0;
    while let Some(c) = shown.get(at).copied() {
        at += 1;
        match c {
            '_' | '-' => name.push(c),
            _ if c.is_alphanumeric() => name.push(c),
            ':' | '=' if is_secret_name(&name) => {
                at = mask_value(&mut shown, at);
                name.clear();
            }
            ':' | '=' | ',' | '{' | '[' | '#' => name.clear(),
            _ => {}
        }
    }
    shown
}

/// The last key that a line names in any of the syntaxes; `None` for a value alone.
fn last_key(line: &str) -> Option<&str> {
    let is_end = |(at, sign): &(usize, &str)| {
        let next = line.get(at + 1..).and_then(|rest| rest.chars().next());
        match *sign {
            ":" => next.is_none_or(|next| " \t\"'[{".contains(next)),
            // As in `key = …`, and not the end of a value in base64.
            _ => next.is_some_and(|next| next != '='),
        }
    };
    let ends = line.match_indices([':', '=']).filter(is_end);
    let mut keys = ends.filter_map(|(at, _)| {
        let before = line.get(..at)?.trim_end().trim_end_matches(['"', '\'']);
        let name = before.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
        name.into_iter().next().filter(|name| !name.is_empty())
    });
    keys.next_back()
}

/// Items of a list with every character hidden, but for references and what separates them.
fn mask_item(line: &str) -> Vec<char> {
    let mut is_reference = false;
    let mut last = ' ';
    let shown = line.chars().map(|c| {
        is_reference = (is_reference && last != '}') || (last == '$' && c == '{');
        let is_mark = " -,\"'[]{}$".contains(c);
        last = c;
        match c {
            c if is_reference || is_mark => c,
            '\t' => ' ',
            _ => '*',
        }
    });
    shown.collect()
}

/// Masks what stands before the host of each URL.
fn mask_userinfo(shown: &mut [char]) {
    let mut from = None;
    for at in 0..shown.len() {
        match (shown.get(at), from) {
            (Some('/'), _) if shown.get(at.saturating_sub(2)..at) == Some(&[':', '/']) => {
                from = Some(at + 1);
            }
            (Some('@'), Some(start)) => {
                shown.iter_mut().take(at).skip(start).for_each(|c| *c = '*');
                from = None;
            }
            (Some('/' | '"' | '\'' | ' '), Some(_)) => from = None,
            _ => {}
        }
    }
}

/// Masks the value that starts at `at`; answers where it ends.
fn mask_value(shown: &mut [char], mut at: usize) -> usize {
    while matches!(shown.get(at), Some(' ')) {
        at += 1;
    }
    let quote = shown.get(at).copied().filter(|c| matches!(c, '"' | '\''));
    at += usize::from(quote.is_some());
    if shown.get(at) == Some(&'$') && shown.get(at + 1) == Some(&'{') {
        return at;
    }
    while let Some(c) = shown.get_mut(at) {
        // Without quotes nothing says for sure where a value ends: hide the rest of the line.
        if Some(*c) == quote {
            break;
        }
        if *c != ' ' {
            *c = '*';
        }
        at += 1;
    }
    at
}

/// Terminal cells of a character: two for East Asian wide ones.
fn cell_width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0x1_f300..=0x1_faff => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
