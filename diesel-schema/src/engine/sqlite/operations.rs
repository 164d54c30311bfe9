use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;

use super::session::Session;
use super::{Sqlite, Wrapper, at_once, begin_erasure, facts, scrub, shared, write};
use crate::{
    ActionState, AttemptRow, AuditRow, Backlog, Bodies, Clock, DeliveryRow, Dismissed, EndpointFacts, ErasedRows,
    ErrorGroups, Execution, Expiry, Facts, HandlerSpec, KnownHandler, Line, Listing, Name, NewAudit, NewDelivery,
    Operations, Overview, Page, PauseKind, PauseRow, Prunable, PruneStep, Recorded, Requeue, Requeued, SecretUse,
    Selected, Selection, Step, Stopped, StoredBody, StoredState, TakenOver, Timestamp, Undone, Waiting,
};

impl Operations<Wrapper> for Sqlite {
    async fn page(connection: &mut Wrapper, selection: Selection, limit: i64) -> QueryResult<Page> {
        connection.spawn_blocking(move |c| c.transaction(|c| at_once(shared::page(c, &selection, limit)))).await
    }

    async fn list(connection: &mut Wrapper, selection: Selection, before: i64, limit: i64) -> QueryResult<Listing> {
        let list = move |c: &mut Session| c.transaction(|c| at_once(shared::list(c, &selection, before, limit)));
        connection.spawn_blocking(list).await
    }

    async fn errors(connection: &mut Wrapper, selection: Selection, before: i64) -> QueryResult<ErrorGroups> {
        let errors = move |c: &mut Session| c.transaction(|c| at_once(shared::errors(c, &selection, before)));
        connection.spawn_blocking(errors).await
    }

    async fn delivery(connection: &mut Wrapper, id: i64) -> QueryResult<Option<DeliveryRow>> {
        connection.spawn_blocking(move |c| at_once(shared::delivery(c, id))).await
    }

    async fn attempts(connection: &mut Wrapper, delivery_id: i64) -> QueryResult<Vec<AttemptRow>> {
        connection.spawn_blocking(move |c| at_once(shared::attempts(c, delivery_id))).await
    }

    async fn audit(connection: &mut Wrapper, before: i64, limit: i64) -> QueryResult<Vec<AuditRow>> {
        connection.spawn_blocking(move |c| at_once(shared::audit(c, before, limit))).await
    }

    async fn overview(connection: &mut Wrapper, now: Timestamp) -> QueryResult<Overview> {
        connection.spawn_blocking(move |c| c.transaction(|c| at_once(shared::overview(c, now)))).await
    }

    async fn note_uses(connection: &mut Wrapper, uses: Vec<SecretUse>) -> QueryResult<()> {
        write(connection, move |c| at_once(shared::note_uses(c, uses))).await
    }

    async fn endpoints(connection: &mut Wrapper, configured: Vec<String>) -> QueryResult<Vec<EndpointFacts>> {
        connection.spawn_blocking(move |c| c.transaction(|c| at_once(shared::endpoints(c, &configured)))).await
    }

    async fn facts(connection: &mut Wrapper) -> QueryResult<Facts> {
        connection.spawn_blocking(|c| at_once(facts::facts(c))).await
    }

