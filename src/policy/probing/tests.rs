use super::*;
use crate::clock::mono;

const TERMS: ProbeTerms = ProbeTerms {
    between: Duration::from_secs(5),
    every: None,
};
const IDLE: ProbeTerms = ProbeTerms {
    every: Some(Duration::from_secs(30)),
    ..TERMS
};

/// A deployment whose circuit does not move, looked at twice a second.
struct Asked {
    probing: Probing,
    terms: ProbeTerms,
    stage: Stage,
    now: Instant,
}

impl Asked {
    fn new(terms: ProbeTerms, stage: Stage) -> Self {
        Self {
            probing: Probing::default(),
            terms,
            stage,
            now: mono(),
        }
    }

    /// Half seconds until it is asked, of at most `most`.
    fn wait(&mut self, most: u32) -> Option<u32> {
        (0..=most).find(|step| {
            self.now += Duration::from_millis(if *step == 0 { 0 } else { 500 });
            self.probing.begin(&self.terms, self.stage, self.now, 0.0)
        })
    }

    fn told(&mut self, told: Told) -> (bool, News) {
        let at = (&self.terms, self.stage);
        self.probing.ended(told, at, self.now, 0.0)
    }

    fn hold(&self) -> Option<u64> {
        self.probing.hold(self.now).map(|it| it.as_secs())
    }
}

#[test]
fn an_open_circuit_is_asked_at_once_and_no_call_finds_out_meanwhile() {
    let mut asked = Asked::new(TERMS, Stage::Open);
    assert_eq!((asked.wait(0), asked.hold()), (Some(0), Some(10)));
    assert_eq!(asked.wait(10), None, "one at a time");
    assert_eq!(asked.told(Told::Fails), (false, News::Away));
    assert_eq!(asked.wait(20), Some(10));
    assert_eq!(asked.told(Told::Fails), (false, News::None));
    assert_eq!(asked.hold(), Some(15));
    assert_eq!(asked.wait(20), Some(10));
    assert_eq!(asked.told(Told::Answers), (true, News::Back));
    assert_eq!(asked.hold(), None);
}

#[test]
fn answers_that_calls_belie_shorten_no_second_pause() {
    let mut asked = Asked::new(TERMS, Stage::Open);
    for ends_pause in [true, false, false] {
        assert!(asked.wait(20).is_some());
        assert_eq!(asked.told(Told::Answers), (ends_pause, News::None));
    }
    // One that failed knows an outage when it sees one.
    for (told, ends_pause) in [(Told::Fails, false), (Told::Answers, true)] {
        assert!(asked.wait(20).is_some());
        assert_eq!(asked.told(told).0, ends_pause);
    }
}

#[test]
fn who_works_is_asked_only_if_nobody_calls_and_the_first_failure_may_be_chance() {
    assert_eq!(Asked::new(TERMS, Stage::Closed).wait(1_000), None);
    let mut asked = Asked::new(IDLE, Stage::Closed);
    assert_eq!(asked.wait(100), Some(60));
    asked.told(Told::Answers);
    assert_eq!(asked.wait(50), None);
    asked.probing.called(false, asked.now);
    assert_eq!(asked.wait(100), Some(60), "a call is news as well");
    assert_eq!(asked.told(Told::Fails), (false, News::None));
    assert_eq!(asked.hold(), None);
    assert_eq!(asked.wait(100), Some(2));
    assert_eq!(asked.told(Told::Fails), (false, News::Away));
    assert!(asked.hold().is_some());
    assert_eq!(asked.wait(100), Some(10));
    asked.probing.called(true, asked.now);
    assert_eq!(asked.hold(), None, "a call that is answered knows better");
}

#[test]
fn where_calls_try_nobody_asks_and_what_nobody_told_keeps_no_call_away() {
    let mut asked = Asked::new(IDLE, Stage::Trying);
    assert_eq!(asked.wait(1_000), None);
    asked.stage = Stage::Open;
    assert_eq!(asked.wait(0), Some(0));
    assert_eq!(asked.told(Told::Nothing), (false, News::None));
    assert_eq!(asked.hold(), None);
    // The configuration was changed, and nobody asks any more.
    assert!(asked.wait(20).is_some());
    asked.told(Told::Fails);
    asked.now += Duration::from_secs(16);
    assert_eq!(asked.hold(), None);
    // Nor does anybody wait for ever for a probe that told nothing.
    assert!(asked.wait(0).is_some());
    asked.now += LONGEST;
    assert_eq!((asked.hold(), asked.wait(0)), (None, Some(0)));
}
