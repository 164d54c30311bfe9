//! A row that somebody else has locked refuses its own deliveries alone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::task::{JoinHandle, JoinSet};

use super::cluster::{addresses, host, start};
use crate::harness::{Body, PostOutcome, PostgresDatabase, Process, TestDatabase, in_time, try_post};

/// How long a delivery is tried here, in seconds.
const ACK_DEADLINE: u64 = 5;

/// How long a delivery may take that has nothing to do with what is locked.
const QUICK: Duration = Duration::from_millis(4_500);

struct LockedRows {
    database: PostgresDatabase,
    host: Process,
    address: SocketAddr,
}

impl LockedRows {
    async fn start(handlers: &str) -> Self {
        let database = PostgresDatabase::shared().await;
        let host =
            host(&database).handlers(handlers).setting("ack_deadline", ACK_DEADLINE).setting("handler_timeout", 60);
        let mut hosts = start(&host.setting("lease", 60), 1).await;
        let address = addresses(&mut hosts).await[0];
        Self { database, host: hosts.remove(0), address }
    }

    async fn post(&self, body: Vec<u8>) -> (PostOutcome, Duration) {
        post(self.address, body).await
    }

    /// Somebody who does this in a transaction, and does not end it.
    async fn session(&self, statements: &str) -> AsyncPgConnection {
        let mut session = self.database.connect().await;
        session.batch_execute(&format!("BEGIN; {statements}")).await.unwrap();
        session
    }

    /// Posts a delivery that has to wait, and meanwhile others, which need not.
    async fn beside(&self, locked: Vec<u8>, rounds: u32) -> JoinHandle<(PostOutcome, Duration)> {
        let waiting = tokio::spawn(post(self.address, locked));
        for round in 0..rounds {
            let mut others = JoinSet::new();
            for number in 0..40 {
                let other = Body::result(&format!("other-{number}")).with("score", round).bytes();
                others.spawn(post(self.address, other));
            }
            for (outcome, took) in others.join_all().await {
                assert!(outcome.is_acknowledged(), "{outcome:?}\n{}", self.host.log());
                assert!(took < QUICK, "another delivery took {took:?}");
            }
        }
        waiting
    }

    /// A delivery is refused while somebody has locked what it needs, at its deadline, and taken when the lock goes.
    async fn refuses_alone(&self, locked: Vec<u8>, mut session: AsyncPgConnection) {
        let (refused, took) = in_time(self.beside(locked.clone(), 3).await).await.unwrap();
        let again = self.beside(locked, 1).await;
        session.batch_execute("COMMIT").await.unwrap();
        let (taken, _) = in_time(again).await.unwrap();

        assert_eq!(refused, PostOutcome::Refused(503));
        let deadline = Duration::from_secs(ACK_DEADLINE);
        assert!(took >= deadline && took < deadline + QUICK, "it was refused after {took:?}");
        assert!(taken.is_acknowledged(), "{taken:?}");
    }
}

async fn post(address: SocketAddr, body: Vec<u8>) -> (PostOutcome, Duration) {
    let began = Instant::now();
    let outcome = PostOutcome::from(try_post(address, "interview_result", &body).await);
    (outcome, began.elapsed())
}

fn body(id: &str, score: u32) -> Vec<u8> {
    Body::result(id).with("score", score).bytes()
}

