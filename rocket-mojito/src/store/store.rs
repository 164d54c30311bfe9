use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, Backlog, NewDelivery, QueryResult, Recorded, fault};
use rocket::futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::{Link, Recorder};

/// Why something is not durable, as far as anybody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Too much waits to be recorded already.
    QueueFull,
    /// The process stops.
    Stopping,
    /// It was not committed in time. It may still be.
    Deadline,
    /// The database refused, or did not answer.
    Database,
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

    /// What is waiting, running, dead and quarantined.
    async fn backlog(&self) -> Result<Backlog, Unavailable>;
}

/// The store in a Diesel database.
pub(crate) struct DieselStore<B: Backend> {
    recorder: Recorder,
    ack_deadline: Duration,
    operator: Arc<Mutex<Link<B>>>,
}

impl<B: Backend> DieselStore<B> {
    pub fn new(recorder: Recorder, ack_deadline: Duration, operator: Link<B>) -> Self {
        Self { recorder, ack_deadline, operator: Arc::new(Mutex::new(operator)) }
    }

    /// Runs a verb on the operators' connection, in a task of its own so that nobody can cancel it.
    async fn operate<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>> + Send + 'static,
    {
        let operator = Arc::clone(&self.operator);
        let task = tokio::spawn(async move {
            let mut link = operator.lock_owned().await;
            let connection = link.connection().await.map_err(|_| Unavailable::Database)?;
            verb(connection).await.map_err(|error| {
                link.reset();
                tracing::error!(fault = fault(&error), "the database refused an operator's request");
                Unavailable::Database
            })
        });
        task.await.unwrap_or(Err(Unavailable::Stopping))
    }
}

#[rocket::async_trait]
impl<B: Backend> Store for DieselStore<B> {
    async fn record(&self, delivery: NewDelivery) -> Result<Recorded, Unavailable> {
        let recorded = self.recorder.submit(delivery)?;
        match tokio::time::timeout(self.ack_deadline, recorded).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Unavailable::Stopping),
            Err(_) => Err(Unavailable::Deadline),
        }
    }

    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        self.operate(|connection| Box::pin(B::backlog(connection))).await
    }
}
