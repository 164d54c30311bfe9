use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{
    Action, Backend, Bodies, ErasedRows, Execution, NotCommitted, Person, QueryResult, StoredBody, Timestamp, Undone,
    fault, trouble,
};

use super::actions::Unfinished;
use super::matcher::{Holds, Matcher};
use super::operation_tasks::Begun;
use super::operations::Operations;
use super::{ErasedHook, Unavailable};
use crate::erasure::{Elsewhere, Erased, Erasure, Kept, KeptBecause};
use crate::operation::Actor;

/// The most bytes of bodies, or of states, that one step reads. A longer body is a step by itself.
pub(super) const MAX_STEP_BYTES: i64 = 4 << 20;

/// How long a handler may take to forget a result. Where a database has one writer, no other transaction writes
/// meanwhile.
const HOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an erasure may go without a step, at its end with the rewrite of SQLite's file. No process can take it over,
/// since the audit does not name the person: afterwards it counts as interrupted.
const ERASURE_LEASE: Duration = Duration::from_secs(600);

/// The message of Postgres where another transaction locks a row for longer than the plugin's transactions wait.
const LOCK_TIMEOUT_TEXT: &str = "canceling statement due to lock timeout";

/// Why nothing was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotErased {
    /// The request itself is to blame: the sentence names the remedy.
    Refused(String),
    /// It was cancelled between two results.
    Stopped,
    /// The database is to blame.
    Unavailable(Unavailable),
}

