//! Whether an answer is certainly longer than its caller's bound on output.
//!
//! Some servers do not know a parameter and write on. What a token is differs between models, so
//! the text of an answer proves it only where it is far too long for any of them; a vendor's own
//! count does at once. Thoughts do not count: some vendors bound them apart.

/// Bytes of text to a token that no model reaches on average; English has four.
const BYTES_PER_TOKEN: u64 = 16;
/// Bytes beyond them, for short answers of long tokens such as rows of dashes.
const SLACK_BYTES: u64 = 8 * 1024;
/// Tokens that a vendor's own count may be over the bound, besides a twentieth of it.
const SLACK_TOKENS: u64 = 16;

/// The most that an answer may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputBound {
    tokens: u64,
}

impl OutputBound {
    /// Of `choices` that may have so many tokens each.
    pub fn new(tokens: u64, choices: u32) -> Self {
        Self {
            tokens: tokens.saturating_mul(choices.into()),
        }
    }

    /// Whether it is passed by an answer of so many bytes and, if the vendor says so, tokens.
    pub fn is_passed(&self, bytes: u64, counted: Option<u64>) -> bool {
        let most = self.tokens + self.tokens / 20 + SLACK_TOKENS;
        let most_bytes = self.tokens.saturating_mul(BYTES_PER_TOKEN) + SLACK_BYTES;
        bytes > most_bytes || counted.is_some_and(|it| it > most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // faults U-59
    #[test]
    fn a_bound_is_passed_by_a_count_or_by_far_too_much_text() {
        let bound = OutputBound::new(100, 2);
        assert!(!bound.is_passed(0, None));
        assert!(!bound.is_passed(200 * 16 + 8192, Some(226)));
        assert!(bound.is_passed(200 * 16 + 8193, None));
        assert!(bound.is_passed(0, Some(227)));
        assert!(!OutputBound::new(0, 1).is_passed(8192, Some(16)));
        assert!(!OutputBound::new(u64::from(u32::MAX), 128).is_passed(1 << 40, Some(1 << 38)));
    }
}
