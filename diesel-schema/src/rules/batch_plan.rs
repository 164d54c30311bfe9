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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Snapshot;

    /// The sixth, the seventh and so on: what goes on where others have been.
    const IDS: std::ops::Range<i64> = 6..20;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_rfc3339("2026-11-01T00:00:00Z").unwrap().after(Duration::from_secs(second))
    }

    /// A delivery about the result r. The state of the interview is all that its body holds.
    fn delivery(event: EventKind, status: &'static str, second: u64) -> NewDelivery {
        let snapshot = Box::new(Snapshot { status: Some(status.into()), ..Snapshot::empty() });
        let content = Content::Usable { result_id: "r".to_owned(), snapshot };
        NewDelivery::new("e".to_owned(), "s".to_owned(), event, at(second), status.into(), content)
    }

    fn result(status: &'static str, second: u64) -> NewDelivery {
        delivery(EventKind::InterviewResult, status, second)
    }

    fn collected(status: &'static str, second: u64) -> NewDelivery {
        delivery(EventKind::InterviewCollected, status, second)
    }

    fn unreadable(second: u64) -> NewDelivery {
        let content = Content::Unusable { result_id: Some("r".to_owned()) };
        NewDelivery::new("e".to_owned(), "s".to_owned(), EventKind::Unknown, at(second), b"?".to_vec(), content)
    }

    /// One that takes every version and what is late, and one that wants the latest version and nothing late.
    fn handlers() -> Vec<HandlerSpec> {
        let handler = |name: &str, takes_late, wants, max_attempts| HandlerSpec {
            name: name.to_owned(),
            takes_late,
            wants,
            max_attempts,
            has_erased_hook: false,
        };
        vec![handler("Each", true, Versions::Every, 5), handler("Last", false, Versions::Latest, 7)]
    }

    fn reads<'a>() -> ReadSet<'a> {
        ReadSet { ids: IDS.collect(), ..ReadSet::default() }
    }

    /// The stored state of r: version 3, by delivery 5, first told of by delivery 2.
    fn stored<'a>() -> ReadSet<'a> {
        let head = ResultState {
            is_stored: true,
            event: EventKind::InterviewResult,
            version: 3,
            snapshot: Cow::Owned(Snapshot::empty()),
            first_delivery_id: 2,
            delivery_id: 5,
            late_delivery_id: Some(4),
            first_received_at: at(0),
            erased: false,
        };
        ReadSet { heads: HashMap::from([(("e", "r"), head)]), ..reads() }
    }

    fn plan<'a>(batch: &'a [NewDelivery], handlers: &'a [HandlerSpec], reads: ReadSet<'a>) -> BatchPlan<'a> {
        BatchPlan::new(batch, handlers, reads, at(99))
    }

    /// Id, standing, version, first delivery about the result, codes of findings.
    type Row = (i64, Standing, Option<i64>, Option<i64>, Vec<FindingCode>);

    /// The rows of deliveries.
    fn deliveries(plan: &BatchPlan<'_>) -> Vec<Row> {
        let codes = |findings: &Findings| findings.0.iter().map(|finding| finding.code).collect();
        let rows = plan.deliveries.iter();
        rows.map(|row| (row.id, row.standing, row.version, row.first_delivery_id, codes(&row.findings))).collect()
    }

    /// The rows of work: delivery, handler, first delivery about the result, whether it is the first of its line.
    fn work<'a>(plan: &BatchPlan<'a>) -> Vec<(i64, &'a str, i64, bool)> {
        plan.work.iter().map(|row| (row.delivery_id, row.handler, row.first_delivery_id, row.is_first)).collect()
    }

    #[test]
    fn a_batch_is_decided_as_if_each_delivery_were_recorded_alone() {
        let batch = [
            result("active", 1),
            result("active", 3),
            result("closed", 4),
            result("active", 2),
            collected("active", 6),
            collected("active", 7),
            unreadable(8),
            unreadable(9),
        ];
        let handlers = handlers();

        let plan = plan(&batch, &handlers, reads());

        let (current, late, quarantined) = (Standing::Current, Standing::Late, Standing::Quarantined);
        assert_eq!(
            deliveries(&plan),
            [
                (6, current, Some(1), Some(6), vec![]),
                (7, current, Some(2), Some(6), vec![]),
                (8, current, Some(3), Some(6), vec![FindingCode::Recurrence]),
                (9, late, None, Some(6), vec![]),
                (10, quarantined, None, None, vec![]),
            ]
        );
        let recorded: Vec<_> = plan.recorded.iter().map(|one| (one.delivery_id, one.standing, one.version)).collect();
        assert_eq!(
            recorded,
            [
                (6, current, Some(1)),
                (6, Standing::Repeat, None),
                (7, current, Some(2)),
                (8, current, Some(3)),
                (9, late, None),
                (9, Standing::Repeat, None),
                (10, quarantined, None),
                (10, Standing::Repeat, None),
            ]
        );
        assert_eq!(plan.repeats, BTreeMap::from([(6, (1, at(3))), (9, (1, at(7))), (10, (1, at(9)))]));
        let changes: Vec<&[Field]> = plan.deliveries.iter().map(|row| row.changes.0.as_slice()).collect();
        assert_eq!(changes, [&[Field::Status][..], &[Field::Status], &[Field::Status], &[], &[]]);
        assert_eq!(
            work(&plan),
            [
                (6, "Each", 6, true),
                (6, "Last", 6, true),
                (7, "Each", 6, false),
                (7, "Last", 6, false),
                (8, "Each", 6, false),
                (8, "Last", 6, false),
                (9, "Each", 6, false),
            ]
        );
        assert!(plan.work.iter().all(|row| row.state == State::Pending));
        assert_eq!(plan.work.iter().map(|row| row.max_attempts).sum::<i32>(), 4 * 5 + 3 * 7);
        assert_eq!(plan.overtaken, BTreeSet::from([(6, "Last")]));
        let [ResultChange::First(row)] = &plan.results[..] else { panic!("one row is inserted") };
        let state = &row.state;
        assert_eq!((state.endpoint, state.id, state.event), ("e", "r", EventKind::InterviewResult));
        assert_eq!((state.version, state.first_delivery_id, state.delivery_id), (3, 6, 8));
        assert_eq!(state.late_delivery_id, Some(9));
        assert_eq!((state.first_received_at, state.updated_at), (at(1), at(99)));
        assert_eq!(row.snapshot.status.as_deref(), Some("active"));
    }

    #[test]
    fn copies_are_counted_with_the_last_of_their_times() {
        let batch = [result("active", 1), result("active", 5), result("active", 3)];

        let plan = plan(&batch, &[], reads());

        assert_eq!(plan.repeats, BTreeMap::from([(6, (2, at(5)))]));
    }

    #[test]
    fn a_stored_result_goes_on_where_it_stands() {
        let (batch, handlers) = ([result("closed", 1)], handlers());
        let mut reads = stored();
        reads.lines.insert((2, "Last"));

        let plan = plan(&batch, &handlers, reads);

        assert_eq!(deliveries(&plan), [(6, Standing::Current, Some(4), Some(2), vec![])]);
        assert_eq!(work(&plan), [(6, "Each", 2, true), (6, "Last", 2, false)]);
        assert_eq!(plan.overtaken, BTreeSet::from([(2, "Last")]));
        let [ResultChange::Next(row)] = &plan.results[..] else { panic!("one row is replaced") };
        assert_eq!((row.state.version, row.state.first_delivery_id, row.state.delivery_id), (4, 2, 6));
        assert_eq!((row.state.late_delivery_id, row.state.first_received_at), (Some(4), at(0)));
    }

    #[test]
    fn a_line_without_unfinished_work_is_not_overtaken() {
        let (batch, handlers) = ([result("closed", 1)], handlers());

        assert_eq!(plan(&batch, &handlers, stored()).overtaken, BTreeSet::new());
    }

    #[test]
    fn of_what_is_late_the_result_keeps_the_newest() {
        let batch = [collected("closed", 1), delivery(EventKind::InterviewFailed, "failed", 2)];

        let late = plan(&batch[..1], &[], stored());
        let failed = plan(&batch[1..], &[], stored());

        let [ResultChange::Late { key: ("e", "r"), late_delivery_id: 6 }] = &late.results[..] else {
            panic!("the newest late delivery is noted");
        };
        assert_eq!(late.recorded[0].standing, Standing::Late);
        assert_eq!(failed.recorded[0].standing, Standing::Current);
    }

    #[test]
    fn a_used_message_id_is_a_finding() {
        let named =
            |status, second, id: &str| NewDelivery { message_id: Some(id.to_owned()), ..result(status, second) };
        let batch =
            [named("active", 1, "m"), named("closed", 2, "m"), named("closed", 3, "n"), named("active", 4, "o")];
        let mut reads = reads();
        reads.messages.insert(("e", "o"));

        let plan = plan(&batch, &[], reads);

        let findings: Vec<_> = deliveries(&plan).into_iter().map(|row| row.4).collect();
        let (reused, again) = (FindingCode::IdReused, FindingCode::Recurrence);
        assert_eq!(findings, [vec![], vec![reused], vec![], vec![again, reused]]);
        assert_eq!(plan.deliveries[2].message_id, Some("n"));
    }

    /// An admitted delivery is late where a later one is the state, and the state where none is.
    #[test]
    fn what_is_admitted_stands_by_its_stored_order() {
        let (closed, handlers) = (result("closed", 1), handlers());
        let standing_of = |id: i64, erased: bool| {
            let mut reads = ReadSet { ids: VecDeque::from([id]), ..stored() };
            reads.heads.values_mut().for_each(|head| head.erased = erased);
            let plan = BatchPlan::for_admission(&closed, &handlers, reads, at(99));
            (plan.recorded[0].standing, plan.recorded[0].version, plan.deliveries.len(), plan.work.len())
        };

        assert_eq!(standing_of(4, false), (Standing::Late, None, 1, 1));
        assert_eq!(standing_of(6, false), (Standing::Current, Some(4), 1, 2));
        // Which its state is itself does not happen, and would not be late.
        assert_eq!(standing_of(5, false), (Standing::Current, Some(4), 1, 2));
        assert_eq!(standing_of(4, true), (Standing::Repeat, None, 0, 0));
    }
}
