#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;

use super::*;
use known::{Evidence, Licence};
use server::{Reply, Request, Server};

pub(crate) mod server;

const FILE: &str = "tiny.gguf";
const CONTENT_PATH: &str = "/owner/tiny/resolve/main/tiny.gguf";
const HUB: &[Source] = &[Source::Hub {
    repo: "owner/tiny",
    revision: "main",
    file: FILE,
}];

/// Half a megabyte that no two offsets of which look alike.
fn content() -> Vec<u8> {
    (0..131_072_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

fn sha256(bytes: &[u8]) -> &'static str {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x");
    fs::write(&path, bytes).unwrap();
    let expected = Expected {
        bytes: bytes.len() as u64,
        sha256: String::new(),
    };
    let Err(VerifyError::Hash { actual, .. }) = store::check(&path, &expected).unwrap() else {
        panic!()
    };
    actual.leak()
}

fn model(sha256: Option<&'static str>, sources: &'static [Source]) -> &'static KnownModel {
    Box::leak(Box::new(KnownModel {
        name: "tiny",
        display: "Tiny",
        file: FILE,
        architecture: "llama",
        bytes: content().len() as u64,
        sha256,
        licence: Licence {
            name: "Apache-2.0",
            url: "https://example.com",
        },
        evidence: Evidence::Tested,
        suggested: crate::weights::known::KNOWN[0].suggested,
        sources,
    }))
}

struct Fixture {
    dir: TempDir,
    settings: PullSettings,
    model: &'static KnownModel,
}

impl Fixture {
    fn new(server: &Server, sha256: Option<&'static str>) -> Self {
        let dir = TempDir::new().unwrap();
        let hub =
            HubSettings::from_variables(Some(&server.url()), Some("secret".to_owned())).unwrap();
        let mut settings = PullSettings::new(dir.path().to_owned(), hub);
        settings.retry_delay = Duration::ZERO;
        Self {
            dir,
            settings,
            model: model(sha256, HUB),
        }
    }

    async fn pull(&self) -> Result<Pulled, PullError> {
        pull(self.model, &self.settings, &mut Silent).await
    }

    async fn refusal(&self) -> SourceError {
        match self.pull().await.unwrap_err() {
            PullError::Exhausted { mut tried, .. } => tried.remove(0).1,
            PullError::File(error) => panic!("{error}"),
        }
    }

    fn file(&self) -> Option<Vec<u8>> {
        fs::read(self.dir.path().join(FILE)).ok()
    }

    /// Names of what lies in the folder, without the lock.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names
            .filter(|name| Path::new(name).extension() != Some(OsStr::new("lock")))
            .collect();
        names.sort();
        names
    }
}

struct Silent;

impl Progress for Silent {
    fn note(&mut self, _: &str) {}
    fn begin(&mut self, _: u64, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn end(&mut self) {}
}

/// A file server with ranges, as the hub's storage behaves.
fn serve(request: &Request, body: &[u8], etag: &str) -> Reply {
    let range = request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
    let from: Option<usize> = range.map(|from| from.parse().unwrap());
    match from.filter(|_| request.header("if-range") == Some(etag)) {
        Some(from) => {
            let (end, total) = (body.len() - 1, body.len());
            Reply::new(206, &body[from..])
                .with("etag", etag)
                .with("content-range", format!("bytes {from}-{end}/{total}"))
        }
        None => Reply::new(200, body).with("etag", etag),
    }
}

#[tokio::test]
async fn a_download_is_verified_and_gets_its_name_and_is_not_fetched_twice() {
    let server = Server::start(|request| serve(request, &content(), "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    let pulled = fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
    assert_eq!(fixture.names(), [FILE]);
    assert_eq!(pulled.path, fixture.dir.path().join(FILE));
    assert_eq!(
        pulled.source.as_deref(),
        Some("the model hub, repository owner/tiny")
    );
    let again = fixture.pull().await.unwrap();
    assert_eq!(
        again,
        Pulled {
            source: None,
            ..pulled
        }
    );
    let seen: Vec<_> = server
        .seen()
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert_eq!(seen, [format!("GET {CONTENT_PATH}")]);
}

#[tokio::test]
async fn a_transfer_that_is_cut_again_and_again_is_continued_where_it_broke() {
    let server = Server::start(|request| serve(request, &content(), "\"1\"").cut_after(100_000));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
    let seen = server.seen();
    assert_eq!(seen.len(), 6);
    assert_eq!(seen[0].header("range"), None);
    for request in &seen[1..] {
        assert!(request.header("range").is_some());
        assert_eq!(request.header("if-range"), Some("\"1\""));
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn a_later_call_continues_what_an_earlier_one_left() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => serve(request, &content(), "\"1\"").cut_after(200_000),
        1..=5 => Reply::new(503, "busy"),
        _ => serve(request, &content(), "\"1\""),
    });
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    let refusal = fixture.refusal().await;
    assert!(
        matches!(refusal, SourceError::Fetch(FetchError::Status { .. })),
        "{refusal}"
    );
    assert_eq!(fixture.names(), ["tiny.gguf.part", "tiny.gguf.part.json"]);
    fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
    assert_eq!(fixture.names(), [FILE]);
    let last = server.seen().pop().unwrap();
    assert_eq!(last.header("range"), Some("bytes=200000-"));
}

// S-35
#[tokio::test]
async fn a_part_is_not_continued_with_another_version_of_the_file() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => serve(request, &vec![7; content().len()], "\"old\"").cut_after(200_000),
        _ => serve(request, &content(), "\"new\""),
    });
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
}

