//! A handler may take its time in its transaction. Until that ends, Postgres keeps the row of its work locked.

use std::time::{Duration, Instant};

use mojito_schema::{ClaimRequest, Postgres, Rescue, State, Timestamp, WorkQueue};

use super::{only_work, record, result};
use crate::harness::Store;

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_outlives_its_lease_and_holds_up_no_keeper() {
    let mut store = Store::<Postgres>::open().await;
    record(&mut store, vec![result("r", "a")]).await;
    let lease = Duration::from_millis(1);
    let claims = Postgres::claim(&mut store.connection, ClaimRequest::new("Desk", 1, lease), Timestamp::now())
        .await
        .unwrap()
        .claims;
    let ticket = claims[0].ticket.clone();
    assert!(
        Postgres::begin(&mut store.connection, ticket.clone(), Duration::from_secs(60), Timestamp::now())
            .await
            .unwrap()
    );
    let (mut own, mut other) = (store.another().await, store.another().await);

    let began = Instant::now();
    let of_its_own = Postgres::renew_and_rescue(&mut own, vec![ticket.clone()], lease, Timestamp::now()).await.unwrap();
    let of_another = Postgres::renew_and_rescue(&mut other, Vec::new(), lease, Timestamp::now()).await.unwrap();
    let waited = began.elapsed();
    Postgres::commit(&mut store.connection, Some(ticket.line())).await.unwrap();

    assert_eq!((of_its_own, of_another), (Rescue::default(), Rescue::default()));
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    assert_eq!(only_work(&mut store).await.state, State::Completed);
}
