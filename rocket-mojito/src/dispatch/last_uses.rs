use futures_util::FutureExt;
use mojito_schema::Backend;
use tokio::sync::watch;

use super::leases::Leases;
use super::supervisor::Service;
use crate::notices::Notices;
use crate::store::Committed;

const FAILURE: &str = "the last use of the secrets could not be noted";

/// Notes in the database when each secret was last used: at most once a minute each, beside the recorder.
pub(super) struct LastUses<B: Backend> {
    pub leases: Leases<B>,
}

impl<B: Backend> Service for LastUses<B> {
    const NAME: &'static str = "last uses";

    fn notices(&self) -> &Notices {
        self.leases.database.notices()
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow_and_update() {
            tokio::select! {
                _ = stop.changed() => {}
                uses = self.leases.database.secret_uses().due() => {
                    let mut dedicated = self.leases.dedicated.lock().await;
                    let noted = dedicated.commit(FAILURE, |c| B::note_uses(c, uses).boxed()).await;
                    if noted.map(Committed::outcome).is_err() {
                        // The next use is noted instead.
                        self.leases.database.secret_uses().forget();
                    }
                }
            }
        }
    }
}
