use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::supervisor::Service;
use crate::config::Retention;
use crate::notices::{Notice, Notices};
use crate::operation::{Actor, Pruned};
use crate::store::Store;

/// The interval between two prunings.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// Removes rows and bodies that are older than their retention, at intervals.
pub(crate) struct Pruner {
    pub store: Arc<dyn Store>,
    pub retention: Retention,
    pub notices: Notices,
}

impl Service for Pruner {
    const NAME: &'static str = "pruner";

    fn notices(&self) -> &Notices {
        &self.notices
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow_and_update() {
            // The store logs a failure; the next run tries again.
            if let Ok(pruned) = self.store.prune_on(self.retention, Actor::new("rocket-mojito")).await
                && (pruned.bodies > 0 || pruned.deliveries > 0 || pruned.work > 0)
            {
                let Pruned { bodies, deliveries, work } = pruned;
                self.notices.say(Notice::Pruned { bodies, deliveries, work });
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(PRUNE_INTERVAL) => {}
            }
        }
    }
}
