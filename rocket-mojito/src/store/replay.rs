use futures_util::FutureExt;
use mojito_schema::{
    Backend, Content, DeliveryRow, KnownHandler, Line, NewDelivery, Requeue, Selected, Selection, Step, Timestamp,
};

use super::change::MAX_STEP_DELIVERIES;
use super::operations::Operations;
use super::{Unavailable, Unfinished};
use crate::event::{ParsedBody, classify};
use crate::operation::{Replay, Replayed};
use crate::{EventKind, Finding, FindingCode, Standing};

impl<B: Backend> Operations<B> {
    /// Makes the selected work of some deliveries wait again, or admits the one delivery in quarantine that they are.
    pub(super) async fn replay_step(
        &self,
        replay: &Replay,
        known: &[KnownHandler],
        selected: &[Selected],
        step: Step,
        replayed: &mut Replayed,
    ) -> Result<(), Unfinished> {
        if let [Selected { delivery_id, is_quarantined: true, .. }] = selected {
            if self.admit(*delivery_id, replay, step).await? {
                replayed.admitted += 1;
            } else {
                replayed.still_quarantined += 1;
            }
            return Ok(());
        }
        let items: Vec<Requeue> = selected.iter().flat_map(|selected| requests(replay, known, selected)).collect();
        let requeued = self.write(|c| B::requeue(c, items, step, Timestamp::now()).boxed()).await??;
        replayed.work += requeued.work;
        replayed.left_alone += requeued.left_alone;
        Ok(())
    }

    /// The first selected delivery whose event is known.
    pub(super) async fn find_with_event(&self, mut selection: Selection) -> Result<Option<i64>, Unavailable> {
        loop {
            let chosen = selection.clone();
            let page = self.read(|c| B::page(c, chosen, MAX_STEP_DELIVERIES.into()).boxed()).await?;
            if let Some(selected) = page.selected.iter().find(|selected| selected.has_event) {
                return Ok(Some(selected.delivery_id));
            }
            let Some(last_id) = page.next_after else { return Ok(None) };
            selection = selection.after(last_id);
        }
    }

    /// Parses a quarantined delivery with today's types. Returns whether it was understood, and no tombstone swallowed
    /// it.
    async fn admit(&self, delivery_id: i64, replay: &Replay, step: Step) -> Result<bool, Unfinished> {
        let row = self.read(|c| B::delivery(c, delivery_id).boxed()).await?;
        let Some(delivery) = row.and_then(|row| read_again(row, replay.as_event)) else {
            self.advance(step.execution, step.cursor, step.lease, 0).await?;
            return Ok(false);
        };
        let handler = replay.handler.clone();
        let admitted = self.write(|c| B::admit(c, delivery_id, delivery, handler, step, Timestamp::now()).boxed());
        // A tombstone swallows the delivery: no handler gets it.
        Ok(admitted.await??.is_some_and(|admitted| admitted.standing != Standing::Repeat))
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

/// Parses a stored delivery with today's types, as an event of the kind that an operator names, if nobody else tells.
/// `None` where it has no body, cannot be applied, or tells another kind.
fn read_again(row: DeliveryRow, named: Option<EventKind>) -> Option<NewDelivery> {
    let body = row.body?;
    let path = Some(row.event).filter(|event| *event != EventKind::Unknown);
    let (mut event, mut reading) = classify(path, ParsedBody::parse(&body));
    let tells_nothing =
        matches!(&reading, ParsedBody::Unusable { cause, .. } if cause.code == FindingCode::UnknownEvent);
    if tells_nothing && named.is_some() {
        (event, reading) = classify(named, ParsedBody::parse(&body));
    }
    let ParsedBody::Usable { payload, mut findings } = reading else { return None };
    if named.is_some_and(|kind| kind != event) {
        return None;
    }
    if tells_nothing {
        findings.push(Finding::new(FindingCode::EventNamed));
    }
    // A finding that does not come from the body either.
    findings.extend(row.findings.0.into_iter().filter(|found| found.code == FindingCode::IdReused));
    let (result_id, snapshot) = payload.into_state();
    let content = Content::Usable { result_id, snapshot: Box::new(snapshot) };
    let mut delivery = NewDelivery::new(row.endpoint, row.secret_id, event, row.received_at, body, content);
    (delivery.findings, delivery.message_id) = (findings, row.message_id);
    Some(delivery)
}
