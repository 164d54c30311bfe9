use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection as _;
use mojito_schema::State;
use rocket::figment::Figment;
use rocket::futures::FutureExt as _;
use rocket::http::{Header, Status};
use rocket::local::asynchronous::Client;
use rocket_db_pools::Pool as _;
use rocket_mojito::pool::PgPool;
use rocket_mojito::{Actor, Replay, Selection};
use tokio::runtime::Runtime;

use crate::harness::{
    AUTH, BASE, Body, Database, Host, ScratchDatabase, ScriptedAction, ScriptedHandler, eventually, in_time, next,
};

/// The task that drives a connection to Postgres lives where it was opened.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_a_handler_had_opened_outlives_the_runtime_of_handlers() {
    let place = ScratchDatabase::new().await;
    let settings = Figment::from(("url", place.url())).join(("max_connections", 2)).join(("connect_timeout", 5));
    let pool = PgPool::init(&settings).await.unwrap();
    let at_launch = pool.get().await.unwrap();

    let theirs = pool.clone();
    let mut opened = elsewhere(async move { theirs.get().await.unwrap() });
    let answer = in_time(opened.batch_execute("SELECT 1")).await;

    assert!(answer.is_ok(), "{answer:?}");
    drop(at_launch);
}

/// Dropping the future of an action cancels nothing, whichever runtime it was asked on.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_asked_of_the_inbox_goes_on_without_the_runtime_of_handlers() {
    let database = Arc::new(Database::new());
    let (script, mut seen) = ScriptedHandler::new(|_, _| ScriptedAction::Nothing);
    let host = Host::builder().database(&database).handler(script).start().await;
    host.post("interview_result", &Body::result("r").bytes()).await;
    next(&mut seen).await;
    eventually("it is handled", || database.work()[0].state == State::Completed).await;

    let inbox = host.inbox.clone();
    let asked =
        elsewhere(async move { inbox.replay(Replay::new(Selection::all()), Actor::new("handler")).now_or_never() });
    eventually("it is replayed", || database.audit().iter().any(|action| action.affected == 1)).await;

    assert!(asked.is_none(), "nobody waited for it");
    host.stop().await;
}

/// Runs it on another runtime, which has ended when this returns.
fn elsewhere<T: Send>(run: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| Runtime::new().unwrap().block_on(run)).join().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rocket_that_is_dropped_without_a_shutdown_waits_for_no_handler_and_leaves_no_task() {
    let gate = Arc::new(OnceLock::new());
    let blocking = Arc::clone(&gate);
    let (script, mut seen) = ScriptedHandler::new(move |_, _| ScriptedAction::KeepThread(Arc::clone(&blocking)));
    let rocket = Host::builder().database(&Arc::new(Database::with_effects())).handler(script).build();
    let client = Client::untracked(rocket).await.unwrap();
    let request = client.post(format!("{BASE}/interview_result")).header(Header::new(AUTH.0, AUTH.1));
    let status = request.body(Body::result("r").bytes()).dispatch().await.status();
    next(&mut seen).await;

    let began = Instant::now();
    drop(client);
    let took = began.elapsed();
    gate.set(()).unwrap();
    // The handler holds the sender.
    eventually("nobody has the handler any more", || seen.is_closed()).await;

    assert_eq!(status, Status::Ok);
    assert!(took < Duration::from_secs(1), "it took {took:?}");
}
