use std::time::Duration;

use mojito_schema::{
    Action, AttemptOutcome, ErrorGroups, Line, Requeue, Selection, Settlement, Standing, State, Timestamp,
};

use super::{LEASE, begun, claim, claim_one, record, result, settle};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    an_error_has_its_group_wherever_it_is_written,
    a_group_goes_with_its_error,
    groups_count_what_fails_and_what_is_dead,
    all_that_died_of_an_error_is_a_selection,
    an_error_of_an_older_version_is_in_its_group_all_the_same,
    errors_that_go_back_far_say_how_far_they_have_come,
);

const ERROR: &str = "no phone of \"Ann Smith\" at desk 4\nshe has none";
const GROUP: &str = "no phone of # at desk #";

fn retry(error: &str) -> Settlement {
    let (pause, outcome) = (Duration::from_secs(60), AttemptOutcome::Failed);
    Settlement::Retry { pause, error: error.to_owned(), outcome }
}

fn give_up(error: &str) -> Settlement {
    Settlement::Discard { error: error.to_owned() }
}

/// A store with work that has failed so, each in a line of its own. No settlement: it waits.
async fn failed<B: TestBackend>(settlements: Vec<Option<Settlement>>) -> Store<B> {
    let mut store = Store::<B>::open().await;
    record(&mut store, (0..settlements.len()).map(|n| result(&n.to_string(), "a")).collect()).await;
    let claims = claim(&mut store, settlements.len()).await;
    for (claim, settlement) in claims.into_iter().zip(settlements) {
        let settlement = settlement.unwrap_or(Settlement::Release);
        assert!(settle(&mut store, &claim.ticket, settlement).await);
    }
    store
}

async fn groups<B: TestBackend>(store: &mut Store<B>, selection: Selection) -> Vec<(String, u64, i64)> {
    let found = B::errors(&mut store.connection, selection, i64::MAX).await.unwrap();
    assert_eq!(found.next_before, None);
    found.groups.into_iter().map(|group| (group.error, group.count, group.sample)).collect()
}

async fn listed<B: TestBackend>(store: &mut Store<B>, selection: &Selection) -> Vec<i64> {
    let listing = B::list(&mut store.connection, selection.clone(), i64::MAX, 100).await.unwrap();
    assert!(listing.deliveries.iter().all(|listed| !listed.work.is_empty()));
    listing.deliveries.iter().map(|listed| listed.delivery_id).collect()
}

/// The deliveries that an action takes, read two by two.
async fn selected<B: TestBackend>(store: &mut Store<B>, selection: &Selection) -> Vec<i64> {
    let (mut ids, mut rest) = (Vec::new(), selection.clone());
    loop {
        let page = B::page(&mut store.connection, rest.clone(), 2).await.unwrap();
        assert!(page.selected.iter().all(|selected| selected.handlers == ["Desk"]));
        ids.extend(page.selected.iter().map(|selected| selected.delivery_id));
        let Some(last) = page.next_after else { return ids };
        rest = rest.after(last);
    }
}

/// The group on each row of work.
async fn stored<B: TestBackend>(store: &mut Store<B>) -> Vec<Option<String>> {
    store.work().await.into_iter().map(|row| row.error_group).collect()
}

fn line(first_delivery_id: i64) -> Line {
    Line { first_delivery_id, handler: "Desk".to_owned() }
}

