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
    let named = |status, second, id: &str| NewDelivery { message_id: Some(id.to_owned()), ..result(status, second) };
    let batch = [named("active", 1, "m"), named("closed", 2, "m"), named("closed", 3, "n"), named("active", 4, "o")];
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
