use std::time::Duration;

use mojito_schema::{
    Action, Bodies, ErasedRows, EventKind, Expiry, Line, Name, NewAudit, Requeue, Selection, Settlement, Snapshot,
    Standing, State, Timestamp, prune,
};

use super::{LEASE, begun, claim, garbled, only_work, record, result, said, states};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    a_replay_makes_work_wait_again_from_its_first_attempt,
    a_replay_leaves_alone_what_runs_and_makes_what_was_never_made,
    a_page_tells_what_was_never_understood,
    a_selection_means_what_fits_every_condition,
    an_admitted_delivery_takes_its_place,
    an_admitted_delivery_that_was_overtaken_is_late,
    a_discard_gives_up_what_waits,
    a_text_that_holds_nul_is_nowhere,
    old_bodies_are_pruned_unless_work_needs_them,
    old_deliveries_are_pruned_around_those_that_a_host_refers_to,
    old_deliveries_are_pruned_unless_they_are_a_state,
    an_erased_result_leaves_a_tombstone_that_swallows_what_comes,
    one_body_is_erased,
    an_erasure_can_be_rolled_back,
    a_quarantined_delivery_of_an_erased_result_is_swallowed,
    the_audit_says_who_did_what,
    the_backlog_is_counted,
    what_has_been_due_for_long_is_overdue,
);

/// The work of a handler on a delivery that is the first about its result.
fn request(delivery_id: i64, handler: &str, max_attempts: Option<i32>) -> Requeue {
    Requeue { delivery_id, line: line(delivery_id, handler), max_attempts }
}

fn line(first_delivery_id: i64, handler: &str) -> Line {
    Line { first_delivery_id, handler: handler.to_owned() }
}

/// Claims and completes all there is.
async fn complete_all<B: TestBackend>(store: &mut Store<B>) {
    loop {
        let claims = claim(store, 100).await;
        if claims.is_empty() {
            return;
        }
        for claim in claims {
            B::settle(&mut store.connection, claim.ticket, Settlement::Complete, Timestamp::now()).await.unwrap();
        }
    }
}

async fn a_replay_makes_work_wait_again_from_its_first_attempt<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let recorded = record(&mut store, (0..3).map(|n| result(&n.to_string(), "a")).collect()).await;
    complete_all(&mut store).await;
    let step = begun::<B>(&mut store.connection, Action::Replay).await;

    let items = recorded[..2].iter().map(|recorded| request(recorded.delivery_id, "Desk", Some(7))).collect();
    let requeued = B::requeue(&mut store.connection, items, step, Timestamp::now()).await.unwrap().unwrap();

    let work = store.work().await;
    assert_eq!((requeued.work, requeued.left_alone, store.audit().await[0].affected), (2, 0, 2));
    for row in &work[..2] {
        assert_eq!((row.state, row.attempt, row.max_attempts, row.due_at), (State::Pending, 0, 7, None));
        assert!(row.finished_at.is_none() && row.is_first);
    }
    assert_eq!(work[2].state, State::Completed);
    assert_eq!(claim(&mut store, 10).await.len(), 2);
}

// Shows M06.
async fn a_replay_leaves_alone_what_runs_and_makes_what_was_never_made<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let id = record(&mut store, vec![result("r", "a")]).await[0].delivery_id;
    let ticket = claim(&mut store, 1).await.remove(0).ticket;
    let step = begun::<B>(&mut store.connection, Action::Replay).await;

    let items = vec![request(id, "Desk", Some(3)), request(id, "New", Some(3)), request(id, "Unknown", None)];
    let requeued = B::requeue(&mut store.connection, items, step, Timestamp::now()).await.unwrap().unwrap();

    assert_eq!((requeued.work, requeued.left_alone), (1, 2));
    assert_eq!(states(&mut store).await, [State::Running, State::Pending]);
    assert!(B::settle(&mut store.connection, ticket, Settlement::Complete, Timestamp::now()).await.unwrap().is_some());
}

