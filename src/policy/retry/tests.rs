use super::*;

const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(250),
    cap: Duration::from_secs(4),
};

fn failed(fault: Fault) -> Situation {
    Situation {
        fault,
        attempts_here: 1,
        attempts_left: 2,
        has_next: true,
        has_detour: false,
        retry_after: None,
        dice: 0.0,
    }
}

#[test]
fn a_refused_request_is_never_tried_elsewhere() {
    for fault in [
        Fault::BadRequest,
        Fault::ContextLength,
        Fault::ContentFilter,
    ] {
        assert_eq!(decide(&failed(fault), &BACKOFF), Verdict::Stop, "{fault:?}");
    }
}

#[test]
fn every_other_fault_goes_to_the_next_candidate_at_once() {
    for fault in [
        Fault::Auth,
        Fault::ForeignCipher,
        Fault::Quota,
        Fault::NotFound,
        Fault::RateLimited,
        Fault::Overloaded,
        Fault::Server,
        Fault::Unreachable,
        Fault::Truncated,
    ] {
        assert_eq!(decide(&failed(fault), &BACKOFF), Verdict::Next, "{fault:?}");
    }
}

#[test]
fn the_last_candidate_is_tried_again_only_for_passing_faults() {
    let alone = |fault| Situation {
        has_next: false,
        ..failed(fault)
    };
    assert_eq!(
        decide(&alone(Fault::Server), &BACKOFF),
        Verdict::Again(Duration::ZERO)
    );
    assert_eq!(decide(&alone(Fault::Auth), &BACKOFF), Verdict::Stop);
    // trap 27
    let foreign = alone(Fault::ForeignCipher);
    assert_eq!(decide(&foreign, &BACKOFF), Verdict::Stop);
    assert_eq!(decide(&alone(Fault::Redirect), &BACKOFF), Verdict::Stop);
}

#[test]
fn a_short_retry_after_is_waited_for_and_a_long_one_is_passed_on() {
    let asked = |seconds| Situation {
        has_next: false,
        retry_after: Some(Duration::from_secs(seconds)),
        ..failed(Fault::RateLimited)
    };
    assert_eq!(
        decide(&asked(3), &BACKOFF),
        Verdict::Again(Duration::from_secs(3))
    );
    assert_eq!(decide(&asked(7), &BACKOFF), Verdict::Stop);
}

#[test]
fn a_configured_wait_may_be_longer_than_what_a_vendor_may_ask_for() {
    let patient = Backoff {
        base: Duration::from_secs(8),
        cap: Duration::from_secs(8),
    };
    let situation = Situation {
        has_next: false,
        dice: 1.0,
        ..failed(Fault::Server)
    };
    assert_eq!(
        decide(&situation, &patient),
        Verdict::Again(Duration::from_secs(8))
    );
}

#[test]
fn what_is_slow_or_wrote_what_cannot_be_used_is_asked_again_once() {
    for fault in [Fault::Timeout(Phase::FirstByte), Fault::Misgenerated] {
        let met = |attempts_here| Situation {
            has_next: false,
            attempts_here,
            ..failed(fault)
        };
        assert_eq!(decide(&met(1), &BACKOFF), Verdict::Again(Duration::ZERO));
        assert_eq!(decide(&met(2), &BACKOFF), Verdict::Stop);
    }
}

#[test]
fn a_call_without_attempts_left_stops() {
    let spent = Situation {
        attempts_left: 0,
        ..failed(Fault::Server)
    };
    assert_eq!(decide(&spent, &BACKOFF), Verdict::Stop);
}
