//! Which credential a call uses, how long a refused one rests, and when a fetched one is renewed.

use std::time::Duration;

use http::StatusCode;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;

/// How long a credential rests that was refused, or whose account has no money left.
pub const REFUSED: Duration = Duration::from_secs(10 * 60);
/// How long one rests that has to slow down, when the vendor does not say, or that has no key.
pub const LIMITED: Duration = Duration::from_secs(5);
/// And at most, whatever the vendor says.
const LIMITED_AT_MOST: Duration = Duration::from_secs(5 * 60);

/// A fetched key is renewed this long before it expires, or a fifth of its lifetime if that is less.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// A key younger than this was not refused because it is old.
pub const YOUNG: Duration = Duration::from_secs(60);
/// After a renewal that failed the next one waits this long.
pub const RENEWAL_PAUSE: Duration = Duration::from_secs(1);

/// For what a credential rests, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// For every call.
    Everywhere(Duration),
    /// For calls of the model.
    Model(Duration),
}

/// What a fault says about the credential of its call; `None` if nothing.
///
/// A 403 may be about one model that the account may not use, as may a 401 about a right that the
/// key lacks, and vendors limit the rate of each model by itself: other models are none the worse
/// for these.
pub fn rest(
    fault: Fault,
    status: Option<StatusCode>,
    error: Option<&ErrorBody>,
    retry_after: Option<Duration>,
) -> Option<Rest> {
    let lacks_right = || error.is_some_and(|it| it.message.contains("Missing scopes"));
    match fault {
        Fault::Auth if status == Some(StatusCode::FORBIDDEN) || lacks_right() => {
            Some(Rest::Model(REFUSED))
        }
        Fault::Auth | Fault::Quota => Some(Rest::Everywhere(REFUSED)),
        Fault::RateLimited => {
            let asked = retry_after.unwrap_or(LIMITED);
            Some(Rest::Model(asked.min(LIMITED_AT_MOST)))
        }
        _ => None,
    }
}

/// Whether a refusal says that the key is too old, so that a new one may be taken.
///
/// AWS refuses with 403 and a name, all others with 401.
/// Source: `ExpiredTokenException` and its like in the error lists of botocore 1.44 and of
/// smithy's `TransientError`s (read 2026-11).
pub fn is_stale(status: Option<StatusCode>, error: Option<&ErrorBody>) -> bool {
    const NAMES: [&str; 4] = [
        "expiredtokenexception",
        "expiredtoken",
        "unrecognizedclientexception",
        "invalidclienttokenid",
    ];
    let name = error.map(|it| it.kind.to_ascii_lowercase());
    let is_named = name.is_some_and(|name| NAMES.contains(&&*name));
    status == Some(StatusCode::UNAUTHORIZED) || is_named
}

/// The credential to use: the first that is free and was not tried for this attempt.
///
/// `waits` has how long each still rests, zero for a free one; `tried` has a bit for each that
/// was tried. When all rest, the first try goes to the one that is free soonest: the vendor
/// knows better than we do, and a rest may have lost its reason.
pub fn choose(waits: impl Iterator<Item = Duration> + Clone, tried: u32) -> Option<usize> {
    let is_tried = |index: usize| 1_u32.checked_shl(index.try_into().unwrap_or(u32::MAX));
    let is_tried = |index: usize| is_tried(index).is_none_or(|bit| tried & bit != 0);
    let untried = waits.enumerate().filter(|(index, _)| !is_tried(*index));
    let mut free = untried.clone().filter(|(_, wait)| wait.is_zero());
    let soonest = || untried.min_by_key(|(_, wait)| *wait);
    let chosen = free.next().or_else(|| soonest().filter(|_| tried == 0));
    chosen.map(|(index, _)| index)
}

/// How much of a hope a fault leaves to its call: when all credentials fail, the most hopeful
/// failure decides what comes next.
pub fn hope(fault: Fault) -> u8 {
    match fault {
        Fault::Auth => 0,
        Fault::Quota => 1,
        _ => 2,
    }
}

/// After which part of its lifetime a key is renewed.
pub fn renewed_after(lifetime: Duration) -> Duration {
    lifetime.saturating_sub(AHEAD.min(lifetime / 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Duration = Duration::ZERO;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    // faults U-09, U-13, U-15, U-18
    #[test]
    fn a_refusal_rests_the_credential_and_a_failure_of_the_vendor_does_not() {
        let forbidden = Some(StatusCode::FORBIDDEN);
        let cases = [
            (Fault::Auth, None, None, Some(Rest::Everywhere(REFUSED))),
            (Fault::Auth, forbidden, None, Some(Rest::Model(REFUSED))),
            (Fault::Quota, None, Some(7), Some(Rest::Everywhere(REFUSED))),
            (
                Fault::RateLimited,
                None,
                Some(7),
                Some(Rest::Model(seconds(7))),
            ),
            (Fault::RateLimited, None, None, Some(Rest::Model(LIMITED))),
            (
                Fault::RateLimited,
                None,
                Some(86_400),
                Some(Rest::Model(LIMITED_AT_MOST)),
            ),
            (Fault::Overloaded, None, Some(7), None),
            (Fault::ContentFilter, forbidden, None, None),
            (Fault::BadRequest, None, None, None),
        ];
        for (fault, status, after, expected) in cases {
            let found = rest(fault, status, None, after.map(seconds));
            assert_eq!(found, expected, "{fault:?}");
        }
        let text = br#"{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: api.files.read."}}"#;
        let error = ErrorBody::parse(text);
        let unauthorized = Some(StatusCode::UNAUTHORIZED);
        let found = rest(Fault::Auth, unauthorized, error.as_ref(), None);
        assert_eq!(found, Some(Rest::Model(REFUSED)));
    }

    #[test]
    fn the_first_free_credential_is_chosen_and_none_is_tried_twice() {
        let choose = |waits: &[Duration], tried| choose(waits.iter().copied(), tried);
        assert_eq!(choose(&[FREE, FREE], 0), Some(0));
        assert_eq!(choose(&[seconds(9), FREE], 0), Some(1));
        assert_eq!(choose(&[FREE, FREE], 0b01), Some(1));
        assert_eq!(choose(&[FREE, FREE], 0b11), None);
        assert_eq!(choose(&[], 0), None);
    }

    #[test]
    fn when_all_rest_the_soonest_is_asked_and_no_other() {
        let waits = [seconds(600), seconds(2), seconds(30)];
        assert_eq!(choose(waits.into_iter(), 0), Some(1));
        assert_eq!(choose(waits.into_iter(), 0b010), None);
    }

    #[test]
    fn a_key_is_renewed_five_minutes_ahead_and_a_short_one_later() {
        assert_eq!(renewed_after(seconds(3_600)), seconds(3_300));
        assert_eq!(renewed_after(seconds(5)), seconds(4));
        assert_eq!(renewed_after(FREE), FREE);
    }
}
