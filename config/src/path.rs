//! Key paths as text: `models.chat.fallbacks[1]`, `models."gpt-4.1".deployments[0]`.
//!
//! A key that holds a dot, a bracket, a quote or nothing at all is quoted, so that every path
//! names one place.

/// `parent.key`, quoted where needed.
pub(crate) fn join(parent: &str, key: &str) -> String {
    let is_plain = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | ':' | '@'));
    let key = if is_plain {
        key.to_owned()
    } else {
        format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
    };
    if parent.is_empty() {
        key
    } else {
        format!("{parent}.{key}")
    }
}

/// `parent[index]`.
pub(crate) fn item(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}

/// The path without its last step. `None`: it was the top.
pub(crate) fn parent(path: &str) -> Option<&str> {
    split(path).map(|(parent, _)| parent)
}

/// The last step, unquoted.
pub(crate) fn last(path: &str) -> String {
    let step = split(path).map_or(path, |(_, last)| last);
    let inner = step
        .strip_prefix('"')
        .and_then(|step| step.strip_suffix('"'));
    match inner {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => step.to_owned(),
    }
}

/// Parent and last step. `None` for the empty path.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.is_empty() {
        return None;
    }
    let mut cut = None;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in path.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => cut = Some((at, at + 1)),
            '[' if !is_quoted => cut = Some((at, at)),
            _ => {}
        }
    }
    let (end, start) = cut.unwrap_or((0, 0));
    Some((path.get(..end)?, path.get(start..)?))
}

#[cfg(test)]
mod tests;
