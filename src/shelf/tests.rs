#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// The shipped table under another day and with another price; its fingerprint fits.
pub(crate) fn table(day: &str, from: &str, to: &str) -> String {
    use sha2::{Digest, Sha256};
    let shipped = include_str!("../../config/catalog/prices.json");
    let at = shipped.find("\"providers\":").unwrap();
    let (head, body) = shipped.split_at(at);
    let body = body.replacen(from, to, 1);
    let digest = Sha256::digest(body.as_bytes());
    let hex = digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let head = head.replace(Catalog::embedded().id(), &format!("{day}+{}", &hex[..16]));
    head + &body
}

fn shelf() -> (tempfile::TempDir, Shelf) {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    (dir, shelf)
}

fn keep(shelf: &Shelf, day: &str, is_pinned: bool) -> String {
    let text = table(day, "\"i\"", "\"i\"");
    let table = Catalog::parse(&text).unwrap();
    shelf.keep(&table, &text).unwrap();
    let id = table.id().to_owned();
    shelf
        .choose(&Choice {
            id: id.clone(),
            is_pinned,
        })
        .unwrap();
    id
}

#[test]
fn without_a_choice_the_shipped_table_is_in_use() {
    let (_dir, shelf) = shelf();
    assert_eq!(shelf.choice().unwrap(), None);
    assert_eq!(shelf.current().unwrap().id(), Catalog::embedded().id());
    assert_eq!(shelf.kept(), Vec::<String>::new());
}

#[test]
fn a_newer_table_is_used_and_an_older_one_only_when_it_is_pinned() {
    let (_dir, shelf) = shelf();
    let newer = keep(&shelf, "2027-01-01", false);
    assert_eq!(shelf.current().unwrap().id(), newer);
    let older = keep(&shelf, "2026-01-01", false);
    assert_eq!(shelf.current().unwrap().id(), Catalog::embedded().id());
    keep(&shelf, "2026-01-01", true);
    assert_eq!(shelf.current().unwrap().id(), older);
    assert_eq!(shelf.kept(), [older, newer]);
}

#[test]
fn a_kept_table_that_was_changed_on_the_disk_is_refused() {
    let (_dir, shelf) = shelf();
    let id = keep(&shelf, "2027-01-01", false);
    let path = shelf.path(&id);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("4000000", "1", 1)).unwrap();
    let why = shelf.current().err().unwrap().to_string();
    assert!(why.contains("changed or cut"), "{why}");
}

#[test]
fn a_choice_that_is_no_id_leads_to_no_file() {
    let (_dir, shelf) = shelf();
    fs::create_dir_all(&shelf.dir).unwrap();
    for text in ["", "{}", r#"{"id":"../../etc/passwd","is_pinned":true}"#] {
        fs::write(shelf.current_file(), text).unwrap();
        let why = shelf.current().err().unwrap().to_string();
        assert!(why.contains("pin shipped"), "{text}: {why}");
    }
}
