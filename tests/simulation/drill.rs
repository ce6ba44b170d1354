//! An outage drill: what a minute of trouble at one of three deployments costs at 200 calls a second.

use std::time::Duration;

use crate::site::{Nature, Spell, Trouble};
use crate::world::{Clients, Ordering, World};

const WEIGHTS: [u32; 3] = [50, 30, 20];
const FROM: u64 = 15;
const UNTIL: u64 = 75;
const PER_SECOND: u32 = 200;

/// What is done to a deployment.
struct Drill {
    name: &'static str,
    policy: &'static str,
    spells: Vec<Spell>,
    /// The longest time until calls go elsewhere.
    failover_ms: u64,
    /// How long calls come.
    seconds: usize,
    /// The longest time from the end of the trouble until it has its share again.
    back_s: u64,
}

fn drills() -> Vec<Drill> {
    let flaps = (FROM..UNTIL).step_by(10);
    let drill = |name, policy, (failover_ms, back_s), spells| Drill {
        name,
        policy,
        spells,
        failover_ms,
        back_s,
        // An average of answers that were twenty times slower takes its time.
        seconds: if name == "slow" { 180 } else { 140 },
    };
    let minute = |trouble| vec![Spell::of(trouble, FROM, UNTIL)];
    vec![
        drill("kill", "weighted", (500, 55), minute(Trouble::Down)),
        drill("freeze", "weighted", (11_000, 45), minute(Trouble::Frozen)),
        drill("freeze", "fastest", (11_000, 45), minute(Trouble::Frozen)),
        drill("slow", "fastest", (11_000, 90), minute(Trouble::Slow(20))),
        drill(
            "flap",
            "weighted",
            (500, 35),
            flaps
                .map(|from| Spell::of(Trouble::Down, from, from + 5))
                .collect(),
        ),
    ]
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn a_minute_of_trouble_costs_only_what_was_under_way() {
    println!(
        "| Drill | Policy | Share, % | Failover, s | Attempts a call | Failed | Cut | p99, s | Share back, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for drill in drills() {
        // `fastest` does not look at weights: one stands for all.
        let sites = if drill.policy == "fastest" {
            1
        } else {
            WEIGHTS.len()
        };
        for site in 0..sites {
            is_drilled(&drill, site);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn is_drilled(drill: &Drill, site: usize) {
    let mut natures: Vec<_> = WEIGHTS.iter().map(|it| Nature::like(*it, 300)).collect();
    natures[site].spells.clone_from(&drill.spells);
    let clients = Clients::steady(drill.seconds * 200, PER_SECOND);
    let ordering = Ordering::by(&[drill.policy]);
    let world = World::new(natures, &ordering, &clients, 7).play();
    world.is_settled();
    let tally = &world.tally;
    let asked = Asked(&tally.asked[site]);
    let failover = asked.falls(Duration::from_secs(FROM));
    let back = asked.rises(Duration::from_secs(UNTIL));
    let seconds =
        |it: Option<Duration>| it.map_or("–".to_owned(), |it| format!("{:.1}", it.as_secs_f64()));
    println!(
        "| {} | `{}` | {} | {} | {:.3} | {} | {} | {:.2} | {} |",
        drill.name,
        drill.policy,
        WEIGHTS[site],
        seconds(failover),
        tally.amplification(),
        tally.failed + tally.rested,
        tally.cut,
        tally.percentile(99).as_secs_f64(),
        seconds(back),
    );
    let what = format!("{} of {} %", drill.name, WEIGHTS[site]);
    assert_eq!(tally.failed + tally.rested, 0, "{what}: calls that failed");
    assert!(tally.amplification() <= 1.12, "{what}");
    let failover = failover.unwrap_or(Duration::MAX);
    assert!(
        failover <= Duration::from_millis(drill.failover_ms),
        "{what}: {failover:?}"
    );
    let back = back.unwrap_or(Duration::MAX);
    assert!(
        back <= Duration::from_secs(drill.back_s),
        "{what}: {back:?}"
    );
    // What is under way when connections break cannot be saved.
    let breaks = drill
        .spells
        .iter()
        .filter(|it| matches!(it.trouble, Trouble::Down));
    assert!(
        tally.cut <= breaks.count() * 600,
        "{what}: {} cut",
        tally.cut
    );
}

/// When a deployment was asked.
struct Asked<'a>(&'a [Duration]);

impl Asked<'_> {
    fn between(&self, from: Duration, until: Duration) -> usize {
        self.0
            .iter()
            .filter(|it| (from..until).contains(*it))
            .count()
    }

    /// After how long it is hardly asked any more: for three seconds less than a tenth as often.
    fn falls(&self, from: Duration) -> Option<Duration> {
        let usual = self.between(from - Duration::from_secs(10), from);
        let window = Duration::from_secs(3);
        let steps = (0..200).map(|step| Duration::from_millis(step * 100));
        steps.into_iter().find(|after| {
            let begin = from + *after;
            self.between(begin, begin + window) * 100 < usual * 3
        })
    }

    /// After how long it is asked as often as before, or nearly so.
    fn rises(&self, until: Duration) -> Option<Duration> {
        let usual = self.between(Duration::from_secs(FROM - 10), Duration::from_secs(FROM));
        let steps = (0..100).map(Duration::from_secs);
        steps.into_iter().find(|after| {
            let begin = until + *after;
            self.between(begin, begin + Duration::from_secs(5)) * 20 >= usual * 9
        })
    }
}
