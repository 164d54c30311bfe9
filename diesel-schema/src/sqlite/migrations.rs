use std::error::Error;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::Connection;
use crate::error::OpenError;
use crate::failpoint;
use crate::tables::migrations::migrations;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

const BOOKKEEPING: &str = "
    CREATE TABLE IF NOT EXISTS mojito_migrations (
        name   TEXT NOT NULL,
        run_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
        CONSTRAINT mojito_migrations_key PRIMARY KEY (name)
    ) STRICT
";

type Failure = Box<dyn Error + Send + Sync>;

pub(super) async fn run(connection: &mut Connection) -> Result<(), OpenError> {
    // The lock is taken before the first look, so the second of two processes finds nothing left to run.
    let run = |c: &mut SqliteConnection| {
        c.batch_execute(BOOKKEEPING)?;
        let names = recorded(c)?;
        for migration in missing(&names)? {
            migration.run(c)?;
            failpoint::reach("migration.run");
            diesel::insert_into(migrations::table)
                .values(migrations::name.eq(migration.name().to_string()))
                .execute(c)?;
        }
        Ok(())
    };
    let outcome: Result<(), Attempted> = connection
        .spawn_blocking(move |c| Ok(c.immediate_transaction(run)))
        .await
        .unwrap_or_else(|error| Err(error.into()));
    outcome.map_err(|Attempted(error)| OpenError::because("the tables cannot be brought up to date", error))
}

pub(super) async fn pending(connection: &mut Connection) -> Result<Vec<String>, OpenError> {
    let names = |c: &mut SqliteConnection| -> Result<Vec<String>, Failure> {
        let known = if has_bookkeeping(c)? { recorded(c)? } else { Vec::new() };
        Ok(missing(&known)?.iter().map(|migration| migration.name().to_string()).collect())
    };
    connection
        .spawn_blocking(move |c| Ok(names(c)))
        .await
        .unwrap_or_else(|error| Err(error.into()))
        .map_err(|error| OpenError::because("the state of the tables cannot be read", error))
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

fn missing(recorded: &[String]) -> Result<Vec<Box<dyn Migration<Sqlite>>>, Failure> {
    let mut migrations: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations()?;
    migrations.retain(|migration| !recorded.contains(&migration.name().to_string()));
    migrations.sort_by_key(|migration| migration.name().to_string());
    Ok(migrations)
}

/// Lets `?` take what Diesel and a migration fail with in one transaction.
struct Attempted(Failure);

impl From<diesel::result::Error> for Attempted {
    fn from(error: diesel::result::Error) -> Self {
        Self(error.into())
    }
}

impl From<Failure> for Attempted {
    fn from(error: Failure) -> Self {
        Self(error)
    }
}

#[cfg(test)]
mod tests {
    use diesel::Connection as _;

    use super::*;

    #[test]
    fn each_migration_goes_up_down_and_up_again() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();

        for migration in missing(&[]).unwrap() {
            migration.run(&mut connection).unwrap();
            migration.revert(&mut connection).unwrap();
            migration.run(&mut connection).unwrap();
        }
    }
}
