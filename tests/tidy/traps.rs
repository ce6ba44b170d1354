//! The numbered traps of translating between APIs, each with the tests that would notice.
//!
//! A test says in a comment of its own line above it which of them it is about: `// trap 7`,
//! or `// traps 7, 12`.

use std::collections::BTreeMap;
use std::io;

use crate::files::{number, sources, verdict};

/// The traps, numbered from 1.
const TRAPS: usize = 40;

#[test]
#[expect(clippy::print_stdout, reason = "the list is for people")]
fn every_trap_of_translation_has_a_test() -> io::Result<()> {
    let mut tests: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut faults = Vec::new();
    for source in sources()? {
        for (line, text) in number(&source.text) {
            let Some(numbers) = marked(text) else {
                continue;
            };
            let name = source.text.lines().skip(line).find_map(test_name);
            let place = format!("{}:{line}", source.path);
            match (numbers, name) {
                (Ok(numbers), Some(name)) => {
                    for number in numbers {
                        let test = format!("{} {name}", source.path);
                        tests.entry(number).or_default().push(test);
                    }
                }
                (Err(word), _) => faults.push(format!("{place}: `{word}` is no trap")),
                (Ok(_), None) => faults.push(format!("{place}: no test follows")),
            }
        }
    }
    for trap in 1..=TRAPS {
        let found = tests.get(&trap).map(Vec::as_slice).unwrap_or_default();
        println!("trap {trap}");
        for test in found {
            println!("    {test}");
        }
        if found.is_empty() {
            faults.push(format!("no test says `// trap {trap}`"));
        }
    }
    verdict(&faults);
    Ok(())
}

/// The numbers on a marking line, or what is no number there; `None` if the line marks nothing.
fn marked(line: &str) -> Option<Result<Vec<usize>, String>> {
    let words = line.trim_start().strip_prefix("// trap")?;
    let numbers = words.strip_prefix('s').unwrap_or(words).strip_prefix(' ')?;
    let trap = |word: &str| {
        let word = word.trim();
        let known = word.parse().ok().filter(|it| (1..=TRAPS).contains(it));
        known.ok_or_else(|| word.to_owned())
    };
    Some(numbers.split(',').map(trap).collect())
}

/// The name of a test whose definition the line begins.
fn test_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}
