use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::sync_connection_wrapper::SpawnBlocking as _;

use super::{Session, Spawner, WITHOUT_FSYNC, Wrapper, checkpoint, file};
use crate::Open;
use crate::engine::db_error::fault;
use crate::engine::open_error::OpenError;

/// Older versions can corrupt a database in WAL mode: <https://www.sqlite.org/wal.html#walresetbug>.
const OLDEST_SOUND_VERSION: [u32; 3] = [3, 51, 3];

// `busy_timeout` stands first: switching to WAL takes a lock itself. It is shorter than a pool waits for a connection,
// so that the launch can name the process in the way.
// `wal_autocheckpoint`, in pages: the writer whose commit exceeds it copies them back while all others wait. So it is
// the backstop of the checkpoints beside writers, and keeps the WAL below 16 MiB. `trusted_schema` off: nothing in the
// file can make us run a function. `secure_delete`: erased data is overwritten.
const SETTINGS: &str = "
    PRAGMA busy_timeout = 3000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 3500;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA busy_timeout = 5000;
";

/// The prefixes of other clients' URLs, which mean nothing here: SQLite would make a file of that name.
const SCHEMES: [&str; 3] = ["sqlite:", "sqlite3:", "jdbc:"];

/// The tries to checkpoint a former process's WAL into the file.
const MAX_TRIES: u32 = 3;

/// Counts the in-memory databases of this process, so that each has a name of its own.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);

pub(super) fn shared_url(url: &str) -> String {
    match url {
        ":memory:" => format!("file:/mojito-{}?vfs=memdb", IN_MEMORY.fetch_add(1, Ordering::Relaxed)),
        _ => url.to_owned(),
    }
}

pub(super) async fn open(url: &str, open: Open) -> Result<Wrapper, OpenError> {
    check_url(url)?;
    let (url, caller) = match open {
        Open::Create => (url.to_owned(), Spawner::InPlace),
        Open::Existing => (existing(url), Spawner::InPlace),
        // A verb is one call, and takes its time.
        Open::ForVerbs => (existing(url), Spawner::Elsewhere),
    };
    let opened = Spawner::Elsewhere.spawn_blocking(move || establish(&url, open)).await;
    let opened = opened
        .map_err(|error| OpenError::because("the SQLite file was not opened", error))
        .and_then(|opened| opened)?;
    let mut connection = Wrapper::with_runtime(Session::new(opened), caller);
    let set = connection.spawn_blocking(|c| c.batch_execute(SETTINGS)).await;
    set.map_err(|error| {
        let remedy = "is it a database, and writable? Its folder must be writable too, for `-wal` and `-shm`";
        unless_locked(&format!("the SQLite file cannot be used: {remedy}"), error)
    })?;
    match open {
        Open::Create => persist_wal(&mut connection).await?,
        Open::Existing => {}
        Open::ForVerbs => {
            let set = connection.spawn_blocking(|c| c.batch_execute(WITHOUT_FSYNC)).await;
            set.map_err(|error| OpenError::because("the SQLite settings cannot be changed", error))?;
        }
    }
    Ok(connection)
}

/// Refuses a URL that is none of a SQLite file.
pub(super) fn check_url(url: &str) -> Result<(), OpenError> {
    if let Some((scheme, _)) = url.split_once("://")
        && scheme != "file"
    {
        let remedy = "set `url` to the path of a file, or build with the feature of that database";
        return Err(OpenError::new(format!("the URL of a `{scheme}` database for SQLite: {remedy}")));
    }
    if let Some(scheme) = SCHEMES.iter().find(|scheme| url.starts_with(**scheme)) {
        return Err(OpenError::new(format!(
            "`{scheme}` is no part of the name of a SQLite file: set `url` to its path alone, such as `hiring.db`"
        )));
    }
    Ok(())
}

pub(super) fn establish(url: &str, open: Open) -> Result<SqliteConnection, OpenError> {
    if open == Open::Create {
        file::make(url)?;
    }
    SqliteConnection::establish(url)
        .map_err(|error| OpenError::because("the SQLite file cannot be opened: check its path and permissions", error))
}

/// Why a file cannot be used. A lock of another process is no fault of the file.
pub(super) fn unless_locked(message: &str, error: diesel::result::Error) -> OpenError {
    match fault(&error) {
        "database is locked" => {
            let remedy = "end it, or let it close the file; `fuser` says which one it is";
            OpenError::because(format!("the SQLite file is locked by another process: {remedy}"), error)
        }
        _ => OpenError::because(message, error),
    }
}

/// At launch nobody knows whether a former process saw an fsync fail: nothing is built on its WAL.
async fn persist_wal(connection: &mut Wrapper) -> Result<(), OpenError> {
    let mut tries = 1;
    loop {
        match connection.spawn_blocking(|c| take_over(c)).await {
            Ok(()) => return Ok(()),
            // Linux reports a pending writeback error once per file, to the next fsync: hence the retries.
            Err(_) if tries < MAX_TRIES => tries += 1,
            Err(error) => {
                let message = "the SQLite file cannot be written to: check its disk and permissions";
                return Err(unless_locked(message, error));
            }
        }
    }
}