    async fn is_known(connection: &mut Wrapper, name: Name) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| at_once(shared::is_known(c, &name))).await
    }

    async fn requeue(
        connection: &mut Wrapper,
        items: Vec<Requeue>,
        step: Step,
        now: Timestamp,
    ) -> QueryResult<Result<Requeued, Stopped>> {
        write(connection, move |c| at_once(shared::requeue(c, &items, &step, now))).await
    }

    async fn admit(
        connection: &mut Wrapper,
        delivery_id: i64,
        delivery: NewDelivery,
        handler: Option<String>,
        step: Step,
        now: Timestamp,
    ) -> QueryResult<Result<Option<Recorded>, Stopped>> {
        write(connection, move |c| at_once(shared::admit(c, delivery_id, &delivery, handler.as_deref(), &step, now)))
            .await
    }

    async fn discard(
        connection: &mut Wrapper,
        pairs: Vec<(i64, Line)>,
        step: Step,
        now: Timestamp,
    ) -> QueryResult<Result<u64, Stopped>> {
        write(connection, move |c| at_once(shared::discard(c, &pairs, &step, now))).await
    }

    async fn undismissed(connection: &mut Wrapper, selection: Selection, limit: i64) -> QueryResult<Page> {
        connection.spawn_blocking(move |c| c.transaction(|c| at_once(shared::undismissed(c, &selection, limit)))).await
    }

    async fn dismiss(
        connection: &mut Wrapper,
        selected: Vec<Selected>,
        step: Step,
        now: Timestamp,
    ) -> QueryResult<Result<Dismissed, Stopped>> {
        write(connection, move |c| at_once(shared::dismiss(c, &selected, &step, now))).await
    }

    async fn read_clock(connection: &mut Wrapper, longest_age: Duration, now: Timestamp) -> QueryResult<Clock> {
        write(connection, move |c| at_once(shared::read_clock(c, longest_age, now))).await
    }

    async fn prune_bodies(connection: &mut Wrapper, expiry: Expiry, limit: i64) -> QueryResult<u64> {
        write(connection, move |c| at_once(shared::prune_bodies(c, &expiry, limit))).await
    }

    async fn prune_deliveries(
        connection: &mut Wrapper,
        expiry: Expiry,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<PruneStep> {
        write(connection, move |c| at_once(shared::prune_deliveries(c, &expiry, after_id, limit))).await
    }

    async fn count_prunable(
        connection: &mut Wrapper,
        bodies: Expiry,
        deliveries: Expiry,
        after_id: i64,
        limit: i64,
    ) -> QueryResult<Prunable> {
        let count = move |c: &mut Session| at_once(shared::count_prunable(c, &bodies, &deliveries, after_id, limit));
        connection.spawn_blocking(count).await
    }

    async fn bodies(
        connection: &mut Wrapper,
        which: Bodies,
        after_id: i64,
        max_bytes: i64,
    ) -> QueryResult<Vec<StoredBody>> {
        connection.spawn_blocking(move |c| at_once(shared::bodies(c, which, after_id, max_bytes))).await
    }

    async fn states(connection: &mut Wrapper, after_id: i64, max_bytes: i64) -> QueryResult<Vec<StoredState>> {
        connection.spawn_blocking(move |c| at_once(shared::states(c, after_id, max_bytes))).await
    }

    async fn count_erasure(connection: &mut Wrapper, endpoint: String, id: String) -> QueryResult<ErasedRows> {
        connection.spawn_blocking(move |c| at_once(shared::count_erasure(c, &endpoint, &id))).await
    }

    async fn begin_erasure(
        connection: &mut Wrapper,
        endpoint: String,
        id: String,
        now: Timestamp,
    ) -> QueryResult<ErasedRows> {
        connection.spawn_blocking(move |c| begin_erasure(c, &endpoint, &id, now)).await
    }

    async fn erase_body(connection: &mut Wrapper, delivery_id: i64) -> QueryResult<ErasedRows> {
        write(connection, move |c| at_once(shared::erase_body(c, delivery_id))).await
    }

    async fn scrub(connection: &mut Wrapper) -> QueryResult<Vec<Undone>> {
        connection.spawn_blocking(|c| scrub::scrub(c)).await
    }

    async fn begin_action(
        connection: &mut Wrapper,
        audit: NewAudit,
        meant: u64,
        lease: Duration,
        now: Timestamp,
    ) -> QueryResult<Execution> {
        write(connection, move |c| at_once(shared::begin_action(c, &audit, meant, lease, now))).await
    }

    async fn advance(
        connection: &mut Wrapper,
        step: Step,
        rows: u64,
        now: Timestamp,
    ) -> QueryResult<Result<(), Stopped>> {
        write(connection, move |c| at_once(shared::advance(c, &step, rows, now))).await
    }

    async fn end_action(connection: &mut Wrapper, execution: Execution, state: ActionState) -> QueryResult<bool> {
        write(connection, move |c| at_once(shared::end_action(c, execution, state))).await
    }

    async fn cancel(connection: &mut Wrapper, audit_id: i64) -> QueryResult<bool> {
        write(connection, move |c| at_once(shared::cancel(c, audit_id))).await
    }

    async fn has_lapsed(connection: &mut Wrapper, now: Timestamp) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| at_once(shared::has_lapsed(c, now))).await
    }

    async fn take_over(connection: &mut Wrapper, lease: Duration, now: Timestamp) -> QueryResult<Option<TakenOver>> {
        write(connection, move |c| at_once(shared::take_over(c, lease, now))).await
    }

    async fn action(connection: &mut Wrapper, audit_id: i64) -> QueryResult<Option<AuditRow>> {
        connection.spawn_blocking(move |c| at_once(shared::action(c, audit_id))).await
    }

    async fn begin_audit(connection: &mut Wrapper, audit: NewAudit, now: Timestamp) -> QueryResult<i64> {
        write(connection, move |c| at_once(shared::begin_audit(c, &audit, now))).await
    }

    async fn finish_audit(connection: &mut Wrapper, audit_id: i64, affected: u64) -> QueryResult<()> {
        write(connection, move |c| at_once(shared::finish_audit(c, audit_id, affected))).await
    }

    async fn paused(connection: &mut Wrapper) -> QueryResult<Vec<PauseRow>> {
        connection.spawn_blocking(|c| at_once(shared::paused(c))).await
    }

    async fn pause(
        connection: &mut Wrapper,
        kind: PauseKind,
        name: String,
        audit: NewAudit,
        now: Timestamp,
    ) -> QueryResult<bool> {
        write(connection, move |c| at_once(shared::pause(c, kind, &name, &audit, now))).await
    }

    async fn resume(
        connection: &mut Wrapper,
        kind: PauseKind,
        name: String,
        audit: NewAudit,
        now: Timestamp,
    ) -> QueryResult<bool> {
        write(connection, move |c| at_once(shared::resume(c, kind, &name, &audit, now))).await
    }

    async fn backlog(connection: &mut Wrapper, now: Timestamp) -> QueryResult<Backlog> {
        connection.spawn_blocking(move |c| at_once(shared::backlog(c, now))).await
    }

    async fn unattached(connection: &mut Wrapper, attached: Vec<String>) -> QueryResult<Vec<Waiting>> {
        connection.spawn_blocking(move |c| at_once(shared::unattached(c, &attached))).await
    }

    async fn held_up(connection: &mut Wrapper, handlers: Vec<String>, since: Timestamp) -> QueryResult<Vec<Waiting>> {
        connection.spawn_blocking(move |c| at_once(shared::held_up(c, &handlers, since))).await
    }

    async fn has_received(connection: &mut Wrapper, endpoint: String, since: Timestamp) -> QueryResult<bool> {
        connection.spawn_blocking(move |c| at_once(shared::has_received(c, &endpoint, since))).await
    }

    async fn attach(connection: &mut Wrapper, specs: Arc<Vec<HandlerSpec>>, now: Timestamp) -> QueryResult<bool> {
        write(connection, move |c| {
            if at_once(shared::is_attached(c, &specs, now))? {
                return Ok(true);
            }
            let Some(last_id) = at_once(shared::attach(c, &specs, now))? else { return Ok(true) };
            at_once(shared::catch_up(c, &specs, last_id, now)).map(|()| false)
        })
        .await
    }

    async fn note_attached(connection: &mut Wrapper, names: Vec<String>, now: Timestamp) -> QueryResult<Vec<String>> {
        write(connection, move |c| at_once(shared::note_attached(c, &names, now))).await
    }

    async fn known_handlers(connection: &mut Wrapper) -> QueryResult<Vec<KnownHandler>> {
        connection.spawn_blocking(|c| c.transaction(|c| at_once(shared::known_handlers(c, Timestamp::now())))).await
    }

    async fn retire(connection: &mut Wrapper, handler: String, now: Timestamp) -> QueryResult<bool> {
        write(connection, move |c| at_once(shared::retire(c, &handler, now))).await
    }

    async fn discard_unattended(
        connection: &mut Wrapper,
        before: Option<Timestamp>,
        audit_id: Option<i64>,
        now: Timestamp,
    ) -> QueryResult<u64> {
        write(connection, move |c| at_once(shared::discard_unattended(c, before, audit_id, now))).await
    }
}
