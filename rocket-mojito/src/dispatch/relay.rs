use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mojito_schema::{Notify, QueryResult};
use tokio::time::{sleep, timeout};

use crate::store::Wakeup;

/// The longest silence before the connection is probed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The time limit of a NOTIFY.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after a NOTIFY. Work recorded during the pause shares one NOTIFY, so that a busy process does not wake
/// idle ones for every batch.
const MIN_NOTIFY_INTERVAL: Duration = Duration::from_millis(10);

/// Carries wake-ups from this process to the others, and from the others to this one, while a connection lasts.
///
/// `tests/models` runs it under each order of its steps, without its probes: no wake-up may be lost.
pub(super) struct Relay<'w, N> {
    pub connection: N,
    pub wakeup: &'w Wakeup,
}

impl<N: Notify> Relay<'_, N> {
    /// Notifies and listens until the connection is lost.
    pub async fn run(mut self) {
        let (name, mut own) = (format!("{:016x}", fastrand::u64(..)), self.wakeup.listen_for_own());
        // Work was made while the connection was down.
        own.mark_changed();
        self.wakeup.notify_of_others();
        loop {
            let is_told = tokio::select! {
                heard = self.connection.notified() => match heard {
                    Ok(from) if from == name => continue,
                    Ok(_) => {
                        self.wakeup.notify_of_others();
                        continue;
                    }
                    Err(_) => return,
                },
                _ = own.changed() => in_time(self.connection.notify(&name).boxed()).await,
                // Silence may mean that the other end is gone.
                () = sleep(KEEPALIVE_INTERVAL) => in_time(self.connection.notify(&name).boxed()).await,
            };
            if is_told.is_none() {
                return;
            }
            sleep(MIN_NOTIFY_INTERVAL).await;
        }
    }
}

async fn in_time<T>(verb: BoxFuture<'_, QueryResult<T>>) -> Option<T> {
    timeout(NOTIFY_TIMEOUT, verb).await.ok()?.ok()
}
