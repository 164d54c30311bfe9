//! The whole plugin on Postgres: requests, handlers, operators, several processes.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::{AsyncConnection, RunQueryDsl};
use mojito_schema::{Person, State, WorkRow};
use rocket::error::ErrorKind;
use rocket::local::asynchronous::Client;
use rocket_db_pools::Database as _;
use rocket_mojito::pool::PgPool;
use rocket_mojito::{
    Actor, Context, Event, HandlerResult, Inbox, MojitoFairing, MojitoHandler, Postgres, Replay, Selection,
};

use crate::harness::{Body, SECRET, ScratchDatabase, Store, TestBackend, config};

/// A pool of the host's own.
#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(PgPool);

/// Writes an effect in every attempt, and then fails in as many of the first as it is told to.
struct Desk {
    failures: i32,
}

#[rocket::async_trait]
impl MojitoHandler<Postgres> for Desk {
    fn name(&self) -> String {
        "Desk".to_owned()
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Postgres>) -> HandlerResult {
        let attempt = cx.attempt();
        let tx = cx.transaction().await?;
        diesel::sql_query("INSERT INTO effects (result_id, version, attempt) VALUES ($1, $2, $3)")
            .bind::<Text, _>(&event.payload().id)
            .bind::<BigInt, _>(event.version().unwrap_or(0))
            .bind::<Integer, _>(attempt)
            .execute(tx)
            .await?;
        if attempt <= self.failures { Err("no printer".into()) } else { Ok(()) }
    }
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Effect {
    #[diesel(sql_type = Text)]
    result_id: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Integer)]
    attempt: i32,
}

async fn store() -> Store<Postgres> {
    let mut store = Store::<Postgres>::open_empty().await;
    store.run("CREATE TABLE effects (id BIGSERIAL, result_id TEXT, version BIGINT, attempt INTEGER)").await;
    store
}

async fn effects(store: &mut Store<Postgres>) -> Vec<Effect> {
    let all = diesel::sql_query("SELECT result_id, version, attempt FROM effects ORDER BY id");
    store.connection.transaction(async |c| all.load(c).await).await.unwrap()
}

fn rocket(url: &str, failures: i32) -> rocket::Rocket<rocket::Build> {
    bare(url).attach(MojitoFairing::<Postgres>::new(config()).handler(Desk { failures }))
}

fn bare(url: &str) -> rocket::Rocket<rocket::Build> {
    let figment = rocket::Config::figment()
        .merge(("log_level", "off"))
        .merge(("databases.mojito.url", url))
        .merge(("databases.hiring.url", url));
    rocket::custom(figment)
}

async fn start(url: &str, failures: i32) -> Client {
    Client::untracked(rocket(url, failures)).await.unwrap()
}

async fn post(client: &Client, body: &Body) {
    let header = rocket::http::Header::new("X-Mojito-Secret", SECRET);
    let request = client.post("/webhooks/jobmojito/interview_result").header(header).body(body.bytes());
    let response = request.dispatch().await;
    assert_eq!(response.status().code, 200);
}