async fn an_error_has_its_group_wherever_it_is_written<B: TestBackend>() {
    let mut store = failed::<B>(vec![Some(retry(ERROR)), Some(give_up(ERROR)), None]).await;
    let settled = stored(&mut store).await;

    let audit = begun::<B>(&mut store.connection, Action::Discard).await;
    B::discard(&mut store.connection, vec![(3, line(3))], audit, Timestamp::now()).await.unwrap().unwrap();
    let discarded = stored(&mut store).await.remove(2);
    // The first is lost three times: the second loss makes it a suspect.
    store.run("UPDATE mojito_work SET due_at = '2001-01-01 00:00:00', last_error = NULL WHERE delivery_id = 1").await;
    let mut lost = Vec::new();
    for _ in 0..2 {
        claim_one(&mut store).await;
        store.lapse().await;
        B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();
        lost.push(stored(&mut store).await.remove(0).unwrap());
    }

    assert_eq!(settled, [Some(GROUP.to_owned()), Some(GROUP.to_owned()), None]);
    assert_eq!(discarded.as_deref(), Some("discarded by an operator"));
    assert!(lost[0].ends_with("during more than one attempt"), "{lost:?}");
    assert!(lost[1].ends_with("during the last attempt"), "{lost:?}");
}

async fn a_group_goes_with_its_error<B: TestBackend>() {
    let mut store = failed::<B>(vec![Some(give_up(ERROR)), Some(give_up(ERROR)), Some(give_up(ERROR))]).await;
    let audit = begun::<B>(&mut store.connection, Action::Replay).await;

    let item = Requeue { delivery_id: 1, line: line(1), max_attempts: None };
    let now = Timestamp::now();
    B::requeue(&mut store.connection, vec![item], audit, now).await.unwrap().unwrap();
    let of_result = ("default".to_owned(), "1".to_owned());
    B::begin_erasure(&mut store.connection, of_result.0, of_result.1, Timestamp::now()).await.unwrap();
    B::commit(&mut store.connection, None).await.unwrap();

    assert_eq!(stored(&mut store).await, [None, None, Some(GROUP.to_owned())]);
    assert_eq!(groups(&mut store, Selection::all()).await, [(GROUP.to_owned(), 1, 3)]);
}

// Shows O08.
async fn groups_count_what_fails_and_what_is_dead<B: TestBackend>() {
    let other = Some(retry("no printer"));
    let dead = Some(give_up(ERROR));
    let mut store =
        failed::<B>(vec![dead.clone(), Some(retry("no phone of \"Bo\" at desk 7")), other, dead, None]).await;
    // It has succeeded since: nobody has to look after its error.
    store
        .run(
            "UPDATE mojito_work SET state = 'completed', finished_at = '2026-01-01 00:00:00', is_first = false,
                 last_error = 'no printer', error_group = 'no printer', attempt = 1 WHERE delivery_id = 5",
        )
        .await;

    let found = B::errors(&mut store.connection, Selection::all(), i64::MAX).await.unwrap();

    let deliveries = store.deliveries().await;
    let [largest, _] = &found.groups[..] else { panic!("{found:?}") };
    assert_eq!((largest.handler.as_str(), largest.error.as_str(), largest.count), ("Desk", GROUP, 3));
    assert_eq!((largest.first_received_at, largest.sample), (deliveries[0].received_at, 4));
    assert_eq!(largest.last_received_at, deliveries[3].received_at);
    assert!(!format!("{found:?}").contains("phone"), "it is made of a handler's words");
    let all = Selection::all;
    let phone = |count, sample| (GROUP.to_owned(), count, sample);
    let printer = ("no printer".to_owned(), 1, 3);
    assert_eq!(groups(&mut store, all()).await, [phone(3, 4), printer.clone()]);
    assert_eq!(groups(&mut store, all().state(State::Discarded)).await, [phone(2, 4)]);
    assert_eq!(groups(&mut store, all().state(State::Completed)).await, []);
    assert_eq!(groups(&mut store, all().result_id("2")).await, std::slice::from_ref(&printer));
    assert_eq!(groups(&mut store, all().error("no printer")).await, [printer]);
    assert_eq!(groups(&mut store, all().received_until(deliveries[1].received_at)).await, [phone(1, 1)]);
    assert_eq!(groups(&mut store, all().endpoint("other")).await, []);
    assert_eq!(groups(&mut store, Selection::delivery(2)).await, [phone(1, 2)]);
}

