use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use mojito_schema::{Open, Opening, Postgres};
use tokio::sync::OnceCell;

/// Names the port of a proxy that tests go through, where `proxy.rs` runs them.
pub(crate) const PROXY: &str = "MOJITO_TEST_POSTGRES_PROXY";

/// A database of one test, on the private Postgres server of `tests/run`.
pub(crate) struct ScratchDatabase {
    server: String,
    name: String,
}

/// The database that this process has migrated, to be copied. It is gone with the server.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

impl ScratchDatabase {
    /// An empty database.
    pub(crate) async fn new() -> Self {
        let database = Self::named();
        database.administer(&format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    /// A database with the plugin's tables, and nothing in them. A copy costs less than all migrations.
    pub(crate) async fn migrated() -> Self {
        let template = TEMPLATE.get_or_init(Self::migrate).await;
        let database = Self::named();
        database.administer(&format!("CREATE DATABASE {} TEMPLATE {template}", database.name)).await;
        database
    }

    fn named() -> Self {
        let server = std::env::var("MOJITO_TEST_POSTGRES")
            .expect("MOJITO_TEST_POSTGRES names no server: run the tests with `tests/run`, which starts one");
        Self { server, name: format!("mojito_{:016x}", fastrand::u64(..)) }
    }

    async fn migrate() -> String {
        let template = Self::new().await;
        let mut connection = Postgres::open(&template.direct_url(), Open::Existing).await.unwrap();
        Postgres::migrate(&mut connection).await.unwrap();
        drop(connection);
        // Nobody can copy what somebody is connected to.
        template.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", template.name)).await;
        let name = template.name.clone();
        std::mem::forget(template);
        name
    }

    pub(crate) fn url(&self) -> String {
        match std::env::var(PROXY) {
            Ok(port) => format!("postgres://mojito@127.0.0.1:{port}/{}?proxy=transaction", self.name),
            Err(_) => self.direct_url(),
        }
    }

    /// The same database, whatever stands between.
    pub(crate) fn direct_url(&self) -> String {
        let (address, _) = self.server.rsplit_once('/').expect("a URL with a database");
        format!("{address}/{}", self.name)
    }

    async fn administer(&self, statement: &str) {
        let mut connection = AsyncPgConnection::establish(&self.server).await.unwrap_or_else(|error| {
            panic!("the server of MOJITO_TEST_POSTGRES cannot be reached: run the tests with `tests/run`: {error}")
        });
        connection.batch_execute(statement).await.unwrap();
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        // The test's own runtime may be shutting down.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
                runtime.block_on(self.administer(&drop));
            });
        });
    }
}
