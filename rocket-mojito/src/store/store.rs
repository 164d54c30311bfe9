use std::sync::Arc;
use std::time::{Duration, Instant};

use mojito_schema::{
    Backend, Backlog, Content, EventKind, KnownHandler, Listing, Name, NewDelivery, Person, QueryResult, Recorded,
    Selection, Snapshot, Timestamp, Waiting,
};
use rocket::futures::FutureExt;
use rocket::futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::operator::Operator;
use super::{Committed, Database, DedicatedConnection, ErasedHook, NotErased, Recorder, Wakeup};
use crate::config::Retention;
use crate::erasure::{Erased, Erasure};
use crate::operation::{Actor, Pruned, Replay, Replayed};

/// Why a verb of the store has failed, or is not known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Too many deliveries wait to be recorded already.
    QueueFull,
    /// The process stops.
    Stopping,
    /// The commit did not come in time. It may still come.
    Deadline,
    /// The database refused, or did not answer. Nothing was committed.
    Database,
    /// There is no connection to the database, or it was lost before anything was committed.
    Connection,
    /// The commit's fate is unknown: the connection was lost during the commit, or the fsync of the WAL failed.
    Unknown,
}

/// The verbs that routes and operators call, for any database.
#[rocket::async_trait]
pub(crate) trait Store: Send + Sync {
    /// Records a delivery; `Ok` says that it is durable.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the delivery is recorded.
    async fn record(&self, delivery: NewDelivery) -> Result<Recorded, Unavailable>;

    /// The counts of waiting, overdue, running, dead and quarantined work and deliveries.
    async fn backlog(&self) -> Result<Backlog, Unavailable>;

    /// Deliveries that have waited for as long as `waits` behind a failed first of their line.
    async fn held_up(&self, waits: Duration) -> Result<Vec<Waiting>, Unavailable>;

    /// Whether a delivery that is no repeat has come to the endpoint within `silence`.
    async fn has_received(&self, endpoint: String, silence: Duration) -> Result<bool, Unavailable>;
    /// The newest deliveries of a selection, before the delivery `before`.
    async fn list(&self, selection: Selection, before: i64, limit: i64) -> Result<Listing, Unavailable>;

    /// The number of deliveries in a selection.
    async fn count(&self, selection: Selection) -> Result<u64, Unavailable>;

    /// Hands deliveries to handlers again.
    async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable>;

    /// Gives up waiting work.
    async fn discard(&self, selection: Selection, handler: Option<String>, actor: Actor) -> Result<u64, Unavailable>;

    /// Removes bodies and deliveries that are too old.
    async fn prune(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable>;

    /// The same for automatic pruning: each call goes on where the former one ended.
    async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable>;

    /// Whether anything is stored under a name.
    async fn is_known(&self, name: Name) -> Result<bool, Unavailable>;

    /// Every handler that has been attached, by any process.
    async fn handlers(&self) -> Result<Vec<KnownHandler>, Unavailable>;

    /// Retires a handler, discards its open work and returns how much. `None` where a living process has attached the
    /// handler.
    async fn retire(&self, handler: String, actor: Actor) -> Result<Option<u64>, Unavailable>;

    /// Erases a person.
    async fn erase(&self, erasure: Erasure, actor: Actor) -> Result<Erased, NotErased>;

    /// Counts the rows that the erasure of a person would change.
    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased>;
}

/// The store in a Diesel database.
pub(crate) struct DieselStore<B: Backend> {
    recorder: Recorder,
    ack_deadline: Duration,
    operator: Operator<B>,
    /// The connection for reads: an answer must not wait behind an operator's long action.
    reader: Arc<Mutex<DedicatedConnection<B>>>,
    database: Arc<Database<B>>,
    /// The names of the handlers that this process has attached.
    handlers: Vec<String>,
}

impl<B: Backend> DieselStore<B> {
    pub fn new(
        recorder: Recorder,
        ack_deadline: Duration,
        link: DedicatedConnection<B>,
        handlers: Vec<String>,
        hooks: Vec<Arc<dyn ErasedHook<B>>>,
        wakeup: Wakeup,
    ) -> Self {
        let database = Arc::clone(link.database());
        let reader = Arc::new(Mutex::new(DedicatedConnection::new(Arc::clone(&database))));
        let operator =
            Operator { link: Arc::new(Mutex::new(link)), wakeup, pass: Arc::default(), hooks: Arc::new(hooks) };
        Self { recorder, ack_deadline, operator, reader, database, handlers }
    }

    /// Runs a verb that only reads, in a task of its own, so that no caller can cancel it half-way. The task runs on
    /// Rocket's runtime, also where a handler calls.
    async fn read<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>> + Send + 'static,
    {
        let reader = Arc::clone(&self.reader);
        let read = async move { reader.lock_owned().await.read("the database could not be read", verb).await };
        let task = self.database.runtime().spawn(read);
        task.await.unwrap_or(Err(Unavailable::Stopping))
    }

