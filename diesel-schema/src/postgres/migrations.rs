use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::Connection;
use crate::error::OpenError;
use crate::failpoint;
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
    let run = async |c: &mut Connection| {
        c.batch_execute(LOCK).await?;
        c.batch_execute(BOOKKEEPING).await?;
        let recorded: Vec<String> = migrations::table.select(migrations::name).load(c).await?;
        for migration in missing(MIGRATIONS, &recorded) {
            c.batch_execute(migration.up).await?;
            failpoint::reach("migration.run");
            diesel::insert_into(migrations::table).values(migrations::name.eq(migration.name)).execute(c).await?;
        }
        QueryResult::Ok(())
    };
    connection
        .transaction(run)
        .await
        .map_err(|error| OpenError::because("the tables cannot be brought up to date", error))
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
