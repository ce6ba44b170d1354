//! What every store of responses does.

use super::{DAY, NOON};
use crate::{
    Asker, History, HistoryBounds, KeyId, Located, MAX_RESPONSE_BYTES, RequestId, Store,
    StoreError, StoredResponse, Turn, VendorResponse,
};

const WIDE: HistoryBounds = HistoryBounds {
    turns: 1_000,
    bytes: 1 << 20,
};

fn key() -> KeyId {
    KeyId::new(NOON)
}

fn asker(key: Option<KeyId>) -> Asker {
    Asker { key, now_ms: NOON }
}

/// A turn that says `word`.
fn turn(word: &str, key: Option<KeyId>, previous: Option<RequestId>) -> StoredResponse {
    StoredResponse {
        id: RequestId::new(NOON),
        key,
        previous,
        model: "chat".to_owned(),
        created_ms: NOON,
        expires_ms: NOON + DAY,
        input: format!("[\"{word}?\"]").into_bytes(),
        output: format!("[\"{word}!\"]").into_bytes(),
        object: format!("{{\"id\":\"{word}\"}}").into_bytes(),
    }
}

fn words(history: History) -> Vec<String> {
    let History::Whole(turns) = history else {
        return vec![format!("{history:?}")];
    };
    let text = |turn: Turn| String::from_utf8([turn.input, turn.output].concat()).unwrap();
    turns.into_iter().map(text).collect()
}

pub(super) async fn a_response_comes_back_whole_to_its_key_alone(
    store: Store,
    _: Option<&crate::Location>,
) {
    let responses = &store.responses;
    let (mine, open) = (turn("a", Some(key()), None), turn("b\0", None, None));
    for response in [&mine, &open] {
        responses.put(response).await.unwrap();
    }
    let other = KeyId::new(NOON);
    for (id, key, found) in [
        (mine.id, mine.key, Some(&mine)),
        (mine.id, Some(other), None),
        (mine.id, None, None),
        (open.id, None, Some(&open)),
        (open.id, Some(other), None),
        (RequestId::new(NOON), None, None),
    ] {
        assert_eq!(responses.get(id, asker(key)).await.unwrap().as_ref(), found);
    }
    let strange = responses.history(mine.id, asker(Some(other)), WIDE).await;
    assert_eq!(strange.unwrap(), History::Missing(mine.id));
    assert!(!format!("{mine:?}").contains("a?"), "words are not logged");
}

pub(super) async fn a_key_that_holds_too_much_loses_its_oldest(
    store: Store,
    _: Option<&crate::Location>,
) {
    let responses = &store.responses;
    let (rich, poor) = (Some(key()), Some(key()));
    let mut kept = Vec::new();
    for at in 0..5 {
        for key in [rich, None] {
            let response = StoredResponse {
                created_ms: NOON + at,
                ..turn("a", key, None)
            };
            responses.put(&response).await.unwrap();
            kept.push((at, response));
        }
    }
    let alone = turn("a", poor, None);
    responses.put(&alone).await.unwrap();
    let bytes = (alone.input.len() + alone.output.len() + alone.object.len()) as u64;
    assert_eq!(responses.trim(5 * bytes).await.unwrap(), 0);
    assert_eq!(responses.trim(3 * bytes - 1).await.unwrap(), 6);
    for (at, response) in kept {
        let found = responses.get(response.id, asker(response.key)).await;
        assert_eq!(found.unwrap().is_some(), at >= 3, "{at}");
    }
    let found = responses.get(alone.id, asker(poor)).await.unwrap();
    assert_eq!(found, Some(alone));
    assert_eq!(responses.trim(0).await.unwrap(), 5);
}

pub(super) async fn the_first_response_of_an_id_wins(store: Store, _: Option<&crate::Location>) {
    let first = turn("a", None, None);
    let repeat = StoredResponse {
        id: first.id,
        ..turn("b", None, None)
    };
    store.responses.put(&first).await.unwrap();
    store.responses.put(&repeat).await.unwrap();
    let found = store.responses.get(first.id, asker(None)).await.unwrap();
    assert_eq!(found, Some(first));
}