fn take_over(connection: &mut SqliteConnection) -> QueryResult<()> {
    match file_of(connection)? {
        Some(file) => checkpoint::take_over(connection, &beside(&file, "-wal")),
        None => Ok(()),
    }
}

/// The URL of the same file, but only if the file exists.
pub(super) fn existing(url: &str) -> String {
    match url.strip_prefix("file:") {
        Some(rest) if rest.contains("mode=") || rest.contains("vfs=memdb") => url.to_owned(),
        Some(rest) if rest.contains('?') => format!("{url}&mode=rw"),
        Some(_) => format!("{url}?mode=rw"),
        None => {
            let path = url.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            format!("file:{path}?mode=rw")
        }
    }
}

pub(super) async fn inspect(connection: &mut Wrapper, allow_ephemeral: bool) -> Result<(), OpenError> {
    connection
        .spawn_blocking(move |c| Ok(inspect_now(c, allow_ephemeral)))
        .await
        .map_err(|error| OpenError::because("the SQLite file cannot be read", error))?
}

fn inspect_now(connection: &mut SqliteConnection, allow_ephemeral: bool) -> Result<(), OpenError> {
    let unreadable = |error| OpenError::because("the SQLite settings cannot be read", error);
    let version = text(connection, "SELECT sqlite_version() AS value").map_err(unreadable)?;
    if parse_version(&version) < OLDEST_SOUND_VERSION {
        let [major, minor, patch] = OLDEST_SOUND_VERSION;
        return Err(OpenError::new(format!(
            "SQLite {version}, which can corrupt a database in WAL mode: \
             link {major}.{minor}.{patch} or later, for example by libsqlite3-sys with its feature `bundled`"
        )));
    }
    if allow_ephemeral {
        return Ok(());
    }
    let journal = journal_of(connection).map_err(unreadable)?;
    let file = file_of(connection).map_err(unreadable)?.filter(|_| journal != "memory").ok_or_else(|| {
        OpenError::new(
            "an in-memory SQLite database, which forgets: set `url` to the path of a file \
             (or `mojito.allow_ephemeral = true` in a test)",
        )
    })?;
    file::inspect(&file)?;
    if journal != "wal" {
        return Err(OpenError::new(format!(
            "SQLite journal mode `{journal}`: the file system must allow WAL, which network file systems do not"
        )));
    }
    let synchronous = number(connection, "SELECT synchronous AS value FROM pragma_synchronous").map_err(unreadable)?;
    if synchronous < 2 {
        return Err(OpenError::new(format!(
            "SQLite `synchronous = {synchronous}`, which loses deliveries at a power cut: it must be FULL (2)"
        )));
    }
    Ok(())
}

fn parse_version(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// The file of a connection, with all links followed. `None` where the database has no file.
pub(super) fn file_of(connection: &mut SqliteConnection) -> QueryResult<Option<PathBuf>> {
    let file = text(connection, "SELECT file AS value FROM pragma_database_list WHERE name = 'main'")?;
    Ok(Some(file).filter(|file| !file.is_empty()).map(PathBuf::from))
}

pub(super) fn journal_of(connection: &mut SqliteConnection) -> QueryResult<String> {
    text(connection, "SELECT journal_mode AS value FROM pragma_journal_mode")
}

/// The path of a file that SQLite keeps beside the database file.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn text(connection: &mut SqliteConnection, query: &str) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        value: String,
    }
    diesel::sql_query(query).get_result::<Row>(connection).map(|row| row.value)
}

fn number(connection: &mut SqliteConnection, query: &str) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }
    diesel::sql_query(query).get_result::<Row>(connection).map(|row| row.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    diesel::define_sql_function! {
        /// Stands in for the library's own function.
        fn sqlite_version() -> Text;
    }

    #[test]
    fn an_old_library_is_refused_whatever_is_allowed() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        sqlite_version_utils::register_impl(&connection, || "3.51.2".to_owned()).unwrap();

        let sentence = inspect_now(&mut connection, true).unwrap_err().to_string();

        assert!(sentence.contains("SQLite 3.51.2") && sentence.contains("link 3.51.3 or later"), "{sentence}");
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(parse_version("3.51.2") < OLDEST_SOUND_VERSION);
        assert!(parse_version("3.9.30") < OLDEST_SOUND_VERSION);
        assert!(parse_version("3.53.2") > OLDEST_SOUND_VERSION);
    }

    #[test]
    fn an_existing_file_is_never_created() {
        assert_eq!(existing("hiring.db"), "file:hiring.db?mode=rw");
        assert_eq!(existing("what?.db"), "file:what%3f.db?mode=rw");
        assert_eq!(existing("file:hiring.db?cache=private"), "file:hiring.db?cache=private&mode=rw");
    }
}
