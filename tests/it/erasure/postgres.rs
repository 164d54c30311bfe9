use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use mojito_schema::{Backend, Open, Opening, Postgres, Undone};
use rocket_mojito::{Erased, KeptBecause, MojitoFairing, Person};
use tokio::task::JoinHandle;

use super::{ErasureFixture, anna};
use crate::harness::{Body, PrivateServer, ScratchDatabase, TestBackend, TestServer, config, until};

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
    let mut quiet = QuietServer::start().await;
    let mut reader = quiet.session().await;
    reader.batch_execute(LOOK).await.unwrap();

    let erased = quiet.host.inbox.erase(somebody(), anna()).await.unwrap();
    let is_left = quiet.has_dead_rows().await;
    reader.batch_execute("COMMIT").await.unwrap();
    let again = quiet.host.inbox.erase(somebody(), anna()).await.unwrap();

    assert_eq!((erased.results, erased.undone, is_left), (1, vec![Undone::Reader], true));
    assert_eq!((again.undone, quiet.has_dead_rows().await), (vec![], false));
    quiet.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_dead_row_of_an_erased_person_is_left_in_the_tables() {
    let mut quiet = QuietServer::start().await;
    let before = quiet.has_dead_rows().await;

    let erased = quiet.host.inbox.erase(somebody(), anna()).await.unwrap();

    assert!(before, "each version has replaced a state");
    assert_eq!((erased.undone, quiet.has_dead_rows().await), (vec![], false));
    quiet.host.stop().await;
}

// Shows M40.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_somebody_reads_is_vacuumed_once_he_has_ended() {
    let mut quiet = QuietServer::start().await;
    let (erasing, mut reader) = erase_beside_a_reader(&mut quiet).await;

    quiet
        .wait_for(
            "SELECT every(vacuum_count > 0)::text AS value FROM pg_stat_user_tables
             WHERE relname IN ('mojito_deliveries', 'mojito_results', 'mojito_work', 'mojito_attempts')",
        )
        .await;
    let is_passed_by = quiet.has_dead_rows().await;
    reader.batch_execute("COMMIT").await.unwrap();
    let erased = erasing.await.unwrap();

    assert!(is_passed_by, "the page is read");
    assert_eq!((erased.undone, quiet.has_dead_rows().await), (vec![], false));
    quiet.host.stop().await;
}

// Shows M40.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_somebody_goes_on_reading_stands_in_the_receipt() {
    let mut quiet = QuietServer::start().await;
    let (erasing, mut reader) = erase_beside_a_reader(&mut quiet).await;

    let erased = erasing.await.unwrap();
    let is_left = quiet.has_dead_rows().await;
    reader.batch_execute("COMMIT").await.unwrap();
    let again = quiet.host.inbox.erase(somebody(), anna()).await.unwrap();

    assert_eq!((erased.undone, is_left), (vec![Undone::Reader], true));
    assert_eq!((again.undone, quiet.has_dead_rows().await), (vec![], false));
    quiet.host.stop().await;
}

/// Erases somebody. Before VACUUM begins, a reader stops in the middle of a page, in a transaction that sees nothing of
/// the person any more. VACUUM passes by such a page without a word.
async fn erase_beside_a_reader(quiet: &mut QuietServer) -> (JoinHandle<Erased>, AsyncPgConnection) {
    let (mut older, mut reader) = (quiet.session().await, quiet.session().await);
    older.batch_execute(LOOK).await.unwrap();

    let inbox = quiet.host.inbox.clone();
    let erasing = tokio::spawn(async move { inbox.erase(somebody(), anna()).await.unwrap() });
    // It waits for the older reader.
    quiet
        .wait_for(
            "SELECT (count(*) > 0)::text AS value FROM pg_stat_activity
             WHERE query LIKE '%pg_replication_slots%' AND pid <> pg_backend_pid()",
        )
        .await;
    let stop = "BEGIN; DECLARE c CURSOR FOR SELECT * FROM mojito_deliveries; FETCH 1 FROM c";
    reader.batch_execute(stop).await.unwrap();
    older.batch_execute("COMMIT").await.unwrap();
    (erasing, reader)
}

/// Opens a transaction that goes on seeing what is there now.
const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM mojito_deliveries";

fn somebody() -> Person {
    Person::ResultId("r".to_owned())
}

/// A host with twenty versions of somebody's result, on a server of its own. Elsewhere a snapshot is as old as the
/// oldest transaction of any database.
struct QuietServer {
    host: TestServer,
    outside: <Postgres as Backend>::Connection,
    url: String,
    _server: PrivateServer,
}

impl QuietServer {
    async fn start() -> Self {
        let server = PrivateServer::start().await;
        let url = server.url(server.address(), "postgres");
        let host = TestServer::on(&url, MojitoFairing::<Postgres>::new(config())).await;
        for score in 0..20 {
            host.post(Body::result("r").with("score", score).bytes()).await;
        }
        let mut outside = Postgres::open(&url, Open::Existing).await.unwrap();
        Postgres::execute(&mut outside, "CREATE EXTENSION pgstattuple").await;
        Self { host, outside, url, _server: server }
    }

    /// A session of somebody else.
    async fn session(&self) -> AsyncPgConnection {
        session(&self.url).await
    }

    /// Whether the files of the tables hold rows that nobody sees any more.
    async fn has_dead_rows(&mut self) -> bool {
        let dead = "SELECT sum((pgstattuple(name)).dead_tuple_count)::text AS value
            FROM unnest(ARRAY['mojito_deliveries', 'mojito_results', 'mojito_work', 'mojito_attempts']) AS name";
        Postgres::texts(&mut self.outside, dead).await != ["0"]
    }

    /// Waits until a query answers that it is so.
    async fn wait_for(&mut self, query: &str) {
        until(query, async || match Postgres::texts(&mut self.outside, query).await {
            answer if answer == ["true"] => Ok(()),
            answer => Err(answer),
        })
        .await;
    }
}

async fn session(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url.split('?').next().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_somebody_holds_is_kept_and_no_other_is() {
    let mut fixture = ErasureFixture::<Postgres>::open(|fairing| fairing).await;
    for result in ["held", "r"] {
        fixture.post(Body::result(result).with("candidate_email", "ann@example.com").bytes()).await;
    }
    let mut holder = session(fixture.store.url()).await;
    holder.batch_execute("BEGIN; SELECT 1 FROM mojito_results WHERE id = 'held' FOR UPDATE").await.unwrap();

    let erased = fixture.inbox().erase(Person::Email("ann@example.com".to_owned()), anna()).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();

    let kept: Vec<_> = erased.kept.iter().map(|kept| (&*kept.result_id, &kept.handler, kept.cause)).collect();
    assert_eq!(kept, [("held", &None, KeptBecause::Locked)]);
    assert_eq!((erased.results, fixture.with_body().await.len()), (1, 1));
    fixture.server.stop().await;
}
