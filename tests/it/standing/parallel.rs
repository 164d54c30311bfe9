use crate::harness::{
    Body, Host, Ledger, PostOutcome, assert_copies_are_one_version, assert_versions_have_no_gap, post_at_once,
};

// Shows F41.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_copies_at_once_are_one_version_and_forty_nine_repeats() {
    let host = Host::builder().start().await;

    assert_copies_are_one_version(&host.database, &[host.address], &Ledger::default(), 50, 20).await;

    assert_eq!(host.database.deliveries().len(), 20);
}

// Shows F42.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_versions_at_once_are_twenty_versions_without_a_gap() {
    let host = Host::builder().start().await;

    assert_versions_have_no_gap(&host.database, &[host.address], &Ledger::default(), 20, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_database_refuses_does_not_refuse_its_neighbours() {
    let host = Host::builder().start().await;
    host.database.run(
        "CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries WHEN NEW.result_id = 'bad'
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    );

    let bodies = (0..40).map(|n| Body::result(&if n % 8 == 3 { "bad".to_owned() } else { n.to_string() }).bytes());
    let outcomes = post_at_once(&[host.address], bodies.collect()).await;

    let refused = outcomes.iter().filter(|outcome| **outcome == PostOutcome::Refused(503)).count();
    let taken = outcomes.iter().filter(|outcome| outcome.is_acknowledged()).count();
    assert_eq!((refused, taken, host.database.deliveries().len()), (5, 35, 35));
}
