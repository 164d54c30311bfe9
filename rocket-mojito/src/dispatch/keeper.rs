use std::time::Duration;

use mojito_schema::{Backend, Utc, fault};
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
        let mut link = self.desk.link.lock().await;
        if link.connection().await.is_err() {
            return;
        }
        let _turn = self.desk.database.write_turn().await;
        let Ok(connection) = link.connection().await else { return };
        let rescue = B::renew_and_rescue(connection, self.desk.held.tickets(), self.lease, Utc::now()).await;
        match rescue {
            Ok(rescue) => {
                for ticket in &rescue.stale {
                    self.desk.held.abort(ticket);
                }
                if rescue.rescued + rescue.discarded > 0 {
                    let (rescued, discarded) = (rescue.rescued, rescue.discarded);
                    tracing::warn!(rescued, discarded, "leases had lapsed");
                    self.signal.notify();
                }
            }
            Err(error) => {
                link.reset();
                tracing::error!(fault = fault(&error), "leases could not be renewed");
            }
        }
    }
}
