use std::sync::Arc;
use std::time::Duration;

use mojito_schema::Backend;
use tokio::sync::watch;

use super::supervisor::Service;
use crate::notices::{Notice, Notices};
use crate::store::Database;

/// The interval between two looks at the database's files.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(10);

/// Keeps the WAL short by checkpoints, and looks for faults of the database's files.
pub(super) struct Checkpointer<B: Backend> {
    pub database: Arc<Database<B>>,
}

impl<B: Backend> Service for Checkpointer<B> {
    const NAME: &'static str = "checkpointer";

    fn notices(&self) -> &Notices {
        self.database.notices()
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut warned = None;
        while !*stop.borrow_and_update() {
            let database = Arc::clone(&self.database);
            // In a task of its own, so that no cancellation can interrupt the checkpoint.
            let _ = tokio::spawn(async move { database.checkpoint_if_long().await }).await;
            if let Some(text) = news(&mut warned, self.database.warning()) {
                self.database.notices().say(Notice::Files { text });
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(CHECKPOINT_INTERVAL) => {}
            }
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
