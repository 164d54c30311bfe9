use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Action, AttemptRow, AuditRow, Backend, Backlog, Clock, Dismissed, EndpointFacts, ErrorGroups, Expiry, Facts,
    KnownHandler, Line, Listing, Name, NewAudit, OpenError, Overview, PauseKind, PauseRow, Person, QueryResult,
    Selected, Selection, Timestamp, Waiting, prune,
};
use rocket::futures::FutureExt;
use rocket::futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::{Database, DedicatedConnection, ErasedHook, NotErased, Pauses, RehearsedHandler, Unavailable, Wakeup};
use crate::config::Retention;
use crate::erasure::{Erased, Erasure};
use crate::notices::Notice;
use crate::operation::{Actor, Dismissal, Planned, Pruned, Replay, Replayed};
use crate::rehearsal::{Rehearsal, Rehearsed};

/// The most deliveries that one transaction of an operator's action takes: other writers must not wait for long.
pub(super) const MAX_STEP_DELIVERIES: u32 = 500;

/// The most deliveries that one step of pruning looks at: most of them stay.
const MAX_PRUNE_STEP: i64 = 5_000;

/// The number of steps that a replay cuts a second's deliveries into. A step has one delivery at least, and
/// `MAX_STEP_DELIVERIES` at most.
const MAX_STEPS_PER_SECOND: u32 = 10;

/// The pause from the end of a pruning pass to the next pass, which looks at every delivery again.
const PASS_INTERVAL: Duration = Duration::from_secs(24 * 3600);

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

    /// The newest deliveries of a selection, before the delivery `before`.
    async fn list(&self, selection: Selection, before: i64, limit: i64) -> Result<Listing, Unavailable>;

    /// The errors of a selection in groups: those of its newest work before the delivery `before`.
    async fn errors(&self, selection: Selection, before: i64) -> Result<ErrorGroups, Unavailable>;

    /// The counts of a selection.
    async fn plan(&self, selection: Selection) -> Result<Planned, Unavailable>;

    /// The newest actions of operators, before the action `before`.
    async fn audit(&self, before: i64, limit: i64) -> Result<Vec<AuditRow>, Unavailable>;

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

    /// Hands deliveries to handlers again.
    async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable>;

    /// The names of the handlers that this process can rehearse.
    async fn rehearsable(&self) -> Result<Vec<String>, Unavailable>;

    /// Runs a handler of this process without effect. `None` where this process has no such handler.
    async fn rehearse(&self, rehearsal: Rehearsal, actor: Actor) -> Result<Option<Rehearsed>, Unavailable>;

    /// Gives up waiting work.
    async fn discard(&self, selection: Selection, handler: Option<String>, actor: Actor) -> Result<u64, Unavailable>;

    /// Counts what a dismissal of a selection would concern.
    async fn count_undismissed(&self, selection: Selection) -> Result<Dismissed, Unavailable>;

    /// Dismisses dead work and deliveries in quarantine.
    async fn dismiss(&self, dismissal: Dismissal, actor: Actor) -> Result<Dismissed, Unavailable>;

    /// Removes bodies and deliveries that are too old.
    async fn prune(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable>;

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
    async fn erase(&self, erasure: Erasure, actor: Actor) -> Result<Erased, NotErased>;

    /// Counts the rows that the erasure of a person would change.
    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased>;
}

/// The operations on one backend, step by step, on a connection of their own. Actions take turns by their steps.
pub(crate) struct Operations<B: Backend> {
    pub(super) database: Arc<Database<B>>,
    pub(super) link: Mutex<DedicatedConnection<B>>,
    /// The connection for reads: an answer must not wait behind an operator's long action.
    pub(super) reader: Mutex<DedicatedConnection<B>>,
    pauses: Pauses,
    pub(super) wakeup: Wakeup,
    pass: Mutex<PrunePass>,
    /// The names of the handlers that this process has attached.
    handlers: Vec<String>,
    /// The handlers' hooks, which forget a result together with the store.
    pub(super) hooks: Arc<Vec<Arc<dyn ErasedHook<B>>>>,
    /// The handlers of this process, for rehearsals, which take turns.
    pub(super) rehearsed: Vec<Arc<dyn RehearsedHandler<B>>>,
    pub(super) rehearsing: Mutex<()>,
}

/// How far automatic pruning has come, so that it does not look at the same rows every hour. A delivery that is still a
/// result's state stays for long.
#[derive(Default)]
struct PrunePass {
    after_id: i64,
    ended_at: Option<Instant>,
}

