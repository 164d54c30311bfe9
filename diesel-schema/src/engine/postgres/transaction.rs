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

/// How long a transaction of our own may pause between two statements, where whoever opened it is frozen.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

define_sql_function! {
    /// When the transaction began, by the database's clock.
    fn transaction_timestamp() -> crate::UtcTimestamp;
}

/// A setting that only our transactions have, and each of them has.
pub(super) const TRANSACTION_SETTING: &str = "mojito.transaction";

define_sql_function! {
    /// The value of a setting.
    fn current_setting(name: Text, is_missing_ok: Bool) -> Nullable<Text>;
}

/// Whether a statement is within a transaction of ours. What is sent together with the beginning of one would else take
/// effect by itself where that failed. A session in which there was one has the setting ever after, and it is empty.
#[auto_type(no_type_alias)]
pub(super) fn is_within() -> _ {
    let (name, nothing): (&'static str, &'static str) = (TRANSACTION_SETTING, "");
    current_setting(name, true).ne(nothing)
}

/// Whether a transaction sees less than what is committed when each of its statements begins.
#[auto_type(no_type_alias)]
pub(super) fn is_not_read_committed() -> _ {
    let (name, level): (&'static str, &'static str) = ("transaction_isolation", "read committed");
    current_setting(name, false).assume_not_null().ne(level)
}

/// How long anything waits for a lock, and how long a statement may take.
pub(super) const LOCK_TIMEOUT: &str = "'10s'";
pub(super) const STATEMENT_TIMEOUT: &str = "'15s'";

/// The values of a switch.
const ON: &str = "'on'";
const OFF: &str = "'off'";

/// What the planner has to keep to.
///
/// Everything is found by an index. A planner that takes the tables for small, as they were when it last counted, would
/// read all of them, and go on to do so while they grow.
#[derive(Debug, Clone, Copy)]
enum PlannerSettings {
    /// It reads by an index, and looks up row by row. It compiles nothing: where the tables are large it takes a claim for
    /// a long one, and would work on it for ten times as long as it takes.
    ByIndex,
    /// The same, and it plans a statement once. Left to itself it plans those that take lists anew each time, since it
    /// takes lists for longer than they are: half of the work of a delivery that comes alone.
    Once,
    /// The same, and it reads the first rows of an index, never all to sort them.
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

/// What a transaction relies on. It is set in the transaction itself: nothing is left to the session.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransactionSettings {
    /// Whether the commit waits until it is on disk.
    ///
    /// A claim does: lost in a crash of the server, its epoch would be given out twice, and the fence holds by the epoch.
    waits_for_disk: bool,
    plans: PlannerSettings,
}

impl Default for TransactionSettings {
    /// Those of most transactions of our own.
    fn default() -> Self {
        Self { waits_for_disk: true, plans: PlannerSettings::ByIndex }
    }
}

impl TransactionSettings {
    /// Those of what runs for every delivery.
    pub fn planned_once() -> Self {
        Self { plans: PlannerSettings::Once, ..Self::default() }
    }

    /// Those of a claim.
    pub fn in_order() -> Self {
        Self { plans: PlannerSettings::InOrder, ..Self::default() }
    }

    /// Those of what is only done again where it is lost.
    pub fn without_wait() -> Self {
        Self { waits_for_disk: false, ..Self::planned_once() }
    }

    /// `synchronous_commit` is the first promise; the timeouts bound how long anything waits.
    ///
    /// Each is set by a statement of its own, which the server does not plan: one query that calls `set_config` for all of
    /// them took it as long as a lookup does.
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

/// Sends what begins a transaction. What is polled after it in a `join` comes first in the transaction, and travels in the
/// same round trip. [`account_for`] says whether it has begun: until then nobody else may use the connection.
pub(super) async fn start(mut connection: &Connection, statements: &str) -> QueryResult<()> {
    connection.batch_execute(statements).await
}

/// Tells Diesel that a transaction has begun, or ends what began in part.
pub(super) async fn account_for(connection: &mut Connection, begun: QueryResult<()>) -> QueryResult<()> {
    if begun.is_err() {
        // It may have begun, and failed over a setting. Where the connection is lost, this fails as well.
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

/// Commits what was done, or rolls it back where that failed.
pub(super) async fn end<R>(connection: &mut Connection, outcome: QueryResult<R>) -> QueryResult<R> {
    match outcome {
        Ok(value) => AnsiTransactionManager::commit_transaction(connection).await.map(|()| value).map_err(commit_error),
        Err(error) => match AnsiTransactionManager::rollback_transaction(connection).await {
            // The first error tells more than that nothing can be rolled back either.
            Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
            Err(rollback) => Err(rollback),
        },
    }
}

/// Whether a [commit] may travel with what it commits.
///
/// Diesel asks for what is prepared in the order in which it is polled, and has to wait for an answer in between only where
/// something is not prepared yet; then all that comes after waits too. So a commit is prepared as well, and where nothing
/// may be, behind a proxy, it waits for its turn.
pub(super) fn may_end_on_the_way(connection: &mut Connection) -> bool {
    connection::keeps_statements(connection)
}

/// Sends the commit. What is polled before it in a `try_join` comes before it in the transaction, and travels in the same
/// round trip; where that could not even be sent, neither is the commit. Where the server refuses it, there is nothing to
/// commit any more. [`account_for_end`] says what came of it: until then nobody else may use the connection.
pub(super) async fn commit(mut connection: &Connection) -> QueryResult<()> {
    Commit.execute(&mut connection).await.map(drop).map_err(commit_error)
}

/// Tells Diesel that a transaction has ended, or ends it where that failed.
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
    // Where the server answers once more, the error was its own answer, or nothing was sent. Where it does not, it may have
    // committed.
    match AnsiTransactionManager::rollback_transaction(connection).await {
        Ok(()) => Err(error),
        Err(_) => Err(unknown(fault(&error))),
    }
}

/// What is known after a commit that failed: nothing, unless another transaction was to blame.
fn commit_error(error: Error) -> Error {
    if is_in_the_way(&error) { error } else { unknown(fault(&error)) }
}

/// A commit that is prepared: by name it is found again, whatever the transaction.
#[derive(QueryId)]
struct Commit;

impl QueryFragment<Pg> for Commit {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("COMMIT");
        Ok(())
    }
}

/// When the transaction began, by the database's clock.
pub(super) async fn now(mut connection: &Connection) -> QueryResult<Timestamp> {
    diesel::select(transaction_timestamp()).get_result(&mut connection).await
}
