use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{Backend, Sqlite, State};

use super::{BAD, GOOD, HandlerFn, Host, dropped_half_way, first_attempt, in_transaction, panics_within};
use crate::harness::Store;

async fn run(tx: &mut <Sqlite as Backend>::Connection, sql: &str) -> diesel::QueryResult<()> {
    diesel::sql_query(sql).execute(tx).await.map(drop)
}

/// A host with a table that rolls back what it does not take, in each way that SQLite knows.
async fn rolling_back(act: HandlerFn<Sqlite>) -> Host<Sqlite> {
    let mut store = Store::<Sqlite>::open_empty().await;
    store
        .run(
            "CREATE TABLE effects (effect TEXT);
            CREATE TABLE picky (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK);
            INSERT INTO picky VALUES (1);
            CREATE TRIGGER refuse BEFORE INSERT ON picky WHEN NEW.id = 2 BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
        )
        .await;
    Host::on(store, act).await
}

/// Everything that a handler might do next, by whatever way.
async fn go_on(tx: &mut <Sqlite as Backend>::Connection) {
    assert!(run(tx, BAD).await.is_err(), "it would be committed by itself");
    assert!(tx.batch_execute(BAD).await.is_err());
    let within = tx.transaction(async |tx| run(tx, BAD).await);
    assert!(within.await.is_err());
    assert!(tx.spawn_blocking(|c| c.batch_execute(BAD)).await.is_err());
}

// Shows M04.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_automatic_rollback_is_refused_and_the_attempt_fails() {
    let acts: [HandlerFn<Sqlite>; 5] = [
        first_attempt!(|tx| {
            run(tx, BAD).await?;
            assert!(run(tx, "INSERT INTO picky VALUES (1)").await.is_err());
            go_on(tx).await;
            Ok(())
        }),
        first_attempt!(|tx| {
            run(tx, BAD).await?;
            assert!(tx.batch_execute(&format!("INSERT OR ROLLBACK INTO picky VALUES (1); {BAD}")).await.is_err());
            go_on(tx).await;
            Ok(())
        }),
        first_attempt!(|tx| {
            run(tx, BAD).await?;
            // Within a savepoint of Diesel's.
            let within = tx.transaction(async |tx| run(tx, "INSERT INTO picky VALUES (2)").await);
            assert!(within.await.is_err());
            go_on(tx).await;
            Ok(())
        }),
        first_attempt!(|tx| {
            run(tx, BAD).await?;
            // The error comes with a row.
            let returning = diesel::sql_query("INSERT INTO picky VALUES (1) RETURNING id");
            assert!(returning.load::<Id>(tx).await.is_err());
            go_on(tx).await;
            Ok(())
        }),
        first_attempt!(|tx| {
            run(tx, BAD).await?;
            // And nothing more.
            let _ = run(tx, "INSERT INTO picky VALUES (1)").await;
            Ok(())
        }),
    ];
    for act in acts {
        rolling_back(act).await.assert_fails_once("over an error that the handler passed by").await;
    }
}

#[derive(diesel::QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    #[expect(dead_code, reason = "no row ever comes")]
    id: i32,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_nothing_but_the_attempt() {
    let host = rolling_back(first_attempt!(|tx| {
        run(tx, BAD).await?;
        // The file may not grow: SQLite takes that for a full disk.
        tx.batch_execute("PRAGMA max_page_count = 1").await?;
        let much = "INSERT INTO effects SELECT hex(randomblob(100000)) FROM effects, effects AS more";
        let full = run(tx, much).await.expect_err("there is no room").to_string();
        assert!(full.contains("full"), "{full}");
        let _ = run(tx, BAD).await;
        Err("the disk was full".into())
    }));

    host.await.assert_fails_once("the disk was full").await;
}

/// A constraint undoes its statement and no more, other than on Postgres.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_rolls_back_its_statement_alone_may_be_passed_by() {
    let host = rolling_back(in_transaction!(|tx| {
        assert!(run(tx, "INSERT OR ABORT INTO picky VALUES (1)").await.is_err());
        run(tx, GOOD).await?;
        Ok(())
    }));

    host.await.assert_done_at_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_us_begins_or_ends_the_transaction() {
    let host = Host::<Sqlite>::start(in_transaction!(|tx| {
        for sql in ["COMMIT", "/* now */ end", "ROLLBACK", "BEGIN", "ROLLBACK; INSERT INTO effects VALUES ('bad')"] {
            let refusals = [
                tx.batch_execute(sql).await,
                run(tx, sql).await,
                tx.spawn_blocking(move |c| c.batch_execute(sql)).await,
            ];
            for refusal in refusals {
                let text = refusal.expect_err(sql).to_string();
                assert!(text.contains("are refused in it"), "{sql}: {text}");
            }
        }
        run(tx, GOOD).await?;
        Ok(())
    }));

    host.await.assert_done_at_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn savepoints_are_what_they_are_elsewhere() {
    let host = Host::<Sqlite>::start(in_transaction!(|tx| {
        let undone = tx.transaction(async |tx| {
            run(tx, BAD).await?;
            Err::<(), _>(diesel::result::Error::RollbackTransaction)
        });
        assert!(undone.await.is_err());
        tx.transaction(async |tx| run(tx, GOOD).await).await?;
        Ok(())
    }));

    host.await.assert_done_at_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_within_the_handlers_that_is_dropped_half_way_is_a_failed_attempt() {
    let host = Host::<Sqlite>::start(dropped_half_way!());

    host.await.assert_fails_once("dropped half-way").await;
}

/// Its connection would lie in the pool with the write lock in hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_transaction_within_the_handlers_gives_back_the_write_lock() {
    let mut host = Host::<Sqlite>::start(panics_within!()).await;
    host.post("r").await;
    let failed = host.first_end().await;
    let began = std::time::Instant::now();
    host.store.run("UPDATE mojito_work SET due_at = due_at").await;
    let waited = began.elapsed();
    host.completed().await;

    assert_eq!((failed.state, failed.last_error.as_deref()), (State::Retryable, Some("the handler panicked: no ink")));
    assert!(waited < Duration::from_secs(2), "the write lock was held for {waited:?}");
    assert_eq!(host.effects().await, ["good"]);
    host.client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_call_of_its_own_is_a_failed_attempt() {
    let host = Host::<Sqlite>::start(first_attempt!(|tx| {
        run(tx, BAD).await?;
        tx.spawn_blocking(|_| -> diesel::QueryResult<()> { panic!("no ink") }).await?;
        Ok(())
    }));

    host.await.assert_fails_once("the handler panicked: no ink").await;
}

/// On such a runtime each call is on another thread, and is waited for where it is dropped.
#[tokio::test]
async fn on_a_runtime_of_one_thread_a_statement_may_be_dropped_half_way() {
    let host = Host::<Sqlite>::start(first_attempt!(|tx| {
        let slow = "INSERT INTO effects WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 3000000)
                SELECT 'bad' FROM n WHERE n = 7";
        let _ = tokio::time::timeout(Duration::from_millis(20), run(tx, slow)).await;
        Err("no time".into())
    }));

    host.await.assert_fails_once("no time").await;
}
