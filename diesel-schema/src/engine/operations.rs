use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;

use crate::{
    ActionState, AttemptRow, AuditRow, Backlog, Bodies, Clock, DeliveryRow, Dismissed, EndpointFacts, ErasedRows,
    ErrorGroups, Execution, Expiry, Facts, HandlerSpec, KnownHandler, Line, Listing, Name, NewAudit, NewDelivery,
    Overview, Page, PauseKind, PauseRow, Prunable, PruneStep, Recorded, Requeue, Requeued, SecretUse, Selected,
    Selection, Step, Stopped, StoredBody, StoredState, TakenOver, Timestamp, Undone, Waiting,
};

/// The part of a [`Backend`](crate::Backend) for operators and background tasks: no sender of deliveries waits for it.
/// `C` is the backend's connection.
pub trait Operations<C> {
    /// The next deliveries of a selection, at most `limit`, with the selected work on them.
    fn page(connection: &mut C, selection: Selection, limit: i64) -> impl Future<Output = QueryResult<Page>> + Send;

    /// The newest deliveries of a selection before the delivery `before`, at most `limit`, with the selected work on
    /// them.
    fn list(
        connection: &mut C,
        selection: Selection,
        before: i64,
        limit: i64,
    ) -> impl Future<Output = QueryResult<Listing>> + Send;

    /// The errors of a selection in groups: those of its newest work before the delivery `before`.
    fn errors(
        connection: &mut C,
        selection: Selection,
        before: i64,
    ) -> impl Future<Output = QueryResult<ErrorGroups>> + Send;

    /// A stored delivery.
    fn delivery(connection: &mut C, id: i64) -> impl Future<Output = QueryResult<Option<DeliveryRow>>> + Send;

    /// The newest attempts on a delivery that did not simply succeed at once, the newest last.
    fn attempts(connection: &mut C, delivery_id: i64) -> impl Future<Output = QueryResult<Vec<AttemptRow>>> + Send;
    /// The newest actions of operators before the action `before`, at most `limit`.
    fn audit(connection: &mut C, before: i64, limit: i64) -> impl Future<Output = QueryResult<Vec<AuditRow>>> + Send;

    /// Since when the oldest due work has been due, and when the newest delivery came.
    fn overview(connection: &mut C, now: Timestamp) -> impl Future<Output = QueryResult<Overview>> + Send;

    /// Notes when secrets were used.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn note_uses(connection: &mut C, uses: Vec<SecretUse>) -> impl Future<Output = QueryResult<()>> + Send;

    /// Every endpoint with its backlog and its senders: those that are configured, and those that something is known of.
    fn endpoints(
        connection: &mut C,
        configured: Vec<String>,
    ) -> impl Future<Output = QueryResult<Vec<EndpointFacts>>> + Send;

    /// The facts about the database on which promises rest.
    fn facts(connection: &mut C) -> impl Future<Output = QueryResult<Facts>> + Send;

    /// Whether anything is stored under a name.
    fn is_known(connection: &mut C, name: Name) -> impl Future<Output = QueryResult<bool>> + Send;

    /// One step of a replay: makes work wait again, from its first attempt. Running work, and rows that another
    /// transaction has locked, are left alone. The action's progress is part of the transaction, as in each verb that
    /// takes a step.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn requeue(
        connection: &mut C,
        items: Vec<Requeue>,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Result<Requeued, Stopped>>> + Send;

    /// Gives a quarantined delivery, understood at last, its standing and its work, for one handler or for all. Repeat
    /// detection is skipped on purpose. Where the result has moved on to something newer, the delivery is late: the
    /// state is not moved back.
    ///
    /// Where the result is erased, the delivery is a repeat of the tombstone, and its body is removed.
    ///
    /// `None` when the delivery is not quarantined any more.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn admit(
        connection: &mut C,
        delivery_id: i64,
        delivery: NewDelivery,
        handler: Option<String>,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Result<Option<Recorded>, Stopped>>> + Send;