impl From<Unavailable> for NotErased {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl From<Unfinished> for NotErased {
    fn from(unfinished: Unfinished) -> Self {
        match unfinished {
            Unfinished::Stopped => Self::Stopped,
            Unfinished::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

/// The stored rows about a person.
#[derive(Default)]
struct Found {
    /// Endpoint and id of each result, by its first delivery.
    results: BTreeMap<i64, (String, String)>,
    /// Quarantined deliveries that are erased by themselves, without a result.
    loose: BTreeSet<i64>,
    /// Deliveries that may be about the person, each with the first delivery about its result.
    elsewhere: BTreeSet<(i64, Option<i64>)>,
}

impl Found {
    /// The deliveries that are left, and may hold the person.
    fn elsewhere(&self) -> Elsewhere {
        let is_left = |(delivery, first): &&(i64, Option<i64>)| match first {
            Some(first) => !self.results.contains_key(first),
            None => !self.loose.contains(delivery),
        };
        Elsewhere::new(self.elsewhere.iter().filter(is_left).map(|(delivery, _)| *delivery))
    }
}

/// How the transaction of one result ended.
enum Ended {
    Committed(ErasedRows),
    /// Rolled back.
    Kept {
        handler: Option<String>,
        cause: KeptBecause,
    },
}

impl<B: Backend> Operations<B> {
    /// Erases a person, result by result.
    pub(super) async fn erase_person(&self, erasure: Erasure, actor: Actor, begun: Begun) -> Result<Erased, NotErased> {
        let attached = self.hooks.iter().map(|hook| hook.name()).collect();
        let known = self.read(|c| B::known_handlers(c).boxed()).await?;
        let hooked = known.into_iter().filter(|handler| handler.has_erased_hook && handler.retired_at.is_none());
        let hooked = hooked.map(|handler| handler.name).collect();
        let without = erasure.missing(&hooked, &attached).map_err(NotErased::Refused)?;
        let found = self.find(&erasure.person).await?;
        let counted = self.count_found(&found).await?;
        if let Some(refusal) = erasure.refusal(counted.results) {
            return Err(NotErased::Refused(refusal));
        }
        let mut target = serde_json::json!({ "by": erasure.person.kind() });
        if !without.is_empty() {
            target["without"] = without.clone().into();
        }
        let mut meant = Erased::default();
        meant.add(counted);
        let execution = self.begin_action(Action::Erase, target, meant.affected(), ERASURE_LEASE, actor, begun).await?;
        let mut erased = Erased { elsewhere: found.elsewhere(), without, ..Erased::default() };
        let outcome = self.erase_found(found, execution, &mut erased).await;
        // An erasure that was cancelled has removed rows too.
        if !matches!(outcome, Err(Unfinished::Unavailable(_))) {
            erased.undone = match self.write(|c| B::scrub(c).boxed()).await {
                Ok(undone) => undone,
                // The tables hold nothing any more; the content of the files is unknown.
                Err(_) => vec![Undone::Reader, Undone::Vacuum],
            };
        }
        self.end_action(execution, outcome).await?;
        Ok(erased)
    }

    /// Counts the rows that an erasure would change: the same search, without the writes.
    pub(super) async fn count_person(&self, person: &Person) -> Result<Erased, NotErased> {
        let found = self.find(person).await?;
        let mut counted = Erased { elsewhere: found.elsewhere(), ..Erased::default() };
        counted.add(self.count_found(&found).await?);
        Ok(counted)
    }

    /// Looks at everything that is stored: former states, and bodies that were never understood, can name the person
    /// too.
    async fn find(&self, person: &Person) -> Result<Found, NotErased> {
        let Some(matcher) = Matcher::new(person) else {
            let kind = person.kind();
            return Err(NotErased::Refused(format!("no `{kind}` to erase by: it is blank, or no mail address")));
        };
        let mut found = Found::default();
        self.walk_states(person, &matcher, &mut found).await?;
        self.walk_bodies(Bodies::All, |body| {
            let (holds, is_understood) = (matcher.look(&body.body), body.first_delivery_id.is_some());
            let holds = of_person(person, holds, body.result_id.as_deref(), is_understood);
            note(&mut found, body, holds);
        })
        .await?;
        if !found.results.is_empty() {
            self.walk_quarantine(&mut found).await?;
        }
        Ok(found)
    }

    async fn walk_states(&self, person: &Person, matcher: &Matcher, found: &mut Found) -> Result<(), Unavailable> {
        let mut after_id = 0;
        loop {
            let step = self.read(|c| B::states(c, after_id, MAX_STEP_BYTES).boxed()).await?;
            let Some(last) = step.last() else { return Ok(()) };
            after_id = last.delivery_id;
            for state in step {
                let holds = matcher.look_at_state(&state.result_id, &state.snapshot);
                match of_person(person, holds, Some(&state.result_id), true) {
                    Holds::Person => {
                        found.results.insert(state.first_delivery_id, (state.endpoint, state.result_id));
                    }
                    Holds::Elsewhere => {
                        found.elsewhere.insert((state.delivery_id, Some(state.first_delivery_id)));
                    }
                    Holds::Nothing => {}
                }
            }
        }
    }

    async fn walk_bodies(&self, which: Bodies, mut look: impl FnMut(&StoredBody)) -> Result<(), Unavailable> {
        let mut after_id = 0;
        loop {
            let step = self.read(|c| B::bodies(c, which, after_id, MAX_STEP_BYTES).boxed()).await?;
            let Some(last) = step.last() else { return Ok(()) };
            after_id = last.delivery_id;
            step.iter().for_each(&mut look);
        }
    }

    /// Finds the quarantined deliveries about results that are erased: they are erased with their results.
    async fn walk_quarantine(&self, found: &mut Found) -> Result<(), Unavailable> {
        let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (endpoint, id) in found.results.values() {
            ids.entry(endpoint.clone()).or_default().push(id.clone());
        }
        let matchers: BTreeMap<String, Matcher> =
            ids.iter().map(|(endpoint, ids)| (endpoint.clone(), Matcher::for_results(ids.iter().cloned()))).collect();
        self.walk_bodies(Bodies::Quarantined, |body| {
            let is_of_result = matchers.get(&body.endpoint).is_some_and(|of| of.look(&body.body) == Holds::Person);
            let is_known = |ids: &Vec<String>| body.result_id.as_ref().is_some_and(|id| ids.contains(id));
            if ids.get(&body.endpoint).is_some_and(is_known) {
                // The delivery goes in the transaction of its result.
                found.loose.remove(&body.delivery_id);
                found.elsewhere.remove(&(body.delivery_id, None));
            } else if is_of_result {
                found.loose.insert(body.delivery_id);
            }
        })
        .await
    }

    async fn count_found(&self, found: &Found) -> Result<ErasedRows, Unavailable> {
        let mut rows = ErasedRows { bodies: found.loose.len() as u64, ..ErasedRows::default() };
        for (endpoint, id) in found.results.values().cloned() {
            rows += self.read(|c| B::count_erasure(c, endpoint, id).boxed()).await?;
        }
        Ok(rows)
    }

    /// Erases delivery by delivery and result by result. The audit is told of each, so that it says how far an erasure
    /// came that broke off.
    async fn erase_found(&self, found: Found, execution: Execution, erased: &mut Erased) -> Result<(), Unfinished> {
        let mut told = 0;
        for delivery_id in found.loose {
            self.note_erased(execution, &mut told, erased).await?;
            erased.add(self.write(|c| B::erase_body(c, delivery_id).boxed()).await?);
        }
        for (endpoint, result_id) in found.results.into_values() {
            self.note_erased(execution, &mut told, erased).await?;
            match self.erase_result(&endpoint, &result_id).await? {
                Ended::Committed(rows) => erased.add(rows),
                Ended::Kept { handler, cause } => erased.kept.push(Kept { handler, endpoint, result_id, cause }),
            }
        }
        self.note_erased(execution, &mut told, erased).await
    }

    /// Tells the audit of the rows that were erased since it was told last.
    async fn note_erased(&self, execution: Execution, told: &mut u64, erased: &Erased) -> Result<(), Unfinished> {
        let rows = erased.affected() - *told;
        *told = erased.affected();
        self.advance(execution, 0, ERASURE_LEASE, rows).await
    }

    /// Erases one result, the host's tables included.
    async fn erase_result(&self, endpoint: &str, id: &str) -> Result<Ended, Unavailable> {
        let (hooks, key) = (Arc::clone(&self.hooks), (endpoint.to_owned(), id.to_owned()));
        let ended = self.write(|c| erase_result::<B>(c, hooks, key).boxed()).await?;
        if let Ended::Kept { .. } = ended {
            // A hook that was given up half-way has left the connection in an unknown state.
            self.dedicated.lock().await.close();
            return Ok(ended);
        }
        if !self.hooks.is_empty() {
            // A hook may have changed the connection's session.
            self.dedicated.lock().await.close();
        }
        // A hook can end the transaction itself: the table tells whether the erasure was committed.
        let (endpoint, id) = (endpoint.to_owned(), id.to_owned());
        let is_left =
            !self.hooks.is_empty() && self.read(|c| B::count_erasure(c, endpoint, id).boxed()).await?.results > 0;
        if is_left { Ok(not_committed(&self.hooks)) } else { Ok(ended) }
    }
}

/// Enters a body into `found`, if it holds something of the person.
fn note(found: &mut Found, body: &StoredBody, holds: Holds) {
    match (holds, body.first_delivery_id, &body.result_id) {
        (Holds::Person, Some(first), Some(id)) => {
            found.results.insert(first, (body.endpoint.clone(), id.clone()));
        }
        (Holds::Person, _, _) => {
            found.loose.insert(body.delivery_id);
        }
        (Holds::Elsewhere, first, _) => {
            found.elsewhere.insert((body.delivery_id, first));
        }
        (Holds::Nothing, _, _) => {}
    }
}

/// Judges what a matcher found in a delivery or a state. An understood delivery is about the result of its own `id`. An
/// `id` that is nested in it is another thing's, and many people may have it.
fn of_person(person: &Person, holds: Holds, own_id: Option<&str>, is_understood: bool) -> Holds {
    let Person::ResultId(id) = person else { return holds };
    match holds {
        _ if own_id.is_some_and(|own_id| own_id.trim() == id.trim()) => Holds::Person,
        Holds::Person if is_understood => Holds::Elsewhere,
        other => other,
    }
}

/// Erases one result, and calls each hook, in one transaction.
async fn erase_result<B: Backend>(
    connection: &mut B::Connection,
    hooks: Arc<Vec<Arc<dyn ErasedHook<B>>>>,
    (endpoint, id): (String, String),
) -> QueryResult<Ended> {
    let rows = match B::begin_erasure(connection, endpoint.clone(), id.clone(), Timestamp::now()).await {
        Ok(rows) => rows,
        // Another transaction locks the row of the result, or of work on it. Other results are not kept for that.
        Err(error) if fault(&error) == LOCK_TIMEOUT_TEXT => {
            return Ok(Ended::Kept { handler: None, cause: KeptBecause::Locked });
        }
        Err(error) => return Err(error),
    };
    for hook in hooks.iter() {
        let forgets = AssertUnwindSafe(hook.erased(&endpoint, &id, connection)).catch_unwind();
        let cause = match tokio::time::timeout(HOOK_TIMEOUT, forgets).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => KeptBecause::Failed,
            Ok(Err(_)) => KeptBecause::Panicked,
            Err(_) => KeptBecause::TimedOut,
        };
        // The caller closes the connection, which rolls back the open transaction.
        return Ok(Ended::Kept { handler: Some(hook.name()), cause });
    }
    match B::commit(connection, None).await {
        Ok(_) => Ok(Ended::Committed(rows)),
        // The hooks are not to blame: the commit's fate is unknown, there are no hooks, or the database is in trouble.
        Err(NotCommitted::Unknown(error)) => Err(error),
        Err(NotCommitted::Refused(error)) if hooks.is_empty() || trouble(&error).is_some() => Err(error),
        Err(_) => Ok(not_committed(&hooks)),
    }
}

fn not_committed<B: Backend>(hooks: &[Arc<dyn ErasedHook<B>>]) -> Ended {
    let names: Vec<String> = hooks.iter().map(|hook| hook.name()).collect();
    Ended::Kept { handler: Some(names.join(", ")), cause: KeptBecause::NotCommitted }
}
