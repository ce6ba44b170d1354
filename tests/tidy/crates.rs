//! Who may import whom, and what a bare build leaves out.

use std::collections::BTreeSet;
use std::io;

use crate::files::{join, number, read, verdict};

/// One crate: its folder, which of ours it may import, and which libraries would break its promise.
struct Member {
    name: &'static str,
    folder: &'static str,
    may_import: &'static [&'static str],
    never: &'static [&'static str],
}

/// The arrows of ARCHITECTURE.md. A new one is decided in docs/adr first.
const MEMBERS: &[Member] = &[
    Member {
        name: "tollward",
        folder: "",
        may_import: &["wire", "providers", "config", "store", "engine"],
        never: &["sqlx", "candle-core", "tokenizers"],
    },
    Member {
        name: "tollward-wire",
        folder: "wire",
        may_import: &[],
        never: &["tokio", "hyper", "reqwest", "axum", "http"],
    },
    Member {
        name: "tollward-providers",
        folder: "providers",
        may_import: &["wire"],
        never: &["tokio", "hyper", "hyper-util", "reqwest", "axum"],
    },
    Member {
        name: "tollward-config",
        folder: "config",
        may_import: &[],
        never: &["tokio", "hyper", "reqwest", "axum", "sqlx"],
    },
    Member {
        name: "tollward-store",
        folder: "store",
        may_import: &["wire"],
        never: &["http", "hyper", "reqwest", "axum"],
    },
    Member {
        name: "tollward-engine",
        folder: "engine",
        may_import: &[],
        never: &["http", "hyper", "reqwest", "axum", "sqlx"],
    },
];

#[test]
fn crates_import_only_what_the_architecture_allows() -> io::Result<()> {
    let mut faults = Vec::new();
    for member in MEMBERS {
        let path = join(member.folder, "Cargo.toml");
        for (line, name) in dependencies(&read(&path)?) {
            if member.never.contains(&name.as_str()) {
                faults.push(format!(
                    "{path}:{line}: {} must never know `{name}`",
                    member.name
                ));
            }
            if let Some(ours) = name.strip_prefix("tollward-")
                && !member.may_import.contains(&ours)
            {
                faults.push(format!(
                    "{path}:{line}: {} may not import `{name}`",
                    member.name
                ));
            }
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn the_workspace_has_the_six_crates_and_no_other() -> io::Result<()> {
    let root = read("Cargo.toml")?;
    let expected: BTreeSet<_> = MEMBERS
        .iter()
        .map(|m| if m.folder.is_empty() { "." } else { m.folder })
        .collect();
    let members: BTreeSet<_> = list_of(&root, "members").into_iter().collect();
    assert_eq!(members, expected, "Cargo.toml: members");
    Ok(())
}

#[test]
fn a_bare_build_never_compiles_the_engine() -> io::Result<()> {
    let root = read("Cargo.toml")?;
    let mut faults = Vec::new();
    if list_of(&root, "default-members").contains(&"engine") {
        faults.push("Cargo.toml: `engine` is a default member".to_owned());
    }
    if !list_of(&root, "default").is_empty() {
        faults.push("Cargo.toml: default features are not empty".to_owned());
    }
    let optional =
        |line: &str| line.contains("tollward-engine") && line.contains("optional = true");
    if !root.lines().any(optional) {
        faults.push("Cargo.toml: `tollward-engine` is not optional".to_owned());
    }
    verdict(&faults);
    Ok(())
}

/// Names in every dependency section of a manifest, development ones included.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (line, text) in number(manifest) {
        if text.starts_with('[') {
            inside = text.ends_with("dependencies]") && !text.starts_with("[workspace");
        } else if inside && !text.starts_with('#') {
            let name = text.split(['.', '=', ' ']).next().unwrap_or_default();
            found.push((line, name.to_owned()));
        }
    }
    found
}

/// The strings of `key = ["…", …]` on one line of a manifest.
fn list_of<'a>(manifest: &'a str, key: &str) -> Vec<&'a str> {
    let line = manifest
        .lines()
        .find(|line| line.split('=').next().is_some_and(|k| k.trim() == key));
    line.map(|line| line.split('"').skip(1).step_by(2).collect())
        .unwrap_or_default()
}