// S-35
#[tokio::test]
async fn a_part_that_nobody_vouches_for_is_thrown_away() {
    let server = Server::start(|request| serve(request, &content(), "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    fs::write(fixture.dir.path().join("tiny.gguf.part"), vec![7; 1000]).unwrap();
    fixture.pull().await.unwrap();
    assert_eq!(server.seen()[0].header("range"), None);
    assert_eq!(fixture.file().unwrap(), content());
}

// S-35
#[tokio::test]
async fn a_file_with_the_wrong_checksum_is_refused_and_its_part_removed() {
    let server = Server::start(|request| serve(request, &vec![7; content().len()], "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    let refusal = fixture.refusal().await;
    let expected = VerifyError::Hash {
        expected: sha256(&content()).to_owned(),
        actual: sha256(&vec![7; content().len()]).to_owned(),
    };
    assert!(
        matches!(&refusal, SourceError::Verify(error) if *error == expected),
        "{refusal}"
    );
    assert_eq!(fixture.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_of_another_size_is_refused_before_it_is_fetched() {
    let server = Server::start(|request| serve(request, b"sorry", "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    let refusal = fixture.refusal().await;
    assert!(
        matches!(
            refusal,
            SourceError::Fetch(FetchError::Size { actual: 5, .. })
        ),
        "{refusal}"
    );
    assert_eq!(fixture.names(), Vec::<String>::new());
}

// S-35
#[tokio::test]
async fn the_token_goes_to_the_hub_and_not_where_it_redirects_to() {
    let storage = Server::start(|request| serve(request, &content(), "\"1\""));
    let to = format!("{}/blob?signature=x", storage.url());
    let hub = Server::start(move |_| Reply::new(302, "").with("location", to.clone()));
    let fixture = Fixture::new(&hub, Some(sha256(&content())));
    fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
    assert_eq!(hub.seen()[0].header("authorization"), Some("Bearer secret"));
    assert_eq!(storage.seen().len(), 1);
    assert_eq!(storage.seen()[0].path, "/blob?signature=x");
    assert_eq!(storage.seen()[0].header("authorization"), None);
}

// S-35
#[tokio::test]
async fn a_redirect_out_of_https_is_not_followed() {
    for (location, reason) in [
        ("http://192.0.2.1/x", "it is not HTTPS"),
        ("file:///etc/passwd", "it is not HTTPS"),
        ("/again", "it is one redirect too many"),
    ] {
        let server = Server::start(move |_| Reply::new(302, "").with("location", location));
        let refusal = Fixture::new(&server, Some(sha256(&content())))
            .refusal()
            .await;
        let SourceError::Fetch(FetchError::Redirect { reason: actual, .. }) = refusal else {
            panic!("{refusal}")
        };
        assert_eq!(actual, reason);
    }
}

#[tokio::test]
async fn a_refusing_hub_is_asked_once_and_the_error_says_what_to_do() {
    for (status, hint) in [
        (401, "set HF_TOKEN"),
        (403, "set HF_TOKEN"),
        (404, "the file is not there"),
    ] {
        let server = Server::start(move |_| Reply::new(status, ""));
        let refusal = Fixture::new(&server, Some(sha256(&content())))
            .refusal()
            .await
            .to_string();
        assert!(refusal.contains(hint), "{refusal}");
        assert_eq!(server.seen().len(), 1);
    }
}

fn announce(sha256: &str) -> Reply {
    let size = content().len().to_string();
    Reply::new(302, "")
        .with("location", "https://storage.invalid/x")
        .with("x-linked-etag", format!("\"{sha256}\""))
        .with("x-linked-size", size)
        .with("x-repo-commit", "c0ffee")
}

// S-35
#[tokio::test]
async fn an_unlisted_checksum_is_the_hubs_word_at_first_and_pinned_from_then_on() {
    let changed = Arc::new(AtomicUsize::new(0));
    let switch = Arc::clone(&changed);
    let server = Server::start(move |request| {
        let body = if switch.load(Ordering::SeqCst) == 0 {
            content()
        } else {
            vec![7; content().len()]
        };
        match request.method.as_str() {
            "HEAD" => announce(sha256(&body)),
            _ => serve(request, &body, "\"1\""),
        }
    });
    let fixture = Fixture::new(&server, None);
    fixture.pull().await.unwrap();
    assert_eq!(fixture.names(), [FILE, "tiny.gguf.pin.json"]);
    assert_eq!(
        server.seen()[1].path,
        "/owner/tiny/resolve/c0ffee/tiny.gguf"
    );
    changed.store(1, Ordering::SeqCst);
    fs::remove_file(fixture.dir.path().join(FILE)).unwrap();
    let refusal = fixture.refusal().await;
    assert!(
        matches!(refusal, SourceError::Verify(VerifyError::Hash { .. })),
        "{refusal}"
    );
    assert_eq!(
        server
            .seen()
            .iter()
            .filter(|request| request.method == "HEAD")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_hub_that_is_silent_in_its_headers_is_asked_for_its_listing() {
    let server = Server::start(
        |request| match (request.method.as_str(), request.path.as_str()) {
            ("HEAD", _) => Reply::new(200, "").with("etag", "\"weak\""),
            ("GET", "/api/models/owner/tiny/tree/main") => {
                let (oid, size) = (sha256(&content()), content().len());
                Reply::new(
                    200,
                    format!(
                        r#"[{{"path":"x"}},{{"path":"tiny.gguf","lfs":{{"oid":"{oid}","size":{size}}}}}]"#
                    ),
                )
            }
            _ => serve(request, &content(), "\"1\""),
        },
    );
    let fixture = Fixture::new(&server, None);
    fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
}

// S-35
#[tokio::test]
async fn a_file_without_any_checksum_is_not_fetched() {
    let server = Server::start(|request| match request.path.as_str() {
        "/api/models/owner/tiny/tree/main" => Reply::new(200, r#"[{"path":"tiny.gguf"}]"#),
        _ => serve(request, &content(), "\"1\""),
    });
    let fixture = Fixture::new(&server, None);
    let refusal = fixture.refusal().await;
    assert!(
        matches!(refusal, SourceError::Fetch(FetchError::NoChecksum)),
        "{refusal}"
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|request| request.method == "HEAD" || request.path.starts_with("/api"))
    );
}

#[tokio::test]
async fn two_pulls_of_one_model_fetch_it_once() {
    let server = Server::start(|request| serve(request, &content(), "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    let (first, second) = tokio::join!(fixture.pull(), fixture.pull());
    let sources = [first.unwrap().source, second.unwrap().source];
    assert_eq!(sources.iter().flatten().count(), 1);
    assert_eq!(server.seen().len(), 1);
}

// S-35
#[cfg(unix)]
#[tokio::test]
async fn a_link_in_place_of_the_part_is_not_written_through() {
    let server = Server::start(|request| serve(request, &content(), "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    let elsewhere = TempDir::new().unwrap();
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    for name in ["tiny.gguf.part", "tiny.gguf.part.json"] {
        std::os::unix::fs::symlink(&victim, fixture.dir.path().join(name)).unwrap();
    }
    fixture.pull().await.unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    assert_eq!(fixture.file().unwrap(), content());
}

#[tokio::test]
async fn a_damaged_file_is_fetched_again() {
    let server = Server::start(|request| serve(request, &content(), "\"1\""));
    let fixture = Fixture::new(&server, Some(sha256(&content())));
    fs::write(fixture.dir.path().join(FILE), vec![7; content().len()]).unwrap();
    fixture.pull().await.unwrap();
    assert_eq!(fixture.file().unwrap(), content());
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_cannot_be_written_says_what_to_do() {
    let server = Server::start(|request| serve(request, &content(), "\"1\""));
    let mut fixture = Fixture::new(&server, Some(sha256(&content())));
    fs::write(fixture.dir.path().join("file"), "").unwrap();
    fixture.settings.models_dir = fixture.dir.path().join("file/models");
    let error = fixture.pull().await.unwrap_err();
    assert!(matches!(error, PullError::File(_)), "{error}");
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn a_full_disk_is_named_as_such() {
    let error = FileError::new(
        "write",
        Path::new("/m/x.part"),
        std::io::ErrorKind::StorageFull.into(),
    );
    let expected = "could not write /m/x.part: the disk is full; free some space or choose another folder with TOLLWARD_MODELS_DIR";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_model_is_located_by_name_with_its_size_or_by_a_path_to_a_gguf() {
    let (empty, full) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let dirs = [empty.path().to_owned(), full.path().to_owned()];
    let model = known::find(known::DEFAULT_MODEL).unwrap();
    assert_eq!(locate(model.name, &dirs), None);
    let path = full.path().join(model.file);
    fs::File::create(&path)
        .unwrap()
        .set_len(model.bytes - 1)
        .unwrap();
    assert_eq!(locate(model.name, &dirs), None);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(model.bytes)
        .unwrap();
    assert_eq!(locate(model.name, &dirs), Some(path.clone()));
    assert_eq!(locate(path.to_str().unwrap(), &[]), Some(path));
    // S-35
    for name in ["../x", "/etc/passwd", "nothing.gguf", ""] {
        assert_eq!(locate(name, &dirs), None);
    }
}
