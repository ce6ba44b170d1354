//! In which order the candidates of a call are asked.
//!
//! A policy gives each candidate a rank; lower ranks are asked first. A route names one policy or
//! several: the second decides between those that the first ranks alike, and so on, and what is
//! still alike stays in the order in which it was written. Policies see numbers only: the clock,
//! chance and the state of deployments are in [`Outlook`] and [`Draw`], so each is a table in its
//! test and the whole can be replayed.
//!
//! To add a policy: a file with a [`RoutingPolicy`], and a row in [`POLICIES`].

mod cheapest;
mod fastest;
mod headroom;
mod least_busy;
mod ordered;
mod round_robin;
mod sticky;
mod weighted;

use tollward_store::NanoUsd;

/// The policies, by the names that are written in the configuration.
pub static POLICIES: [&dyn RoutingPolicy; 8] = [
    &ordered::Ordered,
    &weighted::Weighted,
    &round_robin::RoundRobin,
    &least_busy::LeastBusy,
    &fastest::Fastest,
    &cheapest::Cheapest,
    &headroom::Headroom,
    &sticky::Sticky,
];

/// A whole share, in the thousandths that shares are in.
pub const WHOLE: u32 = 1_000;

/// Keys that are followed by smaller ones, where keys are nearly in order.
const FEW_STEPS_BACK: usize = 2;

/// What a policy sees of one candidate.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// Tells candidates apart, the same in every process.
    pub identity: u64,
    /// Its share of the calls, against the others' shares. Less while it comes back from a failure.
    pub weight: u64,
    /// Calls that it answers now.
    pub in_flight: u32,
    /// Microseconds to the first content of this call; `None` if it was not asked lately.
    pub first_content_us: Option<u64>,
    /// What this call will cost there, about; `None` if no price is known.
    pub cost: Option<NanoUsd>,
    /// Thousandths that are left of the vendor's tightest limit; `None` if it told none.
    pub headroom: Option<u32>,
    /// It answered the last turn of this conversation, so it has the beginning in its cache.
    pub is_warm: bool,
}

/// Chance, as one call has it.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// The number of the call among those of its route.
    pub turn: u64,
    /// A fraction of 2⁶⁴ that is spread evenly: over the calls, or over whatever is to stay together.
    pub point: u64,
    /// 64 bits that no other call has.
    pub seed: u64,
}

impl Draw {
    /// The draw of call number `turn`. Points of successive calls lie as far apart as they can: the
    /// multiples of the golden ratio, which keep shares exact over few calls already.
    pub fn of_turn(turn: u64, seed: u64) -> Self {
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        Self {
            turn,
            point: turn.wrapping_mul(GOLDEN),
            seed,
        }
    }

    /// The same for a call that belongs to `unit`, whose calls all get the same point.
    #[must_use]
    pub fn together(self, unit: u64) -> Self {
        Self {
            point: mix(unit),
            ..self
        }
    }

    /// A fraction of 2⁶⁴ for one candidate, which no other one has.
    fn of(self, identity: u64) -> u64 {
        mix(self.seed ^ identity)
    }
}

/// What a policy looks at that takes work to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// [`Outlook::cost`].
    Cost,
    /// [`Outlook::headroom`].
    Headroom,
    /// [`Outlook::is_warm`].
    Warmth,
}

/// A way to order candidates.
pub trait RoutingPolicy: Sync {
    /// What it is called in the configuration.
    fn name(&self) -> &'static str;

    /// Whether it ranks no two alike, so that nothing is left for another policy to decide.
    fn is_total(&self) -> bool {
        false
    }

    /// What it looks at; the rest of an [`Outlook`] is always there.
    fn look(&self) -> Option<Look> {
        None
    }

    /// Gives each candidate a rank; `ranks` is as long as `outlooks`.
    fn rank(&self, outlooks: &[Outlook], draw: Draw, ranks: &mut [u64]);
}

