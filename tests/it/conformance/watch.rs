use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{AttemptOutcome, Settlement, Timestamp};

use super::{at, claim_one, handler, received, record, result};
use crate::harness::{Store, TestBackend, on_each_backend, record_all};

on_each_backend!(
    lines_of_a_handler_that_is_not_attached_are_counted_with_a_sample,
    a_line_behind_a_first_that_fails_is_held_up_once_it_has_waited,
    an_endpoint_has_received_what_came_since,
);

const HOUR: Duration = Duration::from_secs(3600);

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn lines_of_a_handler_that_is_not_attached_are_counted_with_a_sample<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let handlers = Arc::new(vec![handler("Desk"), handler("Gone"), handler("Zoo")]);
    let batch = vec![result("a", "1"), result("a", "2"), result("b", "1")];
    let recorded = record_all::<B>(&mut store.connection, batch, handlers).await.unwrap();

    let found = B::unattached(&mut store.connection, names(&["Desk", "Zoo"])).await.unwrap();

    let [gone] = &found[..] else { panic!("{found:?}") };
    assert_eq!((gone.handler.as_str(), gone.count), ("Gone", 2), "one line for each result");
    assert_eq!(gone.delivery_id, recorded[0].delivery_id);
    assert_eq!(B::unattached(&mut store.connection, names(&["Zoo", "Desk", "Gone"])).await.unwrap(), []);
}

async fn a_line_behind_a_first_that_fails_is_held_up_once_it_has_waited<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let old = |text: &str| received(Timestamp::now().before(2 * HOUR), result("a", text));
    let recorded = record(&mut store, vec![old("1")]).await;
    let claim = claim_one(&mut store).await;
    let again = Settlement::Retry { pause: HOUR, error: "no".to_owned(), outcome: AttemptOutcome::Failed };
    B::settle(&mut store.connection, claim.ticket, again, Timestamp::now()).await.unwrap();
    let hour_ago = Timestamp::now().before(HOUR);

    let alone = B::held_up(&mut store.connection, names(&["Desk"]), hour_ago).await.unwrap();
    let fresh = record(&mut store, vec![result("a", "2")]).await;
    let new = B::held_up(&mut store.connection, names(&["Desk"]), hour_ago).await.unwrap();
    let behind = record(&mut store, vec![old("3")]).await;
    let held_up = B::held_up(&mut store.connection, names(&["Desk"]), hour_ago).await.unwrap();

    assert_eq!((alone, new), (Vec::new(), Vec::new()), "{recorded:?} {fresh:?}");
    let [held_up] = &held_up[..] else { panic!("{held_up:?}") };
    assert_eq!((held_up.handler.as_str(), held_up.count), ("Desk", 1));
    assert_eq!(held_up.delivery_id, behind[0].delivery_id);
}

async fn an_endpoint_has_received_what_came_since<B: TestBackend>() {
    let mut store = Store::<B>::open().await;
    let of =
        |endpoint: &str, id: &str, ago: Duration| at(endpoint, received(Timestamp::now().before(ago), result(id, "1")));
    record(&mut store, vec![of("quiet", "a", 3 * HOUR), of("default", "b", HOUR)]).await;
    let mut asked = Vec::new();

    for (endpoint, hours) in [("default", 2), ("quiet", 2), ("quiet", 4), ("new", 1000)] {
        let since = Timestamp::now().before(hours * HOUR);
        asked.push(B::has_received(&mut store.connection, endpoint.to_owned(), since).await.unwrap());
    }

    assert_eq!(asked, [true, false, true, false]);
}
