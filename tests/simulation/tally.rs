//! What came of the calls of a world.

use std::time::Duration;

/// The times over which the plot adds up.
pub(crate) const BUCKET: Duration = Duration::from_secs(5);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a whole answer.
    Whole,
    /// In the midst of an answer, of which the client had the beginning.
    Cut,
    /// With a fault of the vendors.
    Failed,
    /// With a fault of its own, for which nobody is to blame.
    Refused,
    /// Nobody was asked, because all rest.
    Rested,
    /// Its client left.
    Left,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) calls: u32,
    pub(crate) whole: u32,
    /// Attempts at each deployment.
    pub(crate) attempts: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: usize,
    pub(crate) whole: usize,
    pub(crate) cut: usize,
    pub(crate) failed: usize,
    pub(crate) refused: usize,
    pub(crate) rested: usize,
    pub(crate) left: usize,
    pub(crate) attempts: usize,
    /// From the arrival to the first content, of each call that had any.
    pub(crate) times: Vec<Duration>,
    /// When each deployment was asked, with good and bad luck.
    pub(crate) asked: Vec<Vec<Duration>>,
    /// Answers of each deployment.
    pub(crate) answers: Vec<u32>,
    /// The first choices of calls that came while everything was well.
    pub(crate) firsts: Vec<u32>,
    /// Nothing stands in the way of any candidate of the call that comes.
    pub(crate) is_well: bool,
    pub(crate) buckets: Vec<Bucket>,
}

impl Tally {
    pub(crate) fn of(sites: usize) -> Self {
        Self {
            asked: vec![Vec::new(); sites],
            answers: vec![0; sites],
            firsts: vec![0; sites],
            ..Self::default()
        }
    }

    fn bucket(&mut self, at: Duration) -> &mut Bucket {
        let place = usize::try_from(at.as_millis() / BUCKET.as_millis()).unwrap();
        let empty = Bucket {
            attempts: vec![0; self.answers.len()],
            ..Bucket::default()
        };
        let many = self.buckets.len().max(place + 1);
        self.buckets.resize(many, empty);
        &mut self.buckets[place]
    }

    pub(crate) fn began(&mut self, now: Duration, plan: &[usize]) {
        let mut places = plan.to_vec();
        if self.is_well {
            self.firsts[places[0]] += 1;
        }
        places.sort_unstable();
        let all: Vec<usize> = (0..self.answers.len()).collect();
        assert_eq!(places, all, "the candidates of a call at {now:?}");
        self.calls += 1;
        self.bucket(now).calls += 1;
    }

    pub(crate) fn attempted(&mut self, now: Duration, site: usize) {
        self.attempts += 1;
        self.asked[site].push(now);
        self.bucket(now).attempts[site] += 1;
    }

    pub(crate) fn answered(&mut self, site: usize, time: Duration) {
        self.answers[site] += 1;
        self.times.push(time);
    }

    pub(crate) fn over(&mut self, started: Duration, ending: Ending) {
        let count = match ending {
            Ending::Whole => &mut self.whole,
            Ending::Cut => &mut self.cut,
            Ending::Failed => &mut self.failed,
            Ending::Refused => &mut self.refused,
            Ending::Rested => &mut self.rested,
            Ending::Left => &mut self.left,
        };
        *count += 1;
        self.bucket(started).whole += u32::from(ending == Ending::Whole);
    }

    /// Calls with a whole answer, of a hundred.
    pub(crate) fn success(&self) -> f64 {
        100.0 * ratio(self.whole, self.calls)
    }

    /// Attempts for each call.
    pub(crate) fn amplification(&self) -> f64 {
        ratio(self.attempts, self.calls)
    }

    /// The time to the first content that so many percent of the calls do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let place = (times.len() * percent / 100).min(times.len() - 1);
        times[place]
    }

    /// The largest difference between a share of the first choices and what `weights` say, in
    /// percent of all.
    pub(crate) fn share_error(&self, weights: &[u32]) -> f64 {
        let (all, whole) = (self.firsts.iter().sum(), weights.iter().sum());
        let shares = self.firsts.iter().zip(weights);
        let errors =
            shares.map(|(first, weight)| 100.0 * (of(*first, all) - of(*weight, whole)).abs());
        errors.fold(0.0, f64::max)
    }
}

fn of(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

fn ratio(part: usize, whole: usize) -> f64 {
    let of = |it| f64::from(u32::try_from(it).unwrap());
    of(part) / of(whole.max(1))
}
