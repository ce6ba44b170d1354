#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::{
    cli::console::tests::capture,
    weights::{
        known::{self, DEFAULT_MODEL},
        tests::server::{Reply, Server},
    },
};

const ARGS: ModelsArgs = ModelsArgs {
    provider: None,
    json: false,
};

fn gateway(url: &str) -> Gateway {
    Gateway {
        base_url: format!("{url}/v1"),
        key: None,
    }
}

#[tokio::test]
async fn both_lists_are_shown() {
    let server =
        Server::start(|_| Reply::new(200, r#"{"data":[{"id":"chat","owned_by":"openai"}]}"#));
    let dir = TempDir::new().unwrap();
    let model = known::find(DEFAULT_MODEL).unwrap();
    let path = dir.path().join(model.file);
    fs::File::create(&path)
        .unwrap()
        .set_len(model.bytes)
        .unwrap();
    let (gateway, dirs) = (gateway(&server.url()), [dir.path().to_owned()]);
    let (result, out, _) =
        capture(async |console| run(&ARGS, &gateway, &dirs, console).await).await;
    result.unwrap();
    assert!(out.contains("chat          openai"), "{out}");
    assert!(out.contains(path.to_str().unwrap()), "{out}");
    assert!(out.contains("tollward pull qwen3-0.6b"), "{out}");
    let (_, out, _) = capture(async |console| {
        run(&ModelsArgs { json: true, ..ARGS }, &gateway, &dirs, console).await
    })
    .await;
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["gateway"]["models"][0]["id"], "chat");
    assert_eq!(report["local"][0]["path"].as_str(), path.to_str());
    assert_eq!(report["local"][1]["path"], Value::Null);
    assert_eq!(report["local"][1]["tested"], false);
}

#[tokio::test]
async fn no_gateway_is_a_remark_and_no_failure() {
    let gateway = gateway("http://127.0.0.1:1");
    let (result, out, notes) =
        capture(async |console| run(&ARGS, &gateway, &[], console).await).await;
    result.unwrap();
    assert_eq!(
        notes,
        "No gateway answers at http://127.0.0.1:1/v1; start one with `tollward`, or say where it is: --url http://HOST:PORT\n"
    );
    assert!(out.contains(DEFAULT_MODEL), "{out}");
}
