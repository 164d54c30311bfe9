//! Doors into code that hosts never call, for the tests and fuzz targets of this project. Nothing here is a promise.

use std::borrow::Cow;
use std::collections::HashMap;

#[cfg(feature = "postgres")]
use crate::engine::migration::Migration;
use crate::rules::batch_plan::{BatchPlan, ReadSet, ResultChange};
use crate::rules::verdict::{ResultState, Verdict, judge};
use crate::schema::deliveries::StoredCopy;
use crate::schema::results::ResultInsert;
use crate::{
    Content, EventKind, Field, Finding, Fingerprint, HandlerSpec, NewDelivery, Recorded, Snapshot, Standing, Timestamp,
};
#[cfg(feature = "postgres")]
use crate::{OpenError, QueryResult, Ticket};

/// A store in memory. It carries out the same plans as a database does, and so a million times a minute.
#[derive(Default)]
pub struct Memory {
    deliveries: Vec<Stored>,
    results: HashMap<(String, String), State>,
}

/// A delivery that is not a repeat.
pub struct Stored {
    /// From 1, without gaps.
    pub id: i64,
    /// The digest of endpoint, event and body.
    pub fingerprint: Fingerprint,
    /// The key of its gateway's message: endpoint and id.
    pub message: Option<(String, String)>,
    /// The delivery's standing.
    pub standing: Standing,
    /// The version of the result that it became; none unless it is current.
    pub version: Option<i64>,
    /// The fields that changed with it.
    pub changes: Vec<Field>,
    /// The findings about it.
    pub findings: Vec<Finding>,
    /// The number of its repeats.
    pub repeat_count: i64,
    /// The handlers that were given work.
    pub handlers: Vec<String>,
}

/// The state of a result.
pub struct State {
    /// The event of its newest version.
    pub event: EventKind,
    /// The number of its newest version.
    pub version: i64,
    /// The fields of its newest version.
    pub snapshot: Snapshot,
    delivery_id: i64,
    first_delivery_id: i64,
    late_delivery_id: Option<i64>,
    first_received_at: Timestamp,
}

/// Runs the statement that completes work without a transaction around it. Returns whether it changed the row.
///
/// # Errors
///
/// Every error of the database.
#[cfg(feature = "postgres")]
pub async fn complete_by_itself(connection: &diesel_async::AsyncPgConnection, ticket: &Ticket) -> QueryResult<bool> {
    let held = crate::engine::postgres::complete(connection, ticket, std::time::Duration::from_secs(1)).await?;
    Ok(held.is_some())
}

/// Runs the migrations, each a name and its SQL, that have not run on this database.
///
/// # Errors
///
/// Every error of the database.
#[cfg(feature = "postgres")]
pub async fn migrate(
    connection: &mut diesel_async::AsyncPgConnection,
    migrations: &[(&'static str, &'static str)],
) -> Result<(), OpenError> {
    let migration = |&(name, up)| Migration {
        name,
        up,
        #[cfg(test)]
        down: "",
    };
    crate::engine::postgres::migrate(connection, &migrations.iter().map(migration).collect::<Vec<_>>()).await
}

impl Memory {
    /// Records a batch.
    pub fn record(&mut self, batch: &[NewDelivery], handlers: &[HandlerSpec], now: Timestamp) -> Vec<Recorded> {
        let plan = BatchPlan::new(batch, handlers, self.reads(batch), now);
        for row in plan.deliveries {
            let fingerprints = batch.iter().map(|delivery| delivery.fingerprint);
            let fingerprint = fingerprints.into_iter().find(|print| print.as_bytes() == row.fingerprint);
            self.deliveries.push(Stored {
                id: row.id,
                fingerprint: fingerprint.expect("a row is of the batch"),
                message: row.message_id.map(|id| (row.endpoint.to_owned(), id.to_owned())),
                standing: row.standing,
                version: row.version,
                changes: row.changes.0,
                findings: row.findings.0,
                repeat_count: 0,
                handlers: Vec::new(),
            });
        }
        for (id, (times, _)) in plan.repeats {
            self.stored(id).repeat_count += times;
        }
        for work in plan.work {
            self.stored(work.delivery_id).handlers.push(work.handler.to_owned());
        }
        plan.results.into_iter().for_each(|change| self.apply(change));
        plan.recorded
    }

