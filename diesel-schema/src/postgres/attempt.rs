use std::time::Duration;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::{AnsiTransactionManager, RunQueryDsl, TransactionManager};
use futures_util::future::join;

use super::Connection;
use super::line::{promote, promote_if_seen};
use super::transaction::{self, LOCK_TIMEOUT, MARK, STATEMENT_TIMEOUT, Terms, transaction_timestamp};
use crate::tables::work::held;
use crate::update::update;
use crate::{State, Ticket, Utc, work};

/// Begins a handler's transaction: the fence and the "done" mark come first. Whether the ticket still holds.
pub(super) async fn begin(connection: &mut Connection, ticket: &Ticket, pause: Duration) -> QueryResult<bool> {
    let (begun, is_held) =
        join(transaction::start(connection, &beginning()), complete(connection, ticket, pause)).await;
    transaction::account_for(connection, begun).await?;
    match is_held {
        Ok(true) => Ok(true),
        Ok(false) => AnsiTransactionManager::rollback_transaction(connection).await.map(|()| false),
        Err(error) => {
            AnsiTransactionManager::rollback_transaction(connection).await?;
            Err(error)
        }
    }
}

/// Commits a handler's transaction, and promotes the next of its line: in the transaction, or after it where its isolation level
/// hides from it what others have recorded.
pub(super) async fn commit(connection: &mut Connection, ticket: &Ticket) -> QueryResult<()> {
    let line = ticket.line();
    match promote_if_seen(connection, &line).await {
        Ok(Some(_)) => AnsiTransactionManager::commit_transaction(connection).await,
        Ok(None) => {
            AnsiTransactionManager::commit_transaction(connection).await?;
            // Where this fails the sweep does it.
            let promoted = async {
                transaction::begin(connection, Terms::without_wait()).await?;
                let outcome = promote(connection, &line).await;
                transaction::end(connection, outcome).await
            };
            promoted.await.map(drop)
        }
        Err(error) => transaction::end(connection, Err(error)).await,
    }
}

/// What comes before the fence. That is found by an index, even where the planner takes the table for small: its plan is
/// kept while the table grows. What the host lets the planner do is kept under the mark until then.
fn beginning() -> String {
    format!(
        "BEGIN; SELECT set_config('{MARK}', current_setting('enable_seqscan'), true); \
        SET LOCAL enable_seqscan = off; SET LOCAL lock_timeout = {LOCK_TIMEOUT}"
    )
}

/// The fence and the "done" mark in one statement, without asking for the time first. Never outside of the transaction.
pub(crate) async fn complete(mut connection: &Connection, ticket: &Ticket, pause: Duration) -> QueryResult<bool> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch).filter(transaction::is_within());
    let done = (
        work::state.eq(State::Completed),
        work::lease_until.eq(None::<Utc>),
        work::finished_at.eq(transaction_timestamp().nullable()),
        // Its next is promoted before the commit, but where that cannot be, after it: then it stays the first until then.
        work::is_first.eq(transaction::is_not_read_committed()),
    );
    let rows = Fence { update: update(row, done), pause }.execute(&mut connection).await?;
    Ok(rows == 1)
}

/// An update that is the first statement of a host's transaction, and sets what holds for the others: the planner is the
/// host's again, the commit need not wait for the disk, as effect and mark are lost together, and `pause` is how long the
/// transaction may stand still. Set here, where all of it is prepared, it costs half of what statements of its own do.
struct Fence<U> {
    update: U,
    pause: Duration,
}

impl<U: QueryFragment<Pg>> QueryFragment<Pg> for Fence<U> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.update.walk_ast(out.reborrow())?;
        out.push_sql(&format!(
            " RETURNING set_config('enable_seqscan', current_setting('{MARK}'), true), \
            set_config('synchronous_commit', 'off', true), \
            set_config('statement_timeout', {STATEMENT_TIMEOUT}, true), \
            set_config('idle_in_transaction_session_timeout', '{}ms', true)",
            self.pause.as_millis()
        ));
        Ok(())
    }
}

impl<U> QueryId for Fence<U> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
