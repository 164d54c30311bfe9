use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{Bool, Nullable};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::connection::keeps_statements;
use super::{Connection, Db, MAX_TRIES};
use crate::engine::db_error::{is_in_the_way, is_lock_timeout};
use crate::engine::host_migrations::{self, HostMigrations};
use crate::engine::migration::{Index, Migration, Step, migrations, missing};
use crate::engine::open_error::OpenError;
use crate::failpoint;
use crate::schema::migrations::migrations;

pub(super) const MIGRATIONS: &[Migration] = migrations!("postgres");

/// The holder of this lock runs a step; the second of two processes then finds it done. The number is ours.
const LOCK: &str = "SELECT pg_advisory_xact_lock(5570251196)";

/// The lock for the migrations of hosts, and limits that suit them. The number is ours.
const HOST_LOCK: &str = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(5570251197)";

/// On large tables, or while another process migrates, a statement takes its time.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = 0; \
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
    SET LOCAL client_min_messages = warning";

/// The settings for statements that run outside of a transaction.
const UNBOUNDED: &str = "SET lock_timeout = 0; SET statement_timeout = 0; SET default_transaction_read_only = off";
const RESET_SETTINGS: &str = "RESET lock_timeout; RESET statement_timeout; RESET default_transaction_read_only";

const BOOKKEEPING: &str = "
    CREATE TABLE IF NOT EXISTS mojito_migrations (
        name   TEXT NOT NULL,
        run_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        CONSTRAINT mojito_migrations_key PRIMARY KEY (name)
    )
";

/// How long a step waits for a lock at first, and at most. Every later statement on the table waits as long.
const MIN_LOCK_TIMEOUT: Duration = Duration::from_millis(100);
const MAX_LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause between two tries, in which other sessions have the table for themselves.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long other sessions may keep a step from its lock.
const STEP_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn run(connection: &mut Connection) -> Result<(), OpenError> {
    run_all(connection, MIGRATIONS).await
}

/// Runs the pending steps, one by one. A step that another process has done meanwhile is skipped.
pub(crate) async fn run_all(connection: &mut Connection, all: &[Migration]) -> Result<(), OpenError> {
    while let Some(step) = Step::next(all, &recorded_by_itself(connection).await?) {
        take(connection, all, &step).await?;
    }
    Ok(())
}

/// Tries a step until nobody is in its way.
async fn take(connection: &mut Connection, all: &[Migration], step: &Step) -> Result<(), OpenError> {
    let (began, mut tries, mut wait) = (Instant::now(), 1, MIN_LOCK_TIMEOUT);
    loop {
        let error = match run_step(connection, all, step, wait).await {
            Ok(()) => return Ok(()),
            Err(Failure::Locked(error)) if began.elapsed() < STEP_TIMEOUT => error,
            Err(Failure::Locked(error)) => {
                let message = format!(
                    "the migration `{}` has waited for {STEP_TIMEOUT:?} for tables that somebody uses: end that session \
                     (`SELECT * FROM pg_stat_activity WHERE state LIKE 'idle in%'`)",
                    step.migration
                );
                return Err(OpenError::because(message, error));
            }
            // A statement that still runs on the tables locks them in an order of its own.
            Err(Failure::Refused(error)) if (is_in_the_way(&error) || has_collided(&error)) && tries < MAX_TRIES => {
                error
            }
            Err(Failure::Refused(error)) => return Err(failed(error)),
        };
        drop(error);
        tries += 1;
        wait = MAX_LOCK_TIMEOUT.min(wait * 2);
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Whether another process has changed the same table's entry in the catalogue: to Postgres that is an internal error.
fn has_collided(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, told) if told.message() == "tuple concurrently updated")
}

