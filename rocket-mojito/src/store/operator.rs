use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Action, Backend, Clock, Content, DeliveryRow, Expiry, KnownHandler, Line, Name, NewAudit, NewDelivery, QueryResult,
    Requeue, Selected, Selection, Timestamp, prune,
};
use rocket::futures::FutureExt;
use rocket::futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::{DedicatedConnection, ErasedHook, Unavailable, Wakeup};
use crate::config::Retention;
use crate::event::{ParsedBody, classify};
use crate::notices::Notice;
use crate::operation::{Actor, Pruned, Replay, Replayed};
use crate::{EventKind, Finding, FindingCode, Standing};

/// The most deliveries that one transaction of an operator's action takes: other writers must not wait for long.
const MAX_STEP_DELIVERIES: u32 = 500;

/// The most deliveries that one step of pruning looks at: most of them stay.
const MAX_PRUNE_STEP: i64 = 5_000;

/// The number of steps that a replay cuts a second's deliveries into. A step has one delivery at least, and
/// `MAX_STEP_DELIVERIES` at most.
const MAX_STEPS_PER_SECOND: u32 = 10;

/// The pause from the end of a pruning pass to the next pass, which looks at every delivery again.
const PASS_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Carries out operators' actions, step by step, on a connection of its own. Actions take turns by their steps.
pub(super) struct Operator<B: Backend> {
    pub link: Arc<Mutex<DedicatedConnection<B>>>,
    pub wakeup: Wakeup,
    pub pass: Arc<Mutex<PrunePass>>,
    /// The handlers' hooks, which forget a result together with the store.
    pub hooks: Arc<Vec<Arc<dyn ErasedHook<B>>>>,
}

/// How far automatic pruning has come, so that it does not look at the same rows every hour. A delivery that is still a
/// result's state stays for long.
#[derive(Default)]
pub(super) struct PrunePass {
    after_id: i64,
    ended_at: Option<Instant>,
}

impl<B: Backend> Clone for Operator<B> {
    fn clone(&self) -> Self {
        Self {
            link: Arc::clone(&self.link),
            wakeup: self.wakeup.clone(),
            pass: Arc::clone(&self.pass),
            hooks: Arc::clone(&self.hooks),
        }
    }
}

impl<B: Backend> Operator<B> {
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

