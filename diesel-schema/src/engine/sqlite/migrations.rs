use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::connection::unless_locked;
use super::{Db, Wrapper};
use crate::engine::host_migrations::{self, HostMigrations};
use crate::engine::migration::{Migration, migrations, missing};
use crate::engine::open_error::OpenError;
use crate::failpoint;
use crate::schema::migrations::migrations;

pub(crate) const MIGRATIONS: &[Migration] = migrations!("sqlite");

const BOOKKEEPING: &str = "
    CREATE TABLE IF NOT EXISTS mojito_migrations (
        name   TEXT NOT NULL,
        run_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
        CONSTRAINT mojito_migrations_key PRIMARY KEY (name)
    ) STRICT
";

pub(super) async fn run(connection: &mut Wrapper) -> Result<(), OpenError> {
    // The lock is taken before the first look, so the second of two processes finds nothing left to run.
    connection
        .spawn_blocking(|c| c.immediate_transaction(run_now))
        .await
        .map_err(|error| unless_locked("the tables cannot be brought up to date", error))
}

fn run_now(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute(BOOKKEEPING)?;
    let recorded = recorded(connection)?;
    for migration in missing(MIGRATIONS, &recorded) {
        connection.batch_execute(migration.up)?;
        failpoint::reach("migration.run");
        diesel::insert_into(migrations::table).values(migrations::name.eq(migration.name)).execute(connection)?;
    }
    Ok(())
}

/// Runs a host's migrations. As above, the lock is taken before the first look.
pub(super) async fn run_host(mut connection: Wrapper, host: HostMigrations<Db>) -> Result<(), OpenError> {
    let run = move |c: &mut SqliteConnection| c.immediate_transaction(|c| host.run(c));
    match connection.spawn_blocking(move |c| Ok(run(c))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(host_migrations::failed(&*error)),
        Err(error) => Err(unless_locked("the host's migrations were not run", error)),
    }
}

pub(super) async fn pending(connection: &mut Wrapper) -> Result<Vec<String>, OpenError> {
    let recorded = connection
        .spawn_blocking(|c| recorded_by_itself(c))
        .await
        .map_err(|error| OpenError::because("the state of the tables cannot be read", error))?;
    Ok(missing(MIGRATIONS, &recorded).iter().map(|migration| migration.name.to_owned()).collect())
}

/// The recorded migrations; none where the tables do not exist yet.
pub(super) fn recorded_by_itself(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    if has_bookkeeping(connection)? { recorded(connection) } else { Ok(Vec::new()) }
}

fn recorded(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    migrations::table.select(migrations::name).load(connection)
}

fn has_bookkeeping(connection: &mut SqliteConnection) -> QueryResult<bool> {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(
        "EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'mojito_migrations')",
    ))
    .get_result(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_migration_goes_up_down_and_up_again() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();

        for migration in MIGRATIONS {
            connection.batch_execute(migration.up).unwrap();
            connection.batch_execute(migration.down).unwrap();
            connection.batch_execute(migration.up).unwrap();
        }
    }
}
