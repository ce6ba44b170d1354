//! What the policies make of a bad quarter of an hour: the figures of docs/simulation.md.
//!
//! A hundred thousand calls over five deployments, each of which has its trouble. What is asserted
//! are bounds; `cargo test --test simulation figures -- --nocapture` prints the table, and leaves it
//! and the plots in the target's folder for temporary files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use tollward_wire::fault::Fault;

use crate::plot::plot;
use crate::site::{Nature, Spell, Trouble};
use crate::tally::Tally;
use crate::world::{Clients, Ordering, World};

const CALLS: usize = 100_000;
const PER_SECOND: u32 = 100;
const WEIGHTS: [u32; 5] = [40, 25, 20, 10, 5];

/// The troubles of the day, and when they are.
pub(crate) const DAY: [(&str, u64, u64); 8] = [
    ("A down", 60, 120),
    ("B 8× slower", 180, 270),
    ("C 429, 7 s", 320, 380),
    ("C 429", 420, 460),
    ("D frozen", 500, 560),
    ("E flaps", 600, 690),
    ("A, B down", 740, 800),
    ("all but E at 50 %", 860, 920),
];

fn day() -> Vec<Nature> {
    let mut natures: Vec<Nature> = WEIGHTS
        .iter()
        .zip([400, 300, 500, 350, 600])
        .map(|(weight, time)| Nature::like(*weight, time))
        .collect();
    let limited = |wait| Trouble::Failing(Fault::RateLimited, wait, 1_000);
    let mut befalls = |site: usize, trouble, event: usize| {
        let (_, from, until) = DAY[event];
        natures[site].spells.push(Spell::of(trouble, from, until));
    };
    befalls(0, Trouble::Down, 0);
    befalls(1, Trouble::Slow(8), 1);
    befalls(2, limited(Some(Duration::from_secs(7))), 2);
    befalls(2, limited(None), 3);
    befalls(3, Trouble::Frozen, 4);
    befalls(0, Trouble::Down, 6);
    befalls(1, Trouble::Down, 6);
    for site in 0..4 {
        befalls(site, Trouble::Failing(Fault::Server, None, 500), 7);
    }
    let flaps = (0..9).map(|turn| DAY[5].1 + turn * 10);
    natures[4]
        .spells
        .extend(flaps.map(|from| Spell::of(Trouble::Down, from, from + 5)));
    natures[0].per_minute = Some(3_000);
    for (nature, price) in natures.iter_mut().zip([900, 1_000, 700, 1_200, 800]) {
        nature.price = price;
        nature.errors = 2;
    }
    natures
}

/// One row of the table.
struct Row {
    name: String,
    tally: Tally,
}

impl Row {
    fn of(names: &[&str]) -> Self {
        let ordering = if names.is_empty() {
            Ordering::Blind
        } else {
            Ordering::by(names)
        };
        let clients = Clients::steady(CALLS, PER_SECOND);
        let world = World::new(day(), &ordering, &clients, 5).play();
        world.is_settled();
        let name = if names.is_empty() {
            "chance alone".to_owned()
        } else {
            format!("`{}`", names.join("`, `"))
        };
        Self {
            name,
            tally: world.tally,
        }
    }

    fn written(&self) -> String {
        let it = &self.tally;
        let percent = |part: usize| 100.0 * as_f64(part) / as_f64(it.calls);
        let seconds = |percent| it.percentile(percent).as_secs_f64();
        format!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.3} | {} |",
            self.name,
            it.success(),
            percent(it.cut),
            percent(it.failed + it.rested),
            seconds(50),
            seconds(99),
            it.amplification() - 1.0,
            if self.name == "`weighted`" {
                format!("{:.2}", it.share_error(&WEIGHTS))
            } else {
                "–".to_owned()
            },
        )
    }
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn figures_of_a_bad_day_stay_within_their_bounds() {
    let lists: [&[&str]; 8] = [
        &[],
        &["ordered"],
        &["weighted"],
        &["round_robin"],
        &["least_busy"],
        &["fastest"],
        &["cheapest"],
        &["headroom"],
    ];
    let (some, others) = lists.split_at(lists.len() / 2);
    let rows = |lists: &[&[&str]]| -> Vec<Row> { lists.iter().map(|it| Row::of(it)).collect() };
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| rows(some));
        let second = rows(others);
        all.extend(first.join().unwrap());
        all.extend(second);
    });
    let mut table = String::from(
        "| Policy | Whole answers, % | Cut, % | Failed, % | p50, s | p99, s | More attempts a call | Share error, points |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in &all {
        writeln!(table, "{}", row.written()).unwrap();
    }
    println!("{table}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(folder.join("simulation.md"), &table).unwrap();
    for row in &all[..3] {
        let name = row.name.replace(['`', ' '], "");
        let file = folder.join(format!("simulation-{name}.svg"));
        std::fs::write(&file, plot(&row.name.replace('`', ""), &row.tally)).unwrap();
        println!("{}", file.display());
    }
    are_within_bounds(&all);
}

fn are_within_bounds(rows: &[Row]) {
    let blind = &rows[0].tally;
    for row in &rows[1..] {
        let (name, it) = (&row.name, &row.tally);
        assert!(it.success() > 99.0, "{name}: {} %", it.success());
        assert!(it.failed + it.rested <= 20, "{name}: {}", it.failed);
        assert!(it.amplification() <= 1.12, "{name}: {}", it.amplification());
        assert!(
            it.cut < blind.cut || blind.failed > 10 * it.failed,
            "{name}"
        );
    }
    let error = rows[2].tally.share_error(&WEIGHTS);
    assert!(error < 0.5, "shares are off by {error} points");
}
