use std::future::Future;
use std::time::Duration;

use crate::OpenError;
pub use crate::engine::files::OpenFiles;
use crate::engine::host_migrations::HostMigrations;
pub use crate::engine::notify::Notify;
pub use crate::engine::open::Open;

/// The part of a [`Backend`](crate::Backend) that opens a database and makes it ready: connections, files, migrations.
/// `C` is the backend's connection.
pub trait Opening<C> {
    /// The files of an embedded database. A server's files are out of reach, so its type has no value.
    type Files: OpenFiles;

    /// The means by which processes notify each other of work. A database without any has a type without a value.
    type Notifier: Notify;

    /// Diesel's type for this database.
    type Dialect: diesel::backend::Backend;

    /// Whether a second writer would only wait for the first: then writers of one process queue up fairly
    /// before they ask the database.
    const SINGLE_WRITER: bool;

    /// The URL under which every connection opens the same database, where `url` would give each connection its own.
    fn shared_url(url: &str) -> String;

    /// Opens a connection with the settings that the promises rest on.
    ///
    /// # Errors
    ///
    /// When `url` is not for this database, or the database cannot be reached.
    fn open(url: &str, open: Open) -> impl Future<Output = Result<C, OpenError>> + Send;

    /// Whether a connection is usable after a rest of this length. The server, or the network in between, may have
    /// closed it without a word.
    fn lives(connection: &mut C, rest: Duration) -> impl Future<Output = bool> + Send;

    /// Opens the database's files, and keeps them open for as long as the returned value lives. `None` where a server
    /// has them.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    fn open_files(url: &str) -> impl Future<Output = Result<Option<Self::Files>, OpenError>> + Send;

    /// Opens a connection on which to notify other processes of work. `None` where the processes on this database cannot
    /// notify each other: they find each other's work by polling.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    fn open_notifier(url: &str) -> impl Future<Output = Result<Option<Self::Notifier>, OpenError>> + Send;

    /// Looks for anything that would break the first promise: a version with a known defect, a store that forgets.
    ///
    /// # Errors
    ///
    /// The first such defect, with its remedy.
    fn inspect(connection: &mut C, allow_ephemeral: bool) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// Runs the pending migrations: on SQLite all or none; on Postgres step by step, beside processes that record and
    /// handle meanwhile. Several processes may run it at once.
    ///
    /// # Errors
    ///
    /// When a migration cannot be run; then the database is as it was, on Postgres as it was before the step that
    /// failed.
    fn migrate(connection: &mut C) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// Runs the pending migrations of a host's own tables in one transaction, under a lock of all processes.
    ///
    /// # Errors
    ///
    /// When one of them fails. Then none has run.
    fn migrate_host(
        connection: C,
        migrations: HostMigrations<Self::Dialect>,
    ) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// The names of the pending migrations.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    fn pending_migrations(connection: &mut C) -> impl Future<Output = Result<Vec<String>, OpenError>> + Send;

    /// Makes sure that no id is given out twice, nor an id that deliveries are filed under. A restore may have brought
    /// back the rows without their counter.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked, or the counter is behind and cannot be set.
    fn mend_ids(connection: &mut C) -> impl Future<Output = Result<(), OpenError>> + Send;
}
