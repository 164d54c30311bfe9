use std::sync::Arc;
use std::time::Duration;

use mojito_schema::Backend;
use tokio::sync::watch;
use tokio::time::Instant;

use super::supervisor::Service;
use crate::notices::{Notice, Notices};
use crate::store::{Database, Wakeup};

/// The interval between two looks at the length of the WAL while deliveries are recorded. The WAL grows by a few hundred
/// frames in this time.
const RECORDING_INTERVAL: Duration = Duration::from_millis(10);

/// The interval between two looks at the database's files.
const FILES_INTERVAL: Duration = Duration::from_secs(10);

/// Keeps the WAL short by checkpoints, and looks for faults of the database's files.
///
/// A checkpoint runs beside those who write. SQLite would have one of them checkpoint, and all others wait for that.
pub(super) struct Checkpointer<B: Backend> {
    pub database: Arc<Database<B>>,
    pub wakeup: Wakeup,
}

impl<B: Backend> Checkpointer<B> {
    async fn look_at_files(&self, warned: &mut Option<&'static str>) {
        let database = Arc::clone(&self.database);
        // In a task of its own, so that no cancellation can interrupt the checkpoint.
        let _ = tokio::spawn(async move { database.checkpoint_if_long().await }).await;
        if let Some(text) = news(warned, self.database.warning()) {
            self.database.notices().say(Notice::Files { text });
        }
    }
}

impl<B: Backend> Service for Checkpointer<B> {
    const NAME: &'static str = "checkpointer";

    fn notices(&self) -> &Notices {
        self.database.notices()
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let (mut recorded, mut warned) = (self.wakeup.listen_for_own(), None);
        let mut next_look = Instant::now();
        while self.database.has_files() && !*stop.borrow_and_update() {
            if Instant::now() >= next_look {
                self.look_at_files(&mut warned).await;
                next_look = Instant::now() + FILES_INTERVAL;
            }
            tokio::select! {
                _ = stop.changed() => continue,
                () = tokio::time::sleep_until(next_look) => continue,
                _ = recorded.changed() => {}
            }
            let database = Arc::clone(&self.database);
            let _ = tokio::spawn(async move { database.checkpoint_beside_writers().await }).await;
            tokio::time::sleep(RECORDING_INTERVAL).await;
        }
    }
}

/// The warning, if it was not given yet. A warning is given once for as long as it lasts.
fn news(given: &mut Option<&'static str>, found: Option<&'static str>) -> Option<&'static str> {
    let former = std::mem::replace(given, found);
    found.filter(|_| former != found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_given_once_for_as_long_as_it_lasts() {
        let mut given = None;

        let said = [None, Some("linked"), Some("linked"), None, Some("linked")].map(|found| news(&mut given, found));

        assert_eq!(said, [None, Some("linked"), None, None, Some("linked")]);
    }
}
