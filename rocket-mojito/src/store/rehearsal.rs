use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Action, Backend, Execution, TableChange};
use tokio::time::{Instant, sleep_until};

use super::actions::{ACTION_LEASE, Unfinished};
use super::change::MAX_STEP_DELIVERIES;
use super::operation_tasks::Begun;
use super::operations::Operations;
use super::requests::Requests;
use super::{RehearsedHandler, Unavailable};
use crate::operation::Actor;
use crate::rehearsal::{Answer, Rehearsal, Rehearsed, RehearsedDelivery, Unrehearsed};

impl<B: Backend> Operations<B> {
    /// Runs a handler on the selected deliveries, one after the other. `None` where this process has no such handler.
    pub(super) async fn rehearse_selected(
        &self,
        rehearsal: Rehearsal,
        actor: Actor,
        begun: Begun,
    ) -> Result<Option<Rehearsed>, Unfinished> {
        let Some(handler) = self.rehearsed.iter().find(|handler| handler.name() == rehearsal.handler) else {
            return Ok(None);
        };
        // The handlers' runtime has a thread for one rehearsal.
        let _turn = self.rehearsing.lock().await;
        let mut target = serde_json::json!({
            "selection": rehearsal.selection, "handler": rehearsal.handler, "limit": rehearsal.limit,
        });
        if rehearsal.reveals {
            target["reveals_errors"] = true.into();
        }
        let meant = self.plan(rehearsal.selection.clone()).await?.deliveries.min(rehearsal.limit as u64);
        let lease = ACTION_LEASE.saturating_add(handler.timeout());
        let execution = self.begin_action(Action::Rehearse, target, meant, lease, actor, begun).await?;
        let rehearsed = self.rehearse_each(handler, rehearsal, execution).await;
        self.end_action(execution, rehearsed).await.map(Some)
    }

    async fn rehearse_each(
        &self,
        handler: &Arc<dyn RehearsedHandler<B>>,
        rehearsal: Rehearsal,
        execution: Execution,
    ) -> Result<Rehearsed, Unfinished> {
        let Rehearsal { mut selection, handler: name, limit, per_second, .. } = rehearsal;
        let lease = ACTION_LEASE.saturating_add(handler.timeout());
        let (began, mut outcome) = (Instant::now(), Rehearsed::default());
        loop {
            let (chosen, missing) = (selection.clone(), limit - outcome.deliveries.len());
            let missing = i64::try_from(missing).unwrap_or(i64::MAX).min(MAX_STEP_DELIVERIES.into());
            let page = self.read(|c| B::page(c, chosen, missing).boxed()).await?;
            for selected in page.selected {
                let pause = Duration::from_secs_f64(outcome.deliveries.len() as f64 / f64::from(per_second));
                sleep_until(began + pause).await;
                let delivery = selected.delivery_id;
                let (answer, changes) = self.rehearse_one(handler, &name, delivery).await?;
                outcome.deliveries.push(RehearsedDelivery { delivery, answer, changes });
                self.advance(execution, delivery, lease, 1).await?;
            }
            let Some(last_id) = page.next_after else { return Ok(outcome) };
            if outcome.deliveries.len() == limit {
                outcome.next_after = Some(last_id);
                return Ok(outcome);
            }
            selection = selection.after(last_id);
        }
    }

    async fn rehearse_one(
        &self,
        handler: &Arc<dyn RehearsedHandler<B>>,
        name: &str,
        delivery_id: i64,
    ) -> Result<(Answer, Vec<TableChange>), Unavailable> {
        let not = |reason| (Answer::NotRehearsed(reason), Vec::new());
        let name = name.to_owned();
        let preview = self.read(|c| B::preview(c, delivery_id, name).boxed()).await?;
        Ok(match preview {
            None => not(Unrehearsed::Quarantined),
            Some(preview) if preview.is_leased => not(Unrehearsed::Leased),
            Some(preview) if preview.claim.delivery.body.is_none() => not(Unrehearsed::WithoutBody),
            Some(preview) => handler.rehearse(Arc::clone(&self.database), preview.claim).await,
        })
    }
}
