use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mojito_schema::{
    Action, AttemptRow, AuditRow, Backend, Backlog, Bodies, Dismissed, EndpointFacts, ErrorGroups, Facts, KnownHandler,
    Listing, Name, NewAudit, OpenError, Overview, PauseKind, PauseRow, Person, QueryResult, Selection, Timestamp,
    Waiting,
};
use tokio::sync::Mutex;

use super::actions::ACTION_LEASE;
use super::change::MAX_STEP_DELIVERIES;
use super::erasure::MAX_STEP_BYTES;
use super::operation_tasks::Begun;
use super::prune::{MAX_PRUNE_STEP, PrunePass};
use super::{
    CalledHandlers, Change, Changed, Database, DedicatedConnection, ErasedHook, NotErased, Pauses, RehearsedHandler,
    Requests, Unavailable, Unfinished, Wakeup,
};
use crate::config::Retention;
use crate::erasure::{Erased, Erasure};
use crate::operation::{Actor, Planned, Pruned};
use crate::rehearsal::{Rehearsal, Rehearsed};

/// The operations on one backend, step by step, on a connection of their own. Actions take turns by their steps.
pub(crate) struct Operations<B: Backend> {
    pub(super) database: Arc<Database<B>>,
    pub(super) dedicated: Mutex<DedicatedConnection<B>>,
    /// The connection for reads: an answer must not wait behind an operator's long action.
    pub(super) reader: Mutex<DedicatedConnection<B>>,
    pauses: Pauses,
    pub(super) wakeup: Wakeup,
    pub(super) pass: Mutex<PrunePass>,
    /// The names of the handlers that this process has attached.
    handlers: Vec<String>,
    /// The handlers' hooks, which forget a result together with the store.
    pub(super) hooks: Arc<Vec<Arc<dyn ErasedHook<B>>>>,
    /// The handlers of this process, for rehearsals, which take turns.
    pub(super) rehearsed: Vec<Arc<dyn RehearsedHandler<B>>>,
    pub(super) rehearsing: Mutex<()>,
}

impl<B: Backend> Operations<B> {
    pub fn new(
        dedicated: DedicatedConnection<B>,
        handlers: Vec<String>,
        (hooks, rehearsed): CalledHandlers<B>,
        pauses: Pauses,
        wakeup: Wakeup,
    ) -> Self {
        let database = Arc::clone(dedicated.database());
        let reader = Mutex::new(DedicatedConnection::new(Arc::clone(&database)));
        let (hooks, dedicated, pass, rehearsing) =
            (Arc::new(hooks), Mutex::new(dedicated), Mutex::default(), Mutex::default());
        Self { database, dedicated, reader, pauses, wakeup, pass, handlers, hooks, rehearsed, rehearsing }
    }

    pub(super) async fn write<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.dedicated.lock().await.write("the database refused an operator's request", verb).await
    }

    pub(super) async fn read<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.dedicated.lock().await.read("the database refused an operator's request", verb).await
    }

    /// The same on the connection for reads.
    async fn read_beside<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.reader.lock().await.read("the database could not be read", verb).await
    }

    /// Sets this process's switches by the table of pauses.
    async fn refresh_pauses(&self) -> Result<(), Unavailable> {
        if self.pauses.refresh(self.read(|c| B::paused(c).boxed())).await? {
            self.wakeup.notify();
        }
        Ok(())
    }

    pub(super) async fn begin_audit(
        &self,
        action: Action,
        target: serde_json::Value,
        actor: Actor,
    ) -> Result<i64, Unavailable> {
        let audit = audit_of(action, target, actor);
        self.write(|c| B::begin_audit(c, audit, Timestamp::now()).boxed()).await
    }
}

#[rocket::async_trait]
impl<B: Backend> Requests for Operations<B> {
    async fn backlog(&self) -> Result<Backlog, Unavailable> {
        // The caller wants to know whether deliveries are taken: reads may work where writes fail.
        let health = self.database.health();
        if health.trouble().is_some() || health.has_refused_several() {
            return Err(Unavailable::Database);
        }
        if let Some(endpoint) = health.refused() {
            self.try_record(endpoint).await?;
        }
        self.read_beside(|c| B::backlog(c, Timestamp::now()).boxed()).await
    }