pub(super) async fn responses_form_a_conversation_oldest_first(
    store: Store,
    _: Option<&crate::Location>,
) {
    let responses = &store.responses;
    let first = turn("a", Some(key()), None);
    let second = turn("b", first.key, Some(first.id));
    let third = turn("c", first.key, Some(second.id));
    let branch = turn("d", first.key, Some(first.id));
    for response in [&first, &second, &third, &branch] {
        responses.put(response).await.unwrap();
    }
    let ask = asker(first.key);
    let history = responses.history(third.id, ask, WIDE).await.unwrap();
    assert_eq!(
        words(history),
        ["[\"a?\"][\"a!\"]", "[\"b?\"][\"b!\"]", "[\"c?\"][\"c!\"]"]
    );
    let history = responses.history(branch.id, ask, WIDE).await.unwrap();
    assert_eq!(words(history), ["[\"a?\"][\"a!\"]", "[\"d?\"][\"d!\"]"]);
    // What is lost in the middle is told, not skipped.
    assert!(responses.delete(second.id, ask).await.unwrap());
    let broken = responses.history(third.id, ask, WIDE).await.unwrap();
    assert_eq!(broken, History::Missing(second.id));
}

pub(super) async fn a_conversation_beyond_its_bounds_is_not_read(
    store: Store,
    _: Option<&crate::Location>,
) {
    let mut last = None;
    for word in ["a", "b", "c"] {
        let next = turn(word, None, last);
        store.responses.put(&next).await.unwrap();
        last = Some(next.id);
    }
    // Each turn has twelve bytes.
    for (turns, bytes, fits) in [(3, 36, true), (2, 36, false), (3, 35, false), (0, 0, false)] {
        let bounds = HistoryBounds { turns, bytes };
        let history = store.responses.history(last.unwrap(), asker(None), bounds);
        let history = history.await.unwrap();
        assert_eq!(
            matches!(history, History::Whole(_)),
            fits,
            "{turns} {bytes}: {history:?}"
        );
        assert_eq!(history == History::TooLong, !fits);
    }
}

pub(super) async fn a_turn_keeps_those_before_it_alive(store: Store, _: Option<&crate::Location>) {
    let first = turn("a", None, None);
    let second = StoredResponse {
        expires_ms: NOON + 2 * DAY,
        ..turn("b", None, Some(first.id))
    };
    // Another key's response may name it and moves nothing.
    let strange = StoredResponse {
        expires_ms: NOON + 9 * DAY,
        ..turn("c", Some(key()), Some(first.id))
    };
    for response in [&first, &second, &strange] {
        store.responses.put(response).await.unwrap();
    }
    for (days, alive) in [(1, true), (2, false)] {
        let ask = Asker {
            key: None,
            now_ms: NOON + days * DAY,
        };
        let found = store.responses.get(first.id, ask).await.unwrap();
        assert_eq!(found.is_some(), alive, "after {days} days");
    }
}

pub(super) async fn what_expired_is_not_there_and_is_swept(
    store: Store,
    _: Option<&crate::Location>,
) {
    let responses = &store.responses;
    let late = StoredResponse {
        expires_ms: NOON + 2 * DAY,
        ..turn("late", None, None)
    };
    responses.put(&late).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..250 {
        let early = turn("early", None, None);
        responses.put(&early).await.unwrap();
        ids.push(early.id);
    }
    let then = Asker {
        key: None,
        now_ms: NOON + DAY,
    };
    assert!(responses.get(ids[0], then).await.unwrap().is_none());
    assert!(!responses.delete(ids[0], then).await.unwrap());
    let history = responses.history(ids[0], then, WIDE).await.unwrap();
    assert_eq!(history, History::Missing(ids[0]));
    assert_eq!(responses.expire(NOON + DAY - 1).await.unwrap(), 0);
    assert_eq!(responses.expire(NOON + DAY).await.unwrap(), 250);
    assert!(responses.get(ids[0], asker(None)).await.unwrap().is_none());
    assert!(responses.get(late.id, asker(None)).await.unwrap().is_some());
    assert_eq!(responses.expire(i64::MAX).await.unwrap(), 1);
}

pub(super) async fn a_deleted_response_is_gone_with_its_words(
    store: Store,
    _: Option<&crate::Location>,
) {
    let responses = &store.responses;
    let kept = turn("a", Some(key()), None);
    responses.put(&kept).await.unwrap();
    let (mine, other) = (asker(kept.key), asker(None));
    assert!(!responses.delete(kept.id, other).await.unwrap());
    assert!(responses.delete(kept.id, mine).await.unwrap());
    assert!(!responses.delete(kept.id, mine).await.unwrap());
    assert_eq!(responses.get(kept.id, mine).await.unwrap(), None);
    // Its words would be in the way otherwise.
    responses.put(&kept).await.unwrap();
    assert_eq!(responses.get(kept.id, mine).await.unwrap(), Some(kept));
}