    /// Records a made-up delivery and rolls it back. Success tells that the last refused delivery was itself to blame
    /// for its refusal.
    async fn rehearse(&self, endpoint: String) -> Result<(), Unavailable> {
        let reader = Arc::clone(&self.reader);
        let delivery = rehearsal(endpoint);
        let task = self.database.runtime().spawn(async move {
            let mut link = reader.lock_owned().await;
            let rehearsed =
                link.commit("the database takes no delivery", |c| B::rehearse(c, delivery, Timestamp::now()).boxed());
            rehearsed.await.map(Committed::outcome)
        });
        task.await.unwrap_or(Err(Unavailable::Stopping))?;
        self.database.health().take();
        Ok(())
    }

    /// Runs an operator's action in a task of its own, so that no caller can cancel it half-way.
    async fn operate<R, E, F>(&self, action: impl FnOnce(Operator<B>) -> F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<Unavailable> + Send + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        let task = self.database.runtime().spawn(action(self.operator.clone()));
        task.await.unwrap_or_else(|_| Err(Unavailable::Stopping.into()))
    }
}

/// A delivery about a result that does not exist: its id is random.
fn rehearsal(endpoint: String) -> NewDelivery {
    let (event, body) = (EventKind::InterviewResult, b"{}".to_vec());
    let result_id = format!("rehearsal {:016x}", fastrand::u64(..));
    let content = Content::Usable { result_id, snapshot: Box::new(Snapshot::empty()) };
    NewDelivery::new(endpoint, "none".to_owned(), event, Timestamp::now(), body, content)
}

#[rocket::async_trait]
impl<B: Backend> Store for DieselStore<B> {
    async fn record(&self, mut delivery: NewDelivery) -> Result<Recorded, Unavailable> {
        let deadline = Instant::now().checked_add(self.ack_deadline);
        delivery.awaited_until = deadline;
        let recorded = self.recorder.submit(delivery)?;
        match tokio::time::timeout(self.ack_deadline, recorded).await {
            // A delivery that was judged as overdue is not acknowledged, even if its outcome arrives before the timer
            // fires.
            Ok(Ok(_)) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => Err(Unavailable::Deadline),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Unavailable::Stopping),
            Err(_) => Err(Unavailable::Deadline),
        }
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        // The caller wants to know whether deliveries are taken: reads may work where writes fail.
        let health = self.database.health();
        if health.trouble().is_some() || health.has_refused_several() {
            return Err(Unavailable::Database);
        }
        if let Some(endpoint) = health.refused() {
            self.rehearse(endpoint).await?;
        }
        self.read(|connection| B::backlog(connection, Timestamp::now()).boxed()).await
    }

    async fn list(&self, selection: Selection, before: i64, limit: i64) -> Result<Listing, Unavailable> {
        self.read(move |connection| B::list(connection, selection, before, limit).boxed()).await
    }

    async fn held_up(&self, waits: Duration) -> Result<Vec<Waiting>, Unavailable> {
        let (handlers, since) = (self.handlers.clone(), Timestamp::now().before(waits));
        self.read(move |connection| B::held_up(connection, handlers, since).boxed()).await
    }

    async fn has_received(&self, endpoint: String, silence: Duration) -> Result<bool, Unavailable> {
        let since = Timestamp::now().before(silence);
        self.read(move |connection| B::has_received(connection, endpoint, since).boxed()).await
    }

    async fn count(&self, selection: Selection) -> Result<u64, Unavailable> {
        self.operate(async move |operator| operator.count(selection).await).await
    }

    async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable> {
        self.operate(async move |operator| operator.replay(replay, actor).await).await
    }

    async fn discard(&self, selection: Selection, handler: Option<String>, actor: Actor) -> Result<u64, Unavailable> {
        self.operate(async move |operator| operator.discard(selection, handler, actor).await).await
    }

    async fn prune(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        self.operate(async move |operator| operator.prune(retention, actor).await).await
    }

    async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        self.operate(async move |operator| operator.prune_on(retention, actor).await).await
    }

    async fn is_known(&self, name: Name) -> Result<bool, Unavailable> {
        self.operate(async move |operator| operator.is_known(name).await).await
    }

    async fn handlers(&self) -> Result<Vec<KnownHandler>, Unavailable> {
        self.read(|connection| B::known_handlers(connection).boxed()).await
    }

    async fn retire(&self, handler: String, actor: Actor) -> Result<Option<u64>, Unavailable> {
        self.operate(async move |operator| operator.retire(handler, actor).await).await
    }

    async fn erase(&self, erasure: Erasure, actor: Actor) -> Result<Erased, NotErased> {
        self.operate(async move |operator| operator.erase(erasure, actor).await).await
    }

    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased> {
        self.operate(async move |operator| operator.count_erasure(person).await).await
    }
}
