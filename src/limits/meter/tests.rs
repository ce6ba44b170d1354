#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn meter(limits: RateLimits) -> Meter {
    Meter::new(limits)
}

// K-05
#[test]
fn of_a_thousand_calls_at_once_as_many_come_in_as_there_may_be_in_a_minute() {
    let limits = RateLimits {
        requests_per_minute: Some(100),
        ..RateLimits::default()
    };
    let meter = meter(limits);
    let admitted = std::thread::scope(|scope| {
        let some = || (0..125).filter(|_| meter.take(0).is_ok()).count();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(some)).collect();
        let counts = threads.into_iter().map(|it| it.join().unwrap());
        counts.sum::<usize>()
    });
    assert_eq!(admitted, 100);
    let wait = meter.take(0).unwrap_err();
    assert_eq!((wait.measure, wait.limit), (Measure::Requests, 100));
    // One comes in every 600 ms.
    assert!(wait.wait <= Duration::from_millis(600), "{:?}", wait.wait);
    let (requests, tokens) = meter.levels();
    assert_eq!((requests.unwrap().left, tokens), (0, None));
}

#[test]
fn what_a_call_used_in_the_end_is_what_counts() {
    let limits = RateLimits {
        tokens_per_minute: Some(60_000),
        ..RateLimits::default()
    };
    let meter = meter(limits);
    let left = || meter.levels().1.unwrap().left;
    let first = meter.take(40_000).unwrap();
    assert_eq!(meter.take(40_000).unwrap_err().measure, Measure::Tokens);
    // It was less: another one fits.
    meter.settle(first, 5_000, 5_000);
    assert!(left() >= 50_000);
    let second = meter.take(40_000).unwrap();
    // It was far more: the bucket is in debt, and waits a minute and a half until it has 40,000 again.
    meter.settle(second, 40_000, 100_000);
    assert_eq!(left(), 0);
    let wait = meter.take(40_000).unwrap_err().wait;
    assert!(
        (Duration::from_secs(125)..Duration::from_secs(131)).contains(&wait),
        "{wait:?}"
    );
    // What is larger than the bucket is let in when it is full, and owed for.
    let large = meter.changed(limits);
    let taken = large.take(1_000_000).unwrap();
    large.settle(taken, 1_000_000, 0);
    assert!(large.take(1).unwrap_err().wait > Duration::from_mins(15));
}

#[test]
fn who_is_refused_for_one_thing_has_taken_nothing_of_the_others() {
    let limits = RateLimits {
        requests_per_minute: Some(10),
        tokens_per_minute: Some(1_000),
        input_tokens_per_minute: Some(100),
        output_tokens_per_minute: Some(50),
        parallel: Some(2),
    };
    let meter = meter(limits);
    assert_eq!(meter.take(60).map(|_| ()), Ok(()));
    assert_eq!(meter.take(60).unwrap_err().measure, Measure::InputTokens);
    let (requests, tokens) = meter.levels();
    assert_eq!(requests.unwrap(), Level { limit: 10, left: 9 });
    assert_eq!(tokens.unwrap().left, 940);
    assert_eq!(meter.take(0).map(|_| ()), Ok(()));
    assert_eq!(meter.take(0).unwrap_err().measure, Measure::Parallel);
}

// K-14
#[test]
fn what_runs_is_counted_over_a_change_and_given_back_once() {
    let limits = |parallel| RateLimits {
        parallel: Some(parallel),
        ..RateLimits::default()
    };
    let before = meter(limits(2));
    let taken = [before.take(0).unwrap(), before.take(0).unwrap()];
    let after = before.changed(limits(1));
    assert!(after.take(0).is_err());
    before.undo(taken[0]);
    assert!(after.take(0).is_err());
    before.end();
    assert!(after.take(0).is_ok());
}

#[test]
fn an_answer_that_was_too_long_is_waited_off() {
    let limits = RateLimits {
        output_tokens_per_minute: Some(600),
        ..RateLimits::default()
    };
    let meter = meter(limits);
    let taken = meter.take(10).unwrap();
    meter.settle(taken, 10, 1_200);
    let wait = meter.take(10).unwrap_err();
    assert_eq!(wait.measure, Measure::OutputTokens);
    assert!((Duration::from_secs(59)..Duration::from_secs(61)).contains(&wait.wait));
}
