use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::{Connection, TRIES};
use crate::error::OpenError;
use crate::failpoint;
use crate::fault::is_in_the_way;
use crate::migration::{Migration, migrations, missing};
use crate::tables::migrations::migrations;

const MIGRATIONS: &[Migration] = migrations!("postgres");

/// Whoever holds this lock migrates; the second of two processes then finds nothing left to run. The number is ours.
const LOCK: &str = "SELECT pg_advisory_xact_lock(5570251196)";

const BOOKKEEPING: &str = "
    CREATE TABLE IF NOT EXISTS mojito_migrations (
        name   TEXT NOT NULL,
        run_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        CONSTRAINT mojito_migrations_key PRIMARY KEY (name)
    )
";

pub(super) async fn run(connection: &mut Connection) -> Result<(), OpenError> {
    let mut tries = 1;
    loop {
        match run_in_transaction(connection).await {
            // What still runs on the tables locks them in an order of its own.
            Err(error) if is_in_the_way(&error) && tries < TRIES => tries += 1,
            outcome => {
                let failed = |error| OpenError::because("the tables cannot be brought up to date", error);
                return outcome.map_err(failed);
            }
        }
    }
}

/// In a transaction that nobody watches: on large tables, or while another process migrates, a statement takes its time.
async fn run_in_transaction(connection: &mut Connection) -> QueryResult<()> {
    connection.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    match run_missing(connection).await {
        Ok(()) => connection.batch_execute("COMMIT").await,
        Err(error) => {
            connection.batch_execute("ROLLBACK").await?;
            Err(error)
        }
    }
}

async fn run_missing(connection: &mut Connection) -> QueryResult<()> {
    connection.batch_execute(LOCK).await?;
    connection.batch_execute(BOOKKEEPING).await?;
    let recorded: Vec<String> = migrations::table.select(migrations::name).load(connection).await?;
    for migration in missing(MIGRATIONS, &recorded) {
        connection.batch_execute(migration.up).await?;
        failpoint::reach("migration.run");
        let record = diesel::insert_into(migrations::table).values(migrations::name.eq(migration.name));
        record.execute(connection).await?;
    }
    Ok(())
}

pub(super) async fn pending(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
    let recorded = connection
        .transaction(async |c| recorded(c).await)
        .await
        .map_err(|error| OpenError::because("the state of the tables cannot be read", error))?;
    Ok(missing(MIGRATIONS, &recorded).iter().map(|migration| migration.name.to_owned()).collect())
}

async fn recorded(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let has_bookkeeping = diesel::dsl::sql::<Bool>("to_regclass('mojito_migrations') IS NOT NULL");
    if !diesel::select(has_bookkeeping).get_result(connection).await? {
        return Ok(Vec::new());
    }
    migrations::table.select(migrations::name).load(connection).await
}
