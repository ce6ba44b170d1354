//! Every caller's dialect times every vendor's, scene by scene.
//!
//! Callers and vendors know nothing of each other: both sides are compared with the scene.
//! A cell asserts what the caller heard and what the vendor was told, or that the gateway
//! refused by name. The table is printed before the verdict.

mod callers;
mod embedded;
mod heard;
mod scene;
pub(crate) mod vendors;

use std::fmt::Write;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::client::{Client, Response};
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::script::Script;
use crate::support::upstream::Upstream;
use callers::Caller;
use embedded::Embedded;
use heard::{Usage, Wanted, check};
use scene::{COMPLAINT, OBJECTION, Scene};
use vendors::Vendor;

/// One vendor in one scene: callers come one after the other, so that its answers are theirs.
struct Stage {
    vendor: &'static dyn Vendor,
    scene: Scene,
    is_stream: bool,
    upstream: Upstream,
}

/// What became of a cell.
enum Outcome {
    Right,
    /// The caller has no words for the scene, or the vendor no such answer.
    Absent,
    /// The binary under test has no engine.
    NotBuiltIn,
    Wrong(Vec<String>),
}

impl Outcome {
    fn of(wrong: Vec<String>) -> Self {
        if wrong.is_empty() {
            Self::Right
        } else {
            Self::Wrong(wrong)
        }
    }
}

struct Cell {
    caller: &'static str,
    vendor: &'static str,
    scene: Scene,
    is_stream: bool,
    outcome: Outcome,
}

impl Stage {
    fn name(&self) -> String {
        let way = if self.is_stream { "stream" } else { "whole" };
        format!("{}-{}-{way}", self.vendor.name(), self.scene.name())
    }

    async fn cell(&self, caller: &dyn Caller, gateway: std::net::SocketAddr) -> Outcome {
        let request = caller.ask(self.scene, &self.name(), self.is_stream);
        let script = self
            .vendor
            .answer(self.scene, self.is_stream, caller.is_text());
        if self.vendor.is_native_to(caller.name()) {
            return Outcome::Absent;
        }
        let (Some(request), Some(script)) = (request, script) else {
            return Outcome::Absent;
        };
        let calls = self.upstream.calls();
        self.upstream.always(script);
        let response = Client::connect(gateway).await.send(&request).await;
        let seen = self.upstream.seen();
        let mut wrong = self.heard(caller, &response);
        match seen.get(calls..) {
            Some([one]) => {
                let told = self.vendor.told(one, self.is_stream, caller.is_text());
                wrong.extend(told.compare(self.scene, self.is_stream));
            }
            other => wrong.push(format!(
                "{} calls reached the vendor",
                other.map_or(0, <[_]>::len)
            )),
        }
        Outcome::of(wrong)
    }

    /// How the gateway begins to say that nobody answered.
    fn tried(&self) -> String {
        let name = self.name();
        format!("no deployment answered for `{name}`; tried {name}/")
    }

    /// What is wrong with an answer.
    fn heard(&self, caller: &dyn Caller, response: &Response) -> Vec<String> {
        match (self.scene, self.is_stream) {
            // What is wrong with the request is the caller's business, in the vendor's words.
            (Scene::BadRequest, _) => refused(caller, response, 400, OBJECTION),
            // How the vendor fares is the operator's: the caller is told who was tried.
            (Scene::EarlyError, _) => {
                let status = self.vendor.early_status(self.is_stream);
                refused(caller, response, status, &self.tried())
            }
            (Scene::LateError, false) => refused(caller, response, 502, &self.tried()),
            _ if response.status != 200 => vec![format!("{} {}", response.status, response.text())],
            (Scene::LateError, true) => {
                let mut heard = caller.hear(response, true);
                let mut wrong = std::mem::take(&mut heard.wrong);
                check(
                    &mut wrong,
                    "text",
                    &heard.text.as_str(),
                    &self.scene.said().text,
                );
                check(&mut wrong, "finish", &heard.finish, &None);
                check(
                    &mut wrong,
                    "error",
                    &heard.error.as_deref(),
                    &Some(COMPLAINT),
                );
                wrong
            }
            _ => caller.hear(response, self.is_stream).compare(
                &self.scene.said(),
                &Wanted {
                    finish: caller.finish(self.scene.said().finish),
                    usage: Usage::told(self.vendor.counts_cache(), caller.counts_cache()),
                    makes_ids: !self.vendor.gives_ids(self.scene),
                },
            ),
        }
    }
}

