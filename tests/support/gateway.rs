//! A gateway process: the real binary on free ports with its own state directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::client::{Client, Request, Response};
use super::config::Config;
use super::{until, within};

/// What a finished command printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What a test does with a gateway's standard error.
#[derive(Debug, Clone, Copy)]
enum Stderr {
    Read,
    Stuck,
}

/// Free ports on loopback.
const LOCAL: &[&str] = &["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

/// A directory that holds a configuration and the state of one gateway.
#[derive(Debug)]
pub(crate) struct Home {
    dir: TempDir,
    variables: Vec<(String, String)>,
    /// Files and sockets that a command may have open; `None`: as many as the test.
    descriptors: Option<u32>,
}

impl Home {
    pub(crate) fn new(config: &Config) -> Self {
        Self::with_file(&config.text())
    }

    /// A home whose `tollward.yaml` has exactly this text.
    pub(crate) fn with_file(text: &str) -> Self {
        let home = Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
            variables: Vec::new(),
            descriptors: None,
        };
        home.write(text);
        home
    }

    /// Adds an environment variable for every command of this home.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Bounds the files and sockets that every command of this home may have open.
    pub(crate) fn with_descriptors(self, count: u32) -> Self {
        Self {
            descriptors: Some(count),
            ..self
        }
    }

    /// Puts a file beside the configuration.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path().join(name), text).expect("a writable directory");
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path().join("tollward.yaml")
    }

    /// Replaces the configuration as careful editors do: by rename.
    pub(crate) fn write(&self, text: &str) {
        let draft = self.path().join("tollward.yaml.new");
        std::fs::write(&draft, text).expect("a writable directory");
        std::fs::rename(&draft, self.config_file()).expect("a writable directory");
    }

    /// The binary with this home's environment and nothing else.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        const BINARY: &str = env!("CARGO_BIN_EXE_tollward");
        let mut command = match self.descriptors {
            None => Command::new(BINARY),
            Some(count) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("ulimit -n {count}; exec \"$0\" \"$@\"");
                shell.args(["-c", &script, BINARY]);
                shell
            }
        };
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("TOLLWARD_STATE_DIR", self.path().join("state"))
            .env("TOLLWARD_MODELS_DIR", self.path().join("models"))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let output = within(
            Duration::from_secs(30),
            "the command",
            self.command(arguments).output(),
        )
        .await
        .expect("the binary starts");
        Output {
            status: output.status,
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }

    /// Runs a command that must succeed and print JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", output.stderr);
        serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", output.stdout))
    }

    /// Creates a virtual key and returns its text.
    pub(crate) async fn create_key(&self, name: &str, more: &[&str]) -> String {
        let arguments = [&["key", "create", name, "--json"], more].concat();
        let created = self.json(&arguments).await;
        created["key"]
            .as_str()
            .unwrap_or_else(|| panic!("a key in {created}"))
            .to_owned()
    }

    /// The newest calls of the ledger, newest first.
    pub(crate) async fn recent(&self, limit: u32) -> Vec<Value> {
        let rows = self
            .json(&["usage", "--recent", &limit.to_string(), "--json"])
            .await;
        rows.as_array()
            .unwrap_or_else(|| panic!("an array of rows, not {rows}"))
            .clone()
    }

    /// Waits until the ledger has `count` rows and returns them, newest first.
    pub(crate) async fn rows(&self, count: usize) -> Vec<Value> {
        let limit = u32::try_from(count).expect("few rows") + 10;
        let rows = until(&format!("the ledger has {count} rows"), async || {
            let rows = self.recent(limit).await;
            (rows.len() >= count).then_some(rows)
        })
        .await;
        assert_eq!(rows.len(), count, "no row more than {count}: {rows:#?}");
        rows
    }

    /// Waits for the ledger's only row.
    pub(crate) async fn row(&self) -> Value {
        self.rows(1).await.remove(0)
    }

    /// Starts a gateway here and waits for its banner.
    pub(crate) async fn serve(self) -> Gateway {
        self.start(LOCAL, Stderr::Read).await
    }

    /// Starts a gateway whose standard error is a pipe that nobody reads.
    pub(crate) async fn serve_unheard(self) -> Gateway {
        self.start(LOCAL, Stderr::Stuck).await
    }

    /// Starts a gateway with flags of its own.
    pub(crate) async fn serve_with(self, flags: &[&str]) -> Gateway {
        self.start(flags, Stderr::Read).await
    }

    async fn start(self, flags: &[&str], reading: Stderr) -> Gateway {
        // The configuration is found in the working directory.
        let arguments = [&["serve"], flags].concat();
        let mut child = self.command(&arguments).spawn().expect("the binary starts");
        let stdout = collect(child.stdout.take().expect("a piped stdout"));
        let stderr = match reading {
            Stderr::Read => collect(child.stderr.take().expect("a piped stderr")),
            Stderr::Stuck => Printed::default(),
        };
        let addresses = until("the banner is printed", async || {
            assert!(
                !matches!(child.try_wait(), Ok(Some(_))),
                "the gateway ended at start: {}",
                stderr.text()
            );
            let banner = stdout.text();
            Some((address(&banner, "listening")?, address(&banner, "admin")?))
        })
        .await;
        Gateway {
            home: self,
            child,
            stdout,
            stderr,
            public: addresses.0,
            admin: addresses.1,
        }
    }
}

