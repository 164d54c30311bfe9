use std::collections::BTreeSet;
use std::sync::Arc;

use mojito_schema::{
    Action, Backend, Content, DeliveryRow, Erased, Fingerprint, HandlerSpec, NewAudit, NewDelivery, Pace, Person,
    QueryResult, Selection, Utc,
};
use rocket::futures::FutureExt;
use rocket::futures::future::BoxFuture;

use super::{Link, Signal, Unavailable};
use crate::config::Retention;
use crate::event::{Payload, Reading, classify};
use crate::operation::{Actor, Pruned, Replay, Replayed};
use crate::{EventKind, Finding, FindingCode, Standing};

/// How many deliveries one transaction of an operator's action takes: others are not kept waiting for long.
const STEP: i64 = 500;

/// Carries out what operators ask for, step by step, on a connection of its own.
pub(super) struct Operator<B: Backend> {
    pub link: Link<B>,
    pub handlers: Arc<Vec<HandlerSpec>>,
    pub signal: Signal,
}

impl<B: Backend> Operator<B> {
    async fn write<R, F>(&mut self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.link.write("the database refused an operator's request", verb).await
    }

    async fn read<R, F>(&mut self, verb: F) -> Result<R, Unavailable>
    where
        F: for<'c> FnOnce(&'c mut B::Connection) -> BoxFuture<'c, QueryResult<R>>,
    {
        self.link.read("the database refused an operator's request", verb).await
    }

    pub async fn replay(&mut self, replay: Replay, actor: Actor) -> Result<Replayed, Unavailable> {
        let target = serde_json::json!({ "selection": replay.selection, "handler": replay.handler });
        let audit = self.begin_audit(Action::Replay, target, actor).await?;
        let handlers = self.handlers_named(replay.handler.as_deref());
        let mut pace = Pace { start: Utc::now(), per_second: replay.per_second, given: 0 };
        let mut selection = replay.selection;
        let mut replayed = Replayed::default();
        loop {
            let (chosen, to) = (selection.clone(), Arc::clone(&handlers));
            let step = self.write(|c| B::requeue(c, chosen, to, pace, STEP).boxed()).await?;
            replayed.work += step.work;
            for row in step.quarantined {
                match self.admit(row, &handlers).await? {
                    true => replayed.admitted += 1,
                    false => replayed.still_quarantined += 1,
                }
            }
            self.signal.notify();
            let Some(last_id) = step.last_id else { break };
            pace = step.pace;
            selection = selection.after(last_id);
        }
        self.finish_audit(audit, replayed.work + replayed.admitted).await?;
        Ok(replayed)
    }

    /// Reads a quarantined delivery with today's types. Whether it was understood.
    async fn admit(&mut self, row: DeliveryRow, handlers: &Arc<Vec<HandlerSpec>>) -> Result<bool, Unavailable> {
        let delivery_id = row.id;
        let Some(delivery) = read_again(row) else { return Ok(false) };
        let handlers = Arc::clone(handlers);
        let admitted = self.write(|c| B::admit(c, delivery_id, delivery, handlers, Utc::now()).boxed()).await?;
        Ok(admitted.is_some())
    }

    pub async fn discard(
        &mut self,
        mut selection: Selection,
        handler: Option<String>,
        actor: Actor,
    ) -> Result<u64, Unavailable> {
        let target = serde_json::json!({ "selection": selection, "handler": handler });
        let audit = self.begin_audit(Action::Discard, target, actor).await?;
        let mut discarded = 0;
        loop {
            let (chosen, of) = (selection.clone(), handler.clone());
            let step = self.write(|c| B::discard(c, chosen, of, STEP, Utc::now()).boxed()).await?;
            discarded += step.rows;
            let Some(last_id) = step.last_id else { break };
            selection = selection.after(last_id);
        }
        self.finish_audit(audit, discarded).await?;
        // What waited behind it may be due now.
        self.signal.notify();
        Ok(discarded)
    }

    pub async fn prune(&mut self, retention: Retention, actor: Actor) -> Result<Pruned, Unavailable> {
        let now = Utc::now();
        let (bodies_before, deliveries_before) = (now.before(retention.bodies), now.before(retention.deliveries));
        let mut pruned = Pruned::default();
        loop {
            let removed = self.write(|c| B::prune_bodies(c, bodies_before, STEP).boxed()).await?;
            pruned.bodies += removed;
            if removed == 0 {
                break;
            }
        }
        let mut after_id = 0;
        loop {
            let step = self.write(|c| B::prune_deliveries(c, deliveries_before, after_id, STEP).boxed()).await?;
            pruned.deliveries += step.rows;
            let Some(last_id) = step.last_id else { break };
            after_id = last_id;
        }
        let affected = pruned.bodies + pruned.deliveries;
        if affected > 0 {
            let target = serde_json::json!({ "bodies": pruned.bodies, "deliveries": pruned.deliveries });
            let audit = self.begin_audit(Action::Prune, target, actor).await?;
            self.finish_audit(audit, affected).await?;
        }
        Ok(pruned)
    }

    pub async fn erase(&mut self, person: Person, actor: Actor) -> Result<Erased, Unavailable> {
        let target = serde_json::json!({ "by": person.kind() });
        let audit = self.begin_audit(Action::Erase, target, actor).await?;
        let named = person.clone();
        let found = self.read(|c| B::results_of(c, named).boxed()).await?;
        let mut results: BTreeSet<(String, String)> = found.into_iter().collect();
        let mut loose = Vec::new();
        self.walk_bodies(&person, &mut results, &mut loose).await?;
        let mut erased = Erased::default();
        for (endpoint, id) in results {
            erased += self.write(|c| B::erase_result(c, endpoint, id, Utc::now()).boxed()).await?;
        }
        for delivery_id in loose {
            erased += self.write(|c| B::erase_body(c, delivery_id).boxed()).await?;
        }
        self.write(|c| B::scrub(c).boxed()).await?;
        self.finish_audit(audit, erased.results + erased.bodies + erased.work + erased.errors).await?;
        Ok(erased)
    }

    /// Former states, and what was never understood, can name the person too: every body is read.
    async fn walk_bodies(
        &mut self,
        person: &Person,
        results: &mut BTreeSet<(String, String)>,
        loose: &mut Vec<i64>,
    ) -> Result<(), Unavailable> {
        let mut after_id = 0;
        loop {
            let step = self.read(|c| B::bodies(c, after_id, STEP).boxed()).await?;
            let Some(last) = step.last() else { return Ok(()) };
            after_id = last.id;
            for row in step {
                if !names(&row, person) {
                    continue;
                }
                match (row.standing, row.result_id) {
                    (Standing::Quarantined, _) | (_, None) => loose.push(row.id),
                    (_, Some(id)) => drop(results.insert((row.endpoint, id))),
                }
            }
        }
    }

    fn handlers_named(&self, name: Option<&str>) -> Arc<Vec<HandlerSpec>> {
        let Some(name) = name else { return Arc::clone(&self.handlers) };
        // Whoever names a handler wants it to have what is selected, late deliveries too.
        let named = self.handlers.iter().filter(|handler| handler.name == name);
        Arc::new(named.map(|handler| HandlerSpec { takes_late: true, ..handler.clone() }).collect())
    }

    async fn begin_audit(
        &mut self,
        action: Action,
        target: serde_json::Value,
        actor: Actor,
    ) -> Result<i64, Unavailable> {
        let audit = NewAudit { actor: actor.name, action, target: target.to_string(), reason: actor.reason };
        self.write(|c| B::begin_audit(c, audit, Utc::now()).boxed()).await
    }

    async fn finish_audit(&mut self, audit: i64, affected: u64) -> Result<(), Unavailable> {
        self.write(|c| B::finish_audit(c, audit, affected).boxed()).await
    }
}