async fn a_page_tells_what_was_never_understood<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let id = record(&mut store, vec![garbled("?")]).await[0].delivery_id;

    let page = B::page(&mut store.connection, Selection::all(), 10).await.unwrap();

    assert_eq!((page.selected.len(), page.next_after), (1, None));
    assert_eq!((page.selected[0].delivery_id, page.selected[0].is_quarantined), (id, true));
    assert!(page.selected[0].handlers.is_empty());
}

// Shows M08.
async fn a_selection_means_what_fits_every_condition<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let collected = said(EventKind::InterviewCollected, "a", "2");
    let recorded = record(&mut store, vec![result("a", "1"), collected, result("b", "1"), garbled("?")]).await;
    let ticket = claim_one_of(&mut store, recorded[0].delivery_id).await;
    B::settle(&mut store.connection, ticket, Settlement::Complete, Timestamp::now()).await.unwrap();

    let (now, all) = (Timestamp::now(), Selection::all);
    let cases = [
        (all(), 4),
        (Selection::delivery(recorded[1].delivery_id), 1),
        (all().endpoint("default"), 4),
        (all().endpoint("other"), 0),
        (all().event(EventKind::InterviewResult), 2),
        (all().standing(Standing::Late), 1),
        (all().standing(Standing::Quarantined).event(EventKind::Unknown), 1),
        (all().result_id("a"), 2),
        (all().received_from(now.before(Duration::from_secs(60))), 4),
        (all().received_until(now.before(Duration::from_secs(60))), 0),
        (all().state(State::Completed), 1),
        (all().state(State::Completed).handler("Desk"), 1),
        (all().state(State::Completed).handler("Other"), 0),
        (all().state(State::Running), 1),
        (all().state(State::Discarded), 0),
        (all().handler("Desk"), 2),
        (all().handler("Other"), 0),
        (all().handler("Desk").result_id("b"), 1),
        (all().after(recorded[2].delivery_id), 1),
    ];

    for (selection, expected) in cases {
        for limit in [1, 2, 10] {
            assert_eq!(count(&mut store, selection.clone(), limit).await, expected, "{selection:?} by {limit}");
        }
    }
}

/// How many deliveries a selection means, page by page.
async fn count<B: TestBackend>(store: &mut Store<B>, mut selection: Selection, limit: i64) -> usize {
    let mut count = 0;
    loop {
        let page = B::page(&mut store.connection, selection.clone(), limit).await.unwrap();
        count += page.selected.len();
        let Some(last_id) = page.next_after else { return count };
        selection = selection.after(last_id);
    }
}

async fn claim_one_of<B: TestBackend>(store: &mut Store<B>, delivery: i64) -> mojito_schema::Ticket {
    let claims = claim(store, 10).await;
    claims.into_iter().find(|claim| claim.delivery.id == delivery).expect("it is claimed").ticket
}

async fn an_admitted_delivery_takes_its_place<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let quarantined = record(&mut store, vec![garbled("?")]).await[0].delivery_id;
    let understood = result("r", "a");

    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let admitted = B::admit(&mut store.connection, quarantined, understood.clone(), None, step, Timestamp::now());
    let admitted = admitted.await.unwrap().unwrap().unwrap();
    let again = B::admit(&mut store.connection, quarantined, understood, None, step, Timestamp::now()).await.unwrap();
    let again = again.unwrap();

    let row = store.deliveries().await.remove(0);
    assert_eq!((admitted.delivery_id, admitted.standing, admitted.version), (quarantined, Standing::Current, Some(1)));
    assert_eq!((row.standing, row.result_id.as_deref(), row.version), (Standing::Current, Some("r"), Some(1)));
    assert_eq!(only_work(&mut store).await.delivery_id, quarantined);
    assert_eq!(again, None);
}

