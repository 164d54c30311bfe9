use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncConnection as _;
use mojito_schema::QueryResult;
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::{Build, Orbit, Rocket, Shutdown, async_trait};
use rocket_db_pools::{Database as _, Pool as _};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

use crate::database::{DbConnection, DbPool, HiringDb};
use crate::tables::{candidates, deliveries, events};

/// The pause between two looks at the tables while a page listens.
const PACE: Duration = Duration::from_secs(1);

/// The number of a table's newest rows that tell how far it has come.
///
/// The newest row alone would not do where several processes write: of two rows, the one with the lower number may be
/// committed later. Transactions never have so many rows uncommitted at once, and lists show no more.
const NEWEST: i64 = 200;

/// How far the tables have come. Two equal marks mean that a page shows the same, whichever process it asked. A mark
/// tells nothing of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(String);

impl Mark {
    /// Reads the mark from the tables. Read it before the page's own queries, so that it is never newer than they are.
    pub async fn read(c: &mut DbConnection) -> QueryResult<Self> {
        let deliveries = deliveries::newest(c, NEWEST).await?;
        let entries = events::newest(c, NEWEST).await?;
        let updates = candidates::last_updates(c, NEWEST).await?;
        let digest = Sha256::digest(format!("{deliveries:?} {entries:?} {updates:?}"));
        Ok(Self(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells every listener how far the tables have come: one look for all listeners, none without a listener.
#[derive(Clone)]
pub(crate) struct Watcher {
    marks: Arc<watch::Sender<Option<Mark>>>,
    wake: Arc<Notify>,
}

impl Watcher {
    fn new() -> Self {
        Self { marks: Arc::new(watch::Sender::new(None)), wake: Arc::default() }
    }

    /// The present mark, as soon as it is known, and every later one.
    pub fn listen(&self) -> watch::Receiver<Option<Mark>> {
        let mut marks = self.marks.subscribe();
        marks.mark_changed();
        self.wake.notify_one();
        marks
    }

    async fn run(self, database: DbPool, mut shutdown: Shutdown) {
        loop {
            tokio::select! {
                _ = &mut shutdown => return,
                () = self.wake.notified() => {}
            }
            while self.marks.receiver_count() > 0 {
                self.look(&database).await;
                tokio::select! {
                    _ = &mut shutdown => return,
                    () = tokio::time::sleep(PACE) => {}
                }
            }
            // The known mark grows stale while no page listens.
            self.marks.send_replace(None);
        }
    }

    async fn look(&self, database: &DbPool) {
        let Ok(mut connection) = database.get().await else { return };
        let Ok(mark) = connection.transaction(async |c| Mark::read(c).await).await else { return };
        self.marks.send_if_modified(|known| known.replace(mark.clone()) != Some(mark));
    }
}

/// Runs the [`Watcher`] from liftoff to shutdown. Attach it after [`HiringDb`].
#[derive(Default)]
pub(crate) struct Watching(Mutex<Option<JoinHandle<()>>>);

#[async_trait]
impl Fairing for Watching {
    fn info(&self) -> Info {
        Info { name: "Live updates of the hiring desk", kind: Kind::Ignite | Kind::Liftoff | Kind::Shutdown }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        Ok(rocket.manage(Watcher::new()))
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        let (Some(watcher), Some(database)) = (rocket.state::<Watcher>(), HiringDb::fetch(rocket)) else { return };
        let run = watcher.clone().run((**database).clone(), rocket.shutdown());
        *self.0.lock().await = Some(tokio::spawn(run));
    }

    async fn on_shutdown(&self, _: &Rocket<Orbit>) {
        if let Some(task) = self.0.lock().await.take() {
            // The task ends by itself at shutdown; its panic has been printed.
            drop(task.await);
        }
    }
}