// Shows M02.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_writes_a_row_with_a_foreign_key_to_its_result_is_in_nobodys_way() {
    let database = PostgresDatabase::shared().await;
    let gate = database.folder().join("gate");
    drop(database);
    let fixture = LockedRows::start(&format!("effects:holding:{}", gate.display())).await;
    std::fs::create_dir_all(gate.parent().unwrap()).unwrap();
    fixture
        .database
        .run(
            "ALTER TABLE effects ADD COLUMN endpoint TEXT COLLATE \"C\" DEFAULT 'default',
                ALTER COLUMN result_id TYPE TEXT COLLATE \"C\",
                ADD FOREIGN KEY (endpoint, result_id) REFERENCES mojito_results (endpoint, id),
                ADD FOREIGN KEY (delivery_id) REFERENCES mojito_deliveries (id)",
        )
        .await;
    assert!(fixture.post(body("held", 0)).await.0.is_acknowledged());
    let holds = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND state = 'idle in transaction'";
    fixture.database.wait_until("a handler holds its row", holds, 1).await;

    let repeat = fixture.beside(body("held", 0), 2).await;
    let next = fixture.beside(body("held", 1), 2).await;

    for waited in [repeat, next] {
        let (outcome, took) = in_time(waited).await.unwrap();
        assert!(outcome.is_acknowledged() && took < QUICK, "{outcome:?} after {took:?}");
    }
    assert_eq!(
        fixture.database.number("SELECT count(*) FROM effects WHERE result_id = 'held'").await,
        0,
        "it holds it still"
    );
    std::fs::write(&gate, "").unwrap();
    std::fs::remove_dir_all(gate.parent().unwrap()).unwrap();
}

// Shows P2, M02.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_locked_is_set_aside() {
    let fixture = LockedRows::start("effects:plain").await;
    fixture.post(body("locked", 0)).await;

    let session = fixture.session("SELECT 1 FROM mojito_results WHERE id = 'locked' FOR UPDATE").await;

    fixture.refuses_alone(body("locked", 1), session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_locked_sets_its_repeats_aside() {
    let fixture = LockedRows::start("effects:plain").await;
    fixture.post(body("locked", 0)).await;

    let session = fixture.session("SELECT 1 FROM mojito_deliveries WHERE result_id = 'locked' FOR UPDATE").await;

    fixture.refuses_alone(body("locked", 0), session).await;
    assert_eq!(
        fixture.database.number("SELECT repeat_count FROM mojito_deliveries WHERE result_id = 'locked'").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_understands_is_set_aside_while_another_records_it() {
    let fixture = LockedRows::start("effects:plain").await;
    fixture.post(b"?".to_vec()).await;
    let number = "('x' || left(encode(fingerprint, 'hex'), 16))::bit(64)::bigint";

    let locked = format!("SELECT pg_advisory_xact_lock({number}) FROM mojito_deliveries WHERE body = '?'");
    let session = fixture.session(&locked).await;

    fixture.refuses_alone(b"?".to_vec(), session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_another_is_about_to_store_is_set_aside() {
    let fixture = LockedRows::start("effects:plain").await;
    fixture.post(body("stored", 0)).await;
    let columns = "event, version, first_delivery_id, delivery_id, first_received_at, updated_at";

    let new = format!(
        "INSERT INTO mojito_results (endpoint, id, {columns})
            SELECT 'default', 'new', {columns} FROM mojito_results WHERE id = 'stored'"
    );
    let session = fixture.session(&new).await;

    fixture.refuses_alone(body("new", 0), session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_of_the_host_waits_for_is_set_aside() {
    let fixture = LockedRows::start("effects:plain").await;
    fixture
        .database
        .run(
            "CREATE TABLE desks (id TEXT PRIMARY KEY, seen BIGINT); INSERT INTO desks VALUES ('locked', 0), ('other', 0);
            CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.result_id = 'locked' THEN UPDATE desks SET seen = seen + 1 WHERE id = NEW.result_id; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER see BEFORE INSERT ON mojito_deliveries FOR EACH ROW EXECUTE FUNCTION see()",
        )
        .await;

    let session = fixture.session("UPDATE desks SET seen = 0 WHERE id = 'locked'").await;

    fixture.refuses_alone(body("locked", 0), session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_is_waited_for_and_then_all_is_taken() {
    let fixture = LockedRows::start("effects:plain").await;
    fixture.post(body("r", 0)).await;
    let mut session = fixture.session("LOCK TABLE mojito_deliveries IN ACCESS EXCLUSIVE MODE").await;
    let mut all = JoinSet::new();
    for number in 0..50 {
        all.spawn(post(fixture.address, body(&format!("r-{number}"), 0)));
    }
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    fixture.database.wait_until("somebody waits for it", waits, 1).await;

    session.batch_execute("COMMIT").await.unwrap();

    for (outcome, _) in all.join_all().await {
        assert!(outcome.is_acknowledged(), "{outcome:?}");
    }
}
