use std::num::NonZeroU32;
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, TransactionDepthChange, TransactionManagerStatus};
use diesel::dsl::auto_type;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryResult, define_sql_function};
use diesel_async::{
    AnsiTransactionManager, AsyncConnection as _, RunQueryDsl, SimpleAsyncConnection, TransactionManager,
};

use super::{Connection, connection};
use crate::Timestamp;
use crate::engine::db_error::{fault, is_in_the_way, unknown};

/// How long a transaction of our own may pause between two statements: its process may be frozen.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

define_sql_function! {
    /// The time at which the transaction began, by the database's clock.
    fn transaction_timestamp() -> crate::UtcTimestamp;
}

/// A setting that only our transactions have, and each of them has.
pub(super) const TRANSACTION_SETTING: &str = "mojito.transaction";

define_sql_function! {
    /// The value of a setting.
    fn current_setting(name: Text, is_missing_ok: Bool) -> Nullable<Text>;
}

/// Whether a statement is within a transaction of ours. If `BEGIN` fails, a statement pipelined behind it would run in
/// autocommit: this predicate makes it match no row. After a first use a session has the setting ever after, as an
/// empty string.
#[auto_type(no_type_alias)]
pub(super) fn is_within() -> _ {
    let (name, nothing): (&'static str, &'static str) = (TRANSACTION_SETTING, "");
    current_setting(name, true).ne(nothing)
}

/// Whether the statements of a transaction miss commits that were made before they began.
#[auto_type(no_type_alias)]
pub(super) fn is_not_read_committed() -> _ {
    let (name, level): (&'static str, &'static str) = ("transaction_isolation", "read committed");
    current_setting(name, false).assume_not_null().ne(level)
}

/// How long a statement waits for a lock, and how long it may take.
pub(super) const LOCK_TIMEOUT: &str = "'10s'";
pub(super) const STATEMENT_TIMEOUT: &str = "'15s'";

/// The values of a boolean setting.
const ON: &str = "'on'";
const OFF: &str = "'off'";

/// The settings of the planner.
///
/// An index finds everything. A planner that counted the tables while they were small would read all of them, and go on
/// to do so while they grow.
#[derive(Debug, Clone, Copy)]
enum PlannerSettings {
    /// The planner reads by an index, and looks up row by row. It compiles nothing: on large tables the planner takes a
    /// claim for long, and compiling would take ten times as long as the claim.
    ByIndex,
    /// As `ByIndex`, and the planner plans a statement once. By itself it plans statements that take lists anew each
    /// time, since it takes lists for longer than they are. That was half of the work of a delivery that comes alone.
    Once,
    /// As `Once`, and the planner reads the first rows of an index, never all of them to sort them.
    InOrder,
}

impl PlannerSettings {
    /// Names, and values as SQL has them.
    fn settings(self) -> Vec<(&'static str, &'static str)> {
        const BY_INDEX: &[(&str, &str)] = &[
            ("enable_seqscan", OFF),
            ("enable_hashjoin", OFF),
            ("enable_mergejoin", OFF),
            ("enable_material", OFF),
            ("jit", OFF),
        ];
        const ONCE: &[(&str, &str)] = &[("plan_cache_mode", "'force_generic_plan'")];
        const IN_ORDER: &[(&str, &str)] = &[("enable_bitmapscan", OFF), ("enable_sort", OFF)];
        match self {
            Self::ByIndex => BY_INDEX.to_vec(),
            Self::Once => [BY_INDEX, ONCE].concat(),
            Self::InOrder => [BY_INDEX, ONCE, IN_ORDER].concat(),
        }
    }
}

/// The settings that a transaction relies on. The transaction makes them itself: nothing is left to the session.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransactionSettings {
    /// Whether the commit waits for fsync.
    ///
    /// A claim does: an attempt that has begun counts, also after a crash of the server. The wait costs nothing that
    /// was measured, since claims are prefetched.
    waits_for_disk: bool,
    plans: PlannerSettings,
}

impl Default for TransactionSettings {
    /// The settings of most transactions of our own.
    fn default() -> Self {
        Self { waits_for_disk: true, plans: PlannerSettings::ByIndex }
    }
}

impl TransactionSettings {
    /// The settings of transactions that run for every delivery.
    pub fn planned_once() -> Self {
        Self { plans: PlannerSettings::Once, ..Self::default() }
    }

    /// The settings of a claim.
    pub fn in_order() -> Self {
        Self { plans: PlannerSettings::InOrder, ..Self::default() }
    }

    /// The settings of transactions that are simply done again where they are lost.
    pub fn without_wait() -> Self {
        Self { waits_for_disk: false, ..Self::planned_once() }
    }

