//! Sizes, names and reserved calls in Rust files.

use std::io;

use crate::files::{Source, number, sources, verdict};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 60;
const MAX_MODULE_DOC_LINES: usize = 12;

/// Names that tell a reader nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "helpers", "misc", "types", "core",
];

/// A call that only some files may make; tests may do as they like.
struct Reserved {
    calls: &'static [&'static str],
    files: &'static [&'static str],
}

const RESERVED: &[Reserved] = &[
    Reserved {
        calls: &["tokio::spawn(", "task::spawn(", "JoinSet::"],
        files: &["src/task.rs"],
    },
    Reserved {
        calls: &[
            "Instant::now(",
            "SystemTime::now(",
            "Timestamp::now(",
            "Zoned::now(",
        ],
        // Chat templates may ask for the date: `strftime_now` is part of their language.
        files: &["src/clock.rs", "engine/src/template/functions.rs"],
    },
    Reserved {
        calls: &["fastrand::", "rand::", "Uuid::now_v7(", "Uuid::new_v4("],
        files: &["src/clock.rs"],
    },
    Reserved {
        calls: &["env::var(", "env::vars(", "env::var_os(", "env::vars_os("],
        files: &["src/main.rs"],
    },
];

#[test]
fn no_file_outgrows_five_hundred_lines() -> io::Result<()> {
    let sources = sources()?;
    let long = sources
        .iter()
        .filter(|s| !s.is_test() && s.body().count() > MAX_FILE_LINES);
    verdict(
        &long
            .map(|s| format!("{}: {} lines", s.path, s.body().count()))
            .collect::<Vec<_>>(),
    );
    Ok(())
}

