use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, Content, EventKind, HandlerSpec, NewDelivery, Open, Recorded, Standing};
use rocket_db_pools::Config;

use crate::config::MojitoConfig;
use crate::dispatch::{MojitoHandler, Performed, Stepper, Steps as _, has_erased_hook};
use crate::event::{Event, ParsedBody, classify};
use crate::notices::Notices;
use crate::pool::{Pool, PooledConnection};
use crate::store::{CommitFailure, Database, Pauses, Unavailable};
use crate::{Error, Timestamp};

/// The id of the secret that stands in each delivery that a test records without a request.
const SECRET_ID: &str = "testing";

/// The connections of a database's own pool: one for a handler's transaction, some for the test.
const MAX_CONNECTIONS: usize = 4;

/// A database for [`perform`](super::perform) and [`check`](super::check): a pool, with the plugin's tables in it.
///
/// Make your own tables on a [`connection`](Self::connection). On drop the pool is left to its other owners.
pub struct TestDatabase<B: Backend> {
    pool: Pool<B>,
    stepper: Stepper<B>,
    config: MojitoConfig,
    attached: HashSet<String>,
}

impl<B: Backend> TestDatabase<B> {
    /// The database at this URL, which is created if the backend can create it. The plugin's migrations are run.
    ///
    /// # Errors
    ///
    /// When the database cannot be opened or migrated.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let config = Config {
            url: url.to_owned(),
            min_connections: None,
            max_connections: MAX_CONNECTIONS,
            connect_timeout: 5,
            idle_timeout: None,
            extensions: None,
        };
        let pool = Pool::open(&config, Open::Create).await.map_err(|error| Error::database("url", error))?;
        Self::try_new(pool).await
    }

    /// The database of a host's own pool. The plugin's migrations are run.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached or migrated.
    pub async fn try_new(pool: Pool<B>) -> Result<Self, Error> {
        let config = MojitoConfig::new();
        let notices = Notices::start().map_err(|_| Error::unavailable("a thread for the log"))?;
        let prepared = async {
            let mut connection = pool.connection().await?;
            B::migrate(&mut connection).await?;
            drop(connection);
            Database::new(pool.clone(), notices).await
        };
        let database = prepared.await.map_err(|error| Error::database("the test's database", error))?;
        let stepper = stepper(Arc::new(database), &config);
        Ok(Self { pool, stepper, config, attached: HashSet::new() })
    }

    /// The time for a handler to answer. Default: 300 s, as in [`MojitoConfig`].
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.config = self.config.handler_timeout(timeout);
        self.stepper = stepper(Arc::clone(self.stepper.database()), &self.config);
        self
    }

    /// The number of attempts after which work is discarded. Default: 20, as in [`MojitoConfig`].
    pub fn max_attempts(mut self, attempts: u16) -> Self {
        self.config = self.config.max_attempts(attempts);
        self
    }

    /// A connection of the pool, for the test's own statements.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn connection(&self) -> Result<PooledConnection<B>, Error> {
        self.pool.connection().await.map_err(|error| Error::database("the test's database", error))
    }

    /// The pool.
    pub fn pool(&self) -> &Pool<B> {
        &self.pool
    }

    /// Records the delivery of an event. Where its result does not have the version before it yet, that is recorded
    /// first, as handled.
    pub(super) async fn record(&self, handler: &dyn MojitoHandler<B>, event: &Event) -> Result<Recorded, Error> {
        if let Some(body) = &event.former_body {
            let (kind, reading) = classify(None, ParsedBody::parse(body));
            let kind = if kind == EventKind::Unknown { event.kind } else { kind };
            let recorded = self.record_body(&event.endpoint, kind, body, reading).await?;
            if recorded.standing != Standing::Repeat {
                let former = self.stepper.claim_one(recorded.delivery_id, &handler.name(), self.max()).await;
                self.stepper.complete(former.map_err(unavailable)?).await.map_err(unavailable)?;
            }
        }
        let (kind, reading) = classify(Some(event.kind), ParsedBody::parse(&event.body));
        self.record_body(&event.endpoint, kind, &event.body, reading).await
    }

    async fn record_body(
        &self,
        endpoint: &str,
        kind: EventKind,
        body: &[u8],
        reading: ParsedBody,
    ) -> Result<Recorded, Error> {
        let (content, findings) = match reading {
            ParsedBody::Usable { payload, findings } => {
                let (result_id, snapshot) = payload.into_state();
                (Content::Usable { result_id, snapshot: Box::new(snapshot) }, findings)
            }
            ParsedBody::Unusable { cause, result_id } => (Content::Unusable { result_id }, vec![cause]),
        };
        let (endpoint, secret, body) = (endpoint.to_owned(), SECRET_ID.to_owned(), body.to_vec());
        let mut delivery = NewDelivery::new(endpoint, secret, kind, Timestamp::now(), body, content);
        delivery.findings = findings;
        self.stepper.record(delivery).await.map_err(unavailable)
    }

    /// Enters the handler in the database, once.
    pub(super) async fn attach(&mut self, handler: &dyn MojitoHandler<B>) -> Result<(), Error> {
        let name = handler.name();
        if self.attached.contains(&name) {
            return Ok(());
        }
        let mut connection = self.connection().await?;
        let spec = HandlerSpec {
            name: name.clone(),
            takes_late: handler.takes_late(),
            wants: handler.wants(),
            max_attempts: self.max(),
            has_erased_hook: has_erased_hook(handler, &mut connection),
        };
        drop(connection);
        self.stepper.attach(spec).await.map_err(unavailable)?;
        self.attached.insert(name);
        Ok(())
    }

    /// Runs one attempt of the handler on a recorded delivery.
    pub(super) async fn attempt(&self, handler: &dyn MojitoHandler<B>, delivery: i64) -> Result<Performed, Error> {
        let claim = self.stepper.claim_one(delivery, &handler.name(), self.max()).await.map_err(unavailable)?;
        self.stepper.attempt(handler, claim).await.map_err(unavailable)
    }

    /// The same, and the process dies after so many statements. The second value tells whether it did.
    pub(super) async fn attempt_cut_off(
        &self,
        handler: &dyn MojitoHandler<B>,
        delivery: i64,
        statements: u32,
    ) -> Result<(Performed, bool), Error> {
        let claim = self.stepper.claim_one(delivery, &handler.name(), self.max()).await.map_err(unavailable)?;
        self.stepper.attempt_cut_off(handler, claim, statements).await.map_err(unavailable)
    }

    /// The process dies after the next commit.
    pub(super) fn die_after_commit(&self) {
        self.stepper.failures().fail_commit(CommitFailure::DiesAfter);
    }

    /// The host's tables by name, each with its rows as JSON objects.
    pub(super) async fn host_tables(&self) -> Result<Vec<(String, Vec<String>)>, Error> {
        self.stepper.run(|c| B::host_tables(c).boxed()).await.map_err(unavailable)
    }

    /// Skips some values of the host's sequences.
    pub(super) async fn skip_ids(&self) -> Result<(), Error> {
        self.stepper.run(|c| B::skip_ids(c).boxed()).await.map_err(unavailable)
    }

    fn max(&self) -> i32 {
        self.config.max_attempts.into()
    }
}

#[cfg(feature = "sqlite")]
impl TestDatabase<mojito_schema::Sqlite> {
    /// A new database in memory, which is gone with its last connection.
    ///
    /// # Errors
    ///
    /// When the plugin's migrations fail.
    pub async fn in_memory() -> Result<Self, Error> {
        Self::open(":memory:").await
    }
}

fn stepper<B: Backend>(database: Arc<Database<B>>, config: &MojitoConfig) -> Stepper<B> {
    Stepper::new(database, Vec::new(), Pauses::new([], []), config)
}

pub(super) fn unavailable(_: Unavailable) -> Error {
    Error::unavailable("the test's database")
}

impl<B: Backend> fmt::Debug for TestDatabase<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase").field("pool", &self.pool).finish_non_exhaustive()
    }
}
