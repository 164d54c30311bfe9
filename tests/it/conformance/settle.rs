use std::time::Duration;

use mojito_schema::internals::complete_by_itself;
use mojito_schema::{AttemptOutcome, Postgres, Settlement, State, Ticket, Timestamp, WorkQueue};

use super::{LEASE, claim_one, claimed, only_work, record, result, settle};
use crate::harness::{Store, TestBackend, on_each_backend};

on_each_backend!(
    an_effect_and_its_mark_are_committed_together,
    an_effect_and_its_mark_are_rolled_back_together,
    a_stale_ticket_opens_no_transaction,
    a_stale_ticket_settles_nothing,
    complete_finishes,
    a_retry_waits_until_it_is_due,
    a_retry_after_the_last_attempt_is_a_discard,
    a_discard_finishes_and_says_why,
    a_release_does_not_count,
    a_renewed_lease_is_not_rescued,
    a_lapsed_lease_is_rescued_and_its_ticket_stale,
    a_lease_that_lapsed_in_the_last_attempt_is_a_discard,
);

fn retry(pause: Duration) -> Settlement {
    Settlement::Retry { pause, error: "no printer".to_owned(), outcome: AttemptOutcome::Failed }
}

/// Begins the handler's transaction and writes an effect, which is a result's new reason.
async fn begin_effect<B: TestBackend>(store: &mut Store<B>, ticket: &Ticket) {
    assert!(B::begin(&mut store.connection, ticket.clone(), LEASE, Timestamp::now()).await.unwrap());
    B::execute(&mut store.connection, "UPDATE mojito_results SET reason = 'effect'").await;
}

async fn an_effect_and_its_mark_are_committed_together<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;

    begin_effect(&mut store, &ticket).await;
    let before = (only_work(&mut store).await.state, store.result("r").await.unwrap().snapshot.reason);
    B::commit(&mut store.connection, Some(ticket.line())).await.unwrap();
    let after = (only_work(&mut store).await.state, store.result("r").await.unwrap().snapshot.reason);

    assert_eq!(before, (State::Running, None));
    assert_eq!(after, (State::Completed, Some("effect".to_owned())));
}

async fn an_effect_and_its_mark_are_rolled_back_together<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;

    begin_effect(&mut store, &ticket).await;
    B::rollback(&mut store.connection).await.unwrap();

    assert_eq!(only_work(&mut store).await.state, State::Running);
    assert_eq!(store.result("r").await.unwrap().snapshot.reason, None);
    assert!(settle(&mut store, &ticket, Settlement::Complete).await, "the connection is as good as before");
}

async fn a_stale_ticket_opens_no_transaction<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    let stale = Ticket { epoch: ticket.epoch ^ 1, ..ticket.clone() };

    let has_begun = B::begin(&mut store.connection, stale, LEASE, Timestamp::now()).await.unwrap();
    B::execute(&mut store.connection, "UPDATE mojito_results SET reason = 'effect'").await;

    assert!(!has_begun);
    assert_eq!(store.result("r").await.unwrap().snapshot.reason.as_deref(), Some("effect"), "it was committed at once");
    begin_effect(&mut store, &ticket).await;
    B::commit(&mut store.connection, Some(ticket.line())).await.unwrap();
    assert!(!B::begin(&mut store.connection, ticket, LEASE, Timestamp::now()).await.unwrap(), "it is done already");
}

/// It is sent together with the beginning of the transaction. Where that failed, and the connection lives, it would be
/// done, and the effect not.
#[tokio::test]
async fn the_mark_on_postgres_is_never_set_by_itself() {
    let (mut store, ticket) = claimed::<Postgres>().await;

    let is_marked = complete_by_itself(&store.connection, &ticket).await.unwrap();

    assert!(!is_marked);
    assert_eq!(only_work(&mut store).await.state, State::Running);
    begin_effect(&mut store, &ticket).await;
    Postgres::commit(&mut store.connection, Some(ticket.line())).await.unwrap();
    assert_eq!(only_work(&mut store).await.state, State::Completed);
    let next = record(&mut store, vec![result("other", "a")]).await;
    assert_eq!(next.len(), 1);
    let ticket = claim_one(&mut store).await.ticket;
    assert!(!complete_by_itself(&store.connection, &ticket).await.unwrap(), "nothing is left of it in the session");
}

/// The fence takes a setting of the planner, and gives back what it was.
#[tokio::test]
async fn the_planner_of_a_hosts_transaction_on_postgres_is_the_hosts() {
    let (mut store, ticket) = claimed::<Postgres>().await;

    assert_the_planner_is(&mut store, ticket, "on").await;
}

/// Behind a proxy the session may be another for each transaction: there the host has to set it within its own.
#[tokio::test]
async fn the_planner_of_a_hosts_session_by_itself_is_the_hosts() {
    let (mut store, ticket) = claimed::<Postgres>().await;
    Postgres::execute(&mut store.connection, "SET enable_seqscan = off").await;

    assert_the_planner_is(&mut store, ticket, "off").await;
}

async fn assert_the_planner_is(store: &mut Store<Postgres>, ticket: Ticket, expected: &str) {
    const NOW: &str = "SELECT current_setting('enable_seqscan') AS value";

    begin_effect(store, &ticket).await;
    assert_eq!(Postgres::texts(&mut store.connection, NOW).await, [expected], "in the transaction");
    Postgres::commit(&mut store.connection, Some(ticket.line())).await.unwrap();
    assert!(!Postgres::begin(&mut store.connection, ticket, LEASE, Timestamp::now()).await.unwrap());
    assert_eq!(Postgres::texts(&mut store.connection, NOW).await, ["on"], "after it the session is clean");
}

