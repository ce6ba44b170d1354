//! What the documents must name, and where their links must lead.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::files::{files, number, read, root, sources, verdict};

#[test]
fn every_provider_is_documented() -> io::Result<()> {
    let table = sources()?
        .into_iter()
        .filter(|s| s.path.starts_with("providers/src/") && !s.is_test());
    let kinds: BTreeSet<String> = table
        .flat_map(|s| values_of(&s.text, "kind: \"").collect::<Vec<_>>())
        .collect();
    documented("docs/providers.md", &kinds, |kind| format!("`{kind}`"))
}

#[test]
fn every_config_key_is_documented() -> io::Result<()> {
    let files = sources()?
        .into_iter()
        .filter(|s| s.path.starts_with("config/src/") && !s.is_test());
    let keys: BTreeSet<String> = files.flat_map(|s| fields_of_configs(&s.code)).collect();
    documented("docs/configuration.md", &keys, |key| format!("{key}`"))
}

#[test]
fn every_error_code_is_documented() -> io::Result<()> {
    let mut codes = BTreeSet::new();
    for source in sources()? {
        // In `wire` words of vendors are matched too; what a match yields is ours.
        let words: Vec<String> = match source.path.as_str() {
            "wire/src/fault.rs" | "wire/src/document.rs" => {
                values_of(&source.text, "=> \"").collect()
            }
            "src/http/error.rs" | "src/http/error/refusals.rs" | "src/http/error/admin.rs" => {
                literals(&source.text)
            }
            _ => continue,
        };
        codes.extend(words.into_iter().filter(|word| is_error_code(word)));
    }
    documented("docs/errors.md", &codes, |code| format!("`{code}`"))
}

#[test]
fn every_metric_is_documented() -> io::Result<()> {
    let files = sources()?
        .into_iter()
        .filter(|s| s.path.starts_with("src/telemetry/metric") && !s.is_test());
    let names: BTreeSet<String> = files
        .flat_map(|s| literals(&s.text))
        .filter(|name| name.starts_with("tollward_") || name.starts_with("gen_ai_"))
        .collect();
    let page = read("docs/metrics.md")?;
    let listed = |name: &str| {
        let endings = [
            "",
            "_total",
            "_bytes",
            "_seconds",
            "_info",
            "_usd_total",
            "_seconds_total",
        ];
        endings
            .iter()
            .any(|ending| page.contains(&format!("`{name}{ending}`")))
    };
    assert!(
        !names.is_empty(),
        "no metric found in src/telemetry/metric.rs"
    );
    let missing = names.iter().filter(|name| !listed(name));
    verdict(
        &missing
            .map(|name| format!("docs/metrics.md: `{name}` is missing"))
            .collect::<Vec<_>>(),
    );
    Ok(())
}

#[test]
fn every_link_between_documents_leads_somewhere() -> io::Result<()> {
    let mut faults = Vec::new();
    for path in files(&root(), &["md"])? {
        let text = read(&path)?;
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        for (line, text) in number(&text) {
            for target in
                values_until(text, "](", ')').filter(|t| !t.contains("://") && !t.starts_with('#'))
            {
                let file = target.split('#').next().unwrap_or(&target);
                if !root().join(folder).join(file).exists() {
                    faults.push(format!("{path}:{line}: `{target}` leads nowhere"));
                }
            }
        }
    }
    for path in files(&root(), &["rs", "toml", "yaml", "sh"])? {
        for (line, text) in number(&read(&path)?) {
            let page = values_until(text, "docs/adr/", ' ')
                .next()
                .unwrap_or_default();
            let file = page
                .split_inclusive(".md")
                .next()
                .filter(|p| p.rsplit('.').next() == Some("md"));
            if file.is_some_and(|file| !root().join("docs/adr").join(file).exists()) {
                faults.push(format!("{path}:{line}: docs/adr/{page} does not exist"));
            }
        }
    }
    verdict(&faults);
    Ok(())
}

#[test]
fn every_decision_has_its_four_parts_and_its_number() -> io::Result<()> {
    let mut records = files(&root().join("docs/adr"), &["md"])?;
    records.sort();
    assert!(!records.is_empty(), "no decision record found");
    let mut faults = Vec::new();
    for (index, path) in records.iter().enumerate() {
        if !path.contains(&format!("/{:04}-", index + 1)) {
            faults.push(format!("{path}: the number is not the next one"));
        }
        let text = read(path)?;
        for part in ["## Context", "## Options", "## Decision", "## Consequences"] {
            if !text.contains(part) {
                faults.push(format!("{path}: no `{part}`"));
            }
        }
    }
    verdict(&faults);
    Ok(())
}

/// Public fields of the structs named `…Config` and `…Override`: the keys that people write.
fn fields_of_configs(code: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in code.lines() {
        if line.starts_with("pub struct ") {
            let name = line.trim_end_matches([' ', '{']);
            inside = name.ends_with("Config") || name.ends_with("Override");
        }
        inside &= line != "}";
        if let Some((name, _)) = line
            .strip_prefix("    pub ")
            .and_then(|rest| rest.split_once(':'))
            .filter(|_| inside)
        {
            found.push(name.to_owned());
        }
    }
    found
}

fn documented(
    page: &str,
    names: &BTreeSet<String>,
    written: impl Fn(&str) -> String,
) -> io::Result<()> {
    assert!(!names.is_empty(), "nothing found that {page} should list");
    let text = read(page)?;
    let missing = names.iter().filter(|name| !text.contains(&written(name)));
    verdict(
        &missing
            .map(|name| format!("{page}: `{name}` is missing"))
            .collect::<Vec<_>>(),
    );
    Ok(())
}

/// What stands between each `prefix` and the next quote.
fn values_of<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = String> + 'a {
    values_until(text, prefix, '"')
}

fn values_until<'a>(
    text: &'a str,
    prefix: &'a str,
    end: char,
) -> impl Iterator<Item = String> + 'a {
    text.split(prefix)
        .skip(1)
        .filter_map(move |rest| rest.split(end).next().map(str::to_owned))
}

/// Plain string literals of a file.
fn literals(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| {
        line.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    })
    .collect()
}

fn is_error_code(word: &str) -> bool {
    word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}
