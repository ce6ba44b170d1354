//! One fetch for all, ahead of time, and what follows from a failed one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Semaphore;

use super::*;
use crate::task::Tasks;
use crate::telemetry::metric::Metrics;
use crate::upstream::client::Client;
use crate::upstream::trust::Trust;

const HOUR: Duration = Duration::from_secs(3_600);

/// Answers as often as it is let; its keys are numbered.
struct Scripted {
    asked: AtomicUsize,
    may_answer: Semaphore,
    answer: fn(usize) -> Result<(), FetchError>,
}

impl Source for Scripted {
    fn fetch<'a>(&'a self, _: &'a Fetcher) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            self.may_answer.acquire().await.unwrap().forget();
            (self.answer)(number)?;
            Ok(Fetched {
                key: key(number),
                lifetime: Some(HOUR),
            })
        })
    }
}

fn key(number: usize) -> Key {
    Key::bearer(&format!("key-{number}")).unwrap()
}

fn refused(_: usize) -> Result<(), FetchError> {
    Err(FetchError::Unusable("no".to_owned()))
}

fn refreshed(answer: fn(usize) -> Result<(), FetchError>) -> (Arc<Scripted>, Refreshed, Fetcher) {
    let source = Arc::new(Scripted {
        asked: AtomicUsize::new(0),
        may_answer: Semaphore::new(0),
        answer,
    });
    let meters = Metrics::new().credential("p", "1");
    let client = Client::new(Duration::from_secs(1), Trust::load(None).unwrap());
    let fetcher = Fetcher::new(client, Tasks::new(Counter::default()));
    let refreshed = Refreshed::new(Arc::clone(&source) as Arc<dyn Source>, meters);
    (source, refreshed, fetcher)
}

/// Lets one fetch end, and what it changes be seen.
async fn answer(source: &Scripted, refreshed: &Refreshed) {
    source.may_answer.add_permits(1);
    while refreshed.state.lock().renewal.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_hundred_calls_without_a_key_cost_one_fetch() {
    let (source, refreshed, fetcher) = refreshed(|_| Ok(()));
    let calls = join_all((0..200).map(|_| refreshed.key(&fetcher)));
    let (keys, ()) = tokio::join!(calls, answer(&source, &refreshed));
    assert!(keys.iter().all(|it| *it == Ok(key(1))));
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_key_is_renewed_before_it_expires_and_nobody_waits_for_that() {
    let (source, refreshed, fetcher) = refreshed(|_| Ok(()));
    let (first, ()) = tokio::join!(refreshed.key(&fetcher), answer(&source, &refreshed));
    assert_eq!(first, Ok(key(1)));
    let soon = clock::mono() + Duration::from_secs(3_600 - 240);
    for _ in 0..200 {
        let Found::Key(found) = refreshed.find(&fetcher, soon) else {
            panic!("the old key is valid")
        };
        assert_eq!(found, key(1));
    }
    answer(&source, &refreshed).await;
    assert_eq!(refreshed.key(&fetcher).await, Ok(key(2)));
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_old_key_until_it_expires() {
    let only_once = |number| if number == 1 { Ok(()) } else { refused(number) };
    let (source, refreshed, fetcher) = refreshed(only_once);
    let (first, ()) = tokio::join!(refreshed.key(&fetcher), answer(&source, &refreshed));
    assert_eq!(first, Ok(key(1)));
    let soon = clock::mono() + Duration::from_secs(3_600 - 240);
    assert!(matches!(refreshed.find(&fetcher, soon), Found::Key(_)));
    answer(&source, &refreshed).await;
    assert!(matches!(refreshed.find(&fetcher, soon), Found::Key(_)));
    let late = clock::mono() + HOUR;
    assert!(matches!(refreshed.find(&fetcher, late), Found::Wait(_)));
    answer(&source, &refreshed).await;
    assert_eq!(source.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_waited_and_for_a_second_to_those_who_come() {
    let (source, refreshed, fetcher) = refreshed(refused);
    let calls = join_all((0..200).map(|_| refreshed.key(&fetcher)));
    let (keys, ()) = tokio::join!(calls, answer(&source, &refreshed));
    let error = FetchError::Unusable("no".to_owned());
    assert!(keys.iter().all(|it| it.as_ref() == Err(&error)));
    assert_eq!(refreshed.key(&fetcher).await, Err(error));
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    let later = clock::mono() + RENEWAL_PAUSE;
    assert!(matches!(refreshed.find(&fetcher, later), Found::Wait(_)));
}

#[tokio::test]
async fn a_fetch_that_panics_leaves_nobody_waiting_and_is_made_again() {
    let (source, refreshed, fetcher) = refreshed(|number| {
        assert!(number > 1, "on purpose");
        Ok(())
    });
    source.may_answer.add_permits(2);
    assert_eq!(refreshed.key(&fetcher).await, Err(FetchError::Stopped));
    assert_eq!(refreshed.key(&fetcher).await, Ok(key(2)));
}

#[tokio::test]
async fn a_refused_key_is_forgotten_unless_it_was_fetched_only_now() {
    let (source, refreshed, fetcher) = refreshed(|_| Ok(()));
    let (_, ()) = tokio::join!(refreshed.key(&fetcher), answer(&source, &refreshed));
    let now = clock::mono();
    assert!(!refreshed.forget(&key(1), now));
    assert!(refreshed.forget(&key(1), now + YOUNG));
}

// Calls that were under way with the old key hear of it late.
#[tokio::test]
async fn a_late_refusal_of_an_older_key_is_not_charged_to_the_one_that_is_held() {
    let (source, refreshed, fetcher) = refreshed(|_| Ok(()));
    let (_, ()) = tokio::join!(refreshed.key(&fetcher), answer(&source, &refreshed));
    let now = clock::mono();
    assert!(refreshed.forget(&key(1), now + YOUNG));
    assert!(
        refreshed.forget(&key(1), now + YOUNG),
        "it is being renewed"
    );
    let (renewed, ()) = tokio::join!(refreshed.key(&fetcher), answer(&source, &refreshed));
    assert_eq!(renewed, Ok(key(2)));
    assert!(refreshed.forget(&key(1), now), "there is a newer one");
    assert_eq!(refreshed.key(&fetcher).await, Ok(key(2)));
    assert!(!refreshed.forget(&key(2), now));
}
