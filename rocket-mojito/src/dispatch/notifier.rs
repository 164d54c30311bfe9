use std::sync::Arc;
use std::time::{Duration, Instant};

use mojito_schema::Backend;
use tokio::sync::watch;
use tokio::time::sleep;

use super::relay::Relay;
use super::supervisor::Service;
use crate::notices::{Notice, Notices, Scope};
use crate::store::{Database, Wakeup};

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
        let Some(notifier) = opened else { return false };
        *is_down = false;
        self.database.notices().works(|| Scope::Notifications);
        Relay { connection: notifier, wakeup: &self.wakeup }.run().await;
        true
    }
}
