use std::collections::BTreeSet;
use std::sync::Arc;

use rocket_mojito::Standing;
use tokio::task::JoinSet;

use crate::harness::{Answer, Body, Host};

async fn post_all(host: &Arc<Host>, bodies: Vec<Vec<u8>>) -> Vec<Answer> {
    let mut posts = JoinSet::new();
    for body in bodies {
        let host = Arc::clone(host);
        posts.spawn(async move { host.post("interview_result", &body).await });
    }
    posts.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_copies_at_once_are_one_version_and_forty_nine_repeats() {
    let host = Arc::new(Host::builder().start().await);

    for round in 0..20 {
        let body = Body::result(&format!("r-{round}")).bytes();
        let answers = post_all(&host, vec![body; 50]).await;

        let ids: BTreeSet<i64> = answers.iter().map(Answer::delivery).collect();
        let rows = host.database.deliveries();
        assert!(answers.iter().all(|answer| answer.status == 200));
        assert_eq!(ids.len(), 1);
        assert_eq!(rows.len(), round + 1);
        assert_eq!((rows[round].version, rows[round].repeat_count), (Some(1), 49));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_versions_at_once_are_twenty_versions_without_a_gap() {
    let host = Arc::new(Host::builder().start().await);

    for round in 0..20 {
        let result = format!("r-{round}");
        let bodies = (0..20).map(|score| Body::result(&result).with("score", score).bytes()).collect();
        post_all(&host, bodies).await;

        let mut rows = host.database.deliveries();
        rows.retain(|row| row.result_id.as_deref() == Some(&result));
        let versions: Vec<i64> = rows.iter().filter_map(|row| row.version).collect();
        let state = host.database.results().into_iter().find(|row| row.id == result).unwrap();
        assert_eq!(versions, (1..=20).collect::<Vec<_>>());
        assert!(rows.iter().all(|row| row.standing == Standing::Current));
        assert_eq!((state.version, state.delivery_id), (20, rows[19].id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_database_refuses_does_not_refuse_its_neighbours() {
    let host = Arc::new(Host::builder().start().await);
    host.database.run(
        "CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries WHEN NEW.result_id = 'bad'
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    );

    let bodies = (0..40).map(|n| Body::result(&if n % 8 == 3 { "bad".to_owned() } else { n.to_string() }).bytes());
    let answers = post_all(&host, bodies.collect()).await;

    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((refused, taken, host.database.deliveries().len()), (5, 35, 35));
}
