use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;

use super::transaction::TransactionSettings;
use super::{
    Connection, MAX_TRIES, Patience, Postgres, erasure, facts, handlers, record, shared, transaction, with_timeout,
};
use crate::engine::db_error::is_in_the_way;
use crate::{
    ActionState, AttemptRow, AuditRow, Backlog, Bodies, Clock, DeliveryRow, Dismissed, EndpointFacts, ErasedRows,
    ErrorGroups, Execution, Expiry, Facts, HandlerSpec, KnownHandler, Line, Listing, Name, NewAudit, NewDelivery,
    Operations, Overview, Page, PauseKind, PauseRow, Prunable, PruneStep, Recorded, Requeue, Requeued, SecretUse,
    Selected, Selection, Step, Stopped, StoredBody, StoredState, TakenOver, Timestamp, Undone, Waiting,
};

impl Operations<Connection> for Postgres {
    async fn page(connection: &mut Connection, selection: Selection, limit: i64) -> QueryResult<Page> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::page(c, &selection, limit))
        })
        .await
    }

    async fn list(connection: &mut Connection, selection: Selection, before: i64, limit: i64) -> QueryResult<Listing> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::list(c, &selection, before, limit))
        })
        .await
    }

    async fn errors(connection: &mut Connection, selection: Selection, before: i64) -> QueryResult<ErrorGroups> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::errors(c, &selection, before))
        })
        .await
    }

    async fn delivery(connection: &mut Connection, id: i64) -> QueryResult<Option<DeliveryRow>> {
        with_timeout(async { transaction!(connection, TransactionSettings::default(), |c| shared::delivery(c, id)) })
            .await
    }

    async fn attempts(connection: &mut Connection, delivery_id: i64) -> QueryResult<Vec<AttemptRow>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::attempts(c, delivery_id))
        })
        .await
    }

    async fn audit(connection: &mut Connection, before: i64, limit: i64) -> QueryResult<Vec<AuditRow>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::audit(c, before, limit))
        })
        .await
    }

    async fn overview(connection: &mut Connection, _: Timestamp) -> QueryResult<Overview> {
        with_timeout(async { transaction!(connection, |c, now| shared::overview(c, now)) }).await
    }

    async fn note_uses(connection: &mut Connection, uses: Vec<SecretUse>) -> QueryResult<()> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::note_uses(c, uses.clone()))
        })
        .await
    }

    async fn endpoints(connection: &mut Connection, configured: Vec<String>) -> QueryResult<Vec<EndpointFacts>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::endpoints(c, &configured))
        })
        .await
    }

    async fn facts(connection: &mut Connection) -> QueryResult<Facts> {
        with_timeout(async { transaction!(connection, |c, now| facts::facts(c, now)) }).await
    }

    async fn is_known(connection: &mut Connection, name: Name) -> QueryResult<bool> {
        with_timeout(async { transaction!(connection, TransactionSettings::default(), |c| shared::is_known(c, &name)) })
            .await
    }

    async fn requeue(
        connection: &mut Connection,
        items: Vec<Requeue>,
        step: Step,
        _: Timestamp,
    ) -> QueryResult<Result<Requeued, Stopped>> {
        with_timeout(async { transaction!(connection, |c, now| shared::requeue(c, &items, &step, now)) }).await
    }

    async fn admit(
        connection: &mut Connection,
        delivery_id: i64,
        delivery: NewDelivery,
        handler: Option<String>,
        step: Step,
        _: Timestamp,
    ) -> QueryResult<Result<Option<Recorded>, Stopped>> {
        transaction!(connection, |c, now| record::admit(c, delivery_id, &delivery, handler.as_deref(), &step, now))
    }

    async fn discard(
        connection: &mut Connection,
        pairs: Vec<(i64, Line)>,
        step: Step,
        _: Timestamp,
    ) -> QueryResult<Result<u64, Stopped>> {
        with_timeout(async { transaction!(connection, |c, now| shared::discard(c, &pairs, &step, now)) }).await
    }

    async fn undismissed(connection: &mut Connection, selection: Selection, limit: i64) -> QueryResult<Page> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::undismissed(c, &selection, limit))
        })
        .await
    }

    async fn dismiss(
        connection: &mut Connection,
        selected: Vec<Selected>,
        step: Step,
        _: Timestamp,
    ) -> QueryResult<Result<Dismissed, Stopped>> {
        with_timeout(async { transaction!(connection, |c, now| shared::dismiss(c, &selected, &step, now)) }).await
    }

    async fn read_clock(connection: &mut Connection, longest_age: Duration, _: Timestamp) -> QueryResult<Clock> {
        with_timeout(async { transaction!(connection, |c, now| shared::read_clock(c, longest_age, now)) }).await
    }

    async fn prune_bodies(connection: &mut Connection, expiry: Expiry, limit: i64) -> QueryResult<u64> {
        transaction!(connection, TransactionSettings::default(), |c| shared::prune_bodies(c, &expiry, limit))
    }

    async fn prune_deliveries(
        connection: &mut Connection,
        expiry: Expiry,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<PruneStep> {
        transaction!(connection, TransactionSettings::default(), |c| async {
            let step = shared::prune_deliveries(c, &expiry, after_id, limit).await?;
            // A host's deferred constraint would fail only at the commit, whose outcome would then count as unknown.
            c.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
            Ok(step)
        })
    }

    async fn count_prunable(
        connection: &mut Connection,
        bodies: Expiry,
        deliveries: Expiry,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<Prunable> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| {
                shared::count_prunable(c, &bodies, &deliveries, after_id, limit)
            })
        })
        .await
    }

    async fn bodies(
        connection: &mut Connection,
        which: Bodies,
        after_id: i64,
        max_bytes: i64,
    ) -> QueryResult<Vec<StoredBody>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::bodies(c, which, after_id, max_bytes))
        })
        .await
    }

    async fn states(connection: &mut Connection, after_id: i64, max_bytes: i64) -> QueryResult<Vec<StoredState>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::states(c, after_id, max_bytes))
        })
        .await
    }

    async fn count_erasure(connection: &mut Connection, endpoint: String, id: String) -> QueryResult<ErasedRows> {
        transaction!(connection, TransactionSettings::default(), |c| shared::count_erasure(c, &endpoint, &id))
    }

    async fn begin_erasure(
        connection: &mut Connection,
        endpoint: String,
        id: String,
        _: Timestamp,
    ) -> QueryResult<ErasedRows> {
        again!(erasure::begin(connection, &endpoint, &id))
    }

    async fn erase_body(connection: &mut Connection, delivery_id: i64) -> QueryResult<ErasedRows> {
        transaction!(connection, TransactionSettings::default(), |c| shared::erase_body(c, delivery_id))
    }

    async fn scrub(connection: &mut Connection) -> QueryResult<Vec<Undone>> {
        erasure::scrub(connection).await
    }

    async fn begin_action(
        connection: &mut Connection,
        audit: NewAudit,
        meant: u64,
        lease: Duration,
        _: Timestamp,
    ) -> QueryResult<Execution> {
        with_timeout(async { transaction!(connection, |c, now| shared::begin_action(c, &audit, meant, lease, now)) })
            .await
    }

    async fn advance(
        connection: &mut Connection,
        step: Step,
        rows: u64,
        _: Timestamp,
    ) -> QueryResult<Result<(), Stopped>> {
        with_timeout(async { transaction!(connection, |c, now| shared::advance(c, &step, rows, now)) }).await
    }

    async fn end_action(connection: &mut Connection, execution: Execution, state: ActionState) -> QueryResult<bool> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::end_action(c, execution, state))
        })
        .await
    }

    async fn cancel(connection: &mut Connection, audit_id: i64) -> QueryResult<bool> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::cancel(c, audit_id))
        })
        .await
    }

    async fn has_lapsed(connection: &mut Connection, _: Timestamp) -> QueryResult<bool> {
        with_timeout(async { transaction!(connection, |c, now| shared::has_lapsed(c, now)) }).await
    }

    async fn take_over(connection: &mut Connection, lease: Duration, _: Timestamp) -> QueryResult<Option<TakenOver>> {
        with_timeout(async { transaction!(connection, |c, now| shared::take_over(c, lease, now)) }).await
    }

    async fn action(connection: &mut Connection, audit_id: i64) -> QueryResult<Option<AuditRow>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::action(c, audit_id))
        })
        .await
    }

    async fn begin_audit(connection: &mut Connection, audit: NewAudit, _: Timestamp) -> QueryResult<i64> {
        transaction!(connection, |c, now| shared::begin_audit(c, &audit, now))
    }

    async fn finish_audit(connection: &mut Connection, audit_id: i64, affected: u64) -> QueryResult<()> {
        transaction!(connection, TransactionSettings::default(), |c| shared::finish_audit(c, audit_id, affected))
    }

    async fn paused(connection: &mut Connection) -> QueryResult<Vec<PauseRow>> {
        with_timeout(async { transaction!(connection, TransactionSettings::default(), |c| shared::paused(c)) }).await
    }

    async fn pause(
        connection: &mut Connection,
        kind: PauseKind,
        name: String,
        audit: NewAudit,
        _: Timestamp,
    ) -> QueryResult<bool> {
        with_timeout(async { transaction!(connection, |c, now| shared::pause(c, kind, &name, &audit, now)) }).await
    }

    async fn resume(
        connection: &mut Connection,
        kind: PauseKind,
        name: String,
        audit: NewAudit,
        _: Timestamp,
    ) -> QueryResult<bool> {
        with_timeout(async { transaction!(connection, |c, now| shared::resume(c, kind, &name, &audit, now)) }).await
    }

    async fn backlog(connection: &mut Connection, _: Timestamp) -> QueryResult<Backlog> {
        with_timeout(async { transaction!(connection, |c, now| shared::backlog(c, now)) }).await
    }

    async fn unattached(connection: &mut Connection, attached: Vec<String>) -> QueryResult<Vec<Waiting>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::unattached(c, &attached))
        })
        .await
    }

    async fn held_up(
        connection: &mut Connection,
        handlers: Vec<String>,
        since: Timestamp,
    ) -> QueryResult<Vec<Waiting>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::held_up(c, &handlers, since))
        })
        .await
    }

    async fn has_received(connection: &mut Connection, endpoint: String, since: Timestamp) -> QueryResult<bool> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::has_received(c, &endpoint, since))
        })
        .await
    }

    async fn attach(connection: &mut Connection, specs: Arc<Vec<HandlerSpec>>, _: Timestamp) -> QueryResult<bool> {
        if transaction!(connection, |c, now| shared::is_attached(c, &specs, now))? {
            return Ok(true);
        }
        let Some(last_id) = alone!(connection, |c, now| shared::attach(c, &specs, now))? else { return Ok(true) };
        // A longer catch-up has a transaction of its own, which keeps no recorder waiting.
        transaction!(connection, |c, now| shared::catch_up(c, &specs, last_id, now)).map(|()| false)
    }

    async fn note_attached(connection: &mut Connection, names: Vec<String>, _: Timestamp) -> QueryResult<Vec<String>> {
        with_timeout(async { transaction!(connection, |c, now| shared::note_attached(c, &names, now)) }).await
    }

    async fn known_handlers(connection: &mut Connection) -> QueryResult<Vec<KnownHandler>> {
        with_timeout(async { transaction!(connection, |c, now| shared::known_handlers(c, now)) }).await
    }

    async fn retire(connection: &mut Connection, handler: String, _: Timestamp) -> QueryResult<bool> {
        alone!(connection, |c, now| shared::retire(c, &handler, now))
    }

    async fn discard_unattended(
        connection: &mut Connection,
        before: Option<Timestamp>,
        audit_id: Option<i64>,
        _: Timestamp,
    ) -> QueryResult<u64> {
        with_timeout(async { transaction!(connection, |c, now| shared::discard_unattended(c, before, audit_id, now)) })
            .await
    }
}
