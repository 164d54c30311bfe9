use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use mojito_schema::{EventKind, Postgres, Sqlite};
use rocket_mojito::{
    Actor, Context, Event, HandlerError, HandlerResult, MojitoFairing, MojitoHandler, Rehearsal, Rehearsed, Selection,
};

use crate::harness::{Body, Store, TestBackend, TestServer, config};

/// The host's tables, with a trigger, a cascade and a key that is checked at the commit.
pub(super) trait HostTables: TestBackend {
    const TRIGGER: &str;

    /// Whether a transaction goes on after an error of a statement.
    const GOES_ON: bool;
}

pub(super) const TABLES: &str = "
    CREATE TABLE offers (id INTEGER PRIMARY KEY, result TEXT NOT NULL);
    CREATE TABLE offer_lines (offer INTEGER REFERENCES offers (id) ON DELETE CASCADE);
    CREATE TABLE \"Odd 'name'\" (id INTEGER PRIMARY KEY, offer INTEGER REFERENCES offers (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE history (line TEXT);
    INSERT INTO offers VALUES (1, 'kept'), (2, 'kept');
    INSERT INTO offer_lines VALUES (2), (2);";

impl HostTables for Sqlite {
    const TRIGGER: &str = "
        CREATE TRIGGER keep_history AFTER INSERT ON offers BEGIN INSERT INTO history VALUES (new.result); END";

    const GOES_ON: bool = true;
}

impl HostTables for Postgres {
    const TRIGGER: &str = "
        CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO history VALUES (new.result); RETURN new; END $$;
        CREATE TRIGGER keep_history AFTER INSERT ON offers FOR EACH ROW EXECUTE FUNCTION keep_history()";

    const GOES_ON: bool = false;
}

/// The values that a handler was told in a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) is_rehearsal: bool,
    pub(super) attempt: i32,
    pub(super) key: String,
}

/// A handler whose statements and answer the id of the result says.
struct Desk {
    acts: HashMap<&'static str, Act>,
    told: Arc<Mutex<Vec<Told>>>,
}

#[derive(Clone, Copy)]
pub(super) enum Act {
    Nothing,
    Writes(&'static str),
    PassesBy(&'static str),
    WritesThenFails(&'static str),
    WritesThenDiscards,
    WritesThenPanics,
    WritesThenHangs,
}

pub(super) const INSERT: &str = "INSERT INTO offers VALUES (10, 'new')";

/// A failing attempt inserts a row of its own. One that hangs would have all others wait for the same row.
const IN_VAIN: &str = "INSERT INTO offers VALUES (11, 'new')";

impl Desk {
    async fn act<B: TestBackend>(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        let (is_rehearsal, attempt, key) = (cx.is_rehearsal(), cx.attempt(), cx.key().to_owned());
        self.told.lock().unwrap().push(Told { is_rehearsal, attempt, key });
        match self.acts[event.payload().id.as_str()] {
            Act::Nothing => return Ok(()),
            Act::Writes(statements) => cx.transaction().await?.batch_execute(statements).await?,
            Act::PassesBy(statements) => {
                let tx = cx.transaction().await?;
                tx.batch_execute(INSERT).await?;
                let _ = tx.batch_execute(statements).await;
            }
            act => {
                cx.transaction().await?.batch_execute(IN_VAIN).await?;
                match act {
                    Act::WritesThenFails(text) => return Err(text.into()),
                    Act::WritesThenDiscards => return Err(HandlerError::discard("no such office")),
                    Act::WritesThenPanics => panic!("as the test says"),
                    _ => std::future::pending().await,
                }
            }
        }
        Ok(())
    }
}

#[rocket::async_trait]
impl<B: TestBackend> MojitoHandler<B> for Desk {
    fn name(&self) -> String {
        "Desk".to_owned()
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        self.act(event, cx).await
    }
}

/// A host with one delivery for each act, in their order, whose handler is paused.
pub(super) struct Stage<B: TestBackend> {
    pub(super) store: Store<B>,
    pub(super) host: TestServer,
    pub(super) told: Arc<Mutex<Vec<Told>>>,
}

impl<B: HostTables> Stage<B> {
    pub(super) async fn set(acts: &[(&'static str, Act)]) -> Self {
        let mut store = Store::<B>::open().await;
        store.run(TABLES).await;
        store.run(B::TRIGGER).await;
        let told = Arc::default();
        let desk = Desk { acts: acts.iter().copied().collect(), told: Arc::clone(&told) };
        let config = config().handler_timeout(Duration::from_secs(1));
        let host = TestServer::on(store.url(), MojitoFairing::<B>::new(config).handler(desk)).await;
        host.inbox.pause_handler("Desk", anna()).await.unwrap();
        for (id, _) in acts {
            let body = Body::result(id).bytes();
            host.inbox.record_body("default", EventKind::InterviewResult, body).await.unwrap();
        }
        Self { store, host, told }
    }

    pub(super) async fn rehearse(&self, rehearsal: Rehearsal) -> Rehearsed {
        self.host.inbox.rehearse(rehearsal.per_second(1_000), anna()).await.unwrap()
    }

    pub(super) async fn rehearse_all(&self) -> Rehearsed {
        self.rehearse(Rehearsal::new(Selection::all(), "Desk")).await
    }

    /// The rows of the host's tables, and of the plugin's that tell of handling.
    pub(super) async fn rows(&mut self) -> Vec<String> {
        let mut rows = Vec::new();
        for query in [
            "SELECT result AS value FROM offers ORDER BY id",
            "SELECT 'line' AS value FROM offer_lines",
            "SELECT line AS value FROM history",
            "SELECT outcome AS value FROM mojito_attempts",
        ] {
            rows.extend(self.store.texts(query).await);
        }
        rows
    }
}

pub(super) fn anna() -> Actor {
    Actor::new("anna").because("before the replay")
}
