//! A future that rarely has news, beside one that always has.
//!
//! `select!` polls every branch whenever the task wakes. Beside a connection
//! that wakes thousands of times a second, asking each time whether the process
//! shuts down costs more than some of the work itself. A [`Dormant`] future has
//! a waker of its own and is polled only after that was called.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Polls what it holds only when that was woken.
pub struct Dormant<T> {
    future: Pin<Box<dyn Future<Output = T> + Send>>,
    bell: Arc<Bell>,
    /// The bell, as the future sees it.
    waker: Waker,
}

/// What the future rings.
struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<T> Dormant<T> {
    /// Holds `future`; it is polled for the first time when this is.
    pub fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let bell = Arc::new(Bell {
            has_rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            future: Box::pin(future),
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }
}

impl<T> Future for Dormant<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Before the look at the bell: one that rings in between finds whom to wake.
        self.bell.task.register(context.waker());
        if !self.bell.has_rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let this = &mut *self;
        this.future
            .as_mut()
            .poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_once_for_each_time_it_was_woken() {
        let (news, polls) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let mut dormant = Dormant::new({
            let (news, polls) = (Arc::clone(&news), Arc::clone(&polls));
            async move {
                let mut waiting = Box::pin(news.notified());
                std::future::poll_fn(|context| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    waiting.as_mut().poll(context)
                })
                .await;
            }
        });
        for _ in 0..10 {
            assert!(futures_util::poll!(&mut dormant).is_pending());
        }
        assert_eq!(polls.load(Ordering::Relaxed), 1);
        news.notify_one();
        dormant.await;
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_the_task_that_holds_it() {
        let sleep = tokio::time::sleep(std::time::Duration::from_secs(5));
        let began = tokio::time::Instant::now();
        Dormant::new(sleep).await;
        assert_eq!(began.elapsed().as_secs(), 5);
    }
}
