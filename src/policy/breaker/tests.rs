use super::*;
use crate::clock::mono;
use crate::policy::routing::mix;

const TERMS: BreakerTerms = BreakerTerms {
    failures: 5,
    percent: 50,
    pause: Duration::from_secs(5),
    longest_pause: Duration::from_secs(60),
    recovery: Duration::from_secs(30),
};

struct Played {
    breaker: Breaker,
    now: Instant,
}

impl Played {
    fn new() -> Self {
        Self {
            breaker: Breaker::default(),
            now: mono(),
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn call(&mut self, is_good: bool) {
        let spell = self.breaker.begin(self.now);
        if is_good {
            self.breaker.succeeded(spell, self.now);
        } else {
            self.breaker.failed(spell, &TERMS, self.now, 0.0);
        }
    }

    fn circuit(&self) -> Circuit {
        self.breaker.circuit(&TERMS, self.now)
    }

    fn opened() -> Self {
        let mut played = Self::new();
        for _ in 0..TERMS.failures {
            played.call(false);
        }
        played
    }
}

#[test]
fn it_opens_after_failures_in_a_row_and_one_good_call_begins_anew() {
    let mut played = Played::new();
    for _ in 0..4 {
        played.call(false);
    }
    played.call(true);
    for _ in 0..4 {
        played.call(false);
    }
    assert_eq!(played.circuit(), Circuit::Closed(WHOLE));
    played.call(false);
    assert_eq!(played.circuit(), Circuit::Open(TERMS.pause));
}

#[test]
fn it_opens_when_most_of_many_calls_fail_though_never_five_in_a_row() {
    let opened = |is_good: fn(u32) -> bool| {
        let mut played = Played::new();
        (1..=1_000).find(|turn| {
            played.call(is_good(*turn));
            matches!(played.circuit(), Circuit::Open(_))
        })
    };
    assert_eq!(opened(|turn| turn % 5 == 0), Some(21), "four of five");
    let more_than_half = opened(|turn| turn % 5 < 2);
    assert!(
        more_than_half.is_some_and(|it| (30..80).contains(&it)),
        "{more_than_half:?}"
    );
    assert_eq!(opened(|turn| turn % 9 % 2 == 0), None, "four of nine");
}

#[test]
fn what_failed_more_than_half_a_minute_ago_is_forgotten() {
    let mut played = Played::new();
    for _ in 0..4 {
        for turn in 0..10 {
            played.call(turn % 3 != 0);
        }
        played.wait(31);
    }
    assert_eq!(played.circuit(), Circuit::Closed(WHOLE));
}

#[test]
fn after_the_pause_one_call_at_a_time_is_let_through_and_two_good_ones_close_it() {
    let mut played = Played::opened();
    played.wait(4);
    assert_eq!(played.circuit(), Circuit::Open(Duration::from_secs(1)));
    played.wait(1);
    assert_eq!(played.circuit(), Circuit::Trying);
    let spell = played.breaker.begin(played.now);
    assert!(matches!(played.circuit(), Circuit::Open(_)));
    played.breaker.succeeded(spell, played.now);
    assert_eq!(played.circuit(), Circuit::Trying);
    played.call(true);
    assert_eq!(played.circuit(), Circuit::Closed(FIRST_SHARE));
}

#[test]
fn its_weight_comes_back_over_the_recovery() {
    let mut played = Played::opened();
    played.wait(5);
    played.call(true);
    played.call(true);
    let shares: Vec<_> = [0, 6, 9, 15]
        .iter()
        .map(|seconds| {
            played.wait(*seconds);
            played.circuit()
        })
        .collect();
    let closed = [100, 200, 500, 1_000].map(Circuit::Closed);
    assert_eq!(shares, closed);
}

#[test]
fn every_try_that_fails_doubles_the_pause_up_to_the_longest() {
    let mut played = Played::opened();
    let pauses: Vec<_> = (0..6)
        .map(|_| {
            let circuit = played.circuit();
            let pause = (0..100).map(Duration::from_secs);
            let pause = pause.into_iter().find(|it| circuit == Circuit::Open(*it));
            played.now += pause.unwrap_or_default();
            played.call(false);
            pause.map(|it| it.as_secs())
        })
        .collect();
    assert_eq!(pauses, [5, 10, 20, 40, 60, 60].map(Some));
}

#[test]
fn a_call_from_before_says_nothing_about_the_try_that_runs() {
    let mut played = Played::new();
    let old = played.breaker.begin(played.now);
    for _ in 0..5 {
        played.call(false);
    }
    played.wait(5);
    let trying = played.breaker.begin(played.now);
    played.breaker.failed(old, &TERMS, played.now, 0.0);
    played.breaker.succeeded(trying, played.now);
    assert_eq!(played.circuit(), Circuit::Trying);
}

#[test]
fn a_try_that_its_client_left_lets_the_next_one_try() {
    let mut played = Played::opened();
    played.wait(5);
    let spell = played.breaker.begin(played.now);
    played.breaker.left(spell);
    assert_eq!(played.circuit(), Circuit::Trying);
    played.breaker.begin(played.now);
    played.wait(LONGEST_TRY.as_secs());
    assert_eq!(played.circuit(), Circuit::Trying, "a lost try");
}

#[test]
fn without_a_number_of_failures_it_never_opens() {
    let terms = BreakerTerms {
        failures: 0,
        ..TERMS
    };
    let (mut breaker, now) = (Breaker::default(), mono());
    for _ in 0..100 {
        let spell = breaker.begin(now);
        breaker.failed(spell, &terms, now, 0.0);
    }
    assert_eq!(breaker.circuit(&terms, now), Circuit::Closed(WHOLE));
}

#[test]
fn failures_in_a_row_that_may_be_chance_do_not_open_it() {
    // Four of ten fail, by chance: fifty times five in a row.
    let mut played = Played::new();
    for index in 0..5_000 {
        played.call(mix(index) % 10 >= 4);
        assert_eq!(played.circuit(), Circuit::Closed(1_000), "{index}");
    }
    for _ in 0..20 {
        played.call(false);
    }
    assert!(matches!(played.circuit(), Circuit::Open(_)));
    // Where hardly any failed, five are enough.
    let mut played = Played::new();
    for _ in 0..2_000 {
        played.call(true);
    }
    for _ in 0..5 {
        played.call(false);
    }
    assert!(matches!(played.circuit(), Circuit::Open(_)));
}

#[test]
fn a_call_that_goes_there_before_the_time_has_passed_may_end_the_pause_and_not_prolong_it() {
    let mut played = Played::opened();
    played.wait(1);
    for _ in 0..3 {
        played.call(false);
    }
    assert_eq!(
        played.circuit(),
        Circuit::Open(Duration::from_secs(4)),
        "neither longer nor later"
    );
    played.call(true);
    assert_eq!(played.circuit(), Circuit::Trying);
    played.call(true);
    assert!(matches!(played.circuit(), Circuit::Closed(_)));
}

#[test]
fn calls_of_an_earlier_spell_say_nothing() {
    let mut played = Played::new();
    let old: Vec<Spell> = (0..5).map(|_| played.breaker.begin(played.now)).collect();
    for _ in 0..TERMS.failures {
        played.call(false);
    }
    played.wait(6);
    played.call(true);
    played.call(true);
    for spell in old {
        played.breaker.failed(spell, &TERMS, played.now, 0.0);
    }
    assert!(matches!(played.circuit(), Circuit::Closed(_)));
}

#[test]
fn a_call_that_breaks_off_after_its_first_words_is_a_failed_one() {
    let mut played = Played::new();
    let mut broken_off = |index: u32| {
        let spell = played.breaker.begin(played.now);
        played.breaker.succeeded(spell, played.now);
        if index % 5 < 3 {
            played.breaker.recant(spell, played.now);
            played.breaker.failed(spell, &TERMS, played.now, 0.0);
        }
        matches!(played.circuit(), Circuit::Open(_))
    };
    let opened = (0..80).position(&mut broken_off);
    assert!(opened.is_some_and(|it| it >= 19), "{opened:?}");
}

#[test]
fn a_try_that_breaks_off_after_its_first_words_opens_it_again() {
    let mut played = Played::opened();
    played.wait(6);
    let spell = played.breaker.begin(played.now);
    played.breaker.succeeded(spell, played.now);
    played.breaker.recant(spell, played.now);
    played.breaker.failed(spell, &TERMS, played.now, 0.0);
    assert!(matches!(played.circuit(), Circuit::Open(_)));
}

#[test]
fn a_pause_that_is_ended_lets_a_call_try_and_the_next_one_is_longer_all_the_same() {
    let mut played = Played::new();
    played.breaker.end_pause();
    assert_eq!(played.circuit(), Circuit::Closed(WHOLE), "there was none");
    let mut played = Played::opened();
    assert_eq!(played.breaker.stage(), Stage::Open);
    played.breaker.end_pause();
    assert_eq!(
        (played.breaker.stage(), played.circuit()),
        (Stage::Trying, Circuit::Trying)
    );
    played.call(false);
    assert_eq!(played.circuit(), Circuit::Open(2 * TERMS.pause));
}
