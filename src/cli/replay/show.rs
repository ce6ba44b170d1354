//! What came of a replay as text.

use tollward_store::NanoUsd;

use crate::cli::console::{Console, time_text};
use crate::replay::tally::{Report, Sums, Times};

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
    let headings = [
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
    let line = |name: String, was: &Sums, would_be: &Sums, times: Option<Times>| {
        [
            name,
            was.calls.to_string(),
            would_be.calls.to_string(),
            percent(was.calls, report.was.calls),
            percent(would_be.calls, report.would_be.calls),
            money(was),
            money(would_be),
            millis(times.map(|it| it.p50)),
            millis(times.map(|it| it.p95)),
        ]
    };
    let mut lines: Vec<[String; 9]> = Vec::new();
    for row in &report.deployments {
        let name = row.deployment.to_string();
        lines.push(line(name, &row.was, &row.would_be, row.first_content_ms));
    }
    let nobody = |was: u64, would_be: u64, name: &str| {
        let of = |calls| Sums {
            calls,
            ..Sums::default()
        };
        let mut line = line(format!("({name})"), &of(was), &of(would_be), None);
        for cell in line.iter_mut().skip(5) {
            "-".clone_into(cell);
        }
        line
    };
    if report.was.unasked + report.would_be.unasked > 0 {
        let (was, would_be) = (report.was.unasked, report.would_be.unasked);
        lines.push(nobody(was, would_be, "nobody was asked"));
    }
    for (why, calls) in &report.denied {
        lines.push(nobody(0, *calls, why));
    }
    let (was, would_be) = (&report.was, &report.would_be);
    lines.push(line("total".to_owned(), was, would_be, None));
    console.table(headings, lines)?;
    let failed = |it: &Sums| it.calls - it.answered.min(it.calls);
    writeln!(
        console.out,
        "\nfirst content: p50 {}, would be {}; p95 {}, would be {}\nwithout an answer: {}, would be {}",
        millis(report.first_content_ms.map(|it| it.p50)),
        millis(report.first_content_would_be_ms.map(|it| it.p50)),
        millis(report.first_content_ms.map(|it| it.p95)),
        millis(report.first_content_would_be_ms.map(|it| it.p95)),
        failed(was),
        failed(would_be),
    )?;
    remarks(report, console)
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
    for what in &notes.blind {
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
