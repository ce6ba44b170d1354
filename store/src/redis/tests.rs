#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed assumption is a failed test"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

/// A server of a test's own, which ends with it because its standard input does.
struct Server {
    child: Child,
    rates: RedisRates,
}

fn server() -> Server {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/redis");
    let mut child = Command::new(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut address).unwrap();
    let rates = RedisRates::at(&SecretString::from(address.trim())).unwrap();
    Server { child, rates }
}

fn draw(bucket: &str, limit: u32, amount: u32) -> Draw {
    Draw {
        bucket: bucket.to_owned(),
        limit,
        amount,
    }
}

/// Takes, whatever the machine is busy with.
async fn take(server: &Server, draws: &[Draw]) -> Drawn {
    for _ in 0..50 {
        if let Ok(drawn) = server.rates.take(draws).await {
            return drawn;
        }
    }
    panic!("the server did not answer in fifty times");
}

// K-06
#[tokio::test]
async fn as_many_come_in_as_the_limit_says_for_any_limit() {
    let server = server();
    for limit in [1, 7, 100, 333] {
        let bucket = format!("of {limit}");
        let mut admitted = 0;
        let mut wait = Duration::ZERO;
        for _ in 0..limit + 5 {
            let drawn = take(&server, &[draw(&bucket, limit, 1)]).await;
            match drawn.lacks {
                None => admitted += 1,
                Some((_, until)) => wait = until,
            }
        }
        // One more flows in every so often.
        let each = Duration::from_mins(1) / limit;
        assert!(
            admitted >= limit && admitted <= limit + 5,
            "{admitted} of {limit}"
        );
        assert!(wait <= each || admitted > limit, "{wait:?} of {each:?}");
    }
}

#[tokio::test]
async fn a_call_takes_of_all_buckets_or_of_none_and_is_told_which_lacks() {
    let server = server();
    let [few, many] = [draw("few", 2, 1), draw("many", 1_000, 100)];
    for _ in 0..2 {
        assert_eq!(
            take(&server, &[many.clone(), few.clone()]).await.lacks,
            None
        );
    }
    let drawn = take(&server, &[many.clone(), few]).await;
    let (place, wait) = drawn.lacks.unwrap();
    assert_eq!(place, 1);
    assert!(
        wait > Duration::from_secs(25) && wait <= Duration::from_secs(30),
        "{wait:?}"
    );
    // Nothing was taken of the other one.
    assert!((800..=810).contains(&drawn.left[0]), "{drawn:?}");
    assert_eq!(drawn.left[1], 0);
}

#[tokio::test]
async fn what_was_used_takes_the_place_of_what_was_taken() {
    let server = server();
    let want = draw("tokens", 60_000, 40_000);
    assert_eq!(take(&server, std::slice::from_ref(&want)).await.lacks, None);
    assert!(
        take(&server, std::slice::from_ref(&want))
            .await
            .lacks
            .is_some()
    );
    let mut used = Correction {
        bucket: "tokens".to_owned(),
        limit: 60_000,
        taken: 40_000,
        used: 10_000,
    };
    server
        .rates
        .correct(std::slice::from_ref(&used))
        .await
        .unwrap();
    let drawn = take(&server, std::slice::from_ref(&want)).await;
    assert_eq!(drawn.lacks, None);
    assert!((10_000..=10_900).contains(&drawn.left[0]), "{drawn:?}");
    // Far more than was taken leaves a debt, of an hour at most.
    used.used = 1_000_000_000;
    server
        .rates
        .correct(std::slice::from_ref(&used))
        .await
        .unwrap();
    let (_, debt) = take(&server, &[want]).await.lacks.unwrap();
    assert!(
        debt <= Duration::from_mins(60) && debt > Duration::from_mins(58),
        "{debt:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_gone_or_frozen_is_given_up_in_a_quarter_of_a_second() {
    let mut server = server();
    take(&server, &[draw("a", 10, 1)]).await;
    drop(server.child.stdin.take());
    server.child.wait().unwrap();
    let draws = [draw("a", 10, 1)];
    let asked = tokio::time::timeout(Duration::from_secs(3), server.rates.take(&draws));
    assert!(matches!(asked.await.unwrap(), Err(StoreError::Redis(_))));
}

#[test]
fn an_address_that_is_none_is_not_repeated() {
    let Err(error) = RedisRates::at(&SecretString::from("http://u:hunter2@h")) else {
        panic!("it was taken");
    };
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
