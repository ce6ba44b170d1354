//! A panic in a handler is answered like any other error of ours, and counted.
//!
//! One in the midst of an answer cannot be: the task of its connection ends, which its client sees,
//! and the call settles by `Drop` (src/task.rs counts it).

use std::any::Any;

use axum::response::Response;
use prometheus_client::metrics::counter::Counter;
use tower_http::catch_panic::CatchPanicLayer;

use crate::http::error;

/// Catches what panics in the handlers of a router.
pub fn catching(
    panics: Counter,
) -> CatchPanicLayer<impl Fn(Box<dyn Any + Send>) -> Response + Clone> {
    CatchPanicLayer::custom(move |_| {
        panics.inc();
        error::panicked()
    })
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        clippy::disallowed_methods,
        reason = "tests"
    )]

    use std::time::Duration;

    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::http::server::serve;
    use crate::task::Tasks;

    /// A body that panics once its first piece is on its way.
    fn breaking() -> Body {
        let pieces = stream::unfold(0, |number| async move {
            if number > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(number == 0, "on purpose");
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"begun")), 1))
        });
        Body::from_stream(pieces)
    }

    async fn ask(address: std::net::SocketAddr, path: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // What breaks off may be a reset.
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    // faults P-21
    #[tokio::test]
    async fn a_panic_is_an_error_before_the_answer_and_breaks_it_off_afterwards() {
        let (panics, listener) = (Counter::default(), TcpListener::bind("127.0.0.1:0").await);
        let (tasks, listener) = (Tasks::new(panics.clone()), listener.unwrap());
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route(
                "/at-once",
                get(async || -> &'static str { panic!("on purpose") }),
            )
            .route("/later", get(async || breaking()))
            .route("/well", get(async || "well"))
            .layer(catching(panics.clone()));
        let stop = tasks.stopping();
        tokio::spawn(serve(listener, router, tasks, stop));
        let answer = ask(address, "/at-once").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert!(answer.contains("\"internal_error\""), "{answer}");
        assert_eq!(panics.get(), 1);
        let answer = ask(address, "/later").await;
        assert!(answer.contains("begun"), "{answer}");
        assert!(!answer.contains("\r\n0\r\n\r\n"), "no end: {answer}");
        assert_eq!(panics.get(), 2);
        assert!(ask(address, "/well").await.ends_with("well"));
    }
}
