//! Several processes have several clocks: on Postgres the database's own judges.

use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, Pace, Postgres, Selection, Settlement, Utc};

use super::{LEASE, claim_one, handler, only_work, record, result};
use crate::harness::Store;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_clock_is_wrong_neither_claims_nor_retries_nor_rescues_at_the_wrong_time() {
    for wrong in [Utc::now().before(Duration::from_secs(7200)), Utc::now().after(Duration::from_secs(7200))] {
        let mut store = Store::<Postgres>::open().await;
        record(&mut store, vec![result("r", "a")]).await;

        let claims = Postgres::claim(&mut store.connection, "Desk".into(), 1, LEASE, wrong).await.unwrap();
        let lease_until = only_work(&mut store).await.lease_until.unwrap();
        let rescue = Postgres::renew_and_rescue(&mut store.connection, Vec::new(), LEASE, wrong).await.unwrap();
        let retry = Settlement::Retry { due_at: wrong.after(Duration::from_millis(1)), error: "no".to_owned() };
        Postgres::settle(&mut store.connection, claims[0].ticket.clone(), retry, wrong).await.unwrap();
        let due_at = only_work(&mut store).await.due_at.unwrap();

        assert!(lease_until > Utc::now() && lease_until < Utc::now().after(2 * LEASE), "{lease_until}");
        assert_eq!(rescue.rescued, 0);
        assert!(due_at > Utc::now().before(LEASE) && due_at < Utc::now().after(LEASE), "{due_at}");
        assert_eq!(claim_one(&mut store).await.attempt, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_by_a_process_whose_clock_is_wrong_keeps_its_pace() {
    for wrong in [Utc::now().before(Duration::from_secs(600)), Utc::now().after(Duration::from_secs(600))] {
        let mut store = Store::<Postgres>::open().await;
        record(&mut store, vec![result("a", "a"), result("b", "b"), result("c", "c")]).await;
        let pace = Pace { start: wrong, per_second: 1, given: 0 };

        let handlers = Arc::new(vec![handler("Desk")]);
        let requeued = Postgres::requeue(&mut store.connection, Selection::all(), handlers, pace, 10).await.unwrap();

        let due: Vec<Utc> = store.work().await.into_iter().map(|work| work.due_at.unwrap()).collect();
        let pauses: Vec<_> = due.windows(2).map(|pair| (*pair[1] - *pair[0]).whole_milliseconds()).collect();
        assert_eq!((requeued.work, pauses), (3, vec![1_000, 1_000]));
        assert!(due[0] > Utc::now().before(LEASE) && due[0] < Utc::now().after(LEASE), "{due:?}");
    }
}
