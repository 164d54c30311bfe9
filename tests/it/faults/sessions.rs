//! Connections that the server closes, or has too few of, and a store that says truly whether it takes deliveries.

use std::time::Duration;

use super::cluster::{addresses, host, post, settled, start};
use crate::harness::{Body, Ledger, PostgresDatabase, Process, ProcessBuilder, TestDatabase, post_at_once, rounds};

/// A role that is no superuser, for whom every limit of the server holds.
struct Role {
    name: String,
    url: String,
}

impl Role {
    async fn on(database: &PostgresDatabase, options: &str) -> Self {
        let name = format!("{}_host", database.texts("SELECT current_database() AS value").await.remove(0));
        database.run(&format!("CREATE ROLE {name} LOGIN {options}")).await;
        let url = database.url().replacen("//mojito@", &format!("//{name}@"), 1);
        Self { name, url }
    }

    async fn drop(self, database: &PostgresDatabase) {
        let name = self.name;
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'");
        database
            .run(&format!("ALTER ROLE {name} NOLOGIN; {end}; REASSIGN OWNED BY {name} TO mojito; DROP OWNED BY {name}"))
            .await;
        database.run(&format!("DROP ROLE {name}")).await;
    }
}

async fn refuses(host: &mut Process, id: &str) {
    let answer = host.post("interview_result", &Body::result(id).bytes()).await.unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
}

async fn takes(host: &mut Process, id: &str) {
    let answer = host.post("interview_result", &Body::result(id).bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}\n{}", host.log());
}

fn quiet(database: &PostgresDatabase) -> ProcessBuilder {
    // No lease matters here, for no matter what reason its sessions end.
    host(database).handlers("effects:plain").setting("lease", 30)
}

// Shows M23.
#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_is_risked_on_a_session_that_the_server_has_ended() {
    let database = PostgresDatabase::shared().await;
    let mut hosts = start(&quiet(&database), 1).await;
    let address = addresses(&mut hosts).await[0];
    let ledger = Ledger::default();

    for round in 0..rounds(25, 250) {
        // Whether the process has heard of it already is left to chance.
        let ended = database
            .number(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'mojito' AND state = 'idle'",
            )
            .await;
        let outcome = post(address, &ledger, &format!("r-{round}"), "a").await;
        assert!(outcome.is_acknowledged(), "{ended} sessions ended: {outcome:?}\n{}", hosts[0].log());
    }

    settled(&database, &ledger, &["effects"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_for_resting_is_opened_again_before_a_delivery_needs_it() {
    let database = PostgresDatabase::shared().await;
    let name = database.texts("SELECT current_database() AS value").await.remove(0);
    database.run(&format!("ALTER DATABASE {name} SET idle_session_timeout = '300ms'")).await;
    let mut hosts = start(&quiet(&database), 1).await;
    let address = addresses(&mut hosts).await[0];
    let ledger = Ledger::default();

    for round in 0..rounds(5, 50) {
        let outcome = post(address, &ledger, &format!("r-{round}"), "a").await;
        assert!(outcome.is_acknowledged(), "{outcome:?}\n{}", hosts[0].log());
        // Longer than any session that rests is left alone.
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

// Shows M27.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_gets_few_connections_records_on_those_that_it_has() {
    let database = PostgresDatabase::shared().await;
    let role = Role::on(&database, "CONNECTION LIMIT 5").await;
    database
        .run(&format!(
            "GRANT ALL ON SCHEMA public TO {0}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {0};
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {0}",
            role.name
        ))
        .await;
    let few = quiet(&database).url(&role.url).setting("max_attempts", 3).setting("handler_concurrency", 8);
    let mut hosts = start(&few, 1).await;
    let address = addresses(&mut hosts).await[0];

    let (mut posted, mut refused) = (0, 0);
    for round in 0..rounds(20, 200) {
        let bodies = (0..40).map(|number| Body::result(&format!("r-{round}-{number}")).bytes()).collect();
        let answers = post_at_once(&[address], bodies).await;
        posted += answers.len();
        refused += answers.iter().filter(|outcome| !outcome.is_acknowledged()).count();
    }
    database.drained().await;

    assert_eq!(refused, 0, "of {posted}\n{}", hosts[0].log());
    let charged = database.number("SELECT count(*) FROM mojito_work WHERE attempt <> 1 OR state <> 'completed'").await;
    assert_eq!(charged, 0, "attempts that found no connection do not count");
    drop(hosts);
    role.drop(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_count_is_said_to_take_nothing() {
    let database = PostgresDatabase::shared().await;
    drop(start(&quiet(&database), 1).await);
    let role = Role::on(&database, "").await;
    database.run(&format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}", role.name)).await;
    let mut host = quiet(&database).url(&role.url).start().await;

    refuses(&mut host, "r-1").await;
    host.falls_ill().await;
    database.run(&format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}", role.name)).await;
    let is_well = host.is_well().await;

    assert!(is_well, "it says so before anybody sends a delivery");
    takes(&mut host, "r-1").await;
    drop(host);
    role.drop(&database).await;
}

// Shows M22.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_refuses_every_delivery_counts_and_what_refuses_one_does_not() {
    let database = PostgresDatabase::shared().await;
    let mut host = quiet(&database).setting("ack_deadline", 2).start().await;
    takes(&mut host, "r-0").await;
    let refusals = [
        (
            "ALTER TABLE mojito_deliveries ADD CONSTRAINT host_no CHECK (endpoint <> 'default') NOT VALID",
            "ALTER TABLE mojito_deliveries DROP CONSTRAINT host_no",
        ),
        (
            "ALTER TABLE mojito_results ADD CONSTRAINT host_no CHECK (version > 100) NOT VALID",
            "ALTER TABLE mojito_results DROP CONSTRAINT host_no",
        ),
        (
            "CREATE TABLE desks (id TEXT PRIMARY KEY); ALTER TABLE mojito_deliveries ADD CONSTRAINT host_desk
            FOREIGN KEY (secret_id) REFERENCES desks DEFERRABLE INITIALLY DEFERRED NOT VALID",
            "ALTER TABLE mojito_deliveries DROP CONSTRAINT host_desk",
        ),
        ("ALTER TABLE mojito_results RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO mojito_results"),
    ];

    for (number, (refusal, remedy)) in refusals.into_iter().enumerate() {
        database.run(refusal).await;
        refuses(&mut host, &format!("r-{number}-a")).await;
        assert!(!host.is_well().await, "it takes nothing: {refusal}");
        database.run(remedy).await;
        assert!(host.is_well().await, "it takes deliveries again: {remedy}");
    }
    database.run("ALTER TABLE mojito_deliveries ADD CONSTRAINT host_one CHECK (result_id <> 'bad') NOT VALID").await;
    refuses(&mut host, "bad").await;

    assert!(host.is_well().await, "one delivery was to blame itself");
    takes(&mut host, "good").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_keeps_locked_counts() {
    let database = PostgresDatabase::shared().await;
    let mut host = quiet(&database).setting("ack_deadline", 1).start().await;
    takes(&mut host, "r-0").await;
    let mut session = database.connect().await;
    diesel_async::SimpleAsyncConnection::batch_execute(
        &mut session,
        "BEGIN; LOCK TABLE mojito_deliveries IN EXCLUSIVE MODE",
    )
    .await
    .unwrap();

    refuses(&mut host, "r-1").await;
    host.falls_ill().await;
    drop(session);

    takes(&mut host, "r-2").await;
    assert!(host.is_well().await);
}
