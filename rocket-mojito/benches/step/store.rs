use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Backend, ClaimRequest, HandlerSpec, NewDelivery, Open, Opening, Operations, Recording, Sqlite, Timestamp, Versions,
    WorkQueue,
};
use rocket_mojito::internals::delivery;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::body;

const LEASE: Duration = Duration::from_secs(60);

/// A SQLite file that is as durable as any: what is measured includes the wait for the disk.
struct Store {
    runtime: Runtime,
    connection: <Sqlite as Backend>::Connection,
    _folder: TempDir,
}

impl Store {
    fn create() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let url = folder.path().join("measured.db").display().to_string();
        let connection = runtime.block_on(async {
            let mut connection = Sqlite::open(&url, Open::Create).await.expect("a database");
            Sqlite::migrate(&mut connection).await.expect("tables");
            let handler = HandlerSpec {
                name: "desk".to_owned(),
                takes_late: false,
                wants: Versions::Every,
                max_attempts: 12,
                has_erased_hook: false,
            };
            Sqlite::attach(&mut connection, Arc::new(vec![handler]), Timestamp::now()).await.expect("a handler");
            connection
        });
        Self { runtime, connection, _folder: folder }
    }

    fn record(&mut self, batch: Vec<NewDelivery>) {
        let size = batch.len();
        let recorded = self.run(|c| Sqlite::record(c, Arc::new(batch), Timestamp::now()));
        assert_eq!(recorded.len(), size);
    }

    /// As a worker does for a handler that does nothing.
    fn claim_and_complete(&mut self) {
        let claimed = self.run(|c| Sqlite::claim(c, ClaimRequest::new("desk", 1, LEASE), Timestamp::now()));
        let (ticket, again) = (claimed.claims[0].ticket.clone(), claimed.claims[0].ticket.clone());
        assert!(self.run(|c| Sqlite::begin(c, ticket, LEASE, Timestamp::now())));
        self.run(|c| async { Ok(Sqlite::commit(c, Some(again.line())).await.expect("it is committed")) });
    }

    fn run<'c, R, F>(&'c mut self, verb: impl FnOnce(&'c mut <Sqlite as Backend>::Connection) -> F) -> R
    where
        F: Future<Output = mojito_schema::QueryResult<R>>,
    {
        self.runtime.block_on(verb(&mut self.connection)).expect("the database answers")
    }
}

/// Batches of so many deliveries, each of a result of its own.
pub(super) fn record(calls: u64, size: u64) -> Box<dyn FnMut()> {
    let mut store = Store::create();
    let batch = |call: u64| (call * size..(call + 1) * size).map(|number| delivery(body(number, 5.12))).collect();
    let mut batches: Vec<Vec<NewDelivery>> = (0..calls).map(batch).collect();
    Box::new(move || store.record(batches.pop().expect("one for each call")))
}

/// One delivery after the other.
pub(super) fn claim_and_complete(calls: u64) -> Box<dyn FnMut()> {
    let mut store = Store::create();
    store.record((0..calls).map(|number| delivery(body(number, 5.12))).collect());
    Box::new(move || store.claim_and_complete())
}
