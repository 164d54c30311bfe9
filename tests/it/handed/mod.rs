//! A handler may do anything to the transaction and the connection that it is handed.

mod postgres;
mod session;
mod sqlite;
mod standby;

use std::pin::Pin;
use std::time::Duration;

use mojito_schema::{Backend, State, WorkRow};
use rocket::local::asynchronous::Client;
use rocket_mojito::{Context, Event, HandlerResult, MojitoFairing, MojitoHandler};

use crate::harness::{Body, SECRET, Store, TestBackend, config};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The function that a handler runs in an attempt.
type HandlerFn<B> = for<'a, 'c> fn(&'a mut Context<'c, B>, &'a Event) -> BoxFuture<'a, HandlerResult>;

const GOOD: &str = "INSERT INTO effects VALUES ('good')";
const BAD: &str = "INSERT INTO effects VALUES ('bad')";

/// A [`HandlerFn`] that does this with its transaction.
macro_rules! in_transaction {
    (|$tx:ident| $act:block) => {
        |cx, _| {
            Box::pin(async move {
                let $tx = cx.transaction().await?;
                $act
            })
        }
    };
}

/// A [`HandlerFn`] that does this with its transaction at the first attempt, and what it should at the next.
macro_rules! first_attempt {
    (|$tx:ident| $act:block) => {
        |cx, _| {
            Box::pin(async move {
                let attempt = cx.attempt();
                let $tx = cx.transaction().await?;
                if attempt > 1 {
                    run($tx, GOOD).await?;
                    return Ok(());
                }
                $act
            })
        }
    };
}

/// A [`HandlerFn`] that drops a transaction within its own half-way, at the first attempt.
macro_rules! dropped_half_way {
    () => {
        first_attempt!(|tx| {
            let within = tx.transaction(async |tx| {
                run(tx, BAD).await?;
                std::future::pending::<()>().await;
                diesel::QueryResult::Ok(())
            });
            let _ = tokio::time::timeout(Duration::from_millis(100), within).await;
            Ok(())
        })
    };
}

/// A [`HandlerFn`] that panics in a transaction within its own, at the first attempt.
macro_rules! panics_within {
    () => {
        first_attempt!(|tx| {
            let within = tx.transaction(async |tx| {
                run(tx, BAD).await?;
                panic!("no ink");
                #[expect(unreachable_code, reason = "the type of what never comes")]
                diesel::QueryResult::Ok(())
            });
            within.await?;
            Ok(())
        })
    };
}

use {dropped_half_way, first_attempt, in_transaction, panics_within};

struct Desk<B: Backend>(HandlerFn<B>);

#[rocket::async_trait]
impl<B: Backend> MojitoHandler<B> for Desk<B> {
    fn name(&self) -> String {
        "Desk".to_owned()
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        (self.0)(cx, event).await
    }
}

/// A host on a database of its own, with one handler and, so that each delivery meets what the former left, one connection.
struct Host<B: TestBackend> {
    store: Store<B>,
    client: Client,
}

impl<B: TestBackend> Host<B> {
    async fn start(act: HandlerFn<B>) -> Self {
        let mut store = Store::<B>::open().await;
        store.run("CREATE TABLE effects (effect TEXT)").await;
        Self::on(store, act).await
    }

    async fn on(store: Store<B>, act: HandlerFn<B>) -> Self {
        let client = client(store.url(), act).await;
        Self { store, client }
    }

    async fn post(&self, result: &str) {
        post(&self.client, result).await;
    }

    /// Waits until the only work there is has come to the end of its first attempt.
    async fn first_end(&mut self) -> WorkRow {
        self.store
            .wait_for_work("the first attempt ends", |work| {
                work[0].state != State::Pending && work[0].state != State::Running
            })
            .await
            .remove(0)
    }

    /// Makes the next attempt due, and waits until all is completed.
    async fn completed(&mut self) {
        self.store.run("UPDATE mojito_work SET due_at = '2001-01-01 00:00:00' WHERE state = 'retryable'").await;
        self.store.wait_for_work("all is completed", |work| work.iter().all(|row| row.state == State::Completed)).await;
    }

    async fn effects(&mut self) -> Vec<String> {
        self.store.texts("SELECT effect AS value FROM effects ORDER BY effect").await
    }

    /// The first attempt fails, saying so, and has no effect; the second does what it should.
    async fn assert_fails_once(mut self, says: &str) {
        self.post("r").await;
        let failed = self.first_end().await;
        let nothing = self.effects().await;
        self.completed().await;

        let error = failed.last_error.unwrap_or_default();
        assert!(failed.state == State::Retryable && error.contains(says), "{:?}: {error}", failed.state);
        assert_eq!(nothing, [""; 0], "of the first attempt");
        assert_eq!(self.effects().await, ["good"]);
        self.client.terminate().await;
    }

    /// It is done at the first attempt, with one effect.
    async fn assert_done_at_once(mut self) {
        self.post("r").await;
        let work = self.first_end().await;

        assert_eq!((work.state, work.attempt, work.last_error), (State::Completed, 1, None));
        assert_eq!(self.effects().await, ["good"]);
        self.client.terminate().await;
    }
}

async fn client<B: Backend>(url: &str, act: HandlerFn<B>) -> Client {
    let figment = rocket::Config::figment()
        .merge(("log_level", "off"))
        .merge(("databases.mojito.url", url))
        .merge(("databases.mojito.max_connections", 1));
    let config = config().handler_timeout(Duration::from_secs(60));
    Client::untracked(rocket::custom(figment).attach(MojitoFairing::<B>::new(config).handler(Desk(act)))).await.unwrap()
}

async fn post(client: &Client, result: &str) {
    let header = rocket::http::Header::new("X-Mojito-Secret", SECRET);
    let body = Body::result(result).bytes();
    let response = client.post("/webhooks/jobmojito/interview_result").header(header).body(body).dispatch().await;
    assert_eq!(response.status().code, 200);
}