    /// Makes the selected work wait again, step by step, as fast as the pace allows. Replayed work never gets a due
    /// time in the future: live deliveries behind it would wait for that.
    pub async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable> {
        let mut target = serde_json::json!({ "selection": replay.selection, "handler": replay.handler });
        if replay.to_all_handlers {
            target["all_handlers"] = true.into();
        }
        let audit = self.begin_audit(Action::Replay, target, actor).await?;
        let known = self.read(|c| B::known_handlers(c).boxed()).await?;
        let began = Instant::now();
        let step = (replay.per_second / MAX_STEPS_PER_SECOND).clamp(1, MAX_STEP_DELIVERIES);
        let mut selection = replay.selection.clone();
        let mut replayed = Replayed::default();
        let mut given: u64 = 0;
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            for chunk in page.selected.chunks(step as usize) {
                let pause = Duration::from_secs_f64(given as f64 / f64::from(replay.per_second));
                sleep_until(began + pause).await;
                given += chunk.len() as u64;
                self.replay_step(&replay, &known, chunk, audit, &mut replayed).await?;
            }
            let Some(last_id) = page.next_after else { return Ok(replayed) };
            selection = selection.after(last_id);
        }
    }

    async fn replay_step(
        &self,
        replay: &Replay,
        known: &[KnownHandler],
        chunk: &[Selected],
        audit: i64,
        replayed: &mut Replayed,
    ) -> Result<(), Unavailable> {
        let items: Vec<Requeue> = chunk.iter().flat_map(|selected| requests(replay, known, selected)).collect();
        if !items.is_empty() {
            let requeued = self.write(|c| B::requeue(c, items, audit).boxed()).await?;
            replayed.work += requeued.work;
            replayed.left_alone += requeued.left_alone;
        }
        for selected in chunk.iter().filter(|selected| selected.is_quarantined) {
            if self.admit(selected.delivery_id, replay.handler.as_deref()).await? {
                replayed.admitted += 1;
                let done = replayed.work + replayed.admitted;
                self.write(|c| B::finish_audit(c, audit, done).boxed()).await?;
            } else {
                replayed.still_quarantined += 1;
            }
        }
        self.wakeup.notify();
        Ok(())
    }

    /// Parses a quarantined delivery with today's types. Returns whether it was understood, and no tombstone swallowed
    /// it.
    async fn admit(&self, delivery_id: i64, handler: Option<&str>) -> Result<bool, Unavailable> {
        let Some(row) = self.read(|c| B::delivery(c, delivery_id).boxed()).await? else { return Ok(false) };
        let Some(delivery) = read_again(row) else { return Ok(false) };
        let handler = handler.map(str::to_owned);
        let admitted = self.write(|c| B::admit(c, delivery_id, delivery, handler, Timestamp::now()).boxed()).await?;
        // A tombstone swallows the delivery: no handler gets it.
        Ok(admitted.is_some_and(|admitted| admitted.standing != Standing::Repeat))
    }

    pub async fn count(&self, mut selection: Selection) -> Result<u64, Unavailable> {
        let mut count = 0;
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            count += page.selected.len() as u64;
            let Some(last_id) = page.next_after else { return Ok(count) };
            selection = selection.after(last_id);
        }
    }

    pub async fn discard(
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

    /// Whether anything is stored under a name.
    pub async fn is_known(&self, name: Name) -> Result<bool, Unavailable> {
        self.read(|c| B::is_known(c, name).boxed()).await
    }

    /// Removes bodies and deliveries that are too old by more than one reading of the clock. An automatic pass goes on
    /// where the former one ended, and begins anew once a day.
    pub async fn prune_on(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
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

    /// Removes bodies and deliveries that are too old by the clock's present reading.
    pub async fn prune(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        let clock = self.clock(retention).await?;
        let (bodies, deliveries) = (clock.expiry(retention.bodies), clock.expiry(retention.deliveries));
        self.prune_after(0, bodies, deliveries, actor).await.map(|(pruned, _)| pruned)
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
            let link = self.link.lock().await;
            link.database().notices().say(Notice::Kept { count: kept as u64, delivery });
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

    /// Retires a handler, and discards the work that waits for it. `None` where a living process has attached the
    /// handler.
    pub async fn retire(&self, handler: String, actor: Actor) -> Result<Option<u64>, Unavailable> {
        let audit = self.begin_audit(Action::Retire, serde_json::json!({ "handler": handler }), actor).await?;
        if self.write(|c| B::retire(c, handler, Timestamp::now()).boxed()).await? {
            self.discard_unattended(None, Some(audit)).await.map(Some)
        } else {
            Ok(None)
        }
    }

    pub(super) async fn begin_audit(
        &self,
        action: Action,
        target: serde_json::Value,
        actor: Actor,
    ) -> Result<i64, Unavailable> {
        let audit = NewAudit { actor: actor.name, action, target: target.to_string(), reason: actor.reason };
        self.write(|c| B::begin_audit(c, audit, Timestamp::now()).boxed()).await
    }

    pub(super) async fn finish_audit(&self, audit: i64, affected: u64) -> Result<(), Unavailable> {
        self.write(|c| B::finish_audit(c, audit, affected).boxed()).await
    }
}

/// The work on a delivery that a replay selects. Work of a retired handler is left as it is.
fn requests(replay: &Replay, known: &[KnownHandler], selected: &Selected) -> Vec<Requeue> {
    let Some(first_delivery_id) = selected.first_delivery_id else { return Vec::new() };
    let is_retired = |name: &str| known.iter().any(|handler| handler.name == name && handler.retired_at.is_some());
    let meant: Vec<&str> = match &replay.handler {
        Some(name) => vec![name],
        None if replay.to_all_handlers => known.iter().map(|handler| handler.name.as_str()).collect(),
        None => selected.handlers.iter().map(String::as_str).collect(),
    };
    let request = |handler: &str| Requeue {
        delivery_id: selected.delivery_id,
        line: Line { first_delivery_id, handler: handler.to_owned() },
        max_attempts: known.iter().find(|known| known.name == handler).map(|known| known.max_attempts),
    };
    meant.into_iter().filter(|name| !is_retired(name)).map(request).collect()
}

/// The stored work on a delivery that is to be discarded: all selected work, or the work of one handler.
fn pairs(selected: &Selected, handler: &Option<String>) -> Vec<(i64, Line)> {
    let Some(first_delivery_id) = selected.first_delivery_id else { return Vec::new() };
    let is_meant = |name: &&String| handler.as_ref().is_none_or(|handler| handler == *name);
    let line = |handler: &String| Line { first_delivery_id, handler: handler.clone() };
    selected.handlers.iter().filter(is_meant).map(|name| (selected.delivery_id, line(name))).collect()
}

/// Parses a stored delivery with today's types. `None` where it has no body, or cannot be applied.
fn read_again(row: DeliveryRow) -> Option<NewDelivery> {
    let body = row.body?;
    let path = Some(row.event).filter(|event| *event != EventKind::Unknown);
    let (event, reading) = classify(path, ParsedBody::parse(&body));
    let ParsedBody::Usable { payload, mut findings } = reading else { return None };
    // The one finding that does not come from the body.
    findings.extend(Finding::from_json(&row.findings).into_iter().filter(|found| found.code == FindingCode::IdReused));
    let (result_id, snapshot) = payload.into_state();
    let content = Content::Usable { result_id, snapshot: Box::new(snapshot) };
    let mut delivery = NewDelivery::new(row.endpoint, row.secret_id, event, row.received_at, body, content);
    (delivery.findings, delivery.message_id) = (findings, row.message_id);
    Some(delivery)
}
