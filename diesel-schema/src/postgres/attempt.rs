use std::time::Duration;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::{AnsiTransactionManager, RunQueryDsl, TransactionManager};
use futures_util::future::join;

use super::Connection;
use super::transaction::{self, Terms, transaction_timestamp};
use crate::tables::work::held;
use crate::update::update;
use crate::{State, Ticket, Utc, work};

/// Begins a handler's transaction: the fence and the "done" mark come first. Whether the ticket still holds.
pub(super) async fn begin(connection: &mut Connection, ticket: &Ticket, pause: Duration) -> QueryResult<bool> {
    let (begun, is_held) =
        join(transaction::start(connection, Terms::of_host(pause)), complete(connection, ticket)).await;
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

/// The fence and the mark in one statement, without asking for the time first. Never outside of the transaction.
pub(crate) async fn complete(mut connection: &Connection, ticket: &Ticket) -> QueryResult<bool> {
    let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch).filter(transaction::is_within());
    let done = (
        work::state.eq(State::Completed),
        work::lease_until.eq(None::<Utc>),
        work::finished_at.eq(transaction_timestamp().nullable()),
    );
    let rows = Fence(update(row, done)).execute(&mut connection).await?;
    Ok(rows == 1)
}

/// An update that is the first of a host's transaction, and gives it back what its planner may do. It stays prepared: that
/// its plan is not one of when the table was small is why the planner was told anything.
struct Fence<U>(U);

impl<U: QueryFragment<Pg>> QueryFragment<Pg> for Fence<U> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING ");
        out.push_sql(transaction::PLANS_OF_HOST);
        Ok(())
    }
}

impl<U> QueryId for Fence<U> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