fn all_completed(work: &[WorkRow]) -> bool {
    !work.is_empty() && work.iter().all(|row| row.state == State::Completed)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_is_committed_with_its_mark() {
    let mut store = store().await;
    let client = start(store.url(), 0).await;

    post(&client, &Body::result("r")).await;
    store.wait_for_work("it is completed", all_completed).await;

    assert_eq!(effects(&mut store).await, [Effect { result_id: "r".to_owned(), version: 1, attempt: 1 }]);
    client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_takes_its_effect_back_and_is_attempted_again() {
    let mut store = store().await;
    let client = start(store.url(), 1).await;

    post(&client, &Body::result("r")).await;
    store.wait_for_work("it waits", |work| work.iter().any(|row| row.state == State::Retryable)).await;
    let error = store.work().await.remove(0).last_error;
    store.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;
    store.wait_for_work("it is completed", all_completed).await;

    assert_eq!(error.as_deref(), Some("no printer"));
    assert_eq!(effects(&mut store).await, [Effect { result_id: "r".to_owned(), version: 1, attempt: 2 }]);
    client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_runs_it_again() {
    let mut store = store().await;
    let client = start(store.url(), 0).await;
    let inbox = client.rocket().state::<Inbox>().unwrap().clone();
    post(&client, &Body::result("r")).await;
    store.wait_for_work("it is completed", all_completed).await;

    let first = store.work().await[0].epoch;

    let replayed = inbox.replay(Replay::new(Selection::all()), Actor::new("anna")).await.unwrap();
    store.wait_for_work("it is completed again", |work| all_completed(work) && work[0].epoch != first).await;

    assert_eq!((replayed.work, effects(&mut store).await.len()), (1, 2));
    assert_eq!(store.audit().await[0].affected, 1);
    client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_writes_may_hold_nul() {
    let mut store = store().await;
    let client = start(store.url(), 0).await;
    let inbox = client.rocket().state::<Inbox>().unwrap().clone();
    post(&client, &Body::result("r")).await;
    store.wait_for_work("it is completed", all_completed).await;
    let actor = || Actor::new("an\0na").because("\0");

    let nowhere = Selection::all().result_id("r\0");
    assert_eq!(inbox.count(&nowhere).await.unwrap(), 0);
    assert_eq!(inbox.replay(Replay::new(nowhere.clone()), actor()).await.unwrap().work, 0);
    assert!(inbox.discard(nowhere.handler("De\0sk"), actor()).await.unwrap_err().is_config());
    let nobody = inbox.erase(Person::ResultId("r\0".to_owned()), actor()).await.unwrap();
    assert_eq!((nobody.results, nobody.bodies), (0, 0));

    let audit = store.audit().await;
    assert_eq!(audit.len(), 2);
    for row in audit {
        assert_eq!((row.actor.as_str(), row.reason.as_deref()), ("an\u{fffd}na", Some("\u{fffd}")));
    }
    client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_of_the_host_is_shared() {
    let mut store = store().await;
    let fairing = MojitoFairing::<Postgres>::new(config()).database::<HostDb>().handler(Desk { failures: 0 });
    let client = Client::untracked(bare(store.url()).attach(HostDb::init()).attach(fairing)).await.unwrap();

    post(&client, &Body::result("r")).await;
    store.wait_for_work("it is completed", all_completed).await;

    let mut connection = rocket_db_pools::Pool::get(&HostDb::fetch(client.rocket()).unwrap().0).await.unwrap();
    assert_eq!(Postgres::results(&mut connection).await.len(), 1);
    drop(connection);
    client.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_hosts_on_one_database_handle_each_version_once_and_in_order() {
    const RESULTS: usize = 4;
    const VERSIONS: usize = 15;
    let mut store = store().await;
    let clients = Arc::new([start(store.url(), 0).await, start(store.url(), 0).await, start(store.url(), 0).await]);
    let mut posts = tokio::task::JoinSet::new();

    for result in 0..RESULTS {
        let clients = Arc::clone(&clients);
        posts.spawn(async move {
            for version in 0..VERSIONS {
                let body = Body::result(&result.to_string()).with("score", version);
                post(&clients[version % clients.len()], &body).await;
            }
        });
    }
    posts.join_all().await;
    store.wait_for_work("all is completed", |work| work.len() == RESULTS * VERSIONS && all_completed(work)).await;

    let mut versions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for effect in effects(&mut store).await {
        versions.entry(effect.result_id).or_default().push(effect.version);
    }
    let expected: Vec<i64> = (1..=VERSIONS as i64).collect();
    assert_eq!(versions.len(), RESULTS);
    assert!(versions.values().all(|versions| *versions == expected), "{versions:?}");
    for client in Arc::into_inner(clients).unwrap() {
        client.terminate().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_stops_the_launch() {
    let database = ScratchDatabase::new().await;
    let url = database.url();
    drop(database);

    let error = rocket(&url, 0).ignite().await.unwrap_err();

    assert!(matches!(error.kind(), ErrorKind::FailedFairings(_)), "{error}");
}