/// The policy of that name.
pub fn policy(name: &str) -> Option<&'static dyn RoutingPolicy> {
    POLICIES.iter().find(|it| it.name() == name).copied()
}

/// Places of the candidates in the order in which `policies` have them asked.
pub fn order(policies: &[&dyn RoutingPolicy], outlooks: &[Outlook], draw: Draw) -> Vec<usize> {
    let many = outlooks.len();
    if many < 2 {
        return (0..many).collect();
    }
    let mut sorting = Sorting {
        policies,
        outlooks,
        draw,
        place_bits: u64::BITS - (many as u64).leading_zeros(),
        ranks: Vec::with_capacity(many * policies.len()),
    };
    let mut keys: Vec<u64> = (0..many as u64).collect();
    sorting.sort(0, &mut keys);
    let places = keys.into_iter().map(|key| sorting.place(key));
    places.collect()
}

/// Candidates on their way into their order.
///
/// A key is a rank with the place of its candidate behind it: sorting numbers is what processors do
/// fastest, and no two are the same, so what is alike stays in the order in which it was written.
struct Sorting<'a> {
    policies: &'a [&'a dyn RoutingPolicy],
    outlooks: &'a [Outlook],
    draw: Draw,
    place_bits: u32,
    /// What the policies that were asked so far say, one after the other.
    ranks: Vec<u64>,
}

impl Sorting<'_> {
    fn place(&self, key: u64) -> usize {
        let place = key & !(u64::MAX << self.place_bits);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    /// Sorts candidates that the policies before this one rank alike.
    fn sort(&mut self, policy: usize, keys: &mut [u64]) {
        let Some(asked) = self.policies.get(policy) else {
            return;
        };
        let before = policy * self.outlooks.len();
        if self.ranks.len() == before {
            self.ranks.resize(before + self.outlooks.len(), 0);
            let ranks = self.ranks.get_mut(before..).unwrap_or_default();
            asked.rank(self.outlooks, self.draw, ranks);
            shorten(ranks, u64::MAX >> self.place_bits);
        }
        let ranks = self.ranks.get(before..).unwrap_or_default();
        let bits = self.place_bits;
        for key in &mut *keys {
            let rank = ranks.get(self.place(*key)).copied().unwrap_or_default();
            *key = rank << bits | *key & !(u64::MAX << bits);
        }
        arrange(keys);
        if policy + 1 < self.policies.len() {
            for alike in keys.chunk_by_mut(|one, next| one >> bits == next >> bits) {
                if alike.len() > 1 {
                    self.sort(policy + 1, alike);
                }
            }
        }
    }
}

/// Sorts keys, no two of which are the same. Some policies leave the candidates as they were, or nearly:
/// that is seen at once by the one way of sorting, and the other one is faster with what is mixed.
#[expect(
    clippy::stable_sort_primitive,
    reason = "merging what is nearly in order is faster here"
)]
fn arrange(keys: &mut [u64]) {
    let following = keys.iter().zip(keys.iter().skip(1));
    let steps_back = following.filter(|(one, next)| one > next).count();
    if steps_back <= FEW_STEPS_BACK {
        keys.sort();
    } else {
        keys.sort_unstable();
    }
}

/// Makes ranks fit below `most`, which stands for the largest number, without changing their order.
fn shorten(ranks: &mut [u64], most: u64) {
    let is_short = |it: &u64| *it < most || *it == u64::MAX;
    if !ranks.iter().all(is_short) {
        let mut all = ranks.to_vec();
        all.sort_unstable();
        all.dedup();
        for rank in &mut *ranks {
            *rank = all.partition_point(|it| it < rank) as u64;
        }
    }
    for rank in ranks {
        *rank = (*rank).min(most);
    }
}

/// A number that stands for some bytes, the same in every process (FNV-1a, spread).
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(hash)
}

/// Spreads a number over all of 64 bits (the finalizer of `SplitMix64`).
pub fn mix(number: u64) -> u64 {
    let mut it = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    it ^ (it >> 31)
}

#[cfg(test)]
mod tests;
