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

/// Why something is not durable, as far as anybody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Too much waits to be recorded already.
    QueueFull,
    /// The process stops.
    Stopping,
    /// It was not committed in time. It may still be.
    Deadline,
    /// The database refused, or did not answer. Nothing was committed.
    Database,
    /// There is no connection to the database, or it was lost before anything was committed.
    Connection,
    /// The database was lost over the commit. Nobody knows whether it was done.
    Unknown,
}

/// What routes and operators ask of the database, whichever it is.
#[rocket::async_trait]
pub(crate) trait Store: Send + Sync {
    /// Records a delivery; `Ok` says that it is durable.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the delivery is recorded.
    async fn record(&self, delivery: NewDelivery) -> Result<Recorded, Unavailable>;

    /// What is waiting, overdue, running, dead and quarantined.
    async fn backlog(&self) -> Result<Backlog, Unavailable>;

    /// Deliveries that have waited for so long behind a first that has failed.
    async fn held_up(&self, waits: Duration) -> Result<Vec<Waiting>, Unavailable>;

    /// Whether a delivery that is no repeat has come to an endpoint within so long.
    async fn has_received(&self, endpoint: String, silence: Duration) -> Result<bool, Unavailable>;
    /// The newest deliveries that a selection means, before one.
    async fn list(&self, selection: Selection, before: i64, limit: i64) -> Result<Listing, Unavailable>;

    /// How many deliveries a selection means.
    async fn count(&self, selection: Selection) -> Result<u64, Unavailable>;

    /// Hands deliveries to handlers again.
    async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable>;

    /// Gives up waiting work.
    async fn discard(&self, selection: Selection, handler: Option<String>, actor: Actor) -> Result<u64, Unavailable>;

    /// Removes what is too old.
    async fn prune(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable>;

    /// The same from time to time: it goes on where it ended.
    async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable>;

    /// Whether anything is stored under a name.
    async fn is_known(&self, name: Name) -> Result<bool, Unavailable>;

    /// Every handler that has been attached, by whichever process.
    async fn handlers(&self) -> Result<Vec<KnownHandler>, Unavailable>;

    /// Retires a handler and discards its open work: how much. None where a living process has attached it.
    async fn retire(&self, handler: String, actor: Actor) -> Result<Option<u64>, Unavailable>;

    /// Removes a person.
    async fn erase(&self, erasure: Erasure, actor: Actor) -> Result<Erased, NotErased>;

    /// What the removal of a person would come to.
    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased>;
}

/// The store in a Diesel database.
pub(crate) struct DieselStore<B: Backend> {
    recorder: Recorder,
    ack_deadline: Duration,
    operator: Operator<B>,
    /// For what is only looked at: an answer must not wait behind a long action.
    reader: Arc<Mutex<DedicatedConnection<B>>>,
    database: Arc<Database<B>>,
    /// The names of those that this process has attached.
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

    /// Runs a verb that only reads, in a task of its own so that nobody can cancel it half-way: on Rocket's runtime, also
    /// where a handler asks.
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

    /// Records a delivery that nobody has sent, and takes it back: whether the last one that was refused was to blame for that
    /// itself.
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

    /// Runs what an operator asks for in a task of its own, so that nobody can cancel it half-way.
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

/// A delivery about a result that nobody has.
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
            // What was judged as overdue is not acknowledged, even where it is here before the timer fires.
            Ok(Ok(_)) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => Err(Unavailable::Deadline),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Unavailable::Stopping),
            Err(_) => Err(Unavailable::Deadline),
        }
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        // Whoever asks wants to know whether deliveries are taken: reading alone may well work.
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
