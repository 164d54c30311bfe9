//! A gate before the commits of one connection: its transaction is done, and nobody can see that, until the gate is opened.

use mojito_schema::{Backend, Open, Opening, Postgres};

use crate::harness::{Store, TestBackend, until};

pub(super) type Connection = <Postgres as Backend>::Connection;

/// Makes every transaction that changes work on a connection that is named `held` wait at its commit.
const TRIGGER: &str = "
    CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('application_name') = 'held' THEN
            PERFORM pg_advisory_xact_lock(4711);
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT OR UPDATE OR DELETE ON mojito_work
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()";

/// The transactions that wait for a lock that somebody else has.
const WAITING: &str =
    "SELECT count(*)::text AS value FROM pg_locks WHERE NOT granted AND (database IS NULL OR database =
    (SELECT oid FROM pg_database WHERE datname = current_database()))";

/// Those that wait at the gate, and those that wait for anything else.
const AT_GATE: &str = "objid = 4711 AND locktype = 'advisory'";
const ELSEWHERE: &str = "NOT (objid = 4711 AND locktype = 'advisory')";

/// Builds a gate, which is open. Gives back the connection that it is for.
pub(super) async fn build(store: &mut Store<Postgres>) -> Connection {
    store.run(TRIGGER).await;
    let url = format!("{}?application_name=held", store.url());
    Postgres::open(&url, Open::Existing).await.unwrap()
}

/// A closed gate.
pub(super) struct Gate {
    connection: Connection,
}

impl Gate {
    pub(super) async fn close(store: &Store<Postgres>) -> Self {
        let mut connection = store.another().await;
        Postgres::execute(&mut connection, "SELECT pg_advisory_lock(4711)").await;
        Self { connection }
    }

    /// Waits until the gate holds a transaction, or the task has ended.
    pub(super) async fn holds(&self, store: &mut Store<Postgres>, has_ended: impl Fn() -> bool) {
        wait_for(store, has_ended, AT_GATE).await;
    }

    pub(super) async fn open(mut self) {
        Postgres::execute(&mut self.connection, "SELECT pg_advisory_unlock(4711)").await;
    }
}

/// Waits until a task has ended, or somebody waits for a lock that is not the gate.
pub(super) async fn waits_or(store: &mut Store<Postgres>, has_ended: impl Fn() -> bool) {
    wait_for(store, has_ended, ELSEWHERE).await;
}

async fn wait_for(store: &mut Store<Postgres>, has_ended: impl Fn() -> bool, lock: &str) {
    let query = format!("{WAITING} AND {lock}");
    let waits = async || if has_ended() || store.texts(&query).await != ["0"] { Ok(()) } else { Err(()) };
    until("it ends, or somebody waits for the lock", waits).await;
}
