//! The scanner's tokens: strings, numbers and words.
//!
//! Each method starts at the current position, checks one token and stops behind it.

use super::Scanner;
use crate::document::DocumentError;

impl Scanner<'_> {
    /// Reads a string after its opening quote; true when it has escapes.
    pub(super) fn string(&mut self) -> Result<bool, DocumentError> {
        let mut is_escaped = false;
        loop {
            self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(is_escaped);
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.error("an escaped control character")),
                None => return Err(self.error("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), DocumentError> {
        let start = self.at;
        match self.bytes.get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = self.hex(start + 2)?;
                self.at = start + 6;
                if (0xDC00..0xE000).contains(&unit) {
                    return Err(lone_surrogate(start));
                }
                if (0xD800..0xDC00).contains(&unit) {
                    if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
                        return Err(lone_surrogate(start));
                    }
                    if !(0xDC00..0xE000).contains(&self.hex(self.at + 2)?) {
                        return Err(lone_surrogate(start));
                    }
                    self.at += 6;
                }
            }
            _ => return Err(self.error("a valid escape")),
        }
        Ok(())
    }

    fn hex(&self, from: usize) -> Result<u32, DocumentError> {
        let digits = self.bytes.get(from..from + 4).unwrap_or_default();
        let mut unit = 0;
        for digit in digits {
            match char::from(*digit).to_digit(16) {
                Some(value) => unit = unit * 16 + value,
                None => return Err(self.error("four hexadecimal digits")),
            }
        }
        if digits.len() == 4 {
            Ok(unit)
        } else {
            Err(self.error("four hexadecimal digits"))
        }
    }

    pub(super) fn number(&mut self, start: usize) -> Result<(), DocumentError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // Without an exponent only a number of 309 digits can leave the range of a double.
        if has_exponent || self.at - start > 300 {
            let text = self.text.get(start..self.at).unwrap_or_default();
            if !text.parse::<f64>().is_ok_and(f64::is_finite) {
                return Err(DocumentError::Syntax {
                    offset: start,
                    expected: "a number within the range of a double",
                });
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), DocumentError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.error("a digit"));
        }
        Ok(())
    }

    pub(super) fn word(&mut self, word: &'static [u8]) -> Result<(), DocumentError> {
        if self.bytes.get(self.at..self.at + word.len()) != Some(word) {
            return Err(self.error("a value"));
        }
        self.at += word.len();
        Ok(())
    }
}

fn lone_surrogate(offset: usize) -> DocumentError {
    DocumentError::Syntax {
        offset,
        expected: "a surrogate pair instead of a lone surrogate",
    }
}

/// Number of leading bytes that are neither a quote, a backslash nor a control character.
///
/// Eight bytes a step: a borrow in the subtractions can only raise a flag above the first
/// true one, so the lowest flag is always exact.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
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

#[cfg(test)]
mod tests;