async fn an_admitted_delivery_that_was_overtaken_is_late<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let quarantined = record(&mut store, vec![garbled("?")]).await[0].delivery_id;
    record(&mut store, vec![result("r", "newer")]).await;

    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let late = B::admit(&mut store.connection, quarantined, result("r", "a"), None, step, Timestamp::now());

    assert_eq!(late.await.unwrap().unwrap().map(|late| late.standing), Some(Standing::Late));
    assert_eq!(store.result("r").await.unwrap().snapshot.ai_analysis.as_deref(), Some("newer"));
}

async fn a_discard_gives_up_what_waits<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..3).map(|n| result(&n.to_string(), "a")).collect()).await;
    claim(&mut store, 1).await;

    let step = begun::<B>(&mut store.connection, Action::Discard).await;
    let pairs = store.work().await.iter().map(|row| (row.delivery_id, line(row.delivery_id, "Desk"))).collect();
    let discarded = B::discard(&mut store.connection, pairs, step, Timestamp::now()).await.unwrap().unwrap();

    assert_eq!((discarded, store.audit().await[0].affected), (2, 2));
    assert_eq!(states(&mut store).await, [State::Running, State::Discarded, State::Discarded]);
}

// Shows M33.
/// Postgres takes no NUL: what asks for one is answered, not refused.
async fn a_text_that_holds_nul_is_nowhere<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "a"), result("r\u{1}", "b")]).await;

    for text in ["\0", "r\0", "\0r", "Desk\0"] {
        let all = Selection::all;
        for selection in [all().result_id(text), all().endpoint(text), all().handler(text).state(State::Pending)] {
            assert_eq!(count(&mut store, selection, 10).await, 0, "{text:?}");
        }
        assert_eq!(B::is_known(&mut store.connection, Name::Handler(text.to_owned())).await, Ok(false), "{text:?}");
        assert_eq!(B::is_known(&mut store.connection, Name::Endpoint(text.to_owned())).await, Ok(false), "{text:?}");
    }
    assert_eq!(states(&mut store).await, [State::Pending; 2]);
}

async fn old_bodies_are_pruned_unless_work_needs_them<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("a", "1"), result("b", "1")]).await;
    let ticket = claim(&mut store, 1).await.remove(0).ticket;
    B::settle(&mut store.connection, ticket, Settlement::Complete, Timestamp::now()).await.unwrap();

    let long_ago = Timestamp::now().before(Duration::from_secs(3600));
    let none = B::prune_bodies(&mut store.connection, Expiry::before(long_ago), 10).await.unwrap();
    let one = B::prune_bodies(&mut store.connection, Expiry::before(Timestamp::now()), 10).await.unwrap();

    let has_body: Vec<bool> = store.deliveries().await.iter().map(|row| row.body.is_some()).collect();
    assert_eq!((none, one, has_body), (0, 1, vec![false, true]));
}

async fn old_deliveries_are_pruned_unless_they_are_a_state<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let recorded = record(&mut store, vec![result("a", "1"), result("a", "2"), garbled("?")]).await;
    complete_all(&mut store).await;

    let first = B::prune_deliveries(&mut store.connection, Expiry::before(Timestamp::now()), 0, 2).await.unwrap();
    let after = first.next_after.unwrap();
    let second = B::prune_deliveries(&mut store.connection, Expiry::before(Timestamp::now()), after, 2).await.unwrap();
    let young = B::prune_deliveries(&mut store.connection, Expiry::before(Timestamp::MIN), 0, 2).await.unwrap();

    let left: Vec<i64> = store.deliveries().await.iter().map(|row| row.id).collect();
    assert_eq!((first.removed, second.removed, young.removed, young.next_after), (1, 1, 0, None));
    assert_eq!(left, [recorded[1].delivery_id]);
    assert_eq!(store.work().await.len(), 1, "work goes with its delivery");
}

