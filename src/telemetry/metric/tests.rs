//! What stands on the page.

use super::*;

#[test]
fn the_page_says_how_far_the_ledger_is_behind() {
    let backlog = Backlog {
        pending_bytes: 7,
        journal_bytes: 9,
        failure: None,
    };
    let page = Metrics::new().render(&backlog, &[]).unwrap_or_default();
    for line in [
        "tollward_ledger_pending_bytes 7\n",
        "tollward_ledger_journal_bytes 9\n",
    ] {
        assert!(page.contains(line), "{page}");
    }
}

#[test]
fn deployments_that_nobody_has_called_are_not_on_the_page() {
    let metrics = Metrics::new();
    let kept = metrics.meters("a/m", &"a/m".into());
    assert_eq!(kept.name, "a/m");
    let page = metrics.render(&Backlog::default(), &[]).unwrap_or_default();
    assert!(!page.contains("a/m"), "{page}");
}
