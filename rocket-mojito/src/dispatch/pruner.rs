use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Retention;
use crate::notices::{Notice, Notices};
use crate::operation::{Actor, Pruned};
use crate::store::Store;

/// How often what is too old is looked for.
const PAUSE: Duration = Duration::from_secs(3600);

/// Removes what is too old, from time to time.
pub(crate) struct Pruner {
    pub store: Arc<dyn Store>,
    pub retention: Retention,
    pub notices: Notices,
}

impl Pruner {
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        again_and_again(stop, || self.prune()).await;
    }

    async fn prune(&self) {
        // A failure is logged where it happens; the next hour tries again.
        if let Ok(pruned) = self.store.prune_on(self.retention, Actor::new("rocket-mojito")).await
            && (pruned.bodies > 0 || pruned.deliveries > 0 || pruned.work > 0)
        {
            let Pruned { bodies, deliveries, work } = pruned;
            self.notices.say(Notice::Pruned { bodies, deliveries, work });
        }
    }
}

async fn again_and_again<F: Future<Output = ()>>(mut stop: watch::Receiver<bool>, prune: impl Fn() -> F) {
    while !*stop.borrow_and_update() {
        prune().await;
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_is_looked_for_every_hour_until_all_stops() {
        let (stop, stopped) = watch::channel(false);
        let looks = AtomicUsize::new(0);
        let begun = tokio::time::Instant::now();

        again_and_again(stopped, || async {
            if looks.fetch_add(1, Ordering::SeqCst) == 4 {
                stop.send_replace(true);
            }
        })
        .await;

        assert_eq!(looks.into_inner(), 5);
        assert_eq!(begun.elapsed(), 4 * Duration::from_secs(3600));
    }
}
