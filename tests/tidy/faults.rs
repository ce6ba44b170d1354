//! The numbered faults of docs/faults.md, each with the tests that show what becomes of it.
//!
//! A row is an id, the fault, what happens, and `path::test` as often as there are tests; or
//! `none: ` and the reason. An id is in the table once, and a test that is named exists.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::files::{Source, number, read, sources, verdict};

const PAGE: &str = "docs/faults.md";
/// The families of faults and how many each has, numbered from 1.
const FAMILIES: [(&str, usize); 3] = [("U", 68), ("P", 29), ("K", 20)];
/// What stands in place of tests.
const WITHOUT: &str = "none: ";
/// A reason of fewer bytes is none.
const SHORTEST_REASON: usize = 30;

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn every_fault_has_a_test_or_a_reason() -> io::Result<()> {
    let tests: BTreeMap<String, BTreeSet<String>> = sources()?
        .iter()
        .map(|source| (source.path.clone(), tests_of(source)))
        .collect();
    let page = read(PAGE)?;
    let mut faults = Vec::new();
    let mut missing: BTreeSet<String> = ids().collect();
    for (line, text) in number(&page) {
        let Some(row) = Row::of(text) else { continue };
        let place = format!("{PAGE}:{line}");
        if !missing.remove(row.id) {
            faults.push(format!("{place}: `{}` is twice or unknown", row.id));
        }
        println!("{} {}\n    {}", row.id, row.fault, row.outcome);
        if let Some(reason) = row.shown.strip_prefix(WITHOUT) {
            println!("    {WITHOUT}{reason}");
            if reason.len() < SHORTEST_REASON {
                faults.push(format!("{place}: `{reason}` is no reason"));
            }
            continue;
        }
        let named: Vec<&str> = row.shown.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            faults.push(format!("{place}: neither a test nor a reason"));
        }
        for name in named {
            println!("    {name}");
            let known = name.split_once("::").is_some_and(|(path, test)| {
                tests.get(path).is_some_and(|tests| tests.contains(test))
            });
            if !known {
                faults.push(format!("{place}: there is no test `{name}`"));
            }
        }
    }
    faults.extend(missing.iter().map(|id| format!("{PAGE}: no row `{id}`")));
    verdict(&faults);
    Ok(())
}

#[test]
fn every_fault_that_a_comment_names_is_in_the_table() -> io::Result<()> {
    let known: BTreeSet<String> = ids().collect();
    let mut faults = Vec::new();
    for source in sources()? {
        for (line, text) in number(&source.text) {
            let Some((_, comment)) = text.split_once("//") else {
                continue;
            };
            let words = comment.split(|it: char| !it.is_ascii_alphanumeric() && it != '-');
            let is_ours = |it: &&str| FAMILIES.iter().any(|(family, _)| it.starts_with(family));
            for word in words.filter(|it| is_id(it)).filter(is_ours) {
                if !known.contains(word) {
                    faults.push(format!(
                        "{}:{line}: there is no fault `{word}`",
                        source.path
                    ));
                }
            }
        }
    }
    verdict(&faults);
    Ok(())
}

/// A line of the table.
struct Row<'a> {
    id: &'a str,
    fault: &'a str,
    outcome: &'a str,
    shown: &'a str,
}

impl<'a> Row<'a> {
    /// `None` where a line is none, such as a heading.
    fn of(line: &'a str) -> Option<Self> {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let mut cells = cells.split(" | ");
        let id = cells.next().filter(|it| is_id(it))?;
        Some(Self {
            id,
            fault: cells.next()?,
            outcome: cells.next()?,
            shown: cells.next()?,
        })
    }
}

fn is_id(word: &str) -> bool {
    let Some((family, digits)) = word.split_once('-') else {
        return false;
    };
    family.len() == 1 && !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit())
}

fn ids() -> impl Iterator<Item = String> {
    let family = |(family, count)| (1..=count).map(move |id| format!("{family}-{id:02}"));
    FAMILIES.into_iter().flat_map(family)
}

/// The names of a file's tests.
fn tests_of(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_marked = false;
    for line in source.code.lines().map(str::trim_start) {
        is_marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let code = line.strip_prefix("async ").unwrap_or(line);
        if let Some(name) = code.strip_prefix("fn ").and_then(|it| it.split('(').next()) {
            if is_marked {
                found.insert(name.to_owned());
            }
            is_marked = false;
        }
    }
    found
}
