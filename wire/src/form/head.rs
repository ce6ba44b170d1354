//! The head of a part, and the boundary in a content type: parameters that can be read in one way.

use super::FormError;

/// What the head of a part says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) is_file: bool,
}

impl<'a> Head<'a> {
    /// Reads a head, without the empty line that ends it.
    pub(super) fn parse(head: &'a [u8]) -> Result<Self, FormError> {
        let malformed = FormError::Malformed;
        let head = std::str::from_utf8(head).map_err(|_| malformed("a head is not UTF-8"))?;
        let mut found = None;
        for line in head.split("\r\n") {
            if line.bytes().any(|it| it.is_ascii_control() && it != b'\t') {
                return Err(malformed("a head has control characters"));
            }
            // A line that goes on another one has a blank instead of a name.
            let (field, value) = line
                .split_once(':')
                .ok_or(malformed("a head has no colon"))?;
            let is_token = |it: u8| it.is_ascii_graphic();
            if field.is_empty() || !field.bytes().all(is_token) {
                return Err(malformed("a head has a folded line"));
            }
            if field.eq_ignore_ascii_case("content-disposition")
                && found.replace(value.trim()).is_some()
            {
                return Err(malformed("a part has two dispositions"));
            }
            if field.eq_ignore_ascii_case("content-transfer-encoding") && !is_plain(value.trim()) {
                return Err(malformed("a part is encoded"));
            }
        }
        let disposition = found.ok_or(malformed("a part has no disposition"))?;
        if disposition.contains('\\') {
            return Err(malformed(
                "a name has a backslash, which servers read in different ways; rename the file",
            ));
        }
        Self::of(disposition).ok_or(malformed("a disposition can be read in two ways"))
    }

    fn of(disposition: &'a str) -> Option<Self> {
        let (kind, rest) = disposition.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return None;
        }
        let (mut name, mut is_file) = (None, false);
        for (key, value) in parameters(rest)? {
            if key.eq_ignore_ascii_case("name") {
                if name.replace(value).is_some() {
                    return None;
                }
            } else if key.eq_ignore_ascii_case("filename") || key.eq_ignore_ascii_case("filename*")
            {
                is_file = true;
            } else {
                // `name*` above all.
                return None;
            }
        }
        Some(Self {
            name: name?,
            is_file,
        })
    }
}

fn is_plain(encoding: &str) -> bool {
    ["binary", "8bit", "7bit"]
        .iter()
        .any(|it| encoding.eq_ignore_ascii_case(it))
}

/// The boundary of a `multipart/form-data` content type.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut found = None;
    for (key, value) in parameters(rest)? {
        if key.eq_ignore_ascii_case("boundary") {
            if found.replace(value).is_some() {
                return None;
            }
        } else if !key.eq_ignore_ascii_case("charset") {
            // `boundary*` above all, which some servers believe rather than `boundary`.
            return None;
        }
    }
    found
}

/// `key=value; key="value"`; `None` where a backslash or a stray quote leaves a choice.
fn parameters(mut text: &str) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    if text.contains('\\') {
        return None;
    }
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Some(found);
        }
        let (key, rest) = text.split_once('=')?;
        if key.is_empty() || key.contains(['"', ';', ' ', '\t']) {
            return None;
        }
        let (value, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            let (value, rest) = quoted.split_once('"')?;
            let rest = rest.trim_start();
            let is_last = rest.is_empty();
            (value, rest.strip_prefix(';').or(is_last.then_some(""))?)
        } else {
            let (value, rest) = rest.split_once(';').unwrap_or((rest, ""));
            let value = value.trim();
            if value.is_empty() || value.contains(['"', ' ', '\t', ',']) {
                return None;
            }
            (value, rest)
        };
        found.push((key, value));
        text = rest;
    }
}
