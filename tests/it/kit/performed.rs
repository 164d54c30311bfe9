use std::time::Duration;

use mojito_schema::{Changes, Field};
use rocket_mojito::testing::{Performed, TestDatabase, perform};
use rocket_mojito::{AttemptOutcome, Event, EventKind, State};

use super::handler::{Kit, Way};
use super::{count, database};
use crate::harness::{TestBackend, on_each_backend};

on_each_backend!(
    ok_commits_and_everything_else_rolls_back,
    the_same_event_again_is_the_next_attempt_and_then_a_replay,
    the_version_before_is_there_and_was_handled,
    the_last_attempt_that_fails_discards,
    neither_the_line_nor_a_later_due_time_stands_in_the_way,
);

async fn perform_one<B: TestBackend>(way: Way<B>, database: &mut TestDatabase<B>) -> Performed {
    let event = Event::example(EventKind::InterviewResult).id(fastrand::u64(..).to_string()).build();
    perform(&Kit::new(way), &event, database).await.unwrap()
}

async fn ok_commits_and_everything_else_rolls_back<B: TestBackend>() {
    let (_storage, database) = database::<B>().await;
    let mut database = database.handler_timeout(Duration::from_millis(300));
    let hour = Duration::from_secs(3600);

    let failed = perform_one(Way::Fail, &mut database).await;
    let discarded = perform_one(Way::Discard, &mut database).await;
    let later = perform_one(Way::RetryIn(hour), &mut database).await;
    let panicked = perform_one(Way::Panic, &mut database).await;
    let late = perform_one(Way::Hang, &mut database).await;
    let rolled_back = count(&database, "effects").await;
    let idle = perform_one(Way::Nothing, &mut database).await;
    let completed = perform_one(Way::Effect, &mut database).await;

    assert_eq!((failed.outcome(), failed.error()), (AttemptOutcome::Failed, Some("it is down")));
    assert!(failed.retry_in().unwrap() >= Duration::from_secs(15) && !failed.is_discarded());
    assert_eq!((discarded.is_discarded(), discarded.error()), (true, Some("no use")));
    assert_eq!((later.outcome(), later.retry_in()), (AttemptOutcome::Failed, Some(hour)));
    assert_eq!((panicked.has_panicked(), panicked.error()), (true, Some("the handler panicked: as the test says")));
    assert!(late.has_timed_out() && late.retry_in().is_some());
    assert_eq!(rolled_back, 0);
    assert!(idle.is_completed());
    completed.assert_completed();
    assert_eq!(count(&database, "effects").await, 1);
    assert!(!format!("{failed:?}").contains("it is down"));
}

async fn the_same_event_again_is_the_next_attempt_and_then_a_replay<B: TestBackend>() {
    let (_storage, mut database) = database::<B>().await;
    let event = Event::example(EventKind::InterviewResult).build();

    let first = perform(&Kit::new(Way::Fail), &event, &mut database).await.unwrap();
    let second = perform(&Kit::new(Way::Effect), &event, &mut database).await.unwrap();
    let replayed = perform(&Kit::new(Way::Effect), &event, &mut database).await.unwrap();

    assert_eq!((first.attempt(), second.attempt(), replayed.attempt()), (1, 2, 1));
    assert_eq!(first.delivery_id(), replayed.delivery_id());
    assert_eq!(count(&database, "effects").await, 2);
    let mut connection = database.connection().await.unwrap();
    assert_eq!(B::work(&mut connection).await[0].state, State::Completed);
}

async fn the_version_before_is_there_and_was_handled<B: TestBackend>() {
    let (_storage, mut database) = database::<B>().await;
    let scored = Event::example(EventKind::InterviewResult);
    let decided = scored.clone().recruiter_go_next_round(true).after(&scored).build();

    perform(&Kit::new(Way::Effect), &decided, &mut database).await.unwrap().assert_completed();

    let mut connection = database.connection().await.unwrap();
    let deliveries = B::deliveries(&mut connection).await;
    let changes: Vec<_> = deliveries.iter().map(|row| (row.version, &row.changes)).collect();
    assert_eq!(changes[1], (Some(2), &Changes(vec![Field::RecruiterGoNextRound])));
    assert_eq!(changes.len(), 2);
    assert!(B::work(&mut connection).await.iter().all(|row| row.state == State::Completed));
    drop(connection);
    assert_eq!(count(&database, "effects").await, 1);
}

async fn the_last_attempt_that_fails_discards<B: TestBackend>() {
    let (_storage, database) = database::<B>().await;
    let mut database = database.max_attempts(2);
    let event = Event::example(EventKind::InterviewFailed).build();

    let first = perform(&Kit::new(Way::Fail), &event, &mut database).await.unwrap();
    let last = perform(&Kit::new(Way::Fail), &event, &mut database).await.unwrap();

    assert_eq!((first.is_discarded(), last.is_discarded(), last.retry_in()), (false, true, None));
}

async fn neither_the_line_nor_a_later_due_time_stands_in_the_way<B: TestBackend>() {
    let (_storage, mut database) = database::<B>().await;
    let collected = Event::example(EventKind::InterviewCollected).build();
    let result = Event::example(EventKind::InterviewResult).build();

    let failing = perform(&Kit::new(Way::RetryIn(Duration::from_secs(3600))), &collected, &mut database).await.unwrap();
    let newer = perform(&Kit::new(Way::Effect), &result, &mut database).await.unwrap();
    let failing_again = perform(&Kit::new(Way::Effect), &collected, &mut database).await.unwrap();

    assert_eq!((failing.attempt(), newer.is_completed()), (1, true));
    assert!(failing_again.is_completed());
}