// Shows O08.
async fn all_that_died_of_an_error_is_a_selection<B: TestBackend>() {
    let dead = || Some(give_up(ERROR));
    let other = Some(give_up("no printer"));
    let mut store = failed::<B>(vec![dead(), other, dead(), Some(retry(ERROR)), dead(), None, dead()]).await;
    store
        .run(
            "UPDATE mojito_work SET state = 'completed' WHERE delivery_id = 7;
             UPDATE mojito_deliveries SET endpoint = 'other' WHERE id = 5",
        )
        .await;
    let of_error = || Selection::all().error(GROUP);

    for (selection, ids) in [
        (of_error(), vec![1, 3, 4, 5]),
        (of_error().state(State::Discarded), vec![1, 3, 5]),
        (of_error().state(State::Completed), vec![]),
        (of_error().handler("Desk"), vec![1, 3, 4, 5]),
        (of_error().handler("Other"), vec![]),
        (of_error().endpoint("other"), vec![5]),
        (of_error().result_id("2"), vec![3]),
        (of_error().result_id("1"), vec![]),
        (of_error().standing(Standing::Quarantined), vec![]),
        (Selection::delivery(3).error(GROUP), vec![3]),
        (Selection::delivery(2).error(GROUP), vec![]),
        (Selection::all().error("no phone of \"Bo\" at desk 9"), vec![1, 3, 4, 5]),
        (Selection::all().error("no such thing"), vec![]),
        (Selection::all().error(""), vec![]),
    ] {
        let newest_first: Vec<i64> = ids.iter().rev().copied().collect();
        assert_eq!(listed(&mut store, &selection).await, newest_first, "{selection:?}");
        assert_eq!(selected(&mut store, &selection).await, ids, "{selection:?}");
    }
}

async fn an_error_of_an_older_version_is_in_its_group_all_the_same<B: TestBackend>() {
    let mut store = failed::<B>(vec![Some(give_up(ERROR)), Some(give_up("no printer")), Some(retry(ERROR))]).await;
    store.run("UPDATE mojito_work SET error_group = NULL").await;

    let of_error = Selection::all().error(GROUP);
    assert_eq!(groups(&mut store, Selection::all()).await[0], (GROUP.to_owned(), 2, 3));
    assert_eq!(listed(&mut store, &of_error).await, [3, 1]);
    assert_eq!(selected(&mut store, &of_error).await, [1, 3]);
}

// Shows O09.
async fn errors_that_go_back_far_say_how_far_they_have_come<B: TestBackend>() {
    let mut store = failed::<B>(vec![None; 5]).await;
    // Five deliveries, each dead for 1,300 handlers.
    store
        .run(
            "INSERT INTO mojito_work
                 (delivery_id, handler, first_delivery_id, state, max_attempts, finished_at, last_error, error_group, is_first)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1300)
             SELECT id, 'h' || n, id, 'discarded', 3, '2026-01-01 00:00:00', 'no', 'no', false
             FROM mojito_deliveries, numbers",
        )
        .await;
    let selection = || Selection::all().error("no").handler("h7");

    let newest = B::errors(&mut store.connection, selection(), i64::MAX).await.unwrap();
    let mut all = ErrorGroups::default();
    all.extend(newest.clone());
    all.extend(B::errors(&mut store.connection, selection(), newest.next_before.unwrap()).await.unwrap());
    let page = B::list(&mut store.connection, selection(), i64::MAX, 100).await.unwrap();
    let first = B::page(&mut store.connection, selection(), 100).await.unwrap();

    assert_eq!((newest.groups[0].count, newest.next_before), (3, Some(3)));
    assert_eq!((all.groups.len(), all.groups[0].count, all.next_before), (1, 5, None));
    assert_eq!((page.deliveries.len(), page.next_before), (3, Some(3)));
    assert_eq!((first.selected.len(), first.next_after), (3, Some(3)));
}
