//! Several processes have several clocks: on Postgres the database's own judges.

use std::time::Duration;

use mojito_schema::{Backend, ClaimRequest, Postgres, Settlement, Utc};

use super::{LEASE, claim_one, only_work, record, result};
use crate::harness::Store;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_clock_is_wrong_neither_claims_nor_retries_nor_rescues_at_the_wrong_time() {
    for wrong in [Utc::now().before(Duration::from_secs(7200)), Utc::now().after(Duration::from_secs(7200))] {
        let mut store = Store::<Postgres>::open().await;
        record(&mut store, vec![result("r", "a")]).await;

        let claims =
            Postgres::claim(&mut store.connection, ClaimRequest::new("Desk", 1, LEASE), wrong).await.unwrap().claims;
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