/// Why a step was not done.
enum Failure {
    /// Other sessions have locked a table that the step needs.
    Locked(Error),
    /// Anything else.
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

async fn run_step(connection: &mut Connection, all: &[Migration], step: &Step, wait: Duration) -> Result<(), Failure> {
    let Some(index) = step.index() else {
        return in_transaction(connection, async |c| {
            if is_next(c, all, step).await? {
                run_briefly(c, step.sql, wait).await?;
                record(c, step).await?;
            }
            Ok(())
        })
        .await;
    };
    build(connection, step, &index, wait).await?;
    in_transaction(connection, async |c| {
        if is_next(c, all, step).await? {
            record(c, step).await?;
        }
        Ok(())
    })
    .await
}

async fn in_transaction<R>(
    connection: &mut Connection,
    body: impl AsyncFnOnce(&mut Connection) -> Result<R, Failure>,
) -> Result<R, Failure> {
    connection.batch_execute(BEGIN).await?;
    match body(connection).await {
        Ok(value) => {
            connection.batch_execute("COMMIT").await?;
            Ok(value)
        }
        Err(failure) => {
            connection.batch_execute("ROLLBACK").await?;
            Err(failure)
        }
    }
}

/// Whether the step is still to be done, now that the lock keeps other processes out.
async fn is_next(connection: &mut Connection, all: &[Migration], step: &Step) -> QueryResult<bool> {
    connection.batch_execute(LOCK).await?;
    connection.batch_execute(BOOKKEEPING).await?;
    let recorded: Vec<String> = migrations::table.select(migrations::name).load(connection).await?;
    Ok(Step::next(all, &recorded).is_some_and(|next| next.name == step.name))
}

/// Runs statements that wait for a lock no longer than `wait`.
async fn run_briefly(connection: &mut Connection, statements: &str, wait: Duration) -> Result<(), Failure> {
    connection.batch_execute(&format!("SET LOCAL lock_timeout = '{}ms'", wait.as_millis())).await?;
    let began = Instant::now();
    connection.batch_execute(statements).await.map_err(|error| {
        if is_lock_timeout(&error, began.elapsed(), wait) { Failure::Locked(error) } else { Failure::Refused(error) }
    })
}

/// Records a done step. After the last step the records of the others are not needed any more.
async fn record(connection: &mut Connection, step: &Step) -> QueryResult<()> {
    failpoint::reach("migration.run");
    if step.name == step.migration {
        let steps = migrations::name.like(format!("{}/%", step.migration));
        diesel::delete(migrations::table.filter(steps)).execute(connection).await?;
    }
    let record = diesel::insert_into(migrations::table).values(migrations::name.eq(&step.name));
    record.execute(connection).await.map(drop)
}

/// Builds an index while others write, unless the index exists.
async fn build(connection: &mut Connection, step: &Step, index: &Index, wait: Duration) -> Result<(), Failure> {
    let is_there = in_transaction(connection, async |c| {
        // A process that builds the index at this moment holds the same lock until the index is valid.
        c.batch_execute(&format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", index.table)).await?;
        let is_valid = is_valid(c, index).await?;
        if is_valid == Some(false) {
            // A process, or its connection, died while it built the index.
            run_briefly(c, &format!("DROP INDEX {}", index.name), wait).await?;
        }
        Ok(is_valid == Some(true))
    });
    if is_there.await? {
        return Ok(());
    }
    // Behind a proxy the session's settings are not ours.
    let is_ours = keeps_statements(connection);
    if is_ours {
        connection.batch_execute(UNBOUNDED).await?;
    }
    let built = connection.batch_execute(step.sql).await;
    if is_ours {
        connection.batch_execute(RESET_SETTINGS).await?;
    }
    built?;
    // Another process may have begun the index first, and died since.
    match in_transaction(connection, async |c| Ok(is_valid(c, index).await?)).await? {
        Some(true) => Ok(()),
        _ => Err(Failure::Locked(Error::NotFound)),
    }
}

/// Whether an index can be used; `None` where it does not exist.
async fn is_valid(connection: &mut Connection, index: &Index) -> QueryResult<Option<bool>> {
    let query = format!("(SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{}'))", index.name);
    diesel::select(diesel::dsl::sql::<Nullable<Bool>>(&query)).get_result(connection).await
}

/// Runs a host's migrations, in one transaction under a lock of their own. Diesel runs them on a blocking thread.
pub(super) async fn run_host(connection: Connection, host: HostMigrations<Db>) -> Result<(), OpenError> {
    let run = move || {
        let mut connection = AsyncConnectionWrapper::<_>::from(connection);
        diesel::Connection::transaction(&mut connection, |c| {
            SimpleConnection::batch_execute(c, HOST_LOCK)?;
            host.run(c)
        })
    };
    match tokio::task::spawn_blocking(run).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(host_migrations::failed(&*error)),
        Err(_) => Err(OpenError::new("a migration of the host's own tables has panicked")),
    }
}

pub(super) async fn pending(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
    let recorded = recorded_by_itself(connection).await?;
    Ok(missing(MIGRATIONS, &recorded).iter().map(|migration| migration.name.to_owned()).collect())
}

pub(super) async fn recorded_by_itself(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
    let recorded = connection.transaction(async |c| recorded(c).await).await;
    recorded.map_err(|error| OpenError::because("the state of the tables cannot be read", error))
}

async fn recorded(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let has_bookkeeping = diesel::dsl::sql::<Bool>("to_regclass('mojito_migrations') IS NOT NULL");
    if !diesel::select(has_bookkeeping).get_result(connection).await? {
        return Ok(Vec::new());
    }
    migrations::table.select(migrations::name).load(connection).await
}

fn failed(error: Error) -> OpenError {
    OpenError::because("the tables cannot be brought up to date", error)
}
