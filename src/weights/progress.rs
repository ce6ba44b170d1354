//! How a download tells a person where it is.
//!
//! Weights are fetched by code that knows nothing of terminals; it speaks to `Progress`. Two listeners
//! exist: a bar for a terminal, and plain lines at every tenth for a log.

use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};

/// Somebody who wants to know how far a transfer is.
pub trait Progress: Send {
    /// Says one thing that is worth a line of its own.
    fn note(&mut self, line: &str);
    /// A transfer of `total` bytes begins with `done` of them already here.
    fn begin(&mut self, done: u64, total: u64);
    /// Now `done` bytes are here. May go back when a transfer starts over.
    fn advance(&mut self, done: u64);
    /// The transfer ended, well or not.
    fn end(&mut self);
}

/// A moving bar on standard error.
#[derive(Debug, Default)]
pub struct Bar {
    bar: Option<ProgressBar>,
}

impl Bar {
    /// A bar that appears with the first transfer.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Progress for Bar {
    fn note(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => drop(writeln!(std::io::stderr(), "{line}")),
        }
    }

    fn begin(&mut self, done: u64, total: u64) {
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:30} {bytes:>10} of {total_bytes}  {bytes_per_sec}  {eta} left",
        ) {
            bar.set_style(style);
        }
        // What was here before must not count as speed.
        bar.set_position(done);
        bar.reset_eta();
        self.bar = Some(bar);
    }

    fn advance(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// One line at every tenth of the way, for logs and pipes.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    total: u64,
    tenths: u64,
}

impl<W: Write> Lines<W> {
    /// Lines written to `out`; a failing writer is ignored, since progress is not the work.
    pub fn new(out: W) -> Self {
        Self {
            out,
            total: 0,
            tenths: 0,
        }
    }
}

impl<W: Write + Send> Progress for Lines<W> {
    fn note(&mut self, line: &str) {
        drop(writeln!(self.out, "{line}"));
    }

    fn begin(&mut self, done: u64, total: u64) {
        self.total = total;
        self.tenths = tenths(done, total);
    }

    fn advance(&mut self, done: u64) {
        let tenths = tenths(done, self.total);
        if tenths > self.tenths {
            let (done, total) = (bytes_text(done), bytes_text(self.total));
            drop(writeln!(self.out, "{}%  {done} of {total}", tenths * 10));
        }
        self.tenths = tenths;
    }

    fn end(&mut self) {
        self.total = 0;
    }
}

fn tenths(done: u64, total: u64) -> u64 {
    done.saturating_mul(10)
        .checked_div(total)
        .unwrap_or(0)
        .min(10)
}

/// A size as people say it, in decimal units: `98.4 MB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests;
