use std::sync::Arc;
use std::time::Duration;

use mojito_schema::Backend;
use tokio::sync::watch;

use crate::store::Database;

/// How often the log is looked at.
const PAUSE: Duration = Duration::from_secs(10);

/// Keeps the database's log short.
pub(super) struct Trimmer<B: Backend> {
    pub database: Arc<Database<B>>,
}

impl<B: Backend> Trimmer<B> {
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow_and_update() {
            let database = Arc::clone(&self.database);
            // In a task of its own: nobody can cancel it half-way.
            let _ = tokio::spawn(async move { database.shorten_log().await }).await;
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}
