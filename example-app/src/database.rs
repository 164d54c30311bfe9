use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rocket_mojito::Backend;
use rocket_mojito::pool::Pool;

/// The kind of database that the desk runs on: SQLite, unless it is built for Postgres alone.
///
/// Every query of the desk is written for both, so only the migrations depend on the kind.
#[cfg(feature = "sqlite")]
pub type Db = rocket_mojito::Sqlite;

/// The kind of database that the desk runs on.
#[cfg(not(feature = "sqlite"))]
pub type Db = rocket_mojito::Postgres;

/// A connection to it.
pub type DbConnection = <Db as Backend>::Connection;

/// A pool of connections to it.
pub type DbPool = Pool<Db>;

/// The migrations of the desk's own tables, which the plugin runs at launch.
#[cfg(feature = "sqlite")]
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The migrations of the desk's own tables, which the plugin runs at launch.
#[cfg(not(feature = "sqlite"))]
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The database's URL, unless a setting names one: a file can be made anywhere, a server has to be named.
pub(crate) const DEFAULT_URL: Option<&str> = if cfg!(feature = "sqlite") { Some("hiring.db") } else { None };

/// The pool that pages and handlers share: `databases.mojito` of the Rocket configuration.
#[derive(rocket_db_pools::Database)]
#[database("mojito")]
pub struct HiringDb(DbPool);

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use diesel::{Connection as _, SqliteConnection};
    use diesel_migrations::MigrationHarness as _;

    use super::*;

    #[test]
    fn the_tables_go_up_down_and_up_again() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();

        connection.run_pending_migrations(MIGRATIONS).unwrap();
        connection.revert_all_migrations(MIGRATIONS).unwrap();
        connection.run_pending_migrations(MIGRATIONS).unwrap();

        assert!(!connection.has_pending_migration(MIGRATIONS).unwrap());
    }
}
