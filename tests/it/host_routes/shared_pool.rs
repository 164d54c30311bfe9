use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use mojito_schema::{ResultRow, results};
use rocket::{State, get, routes};
use rocket_db_pools::{Connection, Database as _};
use rocket_mojito::pool::SqlitePool;
use rocket_mojito::{Context, Event, HandlerResult, Inbox, MojitoFairing, MojitoHandler, Sqlite};
use serde_json::{Value, json};
use tokio::sync::{Barrier, mpsc};

use crate::harness::{Body, Database, Host, HostBuilder, in_time, request};

#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(SqlitePool);

diesel::table! {
    letters (id) {
        id -> Integer,
        result_id -> Text,
    }
}

/// Writes a letter in the host's own table, and tells that it has.
struct Desk(mpsc::UnboundedSender<String>);

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Desk {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        let tx = cx.transaction().await?;
        let id = event.payload().id.clone();
        diesel::insert_into(letters::table).values(letters::result_id.eq(&id)).execute(tx).await?;
        self.0.send(id)?;
        Ok(())
    }
}

/// Opens its transaction when four attempts have come to where they would.
struct Together(Barrier, Desk);

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Together {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        self.0.wait().await;
        self.1.interview_result(event, cx).await
    }
}

#[get("/results/<id>")]
async fn one(mut db: Connection<HostDb>, id: &str) -> Option<String> {
    let query = results::table.find(("default", id)).select(ResultRow::as_select());
    let row: ResultRow = query.first(&mut **db).await.ok()?;
    let snapshot = &row.snapshot;
    Some(json!([row.version, snapshot.score, snapshot.candidate_name, snapshot.recruiter_go_next_round]).to_string())
}

#[get("/good")]
async fn good(mut db: Connection<HostDb>) -> String {
    let names: Vec<Option<String>> = results::table
        .filter(results::score.gt(4.0))
        .order(results::score.desc())
        .select(results::candidate_name)
        .load(&mut **db)
        .await
        .unwrap();
    json!(names).to_string()
}

#[get("/pool")]
fn pool(db: &State<HostDb>) -> String {
    json!(format!("{:?}", &***db)).to_string()
}

#[get("/backlog")]
async fn backlog(inbox: Inbox) -> String {
    json!(inbox.backlog().await.unwrap()).to_string()
}

/// A host whose database is the plugin's too; `databases.mojito` is not configured.
fn builder(database: &Arc<Database>) -> HostBuilder {
    let path = database.path();
    Host::builder()
        .without_database()
        .database(database)
        .merge(("databases.hiring.url", path.to_str().unwrap()))
        .rocket_before(|rocket| rocket.attach(HostDb::init()))
        .fairing(MojitoFairing::database::<HostDb>)
        .rocket(|rocket| rocket.mount("/", routes![one, good, pool, backlog]))
}

async fn get(host: &Host, path: &str) -> Value {
    let answer = host.send(&request("GET", path, &[], b"")).await;
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_reads_results_through_its_own_pool() {
    let host = builder(&Arc::new(Database::new())).start().await;
    host.post("interview_result", &Body::result("r-1").bytes()).await;
    let changed = Body::result("r-1").with("recruiter_go_next_round", true).with("score", 4.212);
    host.post("interview_result", &changed.bytes()).await;
    host.post("interview_result", &Body::result("r-2").with("score", 5).with("candidate_name", "Ü").bytes()).await;
    host.post("interview_result", &Body::result("r-3").with("score", 1).bytes()).await;

    let one = get(&host, "/results/r-1").await;
    let good = get(&host, "/good").await;

    assert_eq!(one, json!([2, 4.212, "Test Person", true]));
    assert_eq!(good, json!(["Ü", "Test Person"]));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_writes_to_the_hosts_tables_in_the_hosts_database() {
    let (sender, mut handled) = mpsc::unbounded_channel();
    let database = Arc::new(Database::new());
    database.run("CREATE TABLE letters (id INTEGER PRIMARY KEY, result_id TEXT NOT NULL)");
    let host = builder(&database).handler(Desk(sender)).start().await;

    host.post("interview_result", &Body::result("r-1").bytes()).await;
    let id = in_time(handled.recv()).await.unwrap();

    assert_eq!(id, "r-1");
    host.stop().await;
    assert_eq!(database.texts("SELECT result_id AS value FROM letters"), ["r-1"]);
    assert_eq!(database.work()[0].state.as_str(), "completed");
}

/// Each connection of SQLite forgets what it has read when another one has written.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_write_at_the_same_time_take_turns_on_one_connection() {
    let (sender, mut handled) = mpsc::unbounded_channel();
    let database = Arc::new(Database::new());
    database.run("CREATE TABLE letters (id INTEGER PRIMARY KEY, result_id TEXT NOT NULL)");
    let host = builder(&database).handler(Together(Barrier::new(4), Desk(sender))).start().await;

    for number in 0..8 {
        host.post("interview_result", &Body::result(&format!("r-{number}")).bytes()).await;
    }
    for _ in 0..8 {
        in_time(handled.recv()).await.unwrap();
    }
    let pool = get(&host, "/pool").await.to_string();

    assert!(pool.contains(", size: 1,"), "{pool}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_tells_what_is_waiting_and_quarantined() {
    let host = builder(&Arc::new(Database::new())).start().await;
    host.post("interview_result", b"?").await;
    host.post("interview_result", b"??").await;
    host.post("interview_result", &Body::result("r-1").bytes()).await;

    let backlog = get(&host, "/backlog").await;

    let none = json!({ "waiting": 0, "overdue": 0, "unattached": 0, "running": 0, "discarded": 0, "quarantined": 2 });
    assert_eq!(backlog, none);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_and_the_plugin_stop_together() {
    let (sender, _handled) = mpsc::unbounded_channel();
    let database = Arc::new(Database::new());
    let host = builder(&database).handler(Desk(sender)).start().await;
    let bodies: Vec<Vec<u8>> = (0..20).map(|number| Body::result(&format!("r-{number}")).bytes()).collect();
    for body in &bodies {
        assert_eq!(host.post("interview_result", body).await.status, 200);
    }

    in_time(host.stop()).await;

    assert_eq!(database.deliveries().len(), bodies.len());
    assert!(database.work().iter().all(|row| row.state.as_str() != "running"), "nothing is left half-done");
}