    /// One step: gives up waiting work. Running work, and rows that another transaction has locked, are left alone.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn discard(
        connection: &mut C,
        pairs: Vec<(i64, Line)>,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Result<u64, Stopped>>> + Send;

    /// The next deliveries of a selection, at most `limit`, that have dead work or are in quarantine. Dismissed work and
    /// deliveries are left out.
    fn undismissed(
        connection: &mut C,
        selection: Selection,
        limit: i64,
    ) -> impl Future<Output = QueryResult<Page>> + Send;

    /// One step: dismisses dead work and deliveries in quarantine. Rows that another transaction has locked are left
    /// alone.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn dismiss(
        connection: &mut C,
        selected: Vec<Selected>,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Result<Dismissed, Stopped>>> + Send;

    /// Reads the clock by which deliveries are old, with its readings of earlier days. Stores this reading where the
    /// latest is six hours old. Every delivery is removed after `longest_age`, so no reading is kept for longer.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn read_clock(
        connection: &mut C,
        longest_age: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Clock>> + Send;

    /// Removes up to `limit` bodies that are old enough and that no unfinished work needs.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn prune_bodies(connection: &mut C, expiry: Expiry, limit: i64) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Looks at up to `limit` deliveries after `after_id`, and removes those that are old enough. A result's current
    /// delivery, its newest late one, and deliveries with unfinished work stay.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn prune_deliveries(
        connection: &mut C,
        expiry: Expiry,
        after_id: i64,
        limit: i64,
    ) -> impl Future<Output = QueryResult<PruneStep>> + Send;

    /// Looks at up to `limit` deliveries after `after_id`, and counts the bodies and rows that pruning would remove.
    fn count_prunable(
        connection: &mut C,
        bodies: Expiry,
        deliveries: Expiry,
        after_id: i64,
        limit: i64,
    ) -> impl Future<Output = QueryResult<Prunable>> + Send;

    /// The next bodies after the delivery `after_id`, in stored order: no more than `max_bytes` together, but at least
    /// one. Empty where no body is left.
    fn bodies(
        connection: &mut C,
        which: Bodies,
        after_id: i64,
        max_bytes: i64,
    ) -> impl Future<Output = QueryResult<Vec<StoredBody>>> + Send;

    /// The next states whose delivery comes after `after_id`, within the same limit. A result that moves on meanwhile
    /// is met again.
    fn states(
        connection: &mut C,
        after_id: i64,
        max_bytes: i64,
    ) -> impl Future<Output = QueryResult<Vec<StoredState>>> + Send;

    /// The rows that [`begin_erasure`](Self::begin_erasure) would remove of one result.
    fn count_erasure(
        connection: &mut C,
        endpoint: String,
        id: String,
    ) -> impl Future<Output = QueryResult<ErasedRows>> + Send;

    /// Removes one result, in a transaction that stays open: its state, all its bodies, its error texts, its waiting
    /// and running work. A tombstone stays. [`commit`](crate::WorkQueue::commit) or
    /// [`rollback`](crate::WorkQueue::rollback) ends the transaction.
    ///
    /// # Errors
    ///
    /// The database's errors; then no transaction is open, or the connection is only fit to be closed.
    fn begin_erasure(
        connection: &mut C,
        endpoint: String,
        id: String,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<ErasedRows>> + Send;

    /// Removes the body of one delivery, whatever result it is about.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn erase_body(connection: &mut C, delivery_id: i64) -> impl Future<Output = QueryResult<ErasedRows>> + Send;

    /// Makes removed data disappear from the database's files too. Gives back the parts that it could not do.
    ///
    /// # Errors
    ///
    /// The database's errors. Removed data stays removed.
    fn scrub(connection: &mut C) -> impl Future<Output = QueryResult<Vec<Undone>>> + Send;

    /// Enters an action into the audit that this process executes step by step, under a lease. `meant` is the number of
    /// rows that it is meant to concern.
    fn begin_action(
        connection: &mut C,
        audit: NewAudit,
        meant: u64,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Execution>> + Send;

    /// A step of an action whose rows are changed by other verbs: its progress alone, by so many rows.
    fn advance(
        connection: &mut C,
        step: Step,
        rows: u64,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Result<(), Stopped>>> + Send;

    /// Ends an action. `false` where it is not this execution's any more.
    fn end_action(
        connection: &mut C,
        execution: Execution,
        state: ActionState,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Cancels an action, whichever process executes it: its next step fails. `false` where it does not run.
    fn cancel(connection: &mut C, audit_id: i64) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Whether there is an action to take over.
    fn has_lapsed(connection: &mut C, now: Timestamp) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Takes over an action whose process has made no step for as long as its lease. None where there is none.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn take_over(
        connection: &mut C,
        lease: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Option<TakenOver>>> + Send;

    /// One action of an operator.
    fn action(connection: &mut C, audit_id: i64) -> impl Future<Output = QueryResult<Option<AuditRow>>> + Send;

    /// Enters an operator's action into the audit, before it is carried out.
    fn begin_audit(
        connection: &mut C,
        audit: NewAudit,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<i64>> + Send;

    /// Enters the number of rows that the action concerned.
    fn finish_audit(connection: &mut C, audit_id: i64, affected: u64) -> impl Future<Output = QueryResult<()>> + Send;

    /// Everything that operators have paused.
    fn paused(connection: &mut C) -> impl Future<Output = QueryResult<Vec<PauseRow>>> + Send;

    /// Pauses an endpoint or a handler for every process, and enters that into the audit. `false` where it is paused
    /// already: the first pause stands.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn pause(
        connection: &mut C,
        kind: PauseKind,
        name: String,
        audit: NewAudit,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Ends such a pause, and enters that into the audit. `false` where there is none.
    ///
    /// # Errors
    ///
    /// The database's errors; then nothing was changed.
    fn resume(
        connection: &mut C,
        kind: PauseKind,
        name: String,
        audit: NewAudit,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// The counts of waiting, overdue, unattached, running and discarded work, and of quarantined deliveries.
    fn backlog(connection: &mut C, now: Timestamp) -> impl Future<Output = QueryResult<Backlog>> + Send;

    /// The lines that wait for a handler that is not in `attached`.
    fn unattached(connection: &mut C, attached: Vec<String>) -> impl Future<Output = QueryResult<Vec<Waiting>>> + Send;

    /// Deliveries that came before `since` and wait for one of these handlers behind a first that has failed.
    fn held_up(
        connection: &mut C,
        handlers: Vec<String>,
        since: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<Waiting>>> + Send;

    /// Whether a delivery that is no repeat has come to an endpoint after `since`.
    fn has_received(
        connection: &mut C,
        endpoint: String,
        since: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Enters the handlers of this process. Every delivery that is recorded afterwards makes work for each.
    ///
    /// A retired handler gets work for the deliveries recorded since, some hundred deliveries a call. `false` where
    /// more are left: then call it again.
    fn attach(
        connection: &mut C,
        handlers: Arc<Vec<HandlerSpec>>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Notes that this process lives and has these handlers attached. Gives back the other handlers that no living
    /// process has attached, except retired ones.
    fn note_attached(
        connection: &mut C,
        names: Vec<String>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<String>>> + Send;

    /// Every handler that has been attached.
    fn known_handlers(connection: &mut C) -> impl Future<Output = QueryResult<Vec<KnownHandler>>> + Send;

    /// Retires a handler: nothing makes work for it any more. `false` where no such handler exists, or a living process
    /// has it attached.
    fn retire(connection: &mut C, handler: String, now: Timestamp) -> impl Future<Output = QueryResult<bool>> + Send;

    /// One step: discards work that waits for retired handlers, and adds the count to the audit. 0 when nothing is
    /// left. With `before`, it also discards older work that waits for handlers that no process has had attached for a
    /// day.
    fn discard_unattended(
        connection: &mut C,
        before: Option<Timestamp>,
        audit_id: Option<i64>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<u64>> + Send;
}