/// What is wrong with an error answer whose message must begin with `words`.
fn refused(caller: &dyn Caller, response: &Response, status: u16, words: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    check(&mut wrong, "status", &response.status, &status);
    let source = response.header("x-tollward-error-source");
    check(&mut wrong, "error source", &source, &Some("upstream"));
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    match caller.error(&body) {
        Ok(message) if message.starts_with(words) && !message.contains(COMPLAINT) => {}
        Ok(message) => wrong.push(format!("message is {message:?}, not {words:?}")),
        Err(error) => wrong.push(error),
    }
    wrong
}

async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for vendor in vendors::ALL {
        for is_stream in [false, true] {
            for scene in Scene::ALL {
                let upstream = Upstream::new(Script::new()).await;
                stages.push(Stage {
                    vendor,
                    scene,
                    is_stream,
                    upstream,
                });
            }
        }
    }
    stages
}

fn config(stages: &[Stage]) -> Config {
    // Scenes of failures follow each other here, and each is to be seen.
    let base = Config::empty().set("/routing", json!({"breaker": {"failures": 0}}));
    stages.iter().fold(base, |config, stage| {
        let (name, vendor) = (stage.name(), stage.vendor);
        let base_url = format!("http://{}{}", stage.upstream.addr, vendor.base_path());
        let provider =
            json!({"kind": vendor.kind(), "base_url": base_url, "api_key": "sk-upstream"});
        let deployment = format!("{name}/{}", vendor.model(stage.scene));
        config
            .set(&format!("/providers/{name}"), provider)
            .model(&name, &[&deployment])
    })
}

/// A row for each caller, vendor and way; a column for each scene.
fn table(cells: &[Cell]) -> String {
    let mut table = format!("\n{:33}", "");
    for scene in Scene::ALL {
        let _ = write!(table, "{:>7}", scene.name());
    }
    for caller in callers::ALL {
        let vendors = vendors::ALL.iter().map(|it| it.name());
        for vendor in vendors.chain([embedded::NAME]) {
            for is_stream in [false, true] {
                let way = if is_stream { "stream" } else { "whole" };
                let _ = write!(table, "\n{:12} {vendor:12} {way:7}", caller.name());
                for scene in Scene::ALL {
                    let cell = cells.iter().find(|it| {
                        (it.caller, it.vendor, it.scene, it.is_stream)
                            == (caller.name(), vendor, scene, is_stream)
                    });
                    let mark = match cell.map(|it| &it.outcome) {
                        Some(Outcome::Right) => "ok",
                        Some(Outcome::Wrong(_)) => "WRONG",
                        Some(Outcome::NotBuiltIn) => "n/b",
                        Some(Outcome::Absent) | None => "-",
                    };
                    let _ = write!(table, "{mark:>7}");
                }
            }
        }
    }
    if !embedded::IS_BUILT_IN {
        table.push_str("\nn/b: the embedded engine is not built in; use --features full");
    }
    table
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
async fn every_caller_hears_what_every_vendor_says() {
    let stages = stages().await;
    let embedded = Embedded::new();
    let gateway = Gateway::start(&embedded.configure(config(&stages))).await;
    let mut running = JoinSet::new();
    for stage in stages {
        let address = gateway.public;
        running.spawn(async move {
            let mut cells = Vec::new();
            for caller in callers::ALL {
                cells.push(Cell {
                    caller: caller.name(),
                    vendor: stage.vendor.name(),
                    scene: stage.scene,
                    is_stream: stage.is_stream,
                    outcome: stage.cell(caller, address).await,
                });
            }
            cells
        });
    }
    for caller in callers::ALL {
        running.spawn(embedded::cells(caller, gateway.public));
    }
    let cells = running
        .join_all()
        .await
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    println!("{}", table(&cells));
    let mut wrong = Vec::new();
    for cell in &cells {
        if let Outcome::Wrong(why) = &cell.outcome {
            let way = if cell.is_stream { "stream" } else { "whole" };
            let (caller, vendor, scene) = (cell.caller, cell.vendor, cell.scene.name());
            wrong.push(format!(
                "{caller} at {vendor}, {scene}, {way}: {}",
                why.join("; ")
            ));
        }
    }
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    gateway.assert_idle().await;
}
