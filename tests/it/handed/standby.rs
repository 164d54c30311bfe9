//! Servers and databases that take no writes.

use diesel_async::RunQueryDsl;
use mojito_schema::{Postgres, State};
use tokio::sync::Notify;

use super::{Host, client, in_transaction, post};
use crate::harness::{PostgresDatabase, PrivateServer, Store, eventually};

// Shows M24.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_read_only_by_default_takes_the_effects_of_handlers() {
    let mut store = Store::<Postgres>::open_empty().await;
    store.run("CREATE TABLE effects (effect TEXT)").await;
    let name = store.texts("SELECT current_database()::text AS value").await.remove(0);
    store.run(&format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on")).await;
    let host = Host::on(
        store,
        in_transaction!(|tx| {
            diesel::sql_query("INSERT INTO effects VALUES ('good')").execute(tx).await?;
            Ok(())
        }),
    );

    let mut host = host.await;
    host.post("r").await;
    let work = host.first_end().await;

    assert_eq!((work.state, work.attempt, work.last_error), (State::Completed, 1, None));
    assert_eq!(host.effects().await, ["good"]);
    host.client.terminate().await;
}

/// Lets the handler go on.
static GATE: Notify = Notify::const_new();

/// A server that has become a standby under a handler: it is none any more after a promotion.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_a_standby_for_a_while_charges_no_attempt() {
    let mut server = PrivateServer::start().await;
    let database = PostgresDatabase::on(&server).await;
    let client = client::<Postgres>(&server.url(server.address(), "postgres"), |cx, _| {
        Box::pin(async move {
            GATE.notified().await;
            let tx = cx.transaction().await?;
            diesel::sql_query("INSERT INTO effects (attempt) VALUES (1)").execute(tx).await?;
            Ok(())
        })
    })
    .await;
    post(&client, "r").await;
    database.wait_until("it runs", "SELECT count(*) FROM mojito_work WHERE state = 'running'", 1).await;

    server.restart_as_standby().await;
    GATE.notify_one();
    // The `BEGIN` of others says more.
    eventually("a transaction is asked for", || server.log().contains("STATEMENT:  BEGIN READ WRITE")).await;
    database.run("SELECT pg_promote()").await;
    GATE.notify_one();
    database.wait_until("it is done", "SELECT count(*) FROM mojito_work WHERE state = 'completed'", 1).await;

    let work = database.work().await.remove(0);
    assert_eq!((work.attempt, work.last_error), (1, None), "no attempt was charged");
    assert_eq!(database.number("SELECT count(*) FROM effects").await, 1);
    client.terminate().await;
}