#[test]
fn no_function_outgrows_sixty_lines() -> io::Result<()> {
    let mut faults = Vec::new();
    // A test may hold a long table of cases.
    for source in sources()?.iter().filter(|s| !s.is_test()) {
        let end = source.body().count();
        for function in functions(&source.code) {
            if function.lines > MAX_FUNCTION_LINES && function.line <= end {
                let Function { name, line, lines } = function;
                faults.push(format!(
                    "{}:{line}: `{name}` has {lines} lines",
                    source.path
                ));
            }
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn every_room_has_a_telling_name() -> io::Result<()> {
    let mut faults = Vec::new();
    for source in sources()?.iter().filter(|s| !s.is_test()) {
        let path = &source.path;
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        let Some((file, folders)) = parts.split_last() else {
            continue;
        };
        if *file == "mod" {
            faults.push(format!("{path}: a module is `foo.rs` beside `foo/`"));
        }
        if EMPTY_NAMES.iter().any(|name| parts.contains(name)) || folders.contains(&"models") {
            faults.push(format!(
                "{path}: the name says nothing about what is inside"
            ));
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn every_module_says_what_lives_in_it() -> io::Result<()> {
    let mut faults = Vec::new();
    for source in sources()?.iter().filter(|s| !s.is_test()) {
        let lines = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count();
        if lines == 0 {
            faults.push(format!("{}:1: no module documentation", source.path));
        }
        if lines > MAX_MODULE_DOC_LINES && !source.path.ends_with("lib.rs") {
            faults.push(format!(
                "{}:1: {lines} lines of module documentation",
                source.path
            ));
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn clock_chance_tasks_and_environment_stay_in_their_rooms() -> io::Result<()> {
    let mut faults = Vec::new();
    // An example is a program of its own, with a clock and arguments of its own.
    let is_ours = |s: &&Source| !s.is_test() && !s.path.contains("examples/");
    for source in sources()?.iter().filter(is_ours) {
        for rule in RESERVED
            .iter()
            .filter(|rule| !rule.files.contains(&source.path.as_str()))
        {
            for (line, text) in source.body() {
                if let Some(call) = rule.calls.iter().find(|call| has_call(text, call)) {
                    let homes = rule.files.join(", ");
                    faults.push(format!(
                        "{}:{line}: `{call}` belongs to {homes}",
                        source.path
                    ));
                }
            }
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn nothing_is_left_for_later() -> io::Result<()> {
    let banned = [
        "todo!(",
        "unimplemented!(",
        "#[ignore",
        "#[should_panic",
        "dbg!(",
    ];
    let mut faults = Vec::new();
    for source in sources()? {
        for (line, text) in number(&source.code) {
            for word in banned.iter().filter(|word| text.contains(**word)) {
                faults.push(format!("{}:{line}: `{word}`", source.path));
            }
        }
        for (line, text) in number(&source.text) {
            let open = ["TODO", "FIXME", "XXX"]
                .iter()
                .any(|mark| text.contains(&format!("// {mark}")));
            if open && !text.contains("(#") {
                faults.push(format!(
                    "{}:{line}: work left without an issue",
                    source.path
                ));
            }
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn every_test_name_is_a_sentence() -> io::Result<()> {
    let mut faults = Vec::new();
    let mut tests = 0;
    for source in sources()? {
        let mut marked = false;
        for (line, text) in number(&source.code) {
            let text = text.trim();
            marked |= text.starts_with("#[test]") || text.starts_with("#[tokio::test");
            let Some(name) = function_name(text).filter(|_| marked) else {
                continue;
            };
            (marked, tests) = (false, tests + 1);
            if name.starts_with("test_") || name.matches('_').count() < 2 {
                faults.push(format!(
                    "{}:{line}: `{name}` is not a sentence",
                    source.path
                ));
            }
        }
    }
    assert!(tests > 0, "no test found");
    verdict(&faults);
    Ok(())
}

/// A function: its name, where it starts, and how many lines of code it holds.
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn has_call(text: &str, call: &str) -> bool {
    text.match_indices(call).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn function_name(text: &str) -> Option<&str> {
    let (before, after) = text.split_once("fn ")?;
    let is_word = before.is_empty() || before.ends_with(' ');
    after
        .split(['(', '<'])
        .next()
        .filter(|name| is_word && !name.is_empty())
}

fn functions(code: &str) -> Vec<Function> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (index, text) in lines.iter().enumerate() {
        if let Some(name) = function_name(text) {
            let rest = lines.get(index..).unwrap_or_default();
            found.extend(body_lines(rest).map(|lines| Function {
                name: name.to_owned(),
                line: index + 1,
                lines,
            }));
        }
    }
    found
}

/// Lines of code between the braces of the function that starts on the first line; `None` without a body.
fn body_lines(lines: &[&str]) -> Option<usize> {
    let (mut braces, mut parens, mut count) = (0_i32, 0_i32, 0);
    for (index, line) in lines.iter().enumerate() {
        let opened = braces > 0;
        // What precedes the function on its first line belongs to someone else.
        let text = if index == 0 {
            line.split_once("fn ").map_or(*line, |(_, own)| own)
        } else {
            line
        };
        for c in text.chars() {
            match c {
                '(' | '[' => parens += 1,
                ')' | ']' => parens -= 1,
                '{' => braces += 1,
                '}' => braces -= 1,
                ';' if braces == 0 && parens == 0 => return None,
                _ => {}
            }
            if c == '}' && braces == 0 {
                return Some(count);
            }
        }
        count += usize::from(opened && !text.trim().is_empty());
    }
    None
}

#[test]
fn a_function_is_measured_by_its_lines_of_code() {
    let code = "fn short(a: [u8; 2]) -> u8 {\n    a\n\n}\ntrait T { fn none(&self); }\nfn long<T>(\n    t: T,\n) where\n    T: Copy,\n{\n    one();\n    if x {\n        two();\n    }\n}\n";
    let found: Vec<_> = functions(code)
        .into_iter()
        .map(|f| (f.name, f.line, f.lines))
        .collect();
    assert_eq!(
        found,
        [("short".to_owned(), 1, 1), ("long".to_owned(), 6, 4)]
    );
}

#[test]
fn a_reserved_call_is_found_by_its_whole_name() {
    assert!(has_call(
        "let t = std::time::Instant::now();",
        "Instant::now("
    ));
    assert!(!has_call("let t = ManualInstant::now();", "Instant::now("));
}
