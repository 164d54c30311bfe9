use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use mojito_schema::{Open, Opening, Postgres, Undone};
use rocket_mojito::{KeptBecause, MojitoFairing, Person};

use super::{ErasureFixture, anna};
use crate::harness::{Body, ScratchDatabase, Store, TestServer, config};

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_vacuum_the_tables_says_so_in_the_receipt() {
    let database = ScratchDatabase::new().await;
    let (url, role) = (database.direct_url(), format!("app_{:016x}", fastrand::u64(..)));
    let mut owner = Postgres::open(&url, Open::Existing).await.unwrap();
    Postgres::migrate(&mut owner).await.unwrap();
    let grants = format!(
        "CREATE ROLE {role} LOGIN;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}"
    );
    owner.batch_execute(&grants).await.unwrap();
    let (_, location) = url.split_once('@').unwrap();
    let fairing = MojitoFairing::<Postgres>::new(config().migrate(false));
    let host = TestServer::on(&format!("postgres://{role}@{location}"), fairing).await;
    assert_eq!(host.post(Body::result("r").bytes()).await.status, 200);

    let erased = host.inbox.erase(Person::ResultId("r".to_owned()), anna()).await.unwrap();
    owner.batch_execute(&format!("GRANT mojito TO {role}")).await.unwrap();
    let again = host.inbox.erase(Person::ResultId("r".to_owned()), anna()).await.unwrap();

    assert_eq!((erased.results, erased.undone), (1, vec![Undone::Vacuum]));
    assert_eq!(again.undone, [], "who may act as the owner may vacuum");
    host.stop().await;
    owner.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_from_before_the_erasure_stands_in_the_receipt() {
    let mut fixture = ErasureFixture::<Postgres>::open(|fairing| fairing).await;
    fixture.post(Body::result("r").bytes()).await;
    let mut reader = AsyncPgConnection::establish(fixture.store.url().split('?').next().unwrap()).await.unwrap();
    let look = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM mojito_deliveries";
    reader.batch_execute(look).await.unwrap();

    let erased = fixture.inbox().erase(Person::ResultId("r".to_owned()), anna()).await.unwrap();
    let is_left = has_dead_rows(&mut fixture.store).await;
    reader.batch_execute("COMMIT").await.unwrap();
    let again = fixture.inbox().erase(Person::ResultId("r".to_owned()), anna()).await.unwrap();

    assert_eq!((erased.results, erased.undone, is_left), (1, vec![Undone::Reader], true));
    assert_eq!((again.undone, has_dead_rows(&mut fixture.store).await), (vec![], false));
    fixture.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_row_of_an_erased_person_is_left_in_the_tables() {
    let mut fixture = ErasureFixture::<Postgres>::open(|fairing| fairing).await;
    for score in 0..20 {
        fixture.post(Body::result("r").with("score", score).bytes()).await;
    }
    let before = has_dead_rows(&mut fixture.store).await;

    fixture.inbox().erase(Person::ResultId("r".to_owned()), anna()).await.unwrap();

    assert!(before, "each version has replaced a state");
    assert!(!has_dead_rows(&mut fixture.store).await);
    fixture.server.stop().await;
}

/// Whether the files of the tables hold rows that nobody sees any more.
async fn has_dead_rows(store: &mut Store<Postgres>) -> bool {
    store.run("CREATE EXTENSION IF NOT EXISTS pgstattuple").await;
    let dead = "SELECT sum((pgstattuple(name)).dead_tuple_count)::text AS value
        FROM unnest(ARRAY['mojito_deliveries', 'mojito_results', 'mojito_work', 'mojito_attempts']) AS name";
    store.texts(dead).await != ["0"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_somebody_holds_is_kept_and_no_other_is() {
    let mut fixture = ErasureFixture::<Postgres>::open(|fairing| fairing).await;
    for result in ["held", "r"] {
        fixture.post(Body::result(result).with("candidate_email", "ann@example.com").bytes()).await;
    }
    let mut holder = AsyncPgConnection::establish(fixture.store.url().split('?').next().unwrap()).await.unwrap();
    holder.batch_execute("BEGIN; SELECT 1 FROM mojito_results WHERE id = 'held' FOR UPDATE").await.unwrap();

    let erased = fixture.inbox().erase(Person::Email("ann@example.com".to_owned()), anna()).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();

    let kept: Vec<_> = erased.kept.iter().map(|kept| (&*kept.result_id, &kept.handler, kept.cause)).collect();
    assert_eq!(kept, [("held", &None, KeptBecause::Locked)]);
    assert_eq!((erased.results, fixture.with_body().await.len()), (1, 1));
    fixture.server.stop().await;
}
