//! A walk over JSON that is taken on trust.
//!
//! It finds where values begin and end without checking what is inside them, so it is
//! several times cheaper than parsing. Used on documents that were validated before
//! and on upstream answers, where a wrong byte must never stop the relay: on anything
//! unexpected a step returns `None`, it never panics and never loops.

#[cfg(test)]
mod tests;

use std::ops::Range;

use memchr::memchr;

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

    /// Goes through the object at the position in one pass: `visit` gets each key and the
    /// walker on its value. A value that `visit` leaves alone or cannot read is skipped.
    ///
    /// `None` if there is no object or it breaks off; what was visited stays visited.
    #[inline]
    pub(crate) fn each_member(
        &mut self,
        mut visit: impl FnMut(&'a [u8], &mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(b'{')?;
        while let Some(key) = self.skip_key() {
            let key = self.bytes.get(key.start + 1..key.end - 1)?;
            self.visit_value(|value| visit(key, value))?;
        }
        self.expect(b'}')
    }

    /// The same for the elements of the array at the position.
    #[inline]
    pub(crate) fn each_element(
        &mut self,
        mut visit: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(b'[')?;
        while self.skip_to_element() {
            self.visit_value(&mut visit)?;
        }
        self.expect(b']')
    }

    /// Goes past the next key of an object and its colon; `None` where there is none.
    #[inline]
    fn skip_key(&mut self) -> Option<Range<usize>> {
        if self.peek()? == b',' {
            self.at += 1;
        }
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        self.string()?;
        let span = start..self.at;
        self.expect(b':')?;
        Some(span)
    }

    /// Goes to the next element of an array; false where there is none.
    #[inline]
    fn skip_to_element(&mut self) -> bool {
        if self.peek() == Some(b',') {
            self.at += 1;
        }
        self.peek().is_some_and(|byte| byte != b']')
    }

    #[inline]
    fn visit_value(&mut self, visit: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.peek()?;
        let start = self.at;
        if visit(self).is_none() || self.at == start {
            self.at = start;
            self.value()?;
        }
        Some(())
    }

    /// The value at the position as it is written; the position is then behind it.
    #[inline]
    pub(crate) fn raw(&mut self) -> Option<&'a [u8]> {
        let span = self.value()?;
        self.bytes.get(span)
    }

    /// The first byte of the value at the position.
    pub(crate) fn first(&mut self) -> Option<u8> {
        self.peek()
    }

    /// Whether only white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
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
    #[inline]
    fn string(&mut self) -> Option<()> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            at += memchr(b'"', self.bytes.get(at..)?)?;
            // A quote after an odd number of backslashes is one of the text. They are rare, and line ends and
            // the like, which are not, need not be looked at.
            let before = self.bytes.get(start..at)?;
            let slashes = before.iter().rev().take_while(|it| **it == b'\\');
            if slashes.count().is_multiple_of(2) {
                self.at = at + 1;
                return Some(());
            }
            at += 1;
        }
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

impl<'a> Iterator for Members<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let walker = &mut self.walker;
        let key_span = walker.skip_key()?;
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
        if !walker.skip_to_element() {
            return None;
        }
        let span = walker.value()?;
        Some((walker.bytes.get(span.clone())?, span))
    }
}

/// The text of a JSON string value, or `None` if `value` is not a well-formed string.
pub(crate) fn unescape(value: &[u8]) -> Option<String> {
    serde_json::from_slice(value).ok()
}
