#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::HashSet, path::Path};

use super::*;

#[test]
fn every_row_of_the_table_is_sound() {
    let mut names = HashSet::new();
    let mut files = HashSet::new();
    for model in KNOWN {
        assert!(is_well_formed(model.name), "{}", model.name);
        assert!(names.insert(model.name), "{} is there twice", model.name);
        assert!(
            files.insert(model.file.to_lowercase()),
            "{} is there twice",
            model.file
        );
        assert_eq!(Path::new(model.file).file_name().unwrap(), model.file);
        assert_eq!(Path::new(model.file).extension().unwrap(), "gguf");
        assert!(model.bytes > 1_000_000, "{}", model.name);
        assert!(model.licence.url.starts_with("https://"), "{}", model.name);
        assert!(!model.sources.is_empty(), "{}", model.name);
        if let Some(sha256) = model.sha256 {
            assert_eq!(sha256.len(), 64, "{}", model.name);
            assert!(
                sha256
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            );
        }
        assert_eq!(
            model.sha256.is_some(),
            model.evidence == Evidence::Tested,
            "{}",
            model.name
        );
        for source in model.sources {
            check_source(model, source);
        }
    }
}

fn check_source(model: &KnownModel, source: &Source) {
    match source {
        Source::Package {
            package,
            version,
            member,
            wheel_bytes,
        } => {
            assert!(
                package
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            );
            assert!(
                version
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.')
            );
            assert!(member.ends_with(model.file), "{member}");
            assert!(*wheel_bytes > 0);
            // Pip has no per-file checksum of its own here, so a package needs ours.
            assert!(model.sha256.is_some(), "{}", model.name);
        }
        Source::Hub {
            repo,
            revision,
            file,
        } => {
            assert_eq!(repo.split('/').count(), 2, "{repo}");
            for text in [*repo, *revision, *file] {
                let legal = |byte: u8| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/')
                };
                assert!(text.bytes().all(legal) && !text.contains(".."), "{text}");
            }
        }
    }
}

#[test]
fn the_default_model_is_tested_and_first() {
    let first = KNOWN.first().unwrap();
    assert_eq!(first.name, DEFAULT_MODEL);
    assert_eq!(first.evidence, Evidence::Tested);
}

// S-35
#[test]
fn a_name_that_looks_like_a_path_is_no_name() {
    for name in [
        "",
        "../x",
        "a/b",
        "-x",
        ".x",
        "A",
        "a b",
        "a\0",
        "é",
        &"a".repeat(129),
    ] {
        assert!(!is_well_formed(name), "{name:?}");
        assert_eq!(find(name), None);
    }
    assert!(is_well_formed(&"a".repeat(128)));
}
