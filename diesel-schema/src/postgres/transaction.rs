use std::time::Duration;

use diesel::result::Error;
use diesel::{QueryResult, define_sql_function};
use diesel_async::{AnsiTransactionManager, RunQueryDsl, SimpleAsyncConnection, TransactionManager};
use futures_util::future::join;

use super::Connection;
use crate::Utc;
use crate::fault::{fault, is_in_the_way, unknown};

/// How long a transaction of our own may pause between two statements, where whoever opened it is frozen.
const PAUSE: Duration = Duration::from_secs(5);

define_sql_function! {
    /// When the transaction began, by the database's clock.
    fn transaction_timestamp() -> crate::UtcTimestamp;
}

/// What the planner has to keep to.
///
/// Everything is found by an index. A planner that takes the tables for small, as they were when it last counted, would
/// read all of them, and go on to do so while they grow.
#[derive(Debug, Clone, Copy)]
enum Plans {
    /// Nothing: they are a host's.
    Free,
    /// It reads by an index, and looks up row by row.
    ByIndex,
    /// The same, and it plans a statement once. Left to itself it plans those that take lists anew each time, since it
    /// takes lists for longer than they are: half of the work of a delivery that comes alone.
    Once,
    /// The same, and it reads the first rows of an index, never all to sort them.
    InOrder,
}

impl Plans {
    fn settings(self) -> Vec<(&'static str, &'static str)> {
        const BY_INDEX: &[(&str, &str)] = &[
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_material", "off"),
        ];
        const ONCE: &[(&str, &str)] = &[("plan_cache_mode", "force_generic_plan")];
        const IN_ORDER: &[(&str, &str)] = &[("enable_bitmapscan", "off"), ("enable_sort", "off")];
        match self {
            Self::Free => Vec::new(),
            Self::ByIndex => BY_INDEX.to_vec(),
            Self::Once => [BY_INDEX, ONCE].concat(),
            Self::InOrder => [BY_INDEX, ONCE, IN_ORDER].concat(),
        }
    }
}

/// What a transaction relies on. It is set in the transaction itself: nothing is left to the session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    isolation: &'static str,
    /// Whether the commit waits until it is on disk.
    ///
    /// A claim does: lost in a crash of the server, its epoch would be given out twice, and the fence holds by the epoch.
    waits_for_disk: bool,
    /// How long it may pause between two statements.
    pause: Duration,
    plans: Plans,
}

impl Default for Terms {
    /// Those of most transactions of our own.
    fn default() -> Self {
        let isolation = "ISOLATION LEVEL READ COMMITTED READ WRITE";
        Self { isolation, waits_for_disk: true, pause: PAUSE, plans: Plans::ByIndex }
    }
}

impl Terms {
    /// Those of what runs for every delivery.
    pub fn planned_once() -> Self {
        Self { plans: Plans::Once, ..Self::default() }
    }

    /// Those of a claim.
    pub fn in_order() -> Self {
        Self { plans: Plans::InOrder, ..Self::default() }
    }

    /// Those of what is only done again where it is lost.
    pub fn without_wait() -> Self {
        Self { waits_for_disk: false, ..Self::planned_once() }
    }

    /// Those of a transaction in which a host's handler asks what it likes.
    pub fn of_host(pause: Duration) -> Self {
        Self { isolation: "", waits_for_disk: false, pause, plans: Plans::Free }
    }

    /// `synchronous_commit` is the first promise; the timeouts bound how long anything waits.
    fn statements(self) -> String {
        let synchronous_commit = if self.waits_for_disk { "on" } else { "off" };
        let pause = format!("{}ms", self.pause.as_millis());
        let settings = [
            ("synchronous_commit", synchronous_commit),
            ("lock_timeout", "10s"),
            ("statement_timeout", "15s"),
            ("idle_in_transaction_session_timeout", pause.as_str()),
        ];
        let settings: Vec<String> = settings
            .into_iter()
            .chain(self.plans.settings())
            .map(|(name, value)| format!("set_config('{name}', '{value}', true)"))
            .collect();
        format!("BEGIN {}; SELECT {}", self.isolation, settings.join(", "))
    }
}

/// Begins a transaction, in one round trip.
pub(super) async fn begin(connection: &mut Connection, terms: Terms) -> QueryResult<()> {
    let begun = AnsiTransactionManager::begin_transaction_sql(connection, &terms.statements()).await;
    if begun.is_err() {
        // It may have begun, and failed over a setting. Where the connection is lost, this fails as well.
        let _ = connection.batch_execute("ROLLBACK").await;
    }
    begun
}

/// Begins a transaction of ours together with the first statements in it, in one round trip.
///
/// Diesel's own account of transactions does not know of it: nothing may be nested in it, and [`end_with`] ends it, also
/// where this failed.
pub(super) async fn begin_with<R>(
    connection: &Connection,
    terms: Terms,
    first: impl Future<Output = QueryResult<R>>,
) -> QueryResult<R> {
    // What is polled first is sent first.
    let (begun, first) = join(execute(connection, &terms.statements()), first).await;
    begun.and(first)
}

/// Commits what was done since [`begin_with`], or rolls it back where that failed.
pub(super) async fn end_with<R>(connection: &Connection, outcome: QueryResult<R>) -> QueryResult<R> {
    match &outcome {
        Ok(_) => execute(connection, "COMMIT").await.map_err(of_commit)?,
        // Where it did not begin this is only a warning, and where the connection is lost it fails as well.
        Err(_) => drop(execute(connection, "ROLLBACK").await),
    }
    outcome
}

async fn execute(mut connection: &Connection, statements: &str) -> QueryResult<()> {
    connection.batch_execute(statements).await
}

/// What an error over a commit means: nobody knows whether it was done, unless the database says that it was not.
fn of_commit(error: Error) -> Error {
    if is_in_the_way(&error) { error } else { unknown(fault(&error)) }
}

/// Commits what was done, or rolls it back where that failed.
pub(super) async fn end<R>(connection: &mut Connection, outcome: QueryResult<R>) -> QueryResult<R> {
    match outcome {
        Ok(value) => match AnsiTransactionManager::commit_transaction(connection).await {
            Ok(()) => Ok(value),
            Err(error) => Err(of_commit(error)),
        },
        Err(error) => match AnsiTransactionManager::rollback_transaction(connection).await {
            // The first error tells more than that nothing can be rolled back either.
            Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback),
        },
    }
}

/// When the transaction began, by the database's clock.
pub(super) async fn now(mut connection: &Connection) -> QueryResult<Utc> {
    diesel::select(transaction_timestamp()).get_result(&mut connection).await
}
