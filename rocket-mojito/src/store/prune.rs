use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Action, Backend, Clock, Execution, Expiry, Timestamp, prune};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Unavailable;
use super::actions::{ACTION_LEASE, Unfinished};
use super::change::MAX_STEP_DELIVERIES;
use super::operation_tasks::Begun;
use super::operations::Operations;
use super::requests::Requests;
use crate::config::Retention;
use crate::notices::Notice;
use crate::operation::{Actor, Pruned};

/// The most deliveries that one step of pruning looks at: most of them stay.
pub(super) const MAX_PRUNE_STEP: i64 = 5_000;

/// The pause from the end of a pruning pass to the next pass, which looks at every delivery again.
const PASS_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// How far automatic pruning has come, so that it does not look at the same rows every hour. A delivery that is still a
/// result's state stays for long.
#[derive(Default)]
pub(super) struct PrunePass {
    after_id: i64,
    ended_at: Option<Instant>,
}

impl<B: Backend> Operations<B> {
    /// Removes bodies and deliveries that are too old by the clock's present reading, as an operator's action.
    pub(super) async fn prune_now(
        &self,
        retention: Retention,
        actor: Actor,
        begun: Begun,
    ) -> Result<Pruned, Unfinished> {
        let counted = self.count_prunable(retention).await?;
        let meant = counted.bodies + counted.deliveries;
        let execution = self.begin_action(Action::Prune, target(retention), meant, ACTION_LEASE, actor, begun).await?;
        self.go_on_pruning(retention, execution, 0).await
    }

    /// Goes on with an operator's pruning from behind a delivery. Removed bodies are not looked at again.
    pub(super) async fn go_on_pruning(
        &self,
        retention: Retention,
        execution: Execution,
        cursor: i64,
    ) -> Result<Pruned, Unfinished> {
        let pruned = self.prune_from(retention, execution, cursor).await;
        self.end_action(execution, pruned).await
    }

    async fn prune_from(&self, retention: Retention, execution: Execution, cursor: i64) -> Result<Pruned, Unfinished> {
        let clock = self.clock(retention).await?;
        let (bodies, deliveries) = (clock.expiry(retention.bodies), clock.expiry(retention.deliveries));
        Ok(self.prune_after(cursor, bodies, deliveries, Some(execution)).await?.0)
    }

    /// Removes bodies and deliveries that are too old by more than one reading of the clock. An automatic pass goes on
    /// where the former one ended, and begins anew once a day.
    pub(super) async fn prune_confirmed(&self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        let clock = self.clock(retention).await?;
        let bodies = clock.confirmed_expiry(retention.bodies);
        let Some((bodies, deliveries)) = bodies.zip(clock.confirmed_expiry(retention.deliveries)) else {
            return Ok(Pruned::default());
        };
        let mut pass = self.pass.lock().await;
        if pass.ended_at.is_some_and(|at| at.elapsed() >= PASS_INTERVAL) {
            *pass = PrunePass::default();
        }
        let pruned = self.prune_after(pass.after_id, bodies, deliveries, None).await;
        let (pruned, after_id) = pruned.map_err(Unfinished::unavailable)?;
        let Pruned { bodies, deliveries, work } = pruned;
        if bodies + deliveries + work > 0 {
            let target = json!({ "bodies": bodies, "deliveries": deliveries, "work": work });
            let audit = self.begin_audit(Action::Prune, target, actor).await?;
            self.write(|c| B::finish_audit(c, audit, bodies + deliveries + work).boxed()).await?;
        }
        pass.after_id = after_id;
        pass.ended_at.get_or_insert_with(Instant::now);
        Ok(pruned)
    }

    /// Removes bodies, and deliveries behind `after_id`. Returns the last delivery that is old enough to be looked at.
    /// An operator's action is told of each step.
    async fn prune_after(
        &self,
        mut after_id: i64,
        bodies: Expiry,
        deliveries: Expiry,
        execution: Option<Execution>,
    ) -> Result<(Pruned, i64), Unfinished> {
        let mut pruned =
            Pruned { work: self.discard_unattended(Some(bodies.cutoff()), None).await?, ..Pruned::default() };
        self.note(execution, after_id, pruned.work).await?;
        loop {
            let removed = self.write(|c| B::prune_bodies(c, bodies, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            pruned.bodies += removed;
            if removed == 0 {
                break;
            }
            self.note(execution, after_id, removed).await?;
        }
        let (mut kept, mut sample) = (0, None);
        loop {
            let step = self.write(|c| prune::<B>(c, deliveries, after_id, MAX_PRUNE_STEP).boxed()).await?;
            let (step, passed_by) = step;
            pruned.deliveries += step.removed;
            kept += passed_by.len();
            sample = sample.or(passed_by.first().copied());
            after_id = step.next_after.unwrap_or(after_id);
            self.note(execution, after_id, step.removed).await?;
            if step.next_after.is_none() {
                break;
            }
        }
        if let Some(delivery) = sample {
            self.database.notices().say(Notice::Kept { count: kept as u64, delivery });
        }
        Ok((pruned, after_id))
    }

    /// Notes a step of an operator's action. A death between the step and its note leaves the count behind, and no row:
    /// removed rows are not removed again.
    async fn note(&self, execution: Option<Execution>, cursor: i64, rows: u64) -> Result<(), Unfinished> {
        match execution {
            Some(execution) => self.advance(execution, cursor, ACTION_LEASE, rows).await,
            None => Ok(()),
        }
    }

    pub(super) async fn clock(&self, retention: Retention) -> Result<Clock, Unavailable> {
        let longest_age = retention.deliveries.max(retention.bodies);
        self.write(|c| B::read_clock(c, longest_age, Timestamp::now()).boxed()).await
    }

    /// Discards work that waits for retired handlers, step by step. `before` adds work that arrived earlier and waits
    /// for handlers that no process has had attached for a day. Otherwise that work would keep its bodies for ever.
    pub(super) async fn discard_unattended(
        &self,
        before: Option<Timestamp>,
        audit: Option<i64>,
    ) -> Result<u64, Unavailable> {
        let mut discarded = 0;
        loop {
            match self.write(|c| B::discard_unattended(c, before, audit, Timestamp::now()).boxed()).await? {
                0 => return Ok(discarded),
                step => discarded += step,
            }
        }
    }
}

/// The request as the audit keeps it.
fn target(retention: Retention) -> Value {
    let days = |age: Duration| age.as_secs() / SECONDS_OF_DAY;
    json!({ "body_retention_days": days(retention.bodies), "retention_days": days(retention.deliveries) })
}

/// The ages that a row of the audit tells of.
pub(super) fn from_target(target: &str) -> Option<Retention> {
    let target: Value = serde_json::from_str(target).ok()?;
    let age = |name: &str| target[name].as_u64()?.checked_mul(SECONDS_OF_DAY).map(Duration::from_secs);
    Some(Retention { deliveries: age("retention_days")?, bodies: age("body_retention_days")? })
}

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ages_of_a_pruning_are_read_back_from_the_audit() {
        let age = |days| Duration::from_secs(days * SECONDS_OF_DAY);
        let retention = Retention { deliveries: age(400), bodies: age(90) };

        let read = from_target(&target(retention).to_string()).unwrap();

        assert_eq!((read.deliveries, read.bodies), (age(400), age(90)));
        assert!(from_target(r#"{"bodies":1,"deliveries":2,"work":3}"#).is_none());
    }
}