/// A running gateway, killed when dropped.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) home: Home,
    child: Child,
    pub(crate) stdout: Printed,
    pub(crate) stderr: Printed,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Gateway {
    pub(crate) async fn start(config: &Config) -> Self {
        Home::new(config).serve().await
    }

    /// Sends one request on a fresh connection.
    pub(crate) async fn send(&self, request: &Request) -> Response {
        Client::connect(self.public).await.send(request).await
    }

    /// Sends one chat body on a fresh connection.
    pub(crate) async fn chat(&self, body: &Value) -> Response {
        self.send(&Request::chat(body)).await
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.public).await
    }

    /// The metrics page.
    pub(crate) async fn metrics(&self) -> String {
        let page = Client::connect(self.admin)
            .await
            .send(&Request::get("/metrics"))
            .await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.text()
    }

    /// The sum over a metric's samples whose labels contain every one of `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        sum(&self.metrics().await, name, labels)
    }

    /// Waits until a metric has a value.
    pub(crate) async fn until_metric(&self, name: &str, labels: &[&str], value: f64) {
        until(&format!("{name}{labels:?} is {value}"), async || {
            let now = self.metric(name, labels).await;
            ((now - value).abs() < 1e-9).then_some(())
        })
        .await;
    }

    /// Asserts what holds after any test: nothing in flight, nothing panicked.
    pub(crate) async fn assert_idle(&self) {
        self.until_metric("tollward_inflight", &[], 0.0).await;
        self.until_metric("tollward_streams_active", &[], 0.0).await;
        self.until_metric("tollward_panics_total", &[], 0.0).await;
    }

    /// Memory in use, in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most memory that the process ever had, in bytes.
    pub(crate) fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let pid = self.child.id().expect("a running gateway");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a resident size");
        let kibibytes: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|size| size.parse().ok())
            .expect("a number");
        kibibytes * 1024
    }

    /// Processor time that the process has used, in hundredths of a second as Linux counts them.
    pub(crate) fn processor_ticks(&self) -> u64 {
        let pid = self.child.id().expect("a running gateway");
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("Linux");
        // The name, in parentheses, may hold spaces; user and system time are the 14th and 15th field.
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let times = fields.split_whitespace().skip(11).take(2);
        times.map(|it| it.parse::<u64>().expect("a number")).sum()
    }

    /// Sends a signal by name, such as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("a running gateway").to_string();
        let status = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .await
            .expect("kill runs");
        assert!(status.success(), "the signal was sent");
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exit(&mut self, limit: Duration) -> ExitStatus {
        within(limit, "the gateway's exit", self.child.wait())
            .await
            .expect("a child process")
    }

    /// SIGKILL; the state stays.
    pub(crate) async fn kill(mut self) -> Home {
        self.child.kill().await.expect("a running gateway");
        self.home
    }

    /// SIGTERM, and the end in good order; the state stays.
    pub(crate) async fn stop(mut self) -> Home {
        self.signal("TERM").await;
        let status = self.exit(Duration::from_secs(10)).await;
        assert!(status.success(), "{status}: {}", self.printed());
        self.home
    }

    /// Everything printed so far, stdout and stderr.
    pub(crate) fn printed(&self) -> String {
        format!("{}\n{}", self.stdout.text(), self.stderr.text())
    }
}

/// Nano-dollars as the ledger prints a cost: decimal US dollars.
pub(crate) fn usd(nano: usize) -> Value {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// The sum over a metric's samples whose labels contain every one of `labels`.
pub(crate) fn sum(page: &str, name: &str, labels: &[&str]) -> f64 {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .filter(|(sample, _)| sample.split('{').next() == Some(name))
        .filter(|(sample, _)| labels.iter().all(|label| sample.contains(label)))
        .map(|(_, value)| value.parse::<f64>().expect("a number"))
        .sum()
}

/// The output of a process, collected while it runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Printed(Arc<Mutex<String>>);

impl Printed {
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("the text is whole").clone()
    }
}

fn collect(pipe: impl AsyncRead + Unpin + Send + 'static) -> Printed {
    let printed = Printed::default();
    let sink = printed.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = sink.0.lock().expect("the text is whole");
            text.push_str(&line);
            text.push('\n');
        }
    });
    printed
}

fn address(banner: &str, name: &str) -> Option<SocketAddr> {
    let line = banner
        .lines()
        .find(|line| line.trim_start().starts_with(name))?;
    let url = line.split_whitespace().nth(1)?.strip_prefix("http://")?;
    url.split('/').next()?.parse().ok()
}
