use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use crate::rules::delivery::{MessageKey, ResultKey};
use crate::rules::verdict::{ResultState, Verdict, judge};
use crate::schema::deliveries::{DeliveryInsert, StoredCopy};
use crate::schema::results::{ResultInsert, ResultWrite};
use crate::schema::work::WorkInsert;
use crate::{
    Changes, Content, EventKind, Field, Finding, FindingCode, Findings, Fingerprint, HandlerSpec, NewDelivery,
    Recorded, Standing, State, Timestamp, Versions,
};

#[cfg(test)]
mod tests;

/// The stored rows that decide a batch, read under the locks that also cover the batch's writes.
#[derive(Default)]
pub(crate) struct ReadSet<'a> {
    /// The state of each result that the batch names.
    pub heads: HashMap<ResultKey<'a>, ResultState<'a>>,
    /// The stored copies per fingerprint of the batch: deliveries of the same result, and quarantined deliveries.
    pub known: HashMap<Fingerprint, Vec<StoredCopy>>,
    /// The messages of the batch whose id has come before, with any body.
    pub messages: HashSet<MessageKey<'a>>,
    /// The lines of stored results that have unfinished work or a first: the first delivery about the result, and the
    /// handler's name.
    pub lines: HashSet<(i64, &'a str)>,
    /// Ids for the deliveries of the batch, rising, at least one for each.
    pub ids: VecDeque<i64>,
}

/// Everything that recording a batch writes, decided before the first write.
#[derive(Default)]
pub(crate) struct BatchPlan<'a> {
    /// Rows for `mojito_deliveries`.
    pub deliveries: Vec<DeliveryInsert<'a>>,
    /// Per stored delivery: the number of new repeats, and when the last of them came.
    pub repeats: BTreeMap<i64, (i64, Timestamp)>,
    /// The state of each result that changed.
    pub results: Vec<ResultChange<'a>>,
    /// Rows for `mojito_work`.
    pub work: Vec<WorkInsert<'a>>,
    /// The lines in which a new version may end older work, as their handler wants the latest. A line is the first
    /// delivery about the result, and the handler's name. They are sorted, for the order of locks.
    pub overtaken: BTreeSet<(i64, &'a str)>,
    /// One outcome per delivery of the batch, in the batch's order.
    pub recorded: Vec<Recorded>,
}