    /// All stored deliveries, in stored order.
    pub fn deliveries(&self) -> &[Stored] {
        &self.deliveries
    }

    /// The state of a result.
    pub fn result(&self, endpoint: &str, id: &str) -> Option<&State> {
        self.results.get(&(endpoint.to_owned(), id.to_owned()))
    }

    fn reads<'a>(&self, batch: &'a [NewDelivery]) -> ReadSet<'a> {
        let mut reads = ReadSet::default();
        for (delivery, id) in batch.iter().zip(self.deliveries.len() as i64 + 1..) {
            reads.ids.push_back(id);
            let known: Vec<StoredCopy> = self.known(delivery.fingerprint).collect();
            if !known.is_empty() {
                reads.known.insert(delivery.fingerprint, known);
            }
            if let Some((endpoint, id)) = delivery.message_key()
                && self.deliveries.iter().any(|stored| stored.is_message(endpoint, id))
            {
                reads.messages.insert((endpoint, id));
            }
            let Some(result_id) = delivery.result_id() else { continue };
            if let Some(state) = self.result(&delivery.endpoint, result_id) {
                reads.heads.insert((&delivery.endpoint, result_id), state.head());
            }
        }
        reads
    }

    fn known(&self, fingerprint: Fingerprint) -> impl Iterator<Item = StoredCopy> {
        let same = self.deliveries.iter().filter(move |stored| stored.fingerprint == fingerprint);
        same.map(|stored| StoredCopy {
            id: stored.id,
            standing: stored.standing,
            message_id: stored.message.as_ref().map(|(_, id)| id.clone()),
        })
    }

    fn stored(&mut self, id: i64) -> &mut Stored {
        self.deliveries.iter_mut().find(|stored| stored.id == id).expect("a plan names what is stored")
    }

    fn apply(&mut self, change: ResultChange<'_>) {
        let ResultInsert { state: row, snapshot } = match change {
            ResultChange::First(row) | ResultChange::Next(row) => row,
            ResultChange::Late { key: (endpoint, id), late_delivery_id } => {
                let state = self.results.get_mut(&(endpoint.to_owned(), id.to_owned()));
                state.expect("only what has a state is late").late_delivery_id = Some(late_delivery_id);
                return;
            }
        };
        let state = State {
            event: row.event,
            version: row.version,
            snapshot: snapshot.clone(),
            delivery_id: row.delivery_id,
            first_delivery_id: row.first_delivery_id,
            late_delivery_id: row.late_delivery_id,
            first_received_at: row.first_received_at,
        };
        self.results.insert((row.endpoint.to_owned(), row.id.to_owned()), state);
    }
}

impl Stored {
    fn is_message(&self, endpoint: &str, id: &str) -> bool {
        self.message.as_ref().is_some_and(|message| (message.0.as_str(), message.1.as_str()) == (endpoint, id))
    }
}

impl State {
    fn head(&self) -> ResultState<'static> {
        ResultState {
            is_stored: true,
            event: self.event,
            version: self.version,
            snapshot: Cow::Owned(self.snapshot.clone()),
            delivery_id: self.delivery_id,
            first_delivery_id: self.first_delivery_id,
            late_delivery_id: self.late_delivery_id,
            first_received_at: self.first_received_at,
            erased: false,
        }
    }
}

/// The standing of a delivery whose result has come to what `former` says.
///
/// # Panics
///
/// When `former` is not usable.
pub fn standing_after(former: &NewDelivery, delivery: &NewDelivery) -> Standing {
    let Content::Usable { snapshot, .. } = &former.content else { panic!("the former delivery is not usable") };
    let head = ResultState {
        is_stored: true,
        event: former.event,
        version: 1,
        snapshot: Cow::Borrowed(snapshot),
        first_delivery_id: 1,
        delivery_id: 1,
        late_delivery_id: None,
        first_received_at: former.received_at,
        erased: false,
    };
    match judge(Some(&head), &[], delivery, false) {
        Verdict::Current { .. } => Standing::Current,
        Verdict::Repeat { .. } => Standing::Repeat,
        Verdict::Late => Standing::Late,
        Verdict::Quarantine => Standing::Quarantined,
    }
}
