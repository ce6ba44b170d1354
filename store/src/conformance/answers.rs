//! What every store of answers does.

use super::{DAY, NOON, everything, sample};
use crate::{
    CostSource, Entry, GroupBy, KeptAnswer, KeyId, MAX_ANSWER_BYTES, NanoUsd, RequestId, Store,
    StoreError,
};

/// The answer of a name, `length` bytes long.
fn answer(name: u8, key: Option<KeyId>, length: usize) -> KeptAnswer {
    KeptAnswer {
        name: [name; 32],
        fingerprint: [7; 32],
        key,
        request: RequestId::new(NOON),
        created_ms: NOON + i64::from(name),
        expires_ms: NOON + DAY,
        status: 200,
        cost: Some(NanoUsd(12)),
        head: b"a: b\n".to_vec(),
        body: vec![b'x'; length - 5],
    }
}

pub(super) async fn an_answer_comes_back_whole_until_its_time_is_up(
    store: Store,
    _: Option<&crate::Location>,
) {
    let answers = &store.answers;
    let mine = answer(1, Some(KeyId::new(NOON)), 20);
    let bare = KeptAnswer {
        key: None,
        cost: None,
        body: b"\0\xff".to_vec(),
        ..answer(2, None, 20)
    };
    for kept in [&mine, &bare] {
        answers.keep(kept).await.unwrap();
        let found = answers.find(&kept.name, kept.expires_ms - 1).await.unwrap();
        assert_eq!(found.as_ref(), Some(kept));
        let found = answers.find(&kept.name, kept.expires_ms).await.unwrap();
        assert_eq!(found, None);
    }
    assert_eq!(answers.find(&[3; 32], NOON).await.unwrap(), None);
    assert!(!format!("{mine:?}").contains("xx"), "words are not logged");
    assert_eq!(answers.expire(NOON + DAY - 1).await.unwrap(), 0);
    assert_eq!(answers.expire(NOON + DAY).await.unwrap(), 2);
    assert_eq!(answers.find(&mine.name, NOON).await.unwrap(), None);
}

pub(super) async fn the_first_answer_of_a_name_wins_while_it_lives(
    store: Store,
    _: Option<&crate::Location>,
) {
    let answers = &store.answers;
    let first = answer(1, None, 20);
    let second = answer(1, None, 30);
    answers.keep(&first).await.unwrap();
    answers.keep(&second).await.unwrap();
    let found = answers.find(&first.name, NOON).await.unwrap();
    assert_eq!(found, Some(first.clone()));
    let later = KeptAnswer {
        created_ms: first.expires_ms,
        expires_ms: first.expires_ms + DAY,
        ..second
    };
    answers.keep(&later).await.unwrap();
    let found = answers.find(&first.name, NOON + DAY).await.unwrap();
    assert_eq!(found, Some(later));
}

pub(super) async fn a_keeper_that_holds_too_much_loses_its_oldest_answers(
    store: Store,
    _: Option<&crate::Location>,
) {
    let answers = &store.answers;
    let rich = Some(KeyId::new(NOON));
    for name in 0..5 {
        answers.keep(&answer(name, rich, 100)).await.unwrap();
    }
    for name in 5..7 {
        answers.keep(&answer(name, None, 100)).await.unwrap();
    }
    assert_eq!(answers.trim(500, 700).await.unwrap(), 0);
    assert_eq!(answers.trim(399, 700).await.unwrap(), 2);
    let mut names = Vec::new();
    for name in 0..7 {
        let found = answers.find(&[name; 32], NOON).await.unwrap();
        names.extend(found.map(|_| name));
    }
    assert_eq!(names, [2, 3, 4, 5, 6]);
    // The oldest of all, whoever's they are.
    assert_eq!(answers.trim(400, 350).await.unwrap(), 2);
    assert_eq!(answers.find(&[3; 32], NOON).await.unwrap(), None);
    assert!(answers.find(&[4; 32], NOON).await.unwrap().is_some());
}

pub(super) async fn an_answer_that_is_too_large_is_refused(
    store: Store,
    _: Option<&crate::Location>,
) {
    let answers = &store.answers;
    let large = answer(1, None, MAX_ANSWER_BYTES + 1);
    let refused = answers.keep(&large).await;
    assert!(matches!(refused, Err(StoreError::ResponseTooLarge)));
    assert_eq!(answers.find(&large.name, NOON).await.unwrap(), None);
}

pub(super) async fn what_answers_given_again_saved_is_summed_up(
    store: Store,
    _: Option<&crate::Location>,
) {
    let again = |seed, saved| Entry {
        cost: Some(NanoUsd::ZERO),
        cost_source: CostSource::Replayed,
        saved,
        ..sample(seed)
    };
    for entry in [
        sample(3),
        again(6, Some(NanoUsd(500))),
        again(9, Some(NanoUsd(40))),
        again(12, None),
    ] {
        store.ledger.record(&entry).unwrap();
    }
    let rows = store.ledger.usage(&everything(GroupBy::Model)).await;
    let [row] = rows.unwrap().try_into().unwrap();
    assert_eq!(
        (row.sums.cost, row.sums.saved),
        (NanoUsd(12_345), NanoUsd(540))
    );
    assert_eq!((row.sums.attempts, row.sums.unpriced), (4, 0));
    let newest = store.ledger.recent(2).await.unwrap();
    let saved: Vec<_> = newest.iter().map(|it| it.saved).collect();
    assert_eq!(saved, [None, Some(NanoUsd(40))]);
}
