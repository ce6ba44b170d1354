//! What came of a replay as text.

use tollward_store::NanoUsd;

use crate::cli::console::{Console, time_text};
use crate::replay::tally::{Report, Sums};

/// Shows what would have changed, and what must be known to read it.
pub(super) fn report(report: &Report, console: &mut Console<'_>) -> anyhow::Result<()> {
    let Some(first_ms) = report.first_ms else {
        writeln!(
            console.notes,
            "No call of this time can be walked again; `--since` looks further back."
        )?;
        return remarks(report, console);
    };
    writeln!(
        console.out,
        "{} calls from {} to {} (UTC); {} would have gone elsewhere\n",
        report.was.calls,
        time_text(first_ms),
        time_text(report.last_ms),
        percent(report.moved, report.was.calls),
    )?;
    console.table(HEADINGS, lines(report))?;
    let unanswered = |it: &Sums| it.calls.saturating_sub(it.answered);
    let (was, would_be) = (report.first_content_ms, report.first_content_would_be_ms);
    writeln!(
        console.out,
        "\nfirst content: p50 {}, would be {}; p95 {}, would be {}\nwithout an answer: {}, would be {}",
        millis(was.map(|it| it.p50)),
        millis(would_be.map(|it| it.p50)),
        millis(was.map(|it| it.p95)),
        millis(would_be.map(|it| it.p95)),
        unanswered(&report.was),
        unanswered(&report.would_be),
    )?;
    remarks(report, console)
}

const HEADINGS: [&str; 9] = [
    "DEPLOYMENT",
    "CALLS",
    "WOULD BE",
    "SHARE",
    "WOULD BE",
    "COST",
    "WOULD BE",
    "P50",
    "P95",
];

/// A line for each deployment, for those who would be refused, and for all.
fn lines(report: &Report) -> Vec<[String; 9]> {
    let line = |name: &str, was: &Sums, would_be: &Sums| {
        let mut line = HEADINGS.map(|_| "-".to_owned());
        let cells = [
            name.to_owned(),
            was.calls.to_string(),
            would_be.calls.to_string(),
            percent(was.calls, report.was.calls),
            percent(would_be.calls, report.would_be.calls),
            money(was),
            money(would_be),
        ];
        for (place, cell) in line.iter_mut().zip(cells) {
            *place = cell;
        }
        line
    };
    let mut lines: Vec<[String; 9]> = Vec::new();
    for row in &report.deployments {
        let mut line = line(&row.deployment, &row.was, &row.would_be);
        let [.., p50, p95] = &mut line;
        *p50 = millis(row.first_content_ms.map(|it| it.p50));
        *p95 = millis(row.first_content_ms.map(|it| it.p95));
        lines.push(line);
    }
    let unasked = (report.was.unasked, report.would_be.unasked);
    let unasked = (unasked != (0, 0)).then_some(("nobody was asked", unasked));
    let denied = report.denied.iter();
    let denied = denied.map(|(why, calls)| (&**why, (0, *calls)));
    for (name, (was, would_be)) in unasked.into_iter().chain(denied) {
        let of = |calls| Sums {
            calls,
            ..Sums::default()
        };
        let mut line = line(&format!("({name})"), &of(was), &of(would_be));
        for cell in line.iter_mut().skip(5) {
            "-".clone_into(cell);
        }
        lines.push(line);
    }
    lines.push(line("total", &report.was, &report.would_be));
    lines
}

/// What could not be walked, and what was guessed.
fn remarks(report: &Report, console: &mut Console<'_>) -> anyhow::Result<()> {
    let (left_out, notes) = (&report.left_out, &report.notes);
    for (count, what) in [
        (
            left_out.undecided,
            "calls are left out: their rows do not say what routing saw, because the release that wrote them did not keep it or they have not ended yet.",
        ),
        (
            left_out.unreadable,
            "calls are left out: a newer release wrote their rows. Replay them with that one.",
        ),
        (
            notes.older,
            "calls are of a release that kept no users and no conversations: `sticky` and `spread_by` know nothing of them.",
        ),
        (
            notes.cut_tags,
            "calls had more tags than the log keeps; conditions saw the first ones.",
        ),
        (
            notes.strangers,
            "calls are of keys that the store does not have; they were taken to be allowed every model.",
        ),
        (
            notes.expected,
            "calls failed in the log and would have been answered; what they cost is expected, not known.",
        ),
        (
            report.untimed,
            "answers would come from deployments whose times the log does not know; they are in no time.",
        ),
        (
            report.would_be.unpriced,
            "calls would go where no price is known, and are missing from the cost.",
        ),
    ] {
        if count > 0 {
            writeln!(console.notes, "{count} {what}")?;
        }
    }
    for what in &notes.not_kept {
        writeln!(
            console.notes,
            "{what} looks at what the log does not keep: a guard then holds, a rule or `when` does not, and `headroom` ranks all alike."
        )?;
    }
    Ok(())
}

fn money(sums: &Sums) -> String {
    match (sums.unpriced, sums.cost) {
        (0, cost) => cost.to_string(),
        (_, NanoUsd(0)) => "unknown".to_owned(),
        (_, cost) => format!("≥{cost}"),
    }
}

fn millis(time: Option<u64>) -> String {
    time.map_or_else(|| "unknown".to_owned(), |it| format!("{it} ms"))
}

/// In tenths of a percent, rounded.
fn percent(part: u64, whole: u64) -> String {
    let whole = u128::from(whole.max(1));
    let tenths = (u128::from(part) * 1_000 + whole / 2) / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}