// Shows M25.
async fn old_deliveries_are_pruned_around_those_that_a_host_refers_to<B: TestBackend>() {
    for rule in ["", "ON DELETE RESTRICT", "DEFERRABLE INITIALLY DEFERRED"] {
        let mut store = Store::<B>::open().await;
        let recorded = record(&mut store, (0..9).map(|number| result("a", &number.to_string())).collect()).await;
        complete_all(&mut store).await;
        let id = |place: usize| recorded[place].delivery_id;
        store
            .run(&format!(
                "CREATE TABLE offers (id INTEGER PRIMARY KEY, delivery_id BIGINT REFERENCES mojito_deliveries (id) {rule});
                 INSERT INTO offers VALUES (1, {}), (2, {}), (3, {})",
                id(2),
                id(3),
                id(6),
            ))
            .await;

        let (first, passed_by) =
            prune::<B>(&mut store.connection, Expiry::before(Timestamp::now()), 0, 6).await.unwrap();
        let after = first.next_after.unwrap();
        let (second, then) =
            prune::<B>(&mut store.connection, Expiry::before(Timestamp::now()), after, 6).await.unwrap();
        let (none, _) = prune::<B>(&mut store.connection, Expiry::before(Timestamp::now()), id(8), 6).await.unwrap();

        let left: Vec<i64> = store.deliveries().await.iter().map(|row| row.id).collect();
        assert_eq!(left, [id(2), id(3), id(6), id(8)], "{rule}");
        assert_eq!((first.removed, passed_by, second.removed, then), (4, vec![id(2), id(3)], 1, vec![id(6)]), "{rule}");
        assert_eq!(none.next_after, None);
    }
}

async fn an_erased_result_leaves_a_tombstone_that_swallows_what_comes<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1"), result("r", "2"), result("other", "1")]).await;
    let ticket = claim(&mut store, 1).await.remove(0).ticket;

    let erased = erase(&mut store, "r").await;
    let swallowed = record(&mut store, vec![result("r", "3")]).await;
    let undone = B::scrub(&mut store.connection).await.unwrap();

    let state = store.result("r").await.unwrap();
    assert_eq!((erased.results, erased.bodies, erased.work, erased.errors), (1, 2, 2, 0));
    assert_eq!((swallowed[0].standing, undone), (Standing::Repeat, vec![]));
    assert!(state.snapshot == Snapshot::empty() && state.erased_at.is_some() && state.version == 2);
    assert!(store.deliveries_of("r").await.iter().all(|row| row.body.is_none()));
    assert!(
        !B::begin(&mut store.connection, ticket, LEASE, Timestamp::now()).await.unwrap(),
        "what runs fails at its fence"
    );
    assert_eq!(store.result("other").await.unwrap().snapshot.ai_analysis.as_deref(), Some("1"));
}

async fn an_erasure_can_be_rolled_back<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("r", "1"), result("r", "2")]).await;

    let (endpoint, id) = ("default".to_owned(), "r".to_owned());
    let counted = B::count_erasure(&mut store.connection, endpoint.clone(), id.clone()).await.unwrap();
    let begun = B::begin_erasure(&mut store.connection, endpoint, id, Timestamp::now()).await.unwrap();
    B::rollback(&mut store.connection).await.unwrap();

    assert_eq!(counted, begun);
    assert!(store.result("r").await.unwrap().erased_at.is_none());
    assert!(store.deliveries().await.iter().all(|row| row.body.is_some()));
    assert_eq!(states(&mut store).await, [State::Pending; 2]);
}

async fn a_quarantined_delivery_of_an_erased_result_is_swallowed<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let waiting = record(&mut store, vec![result("r", "1"), garbled("?")]).await[1].delivery_id;
    erase(&mut store, "r").await;

    let step = begun::<B>(&mut store.connection, Action::Replay).await;
    let admitted = B::admit(&mut store.connection, waiting, result("r", "?"), None, step, Timestamp::now());

    assert_eq!(admitted.await.unwrap().unwrap().map(|admitted| admitted.standing), Some(Standing::Repeat));
    let rows = store.deliveries().await;
    assert!(rows.iter().all(|row| row.body.is_none() && row.repeat_count == 0), "{rows:?}");
    assert_eq!(store.work().await.len(), 1, "nobody is handed anything");
}