/// A write to a result's row.
pub(crate) enum ResultChange<'a> {
    /// The result is new: its row is inserted.
    First(ResultInsert<'a>),
    /// A newer snapshot replaces the former one.
    Next(ResultInsert<'a>),
    /// Only the id of its newest late delivery changes.
    Late { key: ResultKey<'a>, late_delivery_id: i64 },
}

impl<'a> BatchPlan<'a> {
    /// Decides a batch in its order, as if each delivery were recorded alone.
    pub fn new(
        batch: impl IntoIterator<Item = &'a NewDelivery>,
        handlers: &'a [HandlerSpec],
        reads: ReadSet<'a>,
        now: Timestamp,
    ) -> Self {
        let batch = batch.into_iter();
        let (_, most) = batch.size_hint();
        let mut planner = Planner::new(most.unwrap_or(0), handlers, reads, now);
        for delivery in batch {
            let verdict = planner.judge(delivery);
            let recorded = planner.add(delivery, verdict);
            planner.plan.recorded.push(recorded);
        }
        planner.finish()
    }

    /// Decides a delivery that is stored in quarantine, under the only id of `reads`, and is understood only now.
    ///
    /// The delivery is judged as a new one, but in its stored order: it is late where a later delivery is its result's
    /// state.
    pub fn for_admission(
        delivery: &'a NewDelivery,
        handlers: &'a [HandlerSpec],
        reads: ReadSet<'a>,
        now: Timestamp,
    ) -> Self {
        let is_overtaken =
            reads.heads.values().any(|head| !head.erased && reads.ids.iter().any(|id| head.delivery_id > *id));
        let mut planner = Planner::new(1, handlers, reads, now);
        let verdict = if is_overtaken { Verdict::Late } else { planner.judge(delivery) };
        let recorded = planner.add(delivery, verdict);
        planner.plan.recorded.push(recorded);
        planner.finish()
    }
}

struct Planner<'a> {
    plan: BatchPlan<'a>,
    reads: ReadSet<'a>,
    // Sorted, so that several processes write the same results in the same order.
    touched: BTreeSet<ResultKey<'a>>,
    handlers: &'a [HandlerSpec],
    now: Timestamp,
}

impl<'a> Planner<'a> {
    fn new(deliveries: usize, handlers: &'a [HandlerSpec], reads: ReadSet<'a>, now: Timestamp) -> Self {
        let plan = BatchPlan {
            deliveries: Vec::with_capacity(deliveries),
            results: Vec::with_capacity(deliveries),
            work: Vec::with_capacity(deliveries * handlers.len()),
            recorded: Vec::with_capacity(deliveries),
            ..BatchPlan::default()
        };
        Self { plan, reads, touched: BTreeSet::new(), handlers, now }
    }

    fn judge(&self, delivery: &NewDelivery) -> Verdict {
        let head = delivery.result_key().and_then(|key| self.reads.heads.get(&key));
        let known = self.reads.known.get(&delivery.fingerprint).map_or(&[][..], Vec::as_slice);
        judge(head, known, delivery, delivery.is_overdue())
    }

    fn add(&mut self, delivery: &'a NewDelivery, verdict: Verdict) -> Recorded {
        match verdict {
            Verdict::Repeat { of } => {
                let (times, last) = self.plan.repeats.entry(of).or_insert((0, delivery.received_at));
                *times += 1;
                *last = (*last).max(delivery.received_at);
                Recorded { delivery_id: of, standing: Standing::Repeat, version: None }
            }
            Verdict::Current { version, changes, is_recurrence } => {
                let id = self.insert(delivery, Standing::Current, Some(version), changes, is_recurrence);
                let first = self.set_state(delivery, id, version);
                self.overtake(first);
                self.give_work(id, first, |_| true);
                Recorded { delivery_id: id, standing: Standing::Current, version: Some(version) }
            }
            Verdict::Late => {
                let id = self.insert(delivery, Standing::Late, None, Vec::new(), false);
                if delivery.event == EventKind::InterviewCollected {
                    self.note_late(delivery, id);
                }
                self.give_work(id, self.first_of(delivery, id), |handler| handler.takes_late);
                Recorded { delivery_id: id, standing: Standing::Late, version: None }
            }
            Verdict::Quarantine => {
                let id = self.insert(delivery, Standing::Quarantined, None, Vec::new(), false);
                Recorded { delivery_id: id, standing: Standing::Quarantined, version: None }
            }
        }
    }

    fn insert(
        &mut self,
        delivery: &'a NewDelivery,
        standing: Standing,
        version: Option<i64>,
        changes: Vec<Field>,
        is_recurrence: bool,
    ) -> i64 {
        let id = self.reads.ids.pop_front().expect("an id for each delivery");
        let message = delivery.message_key();
        let known = StoredCopy { id, standing, message_id: delivery.message_id.clone() };
        self.reads.known.entry(delivery.fingerprint).or_default().push(known);
        let is_reused = message.is_some_and(|message| !self.reads.messages.insert(message));
        let mut findings = delivery.findings.clone();
        for (code, is_found) in [(FindingCode::Recurrence, is_recurrence), (FindingCode::IdReused, is_reused)] {
            if is_found {
                findings.push(Finding::new(code));
            }
        }
        self.plan.deliveries.push(DeliveryInsert {
            id,
            endpoint: &delivery.endpoint,
            event: delivery.event,
            result_id: delivery.result_id(),
            first_delivery_id: (standing != Standing::Quarantined).then(|| self.first_of(delivery, id)),
            version,
            standing,
            fingerprint: delivery.fingerprint.as_bytes(),
            secret_id: &delivery.secret_id,
            received_at: delivery.received_at,
            body: &delivery.body,
            changes: Changes(changes),
            findings: Findings(findings),
            message_id: delivery.message_id.as_deref(),
        });
        id
    }

    /// Makes a delivery the state of its result. Returns the first delivery about that result.
    fn set_state(&mut self, delivery: &'a NewDelivery, delivery_id: i64, version: i64) -> i64 {
        let Content::Usable { result_id, snapshot } = &delivery.content else {
            unreachable!("only a usable delivery becomes current");
        };
        let key = (delivery.endpoint.as_str(), result_id.as_str());
        let entry = self.reads.heads.entry(key);
        let former = match &entry {
            Entry::Occupied(former) => Some(former.get()),
            Entry::Vacant(_) => None,
        };
        let first_delivery_id = former.map_or(delivery_id, |former| former.first_delivery_id);
        let head = ResultState {
            is_stored: former.is_some_and(|former| former.is_stored),
            event: delivery.event,
            version,
            snapshot: Cow::Borrowed(&**snapshot),
            first_delivery_id,
            delivery_id,
            late_delivery_id: former.and_then(|former| former.late_delivery_id),
            first_received_at: former.map_or(delivery.received_at, |former| former.first_received_at),
            erased: false,
        };
        entry.insert_entry(head);
        self.touched.insert(key);
        first_delivery_id
    }

    fn note_late(&mut self, delivery: &'a NewDelivery, id: i64) {
        if let Some(key) = delivery.result_key()
            && let Some(head) = self.reads.heads.get_mut(&key)
        {
            head.late_delivery_id = head.late_delivery_id.max(Some(id));
            self.touched.insert(key);
        }
    }

    /// The first delivery about the same result: `id` itself where the result has no state yet.
    fn first_of(&self, delivery: &NewDelivery, id: i64) -> i64 {
        let head = delivery.result_key().and_then(|key| self.reads.heads.get(&key));
        head.map_or(id, |head| head.first_delivery_id)
    }

    /// Notes the lines in which a new version may end older work. In a line without unfinished work there is none.
    fn overtake(&mut self, first_delivery_id: i64) {
        for handler in self.handlers.iter().filter(|handler| handler.wants == Versions::Latest) {
            let line = (first_delivery_id, handler.name.as_str());
            if self.reads.lines.contains(&line) {
                self.plan.overtaken.insert(line);
            }
        }
    }

    fn give_work(&mut self, delivery_id: i64, first_delivery_id: i64, wants: impl Fn(&HandlerSpec) -> bool) {
        for handler in self.handlers.iter().filter(|handler| wants(handler)) {
            self.plan.work.push(WorkInsert {
                delivery_id,
                handler: &handler.name,
                first_delivery_id,
                state: State::Pending,
                max_attempts: handler.max_attempts,
                is_first: self.reads.lines.insert((first_delivery_id, &handler.name)),
            });
        }
    }

    fn finish(mut self) -> BatchPlan<'a> {
        for key in self.touched {
            let head = self.reads.heads.remove(&key).expect("a touched result has a head");
            let Cow::Borrowed(snapshot) = head.snapshot else {
                let late_delivery_id = head.late_delivery_id.expect("else it was not touched");
                self.plan.results.push(ResultChange::Late { key, late_delivery_id });
                continue;
            };
            let state = ResultWrite {
                endpoint: key.0,
                id: key.1,
                event: head.event,
                version: head.version,
                first_delivery_id: head.first_delivery_id,
                delivery_id: head.delivery_id,
                late_delivery_id: head.late_delivery_id,
                first_received_at: head.first_received_at,
                updated_at: self.now,
            };
            let row = ResultInsert { state, snapshot };
            self.plan.results.push(if head.is_stored { ResultChange::Next(row) } else { ResultChange::First(row) });
        }
        self.plan
    }
}
