#![expect(clippy::unwrap_used, reason = "tests")]

use tempfile::TempDir;
use tollward_config::catalog::Catalog;

use tollward_store::Location;

use super::*;

fn facts(finding: &Finding) -> (Verdict, &str) {
    (finding.verdict, &finding.message)
}

#[test]
fn a_state_folder_must_be_one_or_be_made_in_one() {
    let dir = TempDir::new().unwrap();
    let whole = dir.path().display().to_string();
    let here = state(dir.path());
    assert_eq!(
        facts(&here),
        (Verdict::Ok, &*format!("{whole} can be written"))
    );
    let later = state(&dir.path().join("a/b"));
    let message = format!("{whole}/a/b will be made at the first start");
    assert_eq!(facts(&later), (Verdict::Ok, &*message));
    fs::write(dir.path().join("file"), "").unwrap();
    let inside = state(&dir.path().join("file/state"));
    assert_eq!(inside.verdict, Verdict::Fail, "{}", inside.message);
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the file is left");
}

#[tokio::test]
async fn a_database_that_is_no_database_is_not_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("tollward.db");
    assert_eq!(store(&Location::file(&path)).await.verdict, Verdict::Ok);
    assert!(!path.exists(), "looking makes none");
    fs::write(
        &path,
        "not a database, and long enough to be read as one".repeat(100),
    )
    .unwrap();
    let found = store(&Location::file(&path)).await;
    assert_eq!(found.verdict, Verdict::Fail);
    assert!(found.message.contains("is damaged"), "{}", found.message);
}

#[test]
fn prices_are_old_after_a_month() {
    let dir = TempDir::new().unwrap();
    let built = Catalog::embedded().built_unix_s();
    for (days, verdict) in [(30, Verdict::Ok), (31, Verdict::Warn)] {
        let found = catalog(&Shelf::new(dir.path()), built + days * 86_400);
        let message = format!("the table in use is {days} days old");
        assert_eq!(facts(&found), (verdict, &*message));
    }
}

#[test]
fn few_files_are_a_warning() {
    let table = |soft: &str| {
        format!(
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max processes             1                    1                    processes \n\
             Max open files            {soft}                 524288               files     \n"
        )
    };
    for (soft, verdict) in [
        ("1024", Verdict::Warn),
        ("4096", Verdict::Ok),
        ("unlimited", Verdict::Ok),
    ] {
        assert_eq!(files(&table(soft)).unwrap().verdict, verdict, "{soft}");
    }
    assert_eq!(files(""), None);
}

#[tokio::test]
async fn a_port_is_free_or_a_gateways_or_somebody_elses() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let found = listener(address, "server.listen").await;
    let message = format!("something other than a gateway listens on {address}");
    assert_eq!(facts(&found), (Verdict::Fail, &*message));
    drop(taken);
    let found = listener(address, "server.listen").await;
    assert_eq!(facts(&found), (Verdict::Ok, &*format!("{address} is free")));
}
