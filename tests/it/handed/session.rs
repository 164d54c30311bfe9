//! A handler's settings of a session are gone when the next delivery, a stranger's, meets it.

use std::sync::atomic::{AtomicUsize, Ordering};

use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use mojito_schema::{Postgres, Sqlite};

use super::Host;
use crate::harness::TestBackend;

/// The state of a session. The backend's number shows whether it is the same one.
const SESSION: &str = "INSERT INTO effects SELECT concat_ws(' ', current_setting('role'), current_setting('work_mem'),
    current_setting('TimeZone'), current_setting('tcp_keepalives_idle'), to_regclass('pg_temp.notes')::text,
    (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
    pg_backend_pid())";

/// Two handlers in a row write down the session that they find.
async fn assert_strangers_find_it_as_it_was(mut host: Host<Postgres>) {
    host.post("first").await;
    host.completed().await;
    host.post("stranger").await;
    host.completed().await;

    let sessions = host.effects().await;
    assert_eq!((sessions.len(), &sessions[0]), (2, &sessions[1]), "the same session, as it was");
    host.client.terminate().await;
}

// Shows M28.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_postgres_is_clean_after_each_handler_and_goes_on_to_be_used() {
    let host = Host::<Postgres>::start(|cx, event| {
        let is_stranger = event.payload().id == "stranger";
        Box::pin(async move {
            let tx = cx.transaction().await?;
            diesel::sql_query(SESSION).execute(tx).await?;
            if !is_stranger {
                tx.batch_execute(
                    "SET work_mem = '77MB'; SELECT set_config('TimeZone', 'Asia/Tokyo', false); LISTEN host;
                    CREATE TEMP TABLE notes (note TEXT); SELECT pg_advisory_lock(7);
                    DECLARE rest CURSOR WITH HOLD FOR SELECT 1; SET ROLE pg_monitor",
                )
                .await?;
            }
            Ok(())
        })
    })
    .await;

    assert_strangers_find_it_as_it_was(host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_leaves_no_more_behind_on_postgres() {
    let host = Host::<Postgres>::start(|cx, _| {
        Box::pin(async move {
            let attempt = cx.attempt();
            let tx = cx.transaction().await?;
            diesel::sql_query(SESSION).execute(tx).await?;
            match attempt {
                1 => {
                    tx.batch_execute("SELECT pg_advisory_lock(7); COMMIT; SET work_mem = '77MB'").await?;
                    Err("no printer".into())
                }
                _ => Ok(()),
            }
        })
    })
    .await;

    assert_strangers_find_it_as_it_was(host).await;
}

/// Puts effects in, or nothing, where the session is not as it should be.
const OWN: &str = "INSERT INTO effects SELECT 'clean' WHERE
    NOT EXISTS (SELECT 1 FROM temp.sqlite_schema) AND (SELECT recursive_triggers FROM pragma_recursive_triggers) = 0";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_sqlite_that_a_handler_has_altered_is_closed() {
    let mut host = Host::<Sqlite>::start(|cx, event| {
        let is_stranger = event.payload().id == "stranger";
        Box::pin(async move {
            let tx = cx.transaction().await?;
            diesel::sql_query(OWN).execute(tx).await?;
            if !is_stranger {
                diesel::sql_query("PRAGMA recursive_triggers = ON").execute(tx).await?;
                diesel::sql_query("CREATE TABLE temp.notes (note TEXT)").execute(tx).await?;
                tx.batch_execute("PRAGMA query_only = ON").await?;
            }
            Ok(())
        })
    })
    .await;

    for result in ["first", "stranger"] {
        host.post(result).await;
        host.completed().await;
    }

    assert_eq!(host.effects().await, ["clean", "clean"]);
    host.client.terminate().await;
}

async fn assert_instrumentation_is_gone<B: TestBackend>(act: super::HandlerFn<B>) {
    let mut host = Host::<B>::start(act).await;

    for result in ["first", "stranger"] {
        host.post(result).await;
        host.completed().await;
    }

    assert_eq!(host.effects().await, ["first"], "who listened to the first does not hear the second");
    host.client.terminate().await;
}

/// Counts what it hears.
macro_rules! listens_to_the_first {
    () => {
        |cx, event| {
            static HEARD: AtomicUsize = AtomicUsize::new(0);
            let is_first = event.payload().id == "first";
            Box::pin(async move {
                let tx = cx.transaction().await?;
                let before = HEARD.fetch_add(0, Ordering::SeqCst);
                if is_first {
                    tx.set_instrumentation(|_: diesel::connection::InstrumentationEvent<'_>| {
                        HEARD.fetch_add(1, Ordering::SeqCst);
                    });
                }
                diesel::sql_query("SELECT 1").execute(tx).await?;
                if HEARD.fetch_add(0, Ordering::SeqCst) > before {
                    let who = if is_first { "first" } else { "second" };
                    diesel::sql_query(format!("INSERT INTO effects VALUES ('{who}')")).execute(tx).await?;
                }
                Ok(())
            })
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn instrumentation_of_a_handler_goes_with_it() {
    assert_instrumentation_is_gone::<Postgres>(listens_to_the_first!()).await;
    assert_instrumentation_is_gone::<Sqlite>(listens_to_the_first!()).await;
}