/// Erases a result of the default endpoint.
async fn erase<B: TestBackend>(store: &mut Store<B>, id: &str) -> ErasedRows {
    let (endpoint, id) = ("default".to_owned(), id.to_owned());
    let erased = B::begin_erasure(&mut store.connection, endpoint, id, Timestamp::now()).await.unwrap();
    B::commit(&mut store.connection, None).await.unwrap();
    erased
}

async fn one_body_is_erased<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let recorded = record(&mut store, vec![garbled("?"), garbled("!")]).await;

    let erased = B::erase_body(&mut store.connection, recorded[0].delivery_id).await.unwrap();
    let again = B::erase_body(&mut store.connection, recorded[0].delivery_id).await.unwrap();

    let left = B::bodies(&mut store.connection, Bodies::All, 0, 10).await.unwrap();
    let after = B::bodies(&mut store.connection, Bodies::All, recorded[1].delivery_id, 10).await.unwrap();
    assert_eq!((erased.bodies, again.bodies), (1, 0));
    assert_eq!(left.iter().map(|body| body.delivery_id).collect::<Vec<_>>(), [recorded[1].delivery_id]);
    assert!(after.is_empty());
}

async fn the_audit_says_who_did_what<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let audit = |reason: Option<&str>| NewAudit {
        actor: "anna".to_owned(),
        action: Action::Erase,
        target: r#"{"by":"id"}"#.to_owned(),
        reason: reason.map(str::to_owned),
    };

    let first = B::begin_audit(&mut store.connection, audit(Some("asked to")), Timestamp::now()).await.unwrap();
    let second = B::begin_audit(&mut store.connection, audit(None), Timestamp::now()).await.unwrap();
    B::finish_audit(&mut store.connection, first, 7).await.unwrap();

    let rows = store.audit().await;
    assert_eq!((rows[0].id, rows[0].affected, rows[0].reason.as_deref()), (first, 7, Some("asked to")));
    assert_eq!((rows[1].id, rows[1].affected, &rows[1].reason), (second, 0, &None));
    assert_eq!(
        (rows[0].actor.as_str(), rows[0].action, rows[0].target.as_str()),
        ("anna", Action::Erase, r#"{"by":"id"}"#)
    );
}

async fn the_backlog_is_counted<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let mut batch: Vec<_> = (0..4).map(|n| result(&n.to_string(), "a")).collect();
    batch.push(garbled("?"));
    record(&mut store, batch).await;
    let ticket = claim(&mut store, 2).await.remove(0).ticket;
    let discard = Settlement::Discard { error: "no".to_owned() };
    B::settle(&mut store.connection, ticket, discard, Timestamp::now()).await.unwrap();

    let backlog = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap();

    assert_eq!((backlog.waiting, backlog.running, backlog.discarded, backlog.quarantined), (2, 1, 1, 1));
    assert_eq!(backlog.overdue, 0);
}

async fn what_has_been_due_for_long_is_overdue<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    record(&mut store, vec![result("a", "1"), result("a", "2"), result("b", "1"), result("c", "1")]).await;
    record(&mut store, vec![result("d", "1"), result("e", "1"), result("f", "1")]).await;
    claim(&mut store, 1).await;
    // `a` runs, and its next waits behind it. `b` came long ago. `d` and `e` have failed, and `e` is due again.
    store
        .run(
            "UPDATE mojito_deliveries SET received_at = '2001-01-01 00:00:00.000000' WHERE id <= 3;
             UPDATE mojito_work SET state = 'retryable', attempt = 1, due_at = '2001-01-01 00:00:00.000000'
                 WHERE delivery_id = 6;
             UPDATE mojito_work SET state = 'retryable', attempt = 1, due_at = '2201-01-01 00:00:00.000000'
                 WHERE delivery_id = 5",
        )
        .await;

    let backlog = B::backlog(&mut store.connection, Timestamp::now()).await.unwrap();

    assert_eq!((backlog.waiting, backlog.overdue, backlog.running), (6, 2, 1));
}