pub(super) async fn a_response_that_is_too_large_is_refused(
    store: Store,
    _: Option<&crate::Location>,
) {
    let large = StoredResponse {
        input: vec![b' '; MAX_RESPONSE_BYTES],
        ..turn("a", None, None)
    };
    let refused = store.responses.put(&large).await;
    assert!(matches!(refused, Err(StoreError::ResponseTooLarge)));
    let found = store.responses.get(large.id, asker(None)).await.unwrap();
    assert!(found.is_none());
}

/// A response that a vendor keeps, with two items.
fn remote(id: &str, key: Option<KeyId>) -> VendorResponse {
    VendorResponse {
        id: id.to_owned(),
        key,
        deployment: "openai/gpt".to_owned(),
        expires_ms: NOON + DAY,
        items: vec![format!("rs_{id}"), format!("msg_{id}")],
    }
}

/// Which of the names lead somewhere at a time, sorted.
async fn located(store: &Store, names: &[&str], now_ms: i64) -> Vec<Located> {
    let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let mut found = store.responses.locate(&names, now_ms).await.unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

pub(super) async fn a_vendors_response_is_found_by_its_id_and_those_of_its_items(
    store: Store,
    _: Option<&crate::Location>,
) {
    let (mine, open) = (remote("a", Some(key())), remote("b'\"", None));
    for response in [&mine, &open] {
        store.responses.remember(response).await.unwrap();
    }
    let place = |name: &str, of: &VendorResponse| Located {
        name: name.to_owned(),
        key: of.key,
        deployment: of.deployment.clone(),
    };
    assert_eq!(
        located(&store, &["nobody", "a", "msg_a", "rs_b'\"", "b'\""], NOON).await,
        [
            place("a", &mine),
            place("b'\"", &open),
            place("msg_a", &mine),
            place("rs_b'\"", &open)
        ]
    );
    assert_eq!(located(&store, &[], NOON).await, []);
    // It has no words: it is no response of ours.
    assert_eq!(store.responses.expire(NOON).await.unwrap(), 0);
}

pub(super) async fn a_vendors_response_stays_with_its_first_key(
    store: Store,
    _: Option<&crate::Location>,
) {
    let mine = remote("a", Some(key()));
    let strange = VendorResponse {
        items: vec!["rs_other".to_owned()],
        ..remote("a", None)
    };
    let borrowed = VendorResponse {
        items: mine.items.clone(),
        ..remote("c", None)
    };
    for response in [&mine, &strange, &borrowed] {
        store.responses.remember(response).await.unwrap();
    }
    let keys: Vec<_> = located(&store, &["a", "rs_a", "msg_a", "rs_other"], NOON)
        .await
        .into_iter()
        .map(|it| (it.name, it.key))
        .collect();
    let all = ["a", "msg_a", "rs_a"].map(|it| (it.to_owned(), mine.key));
    assert_eq!(keys, all);
}

pub(super) async fn a_vendors_response_is_forgotten_by_its_key_or_when_its_time_is_up(
    store: Store,
    _: Option<&crate::Location>,
) {
    let responses = &store.responses;
    let mine = remote("a", Some(key()));
    responses.remember(&mine).await.unwrap();
    assert!(!responses.forget("a", asker(None)).await.unwrap());
    assert!(!responses.forget("rs_a", asker(mine.key)).await.unwrap());
    assert_eq!(located(&store, &["a"], NOON).await.len(), 1);
    assert!(responses.forget("a", asker(mine.key)).await.unwrap());
    assert!(!responses.forget("a", asker(mine.key)).await.unwrap());
    assert_eq!(located(&store, &["a", "rs_a"], NOON).await, []);
    // Its items would be in the way otherwise.
    responses.remember(&mine).await.unwrap();
    assert_eq!(
        located(&store, &["a", "rs_a", "msg_a"], NOON).await.len(),
        3
    );
    assert_eq!(located(&store, &["a", "rs_a"], NOON + DAY).await, []);
    let late = Asker {
        now_ms: NOON + DAY,
        ..asker(mine.key)
    };
    assert!(!responses.forget("a", late).await.unwrap());
    assert_eq!(responses.expire(NOON + DAY).await.unwrap(), 1);
    assert_eq!(located(&store, &["a"], NOON).await, []);
}
