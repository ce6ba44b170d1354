//! A walk over JSON that is taken on trust.
//!
//! It finds where values begin and end without checking what is inside them, so it is
//! several times cheaper than parsing. Used on documents that were validated before
//! and on upstream answers, where a wrong byte must never stop the relay: on anything
//! unexpected a step returns `None`, it never panics and never loops.

#[cfg(test)]
mod tests;

use std::ops::Range;

/// A position in a JSON text.
#[derive(Clone, Copy)]
pub(crate) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// One member of an object: the key without quotes, still escaped, and the value's span.
pub(crate) struct Field<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) key_span: Range<usize>,
    pub(crate) value: &'a [u8],
    pub(crate) value_span: Range<usize>,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Enters an object; `None` if the next value is not one.
    pub(crate) fn object(mut self) -> Option<Members<'a>> {
        self.expect(b'{')?;
        Some(Members { walker: self })
    }

    /// Enters an array; `None` if the next value is not one.
    pub(crate) fn array(mut self) -> Option<Elements<'a>> {
        self.expect(b'[')?;
        Some(Elements { walker: self })
    }

    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        if self.peek()? != wanted {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Skips one value and returns its span.
    fn value(&mut self) -> Option<Range<usize>> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => self.string()?,
            b'{' | b'[' => self.container()?,
            _ => self.scalar(),
        }
        (self.at > start).then_some(start..self.at)
    }

    /// Skips a string; the position is on its opening quote.
    fn string(&mut self) -> Option<()> {
        self.at = string_end(self.bytes, self.at + 1)? + 1;
        Some(())
    }

    fn container(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.bytes.get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Some(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn scalar(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.at += 1;
        }
    }
}

/// Iterates over the members of an object.
pub(crate) struct Members<'a> {
    walker: Walker<'a>,
}

impl Members<'_> {
    /// Whether nothing but the closing brace is left.
    pub(crate) fn ends_object(mut self) -> bool {
        self.walker.expect(b'}').is_some() && self.walker.peek().is_none()
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let walker = &mut self.walker;
        if walker.peek()? == b',' {
            walker.at += 1;
        }
        if walker.peek()? != b'"' {
            return None;
        }
        let key_start = walker.at;
        walker.string()?;
        let key_span = key_start..walker.at;
        walker.expect(b':')?;
        let value_span = walker.value()?;
        Some(Field {
            key: walker.bytes.get(key_span.start + 1..key_span.end - 1)?,
            key_span,
            value: walker.bytes.get(value_span.clone())?,
            value_span,
        })
    }
}

/// Iterates over the elements of an array.
pub(crate) struct Elements<'a> {
    walker: Walker<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (&'a [u8], Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let walker = &mut self.walker;
        if walker.peek()? == b',' {
            walker.at += 1;
        }
        if walker.peek()? == b']' {
            return None;
        }
        let span = walker.value()?;
        Some((walker.bytes.get(span.clone())?, span))
    }
}

/// Position of the quote that closes a string whose body starts at `from`.
#[inline]
pub(crate) fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += plain_run(bytes.get(at..)?);
        match *bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Number of leading bytes that are neither a quote, a backslash nor a control character.
///
/// Eight bytes a step: a borrow in the subtractions can only raise a flag above the first
/// true one, so the lowest flag is always exact.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = LOW * 0x80;
    const QUOTE: u64 = LOW * 0x22;
    const SLASH: u64 = LOW * 0x5C;
    let mut run = 0;
    let mut rest = bytes;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ QUOTE;
        let slash = word ^ SLASH;
        let flags = (word.wrapping_sub(LOW * 0x20) & !word)
            | (quote.wrapping_sub(LOW) & !quote)
            | (slash.wrapping_sub(LOW) & !slash);
        let flags = flags & HIGH;
        if flags != 0 {
            return run + (flags.trailing_zeros() / 8) as usize;
        }
        run += 8;
        rest = tail;
    }
    run + rest
        .iter()
        .take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20))
        .count()
}

/// The text of a JSON string value, or `None` if `value` is not a well-formed string.
pub(crate) fn unescape(value: &[u8]) -> Option<String> {
    serde_json::from_slice(value).ok()
}
