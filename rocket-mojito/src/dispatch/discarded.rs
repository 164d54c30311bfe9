use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, OwedHook, Timestamp, failpoint};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::MojitoHandler;
use super::leases::Leases;
use super::supervisor::Service;
use crate::Event;
use crate::notices::{Notice, Notices};
use crate::store::{Committed, Pauses};

/// The time limit of a call.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// The lease of a hook: after it another process may call the hook. It is longer than a call and its settlement take.
const HOOK_LEASE: Duration = Duration::from_secs(30);

/// The bounds of the pause before a failed call is repeated. The pause is as long as the work has been dead.
const MIN_RETRY_INTERVAL: Duration = Duration::from_secs(30);
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(4 * 3600);

/// Calls the hook `discarded` of one handler when a call is owed, one call at a time.
///
/// The debt is a column of the work row, committed together with the work's end. So it outlives the process that gave
/// up the work. Any process with the handler may call the hook, and only the hook's answer settles the debt.
pub(super) struct Discarded<B: Backend> {
    pub handler: Arc<dyn MojitoHandler<B>>,
    pub name: Arc<str>,
    /// The longest sleep without a wake-up. Polling then finds work that other processes gave up.
    pub poll_interval: Duration,
    pub leases: Leases<B>,
    pub pauses: Pauses,
    /// The handlers' runtime, so that a hook that blocks its thread holds up no request.
    pub runtime: Handle,
}

impl<B: Backend> Service for Discarded<B> {
    const NAME: &'static str = "hooks";

    fn notices(&self) -> &Notices {
        self.leases.database.notices()
    }

    /// Calls hooks until `stop` is set. A call that is running then stays owed.
    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut given_up = self.leases.given_up.listen();
        while !*stop.borrow_and_update() {
            // Marked as seen before the query, so that work given up from here on triggers another query.
            given_up.borrow_and_update();
            while let Some(owed) = self.take().await {
                tokio::select! {
                    _ = stop.changed() => return,
                    pause = self.call(&owed) => self.settle(owed, pause).await,
                }
            }
            tokio::select! {
                _ = stop.changed() => {}
                _ = given_up.changed() => {}
                () = tokio::time::sleep(self.poll_interval) => {}
            }
        }
    }
}

impl<B: Backend> Discarded<B> {
    /// Calls every hook that is due. Returns the number of calls.
    #[cfg(feature = "testing")]
    pub(super) async fn call_due(&self) -> usize {
        let mut calls = 0;
        while let Some(owed) = self.take().await {
            let pause = self.call(&owed).await;
            self.settle(owed, pause).await;
            calls += 1;
        }
        calls
    }

    async fn take(&self) -> Option<OwedHook> {
        let (name, pauses) = (Arc::clone(&self.name), self.pauses.clone());
        let mut dedicated = self.leases.dedicated.lock().await;
        let taken = dedicated.commit("no hook could be taken", |connection| {
            async move {
                // The handler may have been paused while this call waited for the connection.
                let Some(_leave) = pauses.leave_to_claim(&name).await else { return Ok(None) };
                B::take_hook(connection, Arc::clone(&name), HOOK_LEASE, Timestamp::now()).await
            }
            .boxed()
        });
        let taken = taken.await;
        let owed = taken.map(Committed::outcome).ok().flatten();
        if owed.is_some() {
            failpoint::reach("hook.taken");
        }
        owed
    }

    /// Calls the hook. Returns the pause before the next call if this one failed.
    ///
    /// A hook that blocks its thread is awaited, since another call would run beside it.
    async fn call(&self, owed: &OwedHook) -> Option<Duration> {
        let pause = Some(pause(Duration::try_from(*Timestamp::now() - *owed.discarded_at).unwrap_or_default()));
        // The body is pruned, so there is no event to hand over.
        let event = Event::from_claim(owed.claim.clone())?;
        let (handler, error) = (Arc::clone(&self.handler), owed.error.clone());
        let mut call =
            self.runtime.spawn(async move { AssertUnwindSafe(handler.discarded(&event, &error)).catch_unwind().await });
        match timeout(HOOK_TIMEOUT, &mut call).await {
            Ok(Ok(Ok(Ok(())))) => {
                failpoint::reach("hook.called");
                None
            }
            Ok(_) => pause,
            Err(_) => {
                call.abort();
                let _ = call.await;
                pause
            }
        }
    }

    async fn settle(&self, owed: OwedHook, pause: Option<Duration>) {
        if pause.is_some() {
            let (handler, delivery) = (self.name.to_string(), owed.claim.ticket.delivery_id);
            self.leases.database.notices().say(Notice::HookFailed { handler, delivery });
        }
        let mut dedicated = self.leases.dedicated.lock().await;
        // If the database cannot be reached, the hook is taken again after its lease.
        let _ = dedicated
            .commit("a hook could not be settled", |c| B::settle_hook(c, owed, pause, Timestamp::now()).boxed())
            .await
            .map(Committed::outcome);
    }
}

fn pause(dead_for: Duration) -> Duration {
    dead_for.clamp(MIN_RETRY_INTERVAL, MAX_RETRY_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_failed_waits_as_long_as_the_work_is_dead() {
        let pauses = [0, 29, 31, 3_600, 14_399, 14_401].map(|secs| pause(Duration::from_secs(secs)).as_secs());

        assert_eq!(pauses, [30, 30, 31, 3_600, 14_399, 14_400]);
    }
}