async fn a_stale_ticket_settles_nothing<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    let stale = Ticket { epoch: ticket.epoch ^ 1, ..ticket };
    let before = only_work(&mut store).await;

    let error = "no".to_owned();
    for settlement in [Settlement::Complete, retry(Duration::ZERO), Settlement::Discard { error }, Settlement::Release]
    {
        assert!(!settle(&mut store, &stale, settlement).await);
    }

    let after = only_work(&mut store).await;
    assert_eq!((after.state, after.attempt, after.lease_until), (before.state, before.attempt, before.lease_until));
}

async fn complete_finishes<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;

    let is_settled = settle(&mut store, &ticket, Settlement::Complete).await;
    let is_settled_again = settle(&mut store, &ticket, Settlement::Complete).await;

    let work = only_work(&mut store).await;
    assert_eq!((is_settled, is_settled_again), (true, false));
    assert_eq!((work.state, work.finished_at.is_some(), work.lease_until), (State::Completed, true, None));
}

async fn a_retry_waits_until_it_is_due<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;

    settle(&mut store, &ticket, retry(Duration::ZERO)).await;
    let waiting = only_work(&mut store).await;
    let again = claim_one(&mut store).await;

    let (early, late) = (Timestamp::now().before(LEASE), Timestamp::now().after(LEASE));
    assert_eq!((waiting.state, waiting.attempt), (State::Retryable, 1));
    assert!(waiting.due_at.is_some_and(|stored| early < stored && stored < late), "{waiting:?}");
    assert_eq!(waiting.last_error.as_deref(), Some("no printer"));
    assert_eq!(again.attempt, 2);
}

async fn a_retry_after_the_last_attempt_is_a_discard<B: TestBackend>() {
    let (mut store, mut ticket) = claimed::<B>().await;

    for _ in 1..3 {
        settle(&mut store, &ticket, retry(Duration::ZERO)).await;
        ticket = claim_one(&mut store).await.ticket;
    }
    let is_settled = settle(&mut store, &ticket, retry(Duration::ZERO)).await;

    let work = only_work(&mut store).await;
    assert!(is_settled);
    assert_eq!((work.state, work.attempt, work.due_at), (State::Discarded, 3, None));
}

async fn a_discard_finishes_and_says_why<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;

    settle(&mut store, &ticket, Settlement::Discard { error: "no such office".to_owned() }).await;

    let work = only_work(&mut store).await;
    assert_eq!((work.state, work.finished_at.is_some()), (State::Discarded, true));
    assert_eq!(work.last_error.as_deref(), Some("no such office"));
}

async fn a_release_does_not_count<B: TestBackend>() {
    let (mut store, first) = claimed::<B>().await;

    settle(&mut store, &first, Settlement::Release).await;
    let after_first = only_work(&mut store).await;
    let second = claim_one(&mut store).await.ticket;
    settle(&mut store, &second, retry(Duration::ZERO)).await;
    let third = claim_one(&mut store).await.ticket;
    settle(&mut store, &third, Settlement::Release).await;
    let after_third = only_work(&mut store).await;

    assert_eq!((after_first.state, after_first.attempt), (State::Pending, 0));
    assert_eq!((after_third.state, after_third.attempt), (State::Retryable, 1));
    assert_eq!(claim_one(&mut store).await.attempt, 2);
}

async fn a_renewed_lease_is_not_rescued<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    store.lapse().await;

    let rescue = B::renew_and_rescue(&mut store.connection, vec![ticket], LEASE, Timestamp::now()).await.unwrap();

    let work = only_work(&mut store).await;
    assert_eq!((rescue.stale.len(), rescue.rescued, rescue.discarded), (0, 0, 0));
    assert!(work.lease_until.is_some_and(|until| until > Timestamp::now()), "{work:?}");
}

async fn a_lapsed_lease_is_rescued_and_its_ticket_stale<B: TestBackend>() {
    let (mut store, ticket) = claimed::<B>().await;
    store.lapse().await;

    let rescue = B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();
    let again = claim_one(&mut store).await;
    let later =
        B::renew_and_rescue(&mut store.connection, vec![ticket.clone()], LEASE, Timestamp::now()).await.unwrap();

    assert_eq!((rescue.rescued, rescue.discarded), (1, 0));
    assert_eq!(again.attempt, 2);
    assert_eq!((later.stale, later.rescued), (vec![ticket.clone()], 0));
    assert!(!B::begin(&mut store.connection, ticket, LEASE, Timestamp::now()).await.unwrap());
}

async fn a_lease_that_lapsed_in_the_last_attempt_is_a_discard<B: TestBackend>() {
    let (mut store, _) = claimed::<B>().await;
    store.run("UPDATE mojito_work SET attempt = max_attempts").await;
    store.lapse().await;

    let rescue = B::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, Timestamp::now()).await.unwrap();

    let work = only_work(&mut store).await;
    assert_eq!((rescue.rescued, rescue.discarded, work.state), (0, 1, State::Discarded));
    assert!(work.last_error.unwrap().starts_with("the lease lapsed"));
}
