use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll};

use diesel_async::sync_connection_wrapper::SpawnBlocking;
use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{JoinError, JoinHandle, block_in_place, spawn_blocking};

use crate::engine::blocking::may_thread_block;

/// Where a call to SQLite runs.
#[derive(Debug, Clone, Copy, Default)]
pub enum Spawner {
    /// On a blocking thread, while other tasks use this thread. That is two switches of threads.
    #[default]
    Elsewhere,
    /// On the calling thread, where the runtime has others: one of them takes over the other tasks of this thread. A
    /// handler calls statement by statement, with the write lock in hand, and thread switches were most of its time.
    InPlace,
}

impl SpawnBlocking for Spawner {
    fn spawn_blocking<'a, R>(
        &mut self,
        call: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync>>>
    where
        R: Send + 'static,
    {
        let caller = *self;
        async move {
            match (caller, Handle::current().runtime_flavor()) {
                (Self::InPlace, _) if may_thread_block() => Ok(call()),
                (Self::InPlace, RuntimeFlavor::MultiThread) => Ok(block_in_place(call)),
                _ => Call::new(call).await.map_err(Box::from),
            }
        }
        .boxed()
    }

    fn get_runtime() -> Self {
        Self::default()
    }
}

/// A call on another thread. A dropped call is waited for too, so that nothing happens on a connection that was given
/// up.
struct Call<R> {
    answer: JoinHandle<R>,
    /// Hangs up when the call has ended, or will never begin.
    ended: Receiver<Infallible>,
}

impl<R: Send + 'static> Call<R> {
    fn new(call: impl FnOnce() -> R + Send + 'static) -> Self {
        let (alive, ended) = channel();
        let answer = spawn_blocking(move || {
            let answer = call();
            drop(alive);
            answer
        });
        Self { answer, ended }
    }
}

impl<R> Future for Call<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.answer.poll_unpin(cx)
    }
}

impl<R> Drop for Call<R> {
    fn drop(&mut self) {
        // The call does not need this thread, whatever runtime it belongs to, or none.
        let _ = self.ended.recv();
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use super::*;

    /// Whether a call runs here, and not on another thread.
    async fn is_here(mut caller: Spawner) -> bool {
        let here: ThreadId = current().id();
        caller.spawn_blocking(|| current().id()).await.expect("it does not panic") == here
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_call_runs_where_its_caller_says() {
        assert!(is_here(Spawner::InPlace).await);
        assert!(!is_here(Spawner::Elsewhere).await);
    }

    #[tokio::test]
    async fn the_only_thread_of_a_runtime_is_never_blocked() {
        assert!(!is_here(Spawner::InPlace).await);
    }

    /// Drops a call half-way. Gives back whether it has ended then.
    fn ends_when_dropped(runtime: &tokio::runtime::Runtime) -> bool {
        let (done, is_done) = channel();
        let (begun, has_begun) = channel();
        runtime.block_on(async {
            let mut call = Spawner::Elsewhere.spawn_blocking(move || {
                begun.send(()).expect("the test listens");
                // Long enough to catch a drop that does not wait.
                std::thread::sleep(std::time::Duration::from_millis(50));
                done.send(()).expect("the test listens");
            });
            assert!((&mut call).now_or_never().is_none());
            has_begun.recv().expect("it begins");
            drop(call);
        });
        is_done.try_recv().is_ok()
    }

    #[test]
    fn a_call_that_nobody_waits_for_any_more_has_ended_before_anything_else_happens_on_any_runtime() {
        let one = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let many = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");

        assert!(ends_when_dropped(&one));
        assert!(ends_when_dropped(&many));
    }

    #[test]
    fn a_call_may_outlive_its_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut call = Spawner::Elsewhere.spawn_blocking(|| ());
        let _ = runtime.block_on(async { (&mut call).now_or_never() });

        drop(runtime);
        drop(call);
    }
}
