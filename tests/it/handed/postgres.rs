use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{Postgres, State};

use super::{BAD, GOOD, HandlerFn, Host, dropped_half_way, first_attempt, in_transaction, panics_within};

async fn run(tx: &mut AsyncPgConnection, sql: &str) -> diesel::QueryResult<()> {
    diesel::sql_query(sql).execute(tx).await.map(drop)
}

// Shows M03.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_database_that_is_swallowed_is_a_failed_attempt() {
    let host = Host::<Postgres>::start(first_attempt!(|tx| {
        run(tx, BAD).await?;
        let _ = run(tx, "SELECT 1 / 0").await;
        Ok(())
    }));

    host.await.assert_fails_once("over an error that the handler passed by").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_a_constraint_refuses_is_a_failed_attempt_and_says_why() {
    let mut store = crate::harness::Store::<Postgres>::open().await;
    store.run("CREATE TABLE effects (effect TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED)").await;
    let host = Host::on(
        store,
        first_attempt!(|tx| {
            run(tx, BAD).await?;
            run(tx, BAD).await?;
            Ok(())
        }),
    );

    host.await.assert_fails_once("duplicate key value").await;
}

/// Behind a proxy, where another transaction meets another session, the server cannot be told.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_rollback_of_the_handlers_own_is_refused_in_a_session_by_itself() {
    let host = Host::<Postgres>::start(first_attempt!(|tx| {
        run(tx, BAD).await?;
        tx.batch_execute("ROLLBACK").await?;
        assert!(run(tx, BAD).await.is_err(), "it would be committed by itself");
        tx.batch_execute("BEGIN").await?;
        assert!(run(tx, BAD).await.is_err(), "it would be committed by hand");
        tx.batch_execute("ROLLBACK").await?;
        Ok(())
    }));

    host.await.assert_fails_once("ended within the handler").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_rollback_in_one_batch_is_refused_in_a_session_by_itself() {
    let host = Host::<Postgres>::start(first_attempt!(|tx| {
        let _ = tx.batch_execute(&format!("{BAD}; ROLLBACK; {BAD}")).await;
        let _ = tx.batch_execute(&format!("ROLLBACK AND CHAIN; {BAD}")).await;
        Ok(())
    }));

    host.await.assert_fails_once("ended within the handler").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_handler_begins_in_place_of_ours_is_not_committed() {
    let host = Host::<Postgres>::start(first_attempt!(|tx| {
        tx.batch_execute(&format!("ROLLBACK; BEGIN READ WRITE; {BAD}")).await?;
        Ok(())
    }));

    host.await.assert_fails_once("ended within the handler").await;
}

/// Effect and mark are committed; what comes after them cannot be.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_the_handlers_own_is_the_end_of_its_effects() {
    let acts: [HandlerFn<Postgres>; 3] = [
        in_transaction!(|tx| {
            run(tx, GOOD).await?;
            tx.batch_execute("COMMIT").await?;
            let _ = run(tx, BAD).await;
            let _ = tx.batch_execute(&format!("BEGIN; {BAD}")).await;
            Ok(())
        }),
        in_transaction!(|tx| {
            run(tx, GOOD).await?;
            tx.batch_execute(&format!("COMMIT AND CHAIN; {BAD}")).await?;
            Ok(())
        }),
        in_transaction!(|tx| {
            run(tx, GOOD).await?;
            tx.batch_execute("COMMIT").await?;
            Err("no printer".into())
        }),
    ];
    for act in acts {
        Host::start(act).await.assert_done_at_once().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_of_the_handlers_own_changes_nothing() {
    let host = Host::<Postgres>::start(in_transaction!(|tx| {
        tx.batch_execute("BEGIN").await?;
        run(tx, GOOD).await?;
        Ok(())
    }));

    host.await.assert_done_at_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_within_the_handlers_that_is_dropped_half_way_is_a_failed_attempt() {
    let host = Host::<Postgres>::start(dropped_half_way!());

    host.await.assert_fails_once("dropped half-way").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_transaction_within_the_handlers_leaves_no_transaction_open() {
    let mut host = Host::<Postgres>::start(panics_within!()).await;
    host.post("r").await;
    let failed = host.first_end().await;

    // The server takes a moment to see that the connection was closed.
    let open = "SELECT count(*)::text AS value FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND application_name = 'mojito'";
    let began = std::time::Instant::now();
    while host.store.texts(open).await != ["0"] {
        assert!(began.elapsed() < Duration::from_secs(5), "a transaction is open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    host.completed().await;

    assert_eq!((failed.state, failed.last_error.as_deref()), (State::Retryable, Some("the handler panicked: no ink")));
    assert_eq!(host.effects().await, ["good"]);
    host.client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_dropped_half_way_is_part_of_the_transaction() {
    let host = Host::<Postgres>::start(in_transaction!(|tx| {
        let slow = run(tx, "INSERT INTO effects SELECT 'good' FROM pg_sleep(0.3)");
        let _ = tokio::time::timeout(Duration::from_millis(50), slow).await;
        Ok(())
    }));

    host.await.assert_done_at_once().await;
}

// Shows M05.
/// A host's own listener stands where the watchdog once was.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_set_its_own_instrumentation() {
    let host = Host::<Postgres>::start(in_transaction!(|tx| {
        tx.set_instrumentation(|_: diesel::connection::InstrumentationEvent<'_>| {});
        // Longer than a watchdog that takes the connection for gone would let it live.
        run(tx, "SELECT pg_sleep(2.5)").await?;
        run(tx, GOOD).await?;
        Ok(())
    }));

    host.await.assert_done_at_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ok_without_the_transaction_that_was_asked_for_in_vain_is_a_failed_attempt() {
    let mut host = Host::<Postgres>::start(|cx, _| {
        Box::pin(async move {
            if let Ok(tx) = cx.transaction().await {
                run(tx, GOOD).await?;
            }
            Ok(())
        })
    })
    .await;
    // The fence cannot be passed: its table refuses.
    host.store
        .run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.state = 'completed' THEN RAISE 'not now'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON mojito_work FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    host.post("r").await;
    let failed = host.first_end().await;
    host.store.run("DROP TRIGGER refuse ON mojito_work").await;
    host.completed().await;

    let error = failed.last_error.unwrap_or_default();
    assert!(error.contains("could not be opened"), "{:?}: {error}", failed.state);
    assert_eq!(host.effects().await, ["good"]);
    host.client.terminate().await;
}