/// What a stored delivery says by today's types, if it says anything that can be applied.
fn read_again(row: DeliveryRow) -> Option<NewDelivery> {
    let body = row.body?;
    let path = Some(row.event).filter(|event| *event != EventKind::Unknown);
    let (event, reading) = classify(path, Reading::of(&body));
    let Reading::Usable { payload, mut findings } = reading else { return None };
    // What was found about the delivery beside its body.
    findings.extend(Finding::from_json(&row.findings).into_iter().filter(|found| found.code == FindingCode::IdReused));
    let (result_id, snapshot) = payload.into_state();
    Some(NewDelivery {
        fingerprint: Fingerprint::of(&row.endpoint, event, &body),
        endpoint: row.endpoint,
        secret_id: row.secret_id,
        event,
        received_at: row.received_at,
        body,
        content: Content::Usable { result_id, snapshot: Box::new(snapshot) },
        findings,
        message_id: row.message_id,
        awaited_until: None,
    })
}

/// Whether a delivery names a person. What was not understood is searched for the id as a text of its own.
fn names(row: &DeliveryRow, person: &Person) -> bool {
    let Some(body) = row.body.as_deref() else { return false };
    if let Person::ResultId(id) = person
        && row.result_id.as_ref() == Some(id)
    {
        return true;
    }
    match Reading::of(body) {
        Reading::Usable { payload, .. } => payload_names(&payload, person),
        Reading::Unusable { .. } => match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(value) => value_names(&value, person),
            Err(_) => String::from_utf8_lossy(body).contains(person.value()),
        },
    }
}

fn payload_names(payload: &Payload, person: &Person) -> bool {
    match person {
        Person::ResultId(id) => payload.id == *id,
        Person::ProfileId(id) => payload.profile_id.as_ref() == Some(id),
        Person::ProfileInterviewId(id) => payload.profile_interview_id.as_ref() == Some(id),
        Person::ExternalId(id) => payload.candidate_external_id.as_ref() == Some(id),
        Person::Email(address) => {
            payload.candidate_email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(address))
        }
        _ => false,
    }
}

fn value_names(value: &serde_json::Value, person: &Person) -> bool {
    match value {
        serde_json::Value::String(text) => match person {
            Person::Email(address) => text.eq_ignore_ascii_case(address),
            _ => text == person.value(),
        },
        serde_json::Value::Array(items) => items.iter().any(|item| value_names(item, person)),
        serde_json::Value::Object(members) => members.values().any(|member| value_names(member, person)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_was_not_understood_is_searched_for_the_whole_text() {
        let value = serde_json::json!({ "record": [{ "mail": "Ann@Example.com" }] });

        assert!(value_names(&value, &Person::Email("ann@example.com".into())));
        assert!(!value_names(&value, &Person::Email("nn@example.com".into())));
        assert!(!value_names(&value, &Person::ExternalId("ann@example.com".into())));
    }
}
