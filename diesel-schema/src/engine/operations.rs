use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;

use crate::{
    Backlog, Bodies, Clock, DeliveryRow, ErasedRows, Expiry, HandlerSpec, KnownHandler, Line, Listing, Name, NewAudit,
    NewDelivery, Page, PruneStep, Recorded, Requeue, Requeued, Selection, StoredBody, StoredState, Timestamp, Undone,
    Waiting,
};

mod sealed {
    pub trait Sealed {}

    #[cfg(feature = "sqlite")]
    impl Sealed for crate::Sqlite {}

    #[cfg(feature = "postgres")]
    impl Sealed for crate::Postgres {}
}

/// The part of a [`Backend`](crate::Backend) that operators and the tasks in the background use: nobody who delivers
/// waits for it. `C` is the backend's connection. What is said there of errors, time and cancellation holds here.
pub trait Operations<C>: sealed::Sealed + Send + Sync + Sized + 'static {
    /// The next deliveries that a selection means, at most `limit`, with the work on them that it means.
    fn page(connection: &mut C, selection: Selection, limit: i64) -> impl Future<Output = QueryResult<Page>> + Send;

    /// The newest deliveries of a selection before one, at most `limit`, with the work on them that it means.
    fn list(
        connection: &mut C,
        selection: Selection,
        before: i64,
        limit: i64,
    ) -> impl Future<Output = QueryResult<Listing>> + Send;

    /// A stored delivery.
    fn delivery(connection: &mut C, id: i64) -> impl Future<Output = QueryResult<Option<DeliveryRow>>> + Send;

    /// Whether anything is stored under a name.
    fn is_known(connection: &mut C, name: Name) -> impl Future<Output = QueryResult<bool>> + Send;

    /// One step of a replay: makes work wait again, from its first attempt, and adds to the audit how much. What runs, and
    /// what somebody else has locked, is left alone.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn requeue(
        connection: &mut C,
        items: Vec<Requeue>,
        audit_id: i64,
    ) -> impl Future<Output = QueryResult<Requeued>> + Send;

    /// Gives a quarantined delivery, understood at last, its standing and its work, for one handler or for all. Repeat detection is passed by on
    /// purpose. Where its result has come to something newer it is late: the state is not moved back.
    ///
    /// Where its result is erased it is a repeat of the tombstone, and its body is removed.
    ///
    /// `None` when the delivery is not quarantined any more.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn admit(
        connection: &mut C,
        delivery_id: i64,
        delivery: NewDelivery,
        handler: Option<String>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Option<Recorded>>> + Send;

    /// One step: gives up work that waits, and adds to the audit how much. What runs, and what somebody else has locked, is
    /// left alone.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn discard(
        connection: &mut C,
        pairs: Vec<(i64, Line)>,
        audit_id: i64,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Reads the clock by which deliveries are old, with its readings of earlier days, and stores this one where the latest is six
    /// hours old. Every delivery is removed after `longest_age`, so no reading is kept for longer.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn read_clock(
        connection: &mut C,
        longest_age: Duration,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Clock>> + Send;

    /// Removes up to `limit` bodies that are old enough and that no unfinished work needs.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn prune_bodies(connection: &mut C, expiry: Expiry, limit: i64) -> impl Future<Output = QueryResult<u64>> + Send;

    /// Looks at up to `limit` deliveries after `after_id`, and removes those that are old enough, are no result's current or
    /// newest late one, and have no unfinished work.
    ///
    /// # Errors
    ///
    /// Those of the database; then nothing was changed.
    fn prune_deliveries(
        connection: &mut C,
        expiry: Expiry,
        after_id: i64,
        limit: i64,
    ) -> impl Future<Output = QueryResult<PruneStep>> + Send;

    /// The next bodies after the delivery `after_id`, in stored order: no more than `max_bytes` together, but one at least.
    /// None where there is nothing left.
    fn bodies(
        connection: &mut C,
        which: Bodies,
        after_id: i64,
        max_bytes: i64,
    ) -> impl Future<Output = QueryResult<Vec<StoredBody>>> + Send;

    /// The next states whose delivery comes after `after_id`, likewise. A result that moves on meanwhile is met again.
    fn states(
        connection: &mut C,
        after_id: i64,
        max_bytes: i64,
    ) -> impl Future<Output = QueryResult<Vec<StoredState>>> + Send;

    /// What [`begin_erasure`](Self::begin_erasure) would remove of one result.
    fn count_erasure(
        connection: &mut C,
        endpoint: String,
        id: String,
    ) -> impl Future<Output = QueryResult<ErasedRows>> + Send;

    /// Removes one result, in a transaction that stays open: its state, all its bodies, its error texts, its waiting and
    /// running work. A tombstone stays. [`commit`](crate::Backend::commit) or [`rollback`](crate::Backend::rollback) ends it.
    ///
    /// # Errors
    ///
    /// Those of the database; then no transaction is open, or the connection is fit to be closed.
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
    /// Those of the database; then nothing was changed.
    fn erase_body(connection: &mut C, delivery_id: i64) -> impl Future<Output = QueryResult<ErasedRows>> + Send;

    /// Makes what was removed disappear from the database's files too. Whatever it could not do.
    ///
    /// # Errors
    ///
    /// Those of the database. What was removed stays removed.
    fn scrub(connection: &mut C) -> impl Future<Output = QueryResult<Vec<Undone>>> + Send;

    /// Enters an operator's action into the audit, before it is carried out.
    fn begin_audit(
        connection: &mut C,
        audit: NewAudit,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<i64>> + Send;

    /// Enters how many rows the action concerned.
    fn finish_audit(connection: &mut C, audit_id: i64, affected: u64) -> impl Future<Output = QueryResult<()>> + Send;

    /// What is waiting, overdue, running, dead and quarantined.
    fn backlog(connection: &mut C, now: Timestamp) -> impl Future<Output = QueryResult<Backlog>> + Send;

    /// The lines that wait for a handler that is none of these.
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

    /// Enters handlers, as this process has them. Whatever is recorded after it has work for each.
    ///
    /// One that was retired gets the work of what was recorded since, some hundred deliveries a call. `false` where there is
    /// more of it: then it is to be called again.
    fn attach(
        connection: &mut C,
        handlers: Arc<Vec<HandlerSpec>>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<bool>> + Send;

    /// Says that this process lives and has these handlers attached. Which others no living process has, unless retired.
    fn note_attached(
        connection: &mut C,
        names: Vec<String>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<Vec<String>>> + Send;

    /// Every handler that has been attached.
    fn known_handlers(connection: &mut C) -> impl Future<Output = QueryResult<Vec<KnownHandler>>> + Send;

    /// Retires a handler: nothing makes work for it any more. `false` where there is none, or a living process has it.
    fn retire(connection: &mut C, handler: String, now: Timestamp) -> impl Future<Output = QueryResult<bool>> + Send;

    /// One step: discards what waits for handlers that are retired, and adds to the audit how much; none when all is done.
    /// With a time, also what arrived before it and waits for handlers that no process has had attached for a day.
    fn discard_unattended(
        connection: &mut C,
        before: Option<Timestamp>,
        audit_id: Option<i64>,
        now: Timestamp,
    ) -> impl Future<Output = QueryResult<u64>> + Send;
}