    async fn held_up(&self, waits: Duration) -> Result<Vec<Waiting>, Unavailable> {
        let (handlers, since) = (self.handlers.clone(), Timestamp::now().before(waits));
        self.read_beside(|c| B::held_up(c, handlers, since).boxed()).await
    }

    async fn has_received(&self, endpoint: String, silence: Duration) -> Result<bool, Unavailable> {
        let since = Timestamp::now().before(silence);
        self.read_beside(|c| B::has_received(c, endpoint, since).boxed()).await
    }

    async fn list(&self, selection: Selection, before: i64, limit: i64) -> Result<Listing, Unavailable> {
        self.read_beside(|c| B::list(c, selection, before, limit).boxed()).await
    }

    async fn errors(&self, selection: Selection, before: i64) -> Result<ErrorGroups, Unavailable> {
        self.read_beside(|c| B::errors(c, selection, before).boxed()).await
    }

    async fn attempts(&self, delivery_id: i64) -> Result<Vec<AttemptRow>, Unavailable> {
        self.read_beside(|c| B::attempts(c, delivery_id).boxed()).await
    }

    async fn bodies(&self, after: i64) -> Result<Vec<(i64, Vec<u8>)>, Unavailable> {
        let stored = self.read_beside(|c| B::bodies(c, Bodies::All, after, MAX_STEP_BYTES).boxed()).await?;
        Ok(stored.into_iter().map(|stored| (stored.delivery_id, stored.body)).collect())
    }

    async fn handlers(&self) -> Result<Vec<KnownHandler>, Unavailable> {
        self.read_beside(|c| B::known_handlers(c).boxed()).await
    }

    async fn audit(&self, before: i64, limit: i64) -> Result<Vec<AuditRow>, Unavailable> {
        self.read_beside(|c| B::audit(c, before, limit).boxed()).await
    }

    async fn action(&self, audit_id: i64) -> Result<Option<AuditRow>, Unavailable> {
        self.read_beside(|c| B::action(c, audit_id).boxed()).await
    }

    async fn cancel(&self, audit_id: i64) -> Result<bool, Unavailable> {
        self.write(|c| B::cancel(c, audit_id).boxed()).await
    }

    async fn take_over(&self) -> Result<bool, Unavailable> {
        self.take_over_action().await
    }

    async fn overview(&self) -> Result<Overview, Unavailable> {
        self.read_beside(|c| B::overview(c, Timestamp::now()).boxed()).await
    }

    async fn endpoints(&self, configured: Vec<String>) -> Result<Vec<EndpointFacts>, Unavailable> {
        self.read_beside(|c| B::endpoints(c, configured).boxed()).await
    }

    async fn facts(&self) -> Result<Facts, Unavailable> {
        self.read_beside(|c| B::facts(c).boxed()).await
    }

    async fn inspect(&self) -> Result<(), OpenError> {
        B::inspect(&mut *self.database.connection().await?, false).await
    }

    async fn pending_migrations(&self) -> Result<Vec<String>, OpenError> {
        B::pending_migrations(&mut *self.database.connection().await?).await
    }

    #[cfg(feature = "cli")]
    async fn migrate(&self) -> Result<(), OpenError> {
        B::migrate(&mut *self.database.connection().await?).await
    }

    async fn paused(&self) -> Result<Vec<PauseRow>, Unavailable> {
        self.read_beside(|c| B::paused(c).boxed()).await
    }

    async fn pause(&self, kind: PauseKind, name: String, actor: Actor) -> Result<bool, Unavailable> {
        let audit = audit_of(Action::Pause, serde_json::json!({ kind.as_str(): name }), actor);
        let is_paused = self.write(|c| B::pause(c, kind, name, audit, Timestamp::now()).boxed()).await?;
        self.refresh_pauses().await?;
        Ok(is_paused)
    }

    async fn resume(&self, kind: PauseKind, name: String, actor: Actor) -> Result<bool, Unavailable> {
        let audit = audit_of(Action::Resume, serde_json::json!({ kind.as_str(): name }), actor);
        let is_resumed = self.write(|c| B::resume(c, kind, name, audit, Timestamp::now()).boxed()).await?;
        self.refresh_pauses().await?;
        Ok(is_resumed)
    }

