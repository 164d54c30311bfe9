use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mojito_schema::{Backend, Notify, QueryResult};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::supervisor::Service;
use crate::notices::{Notice, Notices, Scope};
use crate::store::{Database, Wakeup};

/// The longest silence before the connection is probed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The time limit of a NOTIFY.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after a NOTIFY. Work recorded during the pause shares one NOTIFY, so that a busy process does not wake
/// idle ones for every batch.
const MIN_NOTIFY_INTERVAL: Duration = Duration::from_millis(10);

/// The longest pause before a lost connection is opened again.
const MAX_RECONNECT_INTERVAL: Duration = Duration::from_secs(5);

/// Notifies the other processes on the database of work that this process made, and listens for theirs, if the database
/// supports that.
///
/// No promise depends on it. While the connection is down, work of other processes waits for the executors' next poll.
pub(super) struct Notifier<B: Backend> {
    pub database: Arc<Database<B>>,
    pub wakeup: Wakeup,
}

impl<B: Backend> Service for Notifier<B> {
    const NAME: &'static str = "notifier";

    fn notices(&self) -> &Notices {
        self.database.notices()
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let (mut pause, mut is_down) = (Duration::ZERO, false);
        while !*stop.borrow_and_update() {
            let began = Instant::now();
            tokio::select! {
                // A stop drops the future, and with it the connection, whatever its state.
                _ = stop.changed() => return,
                has_notifier = self.hold(&mut is_down) => if !has_notifier {
                    return;
                }
            }
            if !std::mem::replace(&mut is_down, true) {
                self.database.notices().say(Notice::Unheard);
            }
            // A connection that lasted for a while is opened again at once.
            let longer = (pause * 2).clamp(Duration::from_millis(100), MAX_RECONNECT_INTERVAL);
            pause = if began.elapsed() > MAX_RECONNECT_INTERVAL { Duration::from_millis(100) } else { longer };
            tokio::select! {
                _ = stop.changed() => {}
                () = sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            }
        }
    }
}

impl<B: Backend> Notifier<B> {
    /// Opens a connection, and notifies and listens until it is lost. `false` where processes on this database cannot
    /// notify each other.
    async fn hold(&self, is_down: &mut bool) -> bool {
        let Ok(opened) = B::open_notifier(self.database.url()).await else { return true };
        let Some(mut notifier) = opened else { return false };
        *is_down = false;
        self.database.notices().works(|| Scope::Notifications);
        let (name, mut own) = (format!("{:016x}", fastrand::u64(..)), self.wakeup.listen_for_own());
        // Work was made while the connection was down.
        own.mark_changed();
        self.wakeup.notify_of_others();
        loop {
            let is_told = tokio::select! {
                heard = notifier.notified() => match heard {
                    Ok(from) if from == name => continue,
                    Ok(_) => {
                        self.wakeup.notify_of_others();
                        continue;
                    }
                    Err(_) => return true,
                },
                _ = own.changed() => in_time(notifier.notify(&name).boxed()).await,
                // Silence may mean that the other end is gone.
                () = sleep(KEEPALIVE_INTERVAL) => in_time(notifier.notify(&name).boxed()).await,
            };
            if is_told.is_none() {
                return true;
            }
            sleep(MIN_NOTIFY_INTERVAL).await;
        }
    }
}

async fn in_time<T>(verb: BoxFuture<'_, QueryResult<T>>) -> Option<T> {
    timeout(NOTIFY_TIMEOUT, verb).await.ok()?.ok()
}