impl<B: Backend> Operations<B> {
    pub fn new(
        link: DedicatedConnection<B>,
        handlers: Vec<String>,
        (hooks, rehearsed): (Vec<Arc<dyn ErasedHook<B>>>, Vec<Arc<dyn RehearsedHandler<B>>>),
        pauses: Pauses,
        wakeup: Wakeup,
    ) -> Self {
        let database = Arc::clone(link.database());
        let reader = Mutex::new(DedicatedConnection::new(Arc::clone(&database)));
        let (hooks, link, pass, rehearsing) = (Arc::new(hooks), Mutex::new(link), Mutex::default(), Mutex::default());
        Self { database, link, reader, pauses, wakeup, pass, handlers, hooks, rehearsed, rehearsing }
    }

    pub(super) async fn write<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.link.lock().await.write("the database refused an operator's request", verb).await
    }

    pub(super) async fn read<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.link.lock().await.read("the database refused an operator's request", verb).await
    }

    /// The same on the connection for reads.
    async fn read_beside<R, F>(&self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.reader.lock().await.read("the database could not be read", verb).await
    }

    async fn clock(&self, retention: Retention) -> Result<Clock, Unavailable> {
        let longest_age = retention.deliveries.max(retention.bodies);
        self.write(|c| B::read_clock(c, longest_age, Timestamp::now()).boxed()).await
    }

    /// Removes bodies, and deliveries behind `after_id`. Returns the last delivery that is old enough to be looked at.
    async fn prune_after(
        &self,
        mut after_id: i64,
        bodies: Expiry,
        deliveries: Expiry,
        actor: Actor,
    ) -> Result<(Pruned, i64), Unavailable> {
        let mut pruned =
            Pruned { work: self.discard_unattended(Some(bodies.cutoff()), None).await?, ..Pruned::default() };
        loop {
            let removed = self.write(|c| B::prune_bodies(c, bodies, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            pruned.bodies += removed;
            if removed == 0 {
                break;
            }
        }
        let (mut kept, mut sample) = (0, None);
        loop {
            let step = self.write(|c| prune::<B>(c, deliveries, after_id, MAX_PRUNE_STEP).boxed()).await?;
            let (step, passed_by) = step;
            pruned.deliveries += step.removed;
            kept += passed_by.len();
            sample = sample.or(passed_by.first().copied());
            let Some(last_id) = step.next_after else { break };
            after_id = last_id;
        }
        if let Some(delivery) = sample {
            self.database.notices().say(Notice::Kept { count: kept as u64, delivery });
        }
        let affected = pruned.bodies + pruned.deliveries + pruned.work;
        if affected > 0 {
            let Pruned { bodies, deliveries, work } = pruned;
            let target = serde_json::json!({ "bodies": bodies, "deliveries": deliveries, "work": work });
            let audit = self.begin_audit(Action::Prune, target, actor).await?;
            self.finish_audit(audit, affected).await?;
        }
        Ok((pruned, after_id))
    }

    /// Discards work that waits for retired handlers, step by step. `before` adds work that arrived earlier and waits
    /// for handlers that no process has had attached for a day. Otherwise that work would keep its bodies for ever.
    async fn discard_unattended(&self, before: Option<Timestamp>, audit: Option<i64>) -> Result<u64, Unavailable> {
        let mut discarded = 0;
        loop {
            match self.write(|c| B::discard_unattended(c, before, audit, Timestamp::now()).boxed()).await? {
                0 => return Ok(discarded),
                step => discarded += step,
            }
        }
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

    pub(super) async fn finish_audit(&self, audit: i64, affected: u64) -> Result<(), Unavailable> {
        self.write(|c| B::finish_audit(c, audit, affected).boxed()).await
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

    async fn handlers(&self) -> Result<Vec<KnownHandler>, Unavailable> {
        self.read_beside(|c| B::known_handlers(c).boxed()).await
    }

    async fn audit(&self, before: i64, limit: i64) -> Result<Vec<AuditRow>, Unavailable> {
        self.read_beside(|c| B::audit(c, before, limit).boxed()).await
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
        self.finish_audit(audit, u64::from(body.is_some())).await?;
        Ok(body)
    }

    async fn first_with_event(&self, selection: Selection) -> Result<Option<i64>, Unavailable> {
        self.find_with_event(selection).await
    }

    /// Makes the selected work wait again, step by step, as fast as the pace allows. Replayed work never gets a due
    /// time in the future: live deliveries behind it would wait for that.
    async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable> {
        let mut target = serde_json::json!({ "selection": replay.selection, "handler": replay.handler });
        if replay.to_all_handlers {
            target["all_handlers"] = true.into();
        }
        if let Some(kind) = replay.as_event {
            target["as_event"] = kind.as_str().into();
        }
        let audit = self.begin_audit(Action::Replay, target, actor).await?;
        let known = self.read(|c| B::known_handlers(c).boxed()).await?;
        let began = Instant::now();
        let step = steps_of(replay.per_second);
        let mut selection = replay.selection.clone();
        let mut replayed = Replayed::default();
        let mut given: u64 = 0;
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            for chunk in page.selected.chunks(step) {
                let pause = Duration::from_secs_f64(given as f64 / f64::from(replay.per_second));
                sleep_until(began + pause).await;
                given += chunk.len() as u64;
                self.replay_step(&replay, &known, chunk, audit, &mut replayed).await?;
            }
            let Some(last_id) = page.next_after else { return Ok(replayed) };
            selection = selection.after(last_id);
        }
    }

    async fn rehearsable(&self) -> Result<Vec<String>, Unavailable> {
        Ok(self.rehearsed.iter().map(|handler| handler.name()).collect())
    }

    async fn rehearse(&self, rehearsal: Rehearsal, actor: Actor) -> Result<Option<Rehearsed>, Unavailable> {
        self.rehearse_selected(rehearsal, actor).await
    }

    async fn discard(
        &self,
        mut selection: Selection,
        handler: Option<String>,
        actor: Actor,
    ) -> Result<u64, Unavailable> {
        let target = serde_json::json!({ "selection": selection, "handler": handler });
        let audit = self.begin_audit(Action::Discard, target, actor).await?;
        let mut discarded = 0;
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            let pairs: Vec<(i64, Line)> = page.selected.iter().flat_map(|selected| pairs(selected, &handler)).collect();
            if !pairs.is_empty() {
                discarded += self.write(|c| B::discard(c, pairs, audit, Timestamp::now()).boxed()).await?;
            }
            let Some(last_id) = page.next_after else { break };
            selection = selection.after(last_id);
        }
        // Work behind the discarded rows may be due now.
        self.wakeup.notify();
        Ok(discarded)
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

    async fn dismiss(&self, dismissal: Dismissal, actor: Actor) -> Result<Dismissed, Unavailable> {
        let Dismissal { mut selection, per_second } = dismissal;
        let audit = self.begin_audit(Action::Dismiss, serde_json::json!({ "selection": selection }), actor).await?;
        let (began, step) = (Instant::now(), steps_of(per_second));
        let (mut dismissed, mut given) = (Dismissed::default(), 0_u64);
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::undismissed(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            for chunk in page.selected.chunks(step) {
                sleep_until(began + Duration::from_secs_f64(given as f64 / f64::from(per_second))).await;
                given += chunk.len() as u64;
                let chunk = chunk.to_vec();
                dismissed += self.write(|c| B::dismiss(c, chunk, audit, Timestamp::now()).boxed()).await?;
            }
            let Some(last_id) = page.next_after else { return Ok(dismissed) };
            selection = selection.after(last_id);
        }
    }

    /// Removes bodies and deliveries that are too old by the clock's present reading.
    async fn prune(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        let clock = self.clock(retention).await?;
        let (bodies, deliveries) = (clock.expiry(retention.bodies), clock.expiry(retention.deliveries));
        self.prune_after(0, bodies, deliveries, actor).await.map(|(pruned, _)| pruned)
    }

    /// Removes bodies and deliveries that are too old by more than one reading of the clock. An automatic pass goes on
    /// where the former one ended, and begins anew once a day.
    async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        let clock = self.clock(retention).await?;
        let bodies = clock.confirmed_expiry(retention.bodies);
        let Some((bodies, deliveries)) = bodies.zip(clock.confirmed_expiry(retention.deliveries)) else {
            return Ok(Pruned::default());
        };
        let mut pass = self.pass.lock().await;
        if pass.ended_at.is_some_and(|at| at.elapsed() >= PASS_INTERVAL) {
            *pass = PrunePass::default();
        }
        let (pruned, after_id) = self.prune_after(pass.after_id, bodies, deliveries, actor).await?;
        pass.after_id = after_id;
        pass.ended_at.get_or_insert_with(Instant::now);
        Ok(pruned)
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

    async fn erase(&self, erasure: Erasure, actor: Actor) -> Result<Erased, NotErased> {
        self.erase_person(erasure, actor).await
    }

    async fn count_erasure(&self, person: Person) -> Result<Erased, NotErased> {
        self.count_person(&person).await
    }
}

fn audit_of(action: Action, target: serde_json::Value, actor: Actor) -> NewAudit {
    NewAudit { actor: actor.name, action, target: target.to_string(), reason: actor.reason }
}

/// The number of deliveries in a step, at this pace.
fn steps_of(per_second: u32) -> usize {
    (per_second / MAX_STEPS_PER_SECOND).clamp(1, MAX_STEP_DELIVERIES) as usize
}

/// The stored work on a delivery that is to be discarded: all selected work, or the work of one handler.
fn pairs(selected: &Selected, handler: &Option<String>) -> Vec<(i64, Line)> {
    let Some(first_delivery_id) = selected.first_delivery_id else { return Vec::new() };
    let is_meant = |name: &&String| handler.as_ref().is_none_or(|handler| handler == *name);
    let line = |handler: &String| Line { first_delivery_id, handler: handler.clone() };
    selected.handlers.iter().filter(is_meant).map(|name| (selected.delivery_id, line(name))).collect()
}
