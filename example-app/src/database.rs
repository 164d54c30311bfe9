use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rocket_mojito::pool::SqlitePool;
use rocket_mojito::{Backend, Sqlite};

/// The kind of database that the desk runs on: the one place that names it.
pub type Db = Sqlite;

/// A connection to it.
pub type DbConnection = <Db as Backend>::Connection;

/// A pool of them.
pub type DbPool = SqlitePool;

/// The desk's own tables.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The pool that pages and handlers share: `databases.mojito` of the Rocket configuration.
#[derive(rocket_db_pools::Database)]
#[database("mojito")]
pub struct HiringDb(DbPool);
