//! An operator's discard at a pace, by the inbox of a host on each database.

use std::time::{Duration, Instant};

use mojito_schema::{Action, ActionState, State, WorkRow};
use rocket_mojito::{
    Actor, Context, Discard, Event, EventKind, HandlerError, HandlerResult, MojitoFairing, MojitoHandler, Selection,
};

use crate::harness::{Body, Store, TestBackend, TestServer, config, on_each_backend, until};

on_each_backend!(
    a_paced_discard_is_watched_and_cancelled_by_the_inbox,
    work_that_is_done_takes_no_turn_of_a_paced_discard,
);

/// Does every result at once, except those whose id begins with `later`.
struct Clerk(&'static str);

#[rocket::async_trait]
impl<B: TestBackend> MojitoHandler<B> for Clerk {
    fn name(&self) -> String {
        self.0.to_owned()
    }

    async fn interview_result(&self, event: &Event, _: &mut Context<'_, B>) -> HandlerResult {
        if event.payload().id.starts_with("later") {
            return Err(HandlerError::retry_in(Duration::from_secs(3600)));
        }
        Ok(())
    }
}

fn anna() -> Actor {
    Actor::new("anna")
}

/// A host with two handlers.
async fn office<B: TestBackend>(store: &Store<B>) -> TestServer {
    let fairing = MojitoFairing::<B>::new(config()).handler(Clerk("Desk")).handler(Clerk("Ledger"));
    TestServer::on(store.url(), fairing).await
}

async fn record(host: &TestServer, id: &str) {
    host.inbox.record_body("default", EventKind::InterviewResult, Body::result(id).bytes()).await.unwrap();
}

// Shows O05.
async fn a_paced_discard_is_watched_and_cancelled_by_the_inbox<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let host = office(&store).await;
    host.inbox.pause_handler("Ledger", anna()).await.unwrap();
    for number in 0..4 {
        record(&host, &format!("later-{number}")).await;
    }
    let failed = |work: &[WorkRow]| work.iter().filter(|row| row.state == State::Retryable).count();
    store.wait_for_work("the desk has failed", |work| failed(work) == 4).await;

    let (inbox, paced) = (host.inbox.clone(), Discard::new(Selection::all()).per_second(1));
    let running = tokio::spawn(async move { inbox.discard(paced, anna()).await });
    let action = until("a step is made", async || match host.inbox.audit(None, 1).await.unwrap().pop() {
        Some(row) if row.action == Action::Discard && row.affected >= 2 => Ok(row.id),
        other => Err(other),
    })
    .await;
    let is_cancelled = host.inbox.cancel(action).await.unwrap();
    let stopped = running.await.unwrap().unwrap_err();

    let row = host.inbox.action(action).await.unwrap().unwrap();
    let left = host.inbox.discard(Selection::all(), anna()).await.unwrap();
    assert!(is_cancelled && stopped.is_cancelled(), "{stopped:?}");
    assert_eq!((row.state, row.meant, row.target.as_str()), (ActionState::Cancelled, Some(8), TARGET));
    assert!(row.affected < 8 && row.affected % 2 == 0, "both handlers' work takes one turn: {row:?}");
    assert_eq!(left, 8 - row.affected.unsigned_abs());
    assert!(store.work().await.iter().all(|row| row.state == State::Discarded));
    host.stop().await;
}

/// The paced discard in the audit.
const TARGET: &str = r#"{"per_second":1,"selection":{}}"#;

async fn work_that_is_done_takes_no_turn_of_a_paced_discard<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let host = office(&store).await;
    for number in 0..40 {
        record(&host, &format!("done-{number}")).await;
    }
    record(&host, "later").await;
    let is_tried = |work: &[WorkRow]| work.len() == 82 && work.iter().all(|row| row.attempt == 1);
    store.wait_for_work("both wait", |work| is_tried(work) && work.iter().all(|row| row.state != State::Running)).await;

    let began = Instant::now();
    let discarded = host.inbox.discard(Discard::new(Selection::all()).per_second(1), anna()).await.unwrap();

    assert_eq!(discarded, 2);
    assert!(began.elapsed() < Duration::from_secs(20), "one delivery, and not forty before it");
    host.stop().await;
}