    /// `synchronous_commit` is the first promise; the timeouts bound how long anything waits.
    ///
    /// A statement of its own makes each setting, and the server does not plan it. One query that called `set_config`
    /// for all of them took the server as long as a lookup does.
    pub fn statements(self) -> String {
        let pause = format!("'{}ms'", IDLE_TIMEOUT.as_millis());
        let settings = [
            ("synchronous_commit", if self.waits_for_disk { ON } else { OFF }),
            ("lock_timeout", LOCK_TIMEOUT),
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", pause.as_str()),
            (TRANSACTION_SETTING, ON),
        ];
        let mut statements = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE".to_owned();
        for (name, value) in settings.into_iter().chain(self.plans.settings()) {
            for part in ["; SET LOCAL ", name, " = ", value] {
                statements += part;
            }
        }
        statements
    }
}

/// Begins a transaction, in one round trip.
pub(super) async fn begin(connection: &mut Connection, settings: TransactionSettings) -> QueryResult<()> {
    let begun = start(connection, &settings.statements()).await;
    account_for(connection, begun).await
}

/// Sends the statements that begin a transaction. Statements that a `join` polls after them come first in the
/// transaction, and are pipelined in the same round trip. [`account_for`] says whether the transaction has begun: until
/// then nobody else may use the connection.
pub(super) async fn start(mut connection: &Connection, statements: &str) -> QueryResult<()> {
    connection.batch_execute(statements).await
}

/// Tells Diesel that a transaction has begun, or ends a transaction that began in part.
pub(super) async fn account_for(connection: &mut Connection, begun: QueryResult<()>) -> QueryResult<()> {
    if begun.is_err() {
        // The transaction may have begun, and failed over a setting. Where the connection is lost, this fails as well.
        let _ = connection.batch_execute("ROLLBACK").await;
        return begun;
    }
    match AnsiTransactionManager::transaction_manager_status_mut(connection) {
        TransactionManagerStatus::Valid(status) => {
            status.change_transaction_depth(TransactionDepthChange::IncreaseDepth)?;
        }
        TransactionManagerStatus::InError => return Err(Error::BrokenTransactionManager),
    }
    connection.instrumentation().on_connection_event(InstrumentationEvent::begin_transaction(NonZeroU32::MIN));
    Ok(())
}

/// Commits the transaction, or rolls it back where `outcome` is an error.
pub(super) async fn end<R>(connection: &mut Connection, outcome: QueryResult<R>) -> QueryResult<R> {
    match outcome {
        Ok(value) => AnsiTransactionManager::commit_transaction(connection).await.map(|()| value).map_err(commit_error),
        Err(error) => match AnsiTransactionManager::rollback_transaction(connection).await {
            // The first error tells more than a rollback that failed too.
            Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback),
        },
    }
}

/// Whether a [commit] may be pipelined with the statements that it commits.
///
/// Diesel asks for prepared statements in the order in which they are polled. It waits for an answer in between only
/// for a statement that is not prepared yet. Then all statements behind it wait too. So the commit is a prepared
/// statement as well. Behind a proxy, where no statement may stay prepared, the commit waits for its turn.
pub(super) fn may_end_on_the_way(connection: &mut Connection) -> bool {
    connection::keeps_statements(connection)
}

/// Sends the commit. Statements that a `try_join` polls before it come before it in the transaction, and are pipelined
/// in the same round trip. Where one of them could not even be sent, the commit is not sent either. Where the server
/// refuses one, there is nothing to commit any more. [`account_for_end`] gives the outcome: until then nobody else may
/// use the connection. It is worth a sixth at 64 connections: `tests/BENCHMARKS.md`.
pub(super) async fn commit(mut connection: &Connection) -> QueryResult<()> {
    Commit.execute(&mut connection).await.map(drop).map_err(commit_error)
}

/// Tells Diesel that a transaction has ended, or ends the transaction where that failed.
pub(super) async fn account_for_end(connection: &mut Connection, ended: QueryResult<()>) -> QueryResult<()> {
    let Err(error) = ended else {
        connection.instrumentation().on_connection_event(InstrumentationEvent::commit_transaction(NonZeroU32::MIN));
        return match AnsiTransactionManager::transaction_manager_status_mut(connection) {
            TransactionManagerStatus::Valid(status) => {
                status.change_transaction_depth(TransactionDepthChange::DecreaseDepth)
            }
            TransactionManagerStatus::InError => Err(Error::BrokenTransactionManager),
        };
    };
    // Where the server answers once more, the error was its own answer, or nothing was sent. Where the server does not
    // answer, it may have committed.
    match AnsiTransactionManager::rollback_transaction(connection).await {
        Ok(()) => Err(error),
        Err(_) => Err(unknown(fault(&error))),
    }
}

/// The error of a failed commit: the outcome is unknown, unless another transaction was to blame.
fn commit_error(error: Error) -> Error {
    if is_in_the_way(&error) { error } else { unknown(fault(&error)) }
}

/// A prepared commit: its name finds it again in any transaction.
#[derive(QueryId)]
struct Commit;

impl QueryFragment<Pg> for Commit {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("COMMIT");
        Ok(())
    }
}

/// The time at which the transaction began, by the database's clock.
pub(super) async fn now(mut connection: &Connection) -> QueryResult<Timestamp> {
    diesel::select(transaction_timestamp()).get_result(&mut connection).await
}
