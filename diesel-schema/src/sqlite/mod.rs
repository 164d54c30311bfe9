//! SQLite: one file, one writer at a time, each verb one hop to a blocking thread.

mod audit;
mod backlog;
mod claim;
mod connection;
mod erase;
mod migrations;
mod prune;
mod record;
mod replay;
mod rescue;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::prelude::*;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

use crate::backend::{Backend, Open, Rescue};
use crate::{
    Backlog, Claim, DeliveryRow, Erased, HandlerSpec, NewAudit, NewDelivery, OpenError, Pace, Person, Recorded,
    Requeued, Selection, Settlement, Step, Ticket, Utc,
};

/// SQLite in the host's own process: the embedded default.
///
/// Every write transaction begins `IMMEDIATE`, so none fails half-way because somebody else wrote.
#[derive(Debug, Clone, Copy)]
pub enum Sqlite {}

type Connection = SyncConnectionWrapper<SqliteConnection>;

impl Backend for Sqlite {
    type Connection = Connection;

    const NAME: &'static str = "SQLite";
    const SINGLE_WRITER: bool = true;

    fn shared_url(url: &str) -> String {
        connection::shared_url(url)
    }

    async fn open(url: &str, open: Open) -> Result<Connection, OpenError> {
        connection::open(url, open).await
    }

    async fn inspect(connection: &mut Connection, allow_ephemeral: bool) -> Result<(), OpenError> {
        connection::inspect(connection, allow_ephemeral).await
    }

    async fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
        migrations::run(connection).await
    }

    async fn pending_migrations(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
        migrations::pending(connection).await
    }

    async fn record(
        connection: &mut Connection,
        batch: Arc<Vec<NewDelivery>>,
        handlers: Arc<Vec<HandlerSpec>>,
        now: Utc,
    ) -> QueryResult<Vec<Recorded>> {
        write(connection, move |c| record::record(c, &batch, &handlers, now)).await
    }

    async fn claim(
        connection: &mut Connection,
        handler: Arc<str>,
        limit: i64,
        lease: Duration,
        now: Utc,
    ) -> QueryResult<Vec<Claim>> {
        write(connection, move |c| claim::claim(c, &handler, limit, lease, now)).await
    }

    async fn begin(connection: &mut Connection, ticket: Ticket, now: Utc) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| begin(c, &ticket, now)).await
    }

    async fn commit(connection: &mut Connection) -> QueryResult<()> {
        connection.spawn_blocking(Transactions::commit_transaction).await
    }

    async fn rollback(connection: &mut Connection) -> QueryResult<()> {
        connection.spawn_blocking(Transactions::rollback_transaction).await
    }

    async fn settle(
        connection: &mut Connection,
        ticket: Ticket,
        settlement: Settlement,
        now: Utc,
    ) -> QueryResult<bool> {
        write(connection, move |c| settle::settle(c, &ticket, &settlement, now)).await
    }

    async fn renew_and_rescue(
        connection: &mut Connection,
        held: Vec<Ticket>,
        lease: Duration,
        now: Utc,
    ) -> QueryResult<Rescue> {
        write(connection, move |c| rescue::renew_and_rescue(c, held, lease, now)).await
    }

    async fn count(connection: &mut Connection, selection: Selection) -> QueryResult<u64> {
        connection.spawn_blocking(move |c| replay::count(c, &selection)).await
    }

    async fn requeue(
        connection: &mut Connection,
        selection: Selection,
        handlers: Arc<Vec<HandlerSpec>>,
        pace: Pace,
        limit: i64,
    ) -> QueryResult<Requeued> {
        write(connection, move |c| replay::requeue(c, &selection, &handlers, pace, limit)).await
    }

    async fn admit(
        connection: &mut Connection,
        delivery_id: i64,
        delivery: NewDelivery,
        handlers: Arc<Vec<HandlerSpec>>,
        now: Utc,
    ) -> QueryResult<Option<Recorded>> {
        write(connection, move |c| record::admit(c, delivery_id, &delivery, &handlers, now)).await
    }

    async fn discard(
        connection: &mut Connection,
        selection: Selection,
        handler: Option<String>,
        limit: i64,
        now: Utc,
    ) -> QueryResult<Step> {
        write(connection, move |c| replay::discard(c, &selection, handler.as_deref(), limit, now)).await
    }

    async fn prune_bodies(connection: &mut Connection, before: Utc, limit: i64) -> QueryResult<u64> {
        write(connection, move |c| prune::prune_bodies(c, before, limit)).await
    }

    async fn prune_deliveries(
        connection: &mut Connection,
        before: Utc,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<Step> {
        write(connection, move |c| prune::prune_deliveries(c, before, after_id, limit)).await
    }

    async fn bodies(connection: &mut Connection, after_id: i64, limit: i64) -> QueryResult<Vec<DeliveryRow>> {
        connection.spawn_blocking(move |c| erase::bodies(c, after_id, limit)).await
    }

    async fn results_of(connection: &mut Connection, person: Person) -> QueryResult<Vec<(String, String)>> {
        connection.spawn_blocking(move |c| erase::results_of(c, &person)).await
    }

    async fn erase_result(connection: &mut Connection, endpoint: String, id: String, now: Utc) -> QueryResult<Erased> {
        write(connection, move |c| erase::erase_result(c, &endpoint, &id, now)).await
    }

    async fn erase_body(connection: &mut Connection, delivery_id: i64) -> QueryResult<Erased> {
        write(connection, move |c| erase::erase_body(c, delivery_id)).await
    }

    async fn scrub(connection: &mut Connection) -> QueryResult<()> {
        connection.spawn_blocking(erase::scrub).await
    }

    async fn begin_audit(connection: &mut Connection, audit: NewAudit, now: Utc) -> QueryResult<i64> {
        write(connection, move |c| audit::begin(c, &audit, now)).await
    }

    async fn finish_audit(connection: &mut Connection, audit_id: i64, affected: u64) -> QueryResult<()> {
        write(connection, move |c| audit::finish(c, audit_id, affected)).await
    }

    async fn backlog(connection: &mut Connection) -> QueryResult<Backlog> {
        connection.spawn_blocking(backlog::backlog).await
    }
}

/// Runs `verb` in one immediate transaction, in one hop.
async fn write<R: Send + 'static>(
    connection: &mut Connection,
    verb: impl FnOnce(&mut SqliteConnection) -> QueryResult<R> + Send + 'static,
) -> QueryResult<R> {
    connection.spawn_blocking(move |c| c.immediate_transaction(verb)).await
}

type Transactions = AnsiTransactionManager;

fn begin(connection: &mut SqliteConnection, ticket: &Ticket, now: Utc) -> QueryResult<bool> {
    Transactions::begin_transaction_sql(connection, "BEGIN IMMEDIATE")?;
    match settle::complete(connection, ticket, now) {
        Ok(true) => Ok(true),
        Ok(false) => Transactions::rollback_transaction(connection).map(|()| false),
        Err(error) => {
            Transactions::rollback_transaction(connection)?;
            Err(error)
        }
    }
}
