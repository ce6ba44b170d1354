//! What stands on the page.

use super::*;

#[test]
fn the_page_says_how_far_the_ledger_is_behind() {
    let backlog = Backlog {
        pending_bytes: 7,
        journal_bytes: 9,
        failure: None,
    };
    let page = Metrics::new().render(&backlog).unwrap_or_default();
    for line in [
        "tollward_ledger_pending_bytes 7\n",
        "tollward_ledger_journal_bytes 9\n",
    ] {
        assert!(page.contains(line), "{page}");
    }
}