    async fn plan(&self, mut selection: Selection) -> Result<Planned, Unavailable> {
        let mut planned = Planned::default();
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            planned.deliveries += page.selected.len() as u64;
            for selected in &page.selected {
                planned.work += selected.handlers.len() as u64;
                planned.quarantined += u64::from(selected.is_quarantined);
            }
            let Some(last_id) = page.next_after else { return Ok(planned) };
            selection = selection.after(last_id);
        }
    }

    /// The counts of a pruning, without the work that it would discard first.
    async fn count_prunable(&self, retention: Retention) -> Result<Pruned, Unavailable> {
        let clock = self.clock(retention).await?;
        let (bodies, deliveries) = (clock.expiry(retention.bodies), clock.expiry(retention.deliveries));
        let (mut pruned, mut after_id) = (Pruned::default(), 0);
        loop {
            let step =
                self.read(|c| B::count_prunable(c, bodies, deliveries, after_id, MAX_PRUNE_STEP).boxed()).await?;
            pruned.bodies += step.bodies;
            pruned.deliveries += step.deliveries;
            let Some(last_id) = step.next_after else { return Ok(pruned) };
            after_id = last_id;
        }
    }

    /// `None` where there is no such delivery, or no body.
    async fn reveal(&self, delivery_id: i64, actor: Actor) -> Result<Option<Vec<u8>>, Unavailable> {
        let audit = self.begin_audit(Action::Reveal, serde_json::json!({ "delivery": delivery_id }), actor).await?;
        let body = self.read(|c| B::delivery(c, delivery_id).boxed()).await?.and_then(|row| row.body);
        let rows = u64::from(body.is_some());
        self.write(|c| B::finish_audit(c, audit, rows).boxed()).await?;
        Ok(body)
    }

    async fn first_with_event(&self, selection: Selection) -> Result<Option<i64>, Unavailable> {
        self.find_with_event(selection).await
    }

    /// The audit has the number of rows that the change is meant to concern. Replayed work never gets a due time in the
    /// future: live deliveries behind it would wait for that.
    async fn change(&self, change: Change, actor: Actor, begun: Begun) -> Result<Changed, Unfinished> {
        let meant = self.meant(&change).await?;
        let execution = self.begin_action(change.action(), change.target(), meant, ACTION_LEASE, actor, begun).await?;
        self.execute(&change, execution, 0).await
    }

    async fn rehearsable(&self) -> Result<Vec<String>, Unavailable> {
        Ok(self.rehearsed.iter().map(|handler| handler.name()).collect())
    }

    async fn rehearse(
        &self,
        rehearsal: Rehearsal,
        actor: Actor,
        begun: Begun,
    ) -> Result<Option<Rehearsed>, Unfinished> {
        self.rehearse_selected(rehearsal, actor, begun).await
    }

    async fn count_undismissed(&self, mut selection: Selection) -> Result<Dismissed, Unavailable> {
        let mut counted = Dismissed::default();
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::undismissed(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            for selected in &page.selected {
                counted.work += selected.handlers.len() as u64;
                counted.quarantined += u64::from(selected.is_quarantined);
            }
            let Some(last_id) = page.next_after else { return Ok(counted) };
            selection = selection.after(last_id);
        }
    }

    async fn prune(&self, retention: Retention, actor: Actor, begun: Begun) -> Result<Pruned, Unfinished> {
        self.prune_now(retention, actor, begun).await
    }

    async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        self.prune_confirmed(retention, actor).await
    }

    /// Whether anything is stored under a name.
    async fn is_known(&self, name: Name) -> Result<bool, Unavailable> {
        self.read(|c| B::is_known(c, name).boxed()).await
    }

    /// Retires a handler, and discards the work that waits for it. `None` where a living process has attached the
    /// handler.
    async fn retire(&self, handler: String, actor: Actor) -> Result<Option<u64>, Unavailable> {
        let audit = self.begin_audit(Action::Retire, serde_json::json!({ "handler": handler }), actor).await?;
        if self.write(|c| B::retire(c, handler, Timestamp::now()).boxed()).await? {
            self.discard_unattended(None, Some(audit)).await.map(Some)
        } else {
            Ok(None)
        }
    }

    async fn erase(&self, erasure: Erasure, actor: Actor, begun: Begun) -> Result<Erased, NotErased> {
        self.erase_person(erasure, actor, begun).await
    }

    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased> {
        self.count_person(&person).await
    }
}

pub(super) fn audit_of(action: Action, target: serde_json::Value, actor: Actor) -> NewAudit {
    NewAudit { actor: actor.name, action, target: target.to_string(), reason: actor.reason }
}
