use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;

use super::transaction::Terms;
use super::{Connection, Patience, Postgres, TRIES, erasure, handlers, heard, record, transaction, verbs};
use crate::fault::is_in_the_way;
use crate::{
    Backlog, Bodies, Clock, DeliveryRow, ErasedRows, Expiry, HandlerSpec, KnownHandler, Line, Listing, Name, NewAudit,
    NewDelivery, Operations, Page, PruneStep, Recorded, Requeue, Requeued, Selection, StoredBody, StoredState, Undone,
    Utc, Waiting,
};

impl Operations<Connection> for Postgres {
    async fn page(connection: &mut Connection, selection: Selection, limit: i64) -> QueryResult<Page> {
        heard(async { write!(connection, Terms::default(), |c| verbs::page(c, &selection, limit)) }).await
    }

    async fn list(connection: &mut Connection, selection: Selection, before: i64, limit: i64) -> QueryResult<Listing> {
        heard(async { write!(connection, Terms::default(), |c| verbs::list(c, &selection, before, limit)) }).await
    }

    async fn delivery(connection: &mut Connection, id: i64) -> QueryResult<Option<DeliveryRow>> {
        heard(async { write!(connection, Terms::default(), |c| verbs::delivery(c, id)) }).await
    }

    async fn is_known(connection: &mut Connection, name: Name) -> QueryResult<bool> {
        heard(async { write!(connection, Terms::default(), |c| verbs::is_known(c, &name)) }).await
    }

    async fn requeue(connection: &mut Connection, items: Vec<Requeue>, audit_id: i64) -> QueryResult<Requeued> {
        heard(async { write!(connection, Terms::default(), |c| verbs::requeue(c, &items, audit_id)) }).await
    }

    async fn admit(
        connection: &mut Connection,
        delivery_id: i64,
        delivery: NewDelivery,
        handler: Option<String>,
        _: Utc,
    ) -> QueryResult<Option<Recorded>> {
        write!(connection, |c, now| record::admit(c, delivery_id, &delivery, handler.as_deref(), now))
    }

    async fn discard(connection: &mut Connection, pairs: Vec<(i64, Line)>, audit_id: i64, _: Utc) -> QueryResult<u64> {
        heard(async { write!(connection, |c, now| verbs::discard(c, &pairs, audit_id, now)) }).await
    }

    async fn read_clock(connection: &mut Connection, longest_age: Duration, _: Utc) -> QueryResult<Clock> {
        heard(async { write!(connection, |c, now| verbs::read_clock(c, longest_age, now)) }).await
    }

    async fn prune_bodies(connection: &mut Connection, expiry: Expiry, limit: i64) -> QueryResult<u64> {
        write!(connection, Terms::default(), |c| verbs::prune_bodies(c, &expiry, limit))
    }

    async fn prune_deliveries(
        connection: &mut Connection,
        expiry: Expiry,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<PruneStep> {
        write!(connection, Terms::default(), |c| async {
            let step = verbs::prune_deliveries(c, &expiry, after_id, limit).await?;
            // What a host has put off to the commit would leave open there whether anything was committed.
            c.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
            Ok(step)
        })
    }

    async fn bodies(
        connection: &mut Connection,
        which: Bodies,
        after_id: i64,
        max_bytes: i64,
    ) -> QueryResult<Vec<StoredBody>> {
        heard(async { write!(connection, Terms::default(), |c| verbs::bodies(c, which, after_id, max_bytes)) }).await
    }

    async fn states(connection: &mut Connection, after_id: i64, max_bytes: i64) -> QueryResult<Vec<StoredState>> {
        heard(async { write!(connection, Terms::default(), |c| verbs::states(c, after_id, max_bytes)) }).await
    }

    async fn count_erasure(connection: &mut Connection, endpoint: String, id: String) -> QueryResult<ErasedRows> {
        write!(connection, Terms::default(), |c| verbs::count_erasure(c, &endpoint, &id))
    }

    async fn begin_erasure(
        connection: &mut Connection,
        endpoint: String,
        id: String,
        _: Utc,
    ) -> QueryResult<ErasedRows> {
        again!(erasure::begin(connection, &endpoint, &id))
    }

    async fn erase_body(connection: &mut Connection, delivery_id: i64) -> QueryResult<ErasedRows> {
        write!(connection, Terms::default(), |c| verbs::erase_body(c, delivery_id))
    }

    async fn scrub(connection: &mut Connection) -> QueryResult<Vec<Undone>> {
        erasure::scrub(connection).await
    }

    async fn begin_audit(connection: &mut Connection, audit: NewAudit, _: Utc) -> QueryResult<i64> {
        write!(connection, |c, now| verbs::begin_audit(c, &audit, now))
    }

    async fn finish_audit(connection: &mut Connection, audit_id: i64, affected: u64) -> QueryResult<()> {
        write!(connection, Terms::default(), |c| verbs::finish_audit(c, audit_id, affected))
    }

    async fn backlog(connection: &mut Connection, _: Utc) -> QueryResult<Backlog> {
        heard(async { write!(connection, |c, now| verbs::backlog(c, now)) }).await
    }

    async fn unattached(connection: &mut Connection, attached: Vec<String>) -> QueryResult<Vec<Waiting>> {
        heard(async { write!(connection, Terms::default(), |c| verbs::unattached(c, &attached)) }).await
    }

    async fn held_up(connection: &mut Connection, handlers: Vec<String>, since: Utc) -> QueryResult<Vec<Waiting>> {
        heard(async { write!(connection, Terms::default(), |c| verbs::held_up(c, &handlers, since)) }).await
    }

    async fn has_received(connection: &mut Connection, endpoint: String, since: Utc) -> QueryResult<bool> {
        heard(async { write!(connection, Terms::default(), |c| verbs::has_received(c, &endpoint, since)) }).await
    }

    async fn attach(connection: &mut Connection, specs: Arc<Vec<HandlerSpec>>, _: Utc) -> QueryResult<bool> {
        if write!(connection, |c, now| verbs::is_attached(c, &specs, now))? {
            return Ok(true);
        }
        let Some(last_id) = alone!(connection, |c, now| verbs::attach(c, &specs, now))? else { return Ok(true) };
        // What takes longer keeps no recorder waiting.
        write!(connection, Terms::default(), |c| verbs::catch_up(c, &specs, last_id)).map(|()| false)
    }

    async fn note_attached(connection: &mut Connection, names: Vec<String>, _: Utc) -> QueryResult<Vec<String>> {
        heard(async { write!(connection, |c, now| verbs::note_attached(c, &names, now)) }).await
    }

    async fn known_handlers(connection: &mut Connection) -> QueryResult<Vec<KnownHandler>> {
        heard(async { write!(connection, |c, now| verbs::known_handlers(c, now)) }).await
    }

    async fn retire(connection: &mut Connection, handler: String, _: Utc) -> QueryResult<bool> {
        alone!(connection, |c, now| verbs::retire(c, &handler, now))
    }

    async fn discard_unattended(
        connection: &mut Connection,
        before: Option<Utc>,
        audit_id: Option<i64>,
        _: Utc,
    ) -> QueryResult<u64> {
        heard(async { write!(connection, |c, now| verbs::discard_unattended(c, before, audit_id, now)) }).await
    }
}
