use std::time::Duration;

use mojito_schema::{
    AttemptRow, AuditRow, Backlog, Dismissed, EndpointFacts, ErrorGroups, Facts, KnownHandler, Listing, Name,
    OpenError, Overview, PauseKind, PauseRow, Person, Selection, Waiting,
};

use super::operation_tasks::Begun;
use super::{Change, Changed, NotErased, Unavailable, Unfinished};
use crate::config::Retention;
use crate::erasure::{Erased, Erasure};
use crate::operation::{Actor, Planned, Pruned};
use crate::rehearsal::{Rehearsal, Rehearsed};

/// The requests of operators and of background tasks to the store, for any database. Give each a task of its own, by
/// [`OperationTasks`](super::OperationTasks): a dropped future would leave it half-done.
#[rocket::async_trait]
pub(crate) trait Requests: Send + Sync {
    /// The counts of waiting, overdue, running, dead and quarantined work and deliveries.
    async fn backlog(&self) -> Result<Backlog, Unavailable>;

    /// Deliveries that have waited for as long as `waits` behind a failed first of their line.
    async fn held_up(&self, waits: Duration) -> Result<Vec<Waiting>, Unavailable>;

    /// Whether a delivery that is no repeat has come to the endpoint within `silence`.
    async fn has_received(&self, endpoint: String, silence: Duration) -> Result<bool, Unavailable>;

    /// The newest attempts on a delivery that did not simply succeed at once, the newest last.
    async fn attempts(&self, delivery_id: i64) -> Result<Vec<AttemptRow>, Unavailable>;

    /// The next stored bodies after a delivery, each with its delivery. Empty where there are no more.
    async fn bodies(&self, after: i64) -> Result<Vec<(i64, Vec<u8>)>, Unavailable>;

    /// The newest deliveries of a selection, before the delivery `before`.
    async fn list(&self, selection: Selection, before: i64, limit: i64) -> Result<Listing, Unavailable>;

    /// The errors of a selection in groups: those of its newest work before the delivery `before`.
    async fn errors(&self, selection: Selection, before: i64) -> Result<ErrorGroups, Unavailable>;

    /// The counts of a selection.
    async fn plan(&self, selection: Selection) -> Result<Planned, Unavailable>;

    /// The newest actions of operators, before the action `before`.
    async fn audit(&self, before: i64, limit: i64) -> Result<Vec<AuditRow>, Unavailable>;

    /// One action of an operator.
    async fn action(&self, audit_id: i64) -> Result<Option<AuditRow>, Unavailable>;

    /// Cancels an action, whichever process executes it. `false` where it does not run.
    async fn cancel(&self, audit_id: i64) -> Result<bool, Unavailable>;

    /// Takes over an action of a process that died, and carries it out. `false` where there is none.
    async fn take_over(&self) -> Result<bool, Unavailable>;

    /// Since when the oldest due work has been due, and when the newest delivery came.
    async fn overview(&self) -> Result<Overview, Unavailable>;

    /// Every endpoint with its backlog and its senders: those that are configured, and those that something is known of.
    async fn endpoints(&self, configured: Vec<String>) -> Result<Vec<EndpointFacts>, Unavailable>;

    /// The facts about the database on which promises rest.
    async fn facts(&self) -> Result<Facts, Unavailable>;

    /// Looks for anything that would break the first promise.
    async fn inspect(&self) -> Result<(), OpenError>;

    /// The names of the pending migrations.
    async fn pending_migrations(&self) -> Result<Vec<String>, OpenError>;

    /// Runs the pending migrations.
    #[cfg(feature = "cli")]
    async fn migrate(&self) -> Result<(), OpenError>;

    /// Everything that operators have paused.
    async fn paused(&self) -> Result<Vec<PauseRow>, Unavailable>;

    /// Pauses an endpoint or a handler for every process, this one at once. `false` where it is paused already.
    async fn pause(&self, kind: PauseKind, name: String, actor: Actor) -> Result<bool, Unavailable>;

    /// Ends such a pause. `false` where there is none.
    async fn resume(&self, kind: PauseKind, name: String, actor: Actor) -> Result<bool, Unavailable>;

    /// Counts the rows that pruning would remove.
    async fn count_prunable(&self, retention: Retention) -> Result<Pruned, Unavailable>;

    /// Enters the reveal of a body into the audit, and reads the body.
    async fn reveal(&self, delivery_id: i64, actor: Actor) -> Result<Option<Vec<u8>>, Unavailable>;

    /// The first selected delivery whose event is known.
    async fn first_with_event(&self, selection: Selection) -> Result<Option<i64>, Unavailable>;

    /// Replays, discards or dismisses the selected rows: enters the change into the audit, and carries it out.
    async fn change(&self, change: Change, actor: Actor, begun: Begun) -> Result<Changed, Unfinished>;

    /// The names of the handlers that this process can rehearse.
    async fn rehearsable(&self) -> Result<Vec<String>, Unavailable>;

    /// Runs a handler of this process without effect. `None` where this process has no such handler.
    async fn rehearse(&self, rehearsal: Rehearsal, actor: Actor, begun: Begun)
    -> Result<Option<Rehearsed>, Unfinished>;

    /// Counts what a dismissal of a selection would concern.
    async fn count_undismissed(&self, selection: Selection) -> Result<Dismissed, Unavailable>;

    /// Removes bodies and deliveries that are too old.
    async fn prune(&self, retention: Retention, actor: Actor, begun: Begun) -> Result<Pruned, Unfinished>;

    /// The same for automatic pruning: each call goes on where the former one ended.
    async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable>;

    /// Whether anything is stored under a name.
    async fn is_known(&self, name: Name) -> Result<bool, Unavailable>;

    /// Every handler that has been attached, by any process.
    async fn handlers(&self) -> Result<Vec<KnownHandler>, Unavailable>;

    /// Retires a handler, discards its open work and returns how much. `None` where a living process has attached the
    /// handler.
    async fn retire(&self, handler: String, actor: Actor) -> Result<Option<u64>, Unavailable>;

    /// Erases a person.
    async fn erase(&self, erasure: Erasure, actor: Actor, begun: Begun) -> Result<Erased, NotErased>;

    /// Counts the rows that the erasure of a person would change.
    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased>;
}
