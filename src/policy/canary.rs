//! A canary: a deployment on trial that is taken out for good once it fails too often.
//!
//! The circuit breaker lets a failing deployment come back by itself; one on trial is to wait until
//! somebody has looked.

/// When a canary is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanaryTerms {
    /// Percent of failed calls with which it is.
    pub percent: u32,
    /// Of so many calls.
    pub calls: u32,
}

/// How a canary does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canary {
    calls: u32,
    failed: u32,
}

impl Canary {
    /// A call ended, and failed or not. Whether the canary is stopped for that: as soon as the
    /// failures of these `calls` are too many, not only when all of them are over.
    pub fn heard(&mut self, terms: CanaryTerms, has_failed: bool) -> bool {
        self.calls += 1;
        self.failed += u32::from(has_failed);
        let failed = u64::from(self.failed) * 100;
        let is_stopped = has_failed && failed >= u64::from(terms.percent) * u64::from(terms.calls);
        if is_stopped || self.calls >= terms.calls {
            *self = Self::default();
        }
        is_stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: CanaryTerms = CanaryTerms {
        percent: 10,
        calls: 50,
    };

    /// At which of the calls it is stopped, where those in `failing` fail.
    fn stopped(failing: impl Fn(u32) -> bool) -> Option<u32> {
        let mut canary = Canary::default();
        (1..=1_000).find(|call| canary.heard(TERMS, failing(*call)))
    }

    #[test]
    fn too_many_failures_stop_it_as_soon_as_they_are_too_many() {
        assert_eq!(stopped(|_| true), Some(5));
        assert_eq!(stopped(|call| call % 9 == 0), Some(45));
    }

    #[test]
    fn fewer_failures_never_stop_it() {
        assert_eq!(stopped(|_| false), None);
        assert_eq!(stopped(|call| call % 13 == 0), None);
    }
}
