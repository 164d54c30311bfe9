use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, Utc};
use tokio::sync::watch;

use super::executor::Desk;
use crate::store::Signal;

/// The longest pause between two looks at the leases: what a dead process held is found within seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Renews the leases that this process holds, and rescues the lapsed ones, whose ever they were.
pub(super) struct Keeper<B: Backend> {
    pub desk: Desk<B>,
    pub lease: Duration,
    pub signal: Signal,
}

impl<B: Backend> Keeper<B> {
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let pause = (self.lease / 3).min(LONGEST_PAUSE);
        while !*stop.borrow_and_update() {
            self.look().await;
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look(&self) {
        let (held, lease) = (self.desk.held.tickets(), self.lease);
        let mut link = self.desk.link.lock().await;
        let rescue = link
            .write("leases could not be renewed", |c| B::renew_and_rescue(c, held, lease, Utc::now()).boxed())
            .await;
        drop(link);
        let Ok(rescue) = rescue else { return };
        for ticket in &rescue.stale {
            self.desk.held.abort(ticket);
        }
        if rescue.rescued + rescue.discarded > 0 {
            let (rescued, discarded) = (rescue.rescued, rescue.discarded);
            tracing::warn!(rescued, discarded, "leases had lapsed");
            self.signal.notify();
        }
    }
}
