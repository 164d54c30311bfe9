use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::process;

/// Numbers the databases of this run.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// A server that has run for a while uses the files of its log again. A new one fills each with 16 MiB of zeros and syncs
/// it, and whoever comes meanwhile waits.
const WARM_UP: [&str; 3] = [
    "ALTER SYSTEM SET min_wal_size = '1GB'",
    "SELECT pg_reload_conf()",
    "SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal() FROM generate_series(1, 60)",
];

/// A database of the server that `tests/postgres` has started.
pub(crate) struct Postgres {
    url: String,
    name: String,
    runtime: Runtime,
    admin: Client,
    client: Client,
    postmaster: u32,
}

impl Postgres {
    pub fn create() -> anyhow::Result<Self> {
        let server = std::env::var("MOJITO_TEST_POSTGRES").context("no Postgres server: use tests/bench")?;
        let (address, _) = server.rsplit_once('/').context("a URL without a database")?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let admin = connect(&runtime, &format!("{server}?sslmode=disable"))?;
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("measured_{number}");
        if number == 0 {
            WARM_UP.iter().try_for_each(|statement| runtime.block_on(admin.batch_execute(statement)))?;
        }
        // A checkpoint that the last run has left over would be paid by this one.
        runtime.block_on(admin.batch_execute(&format!("CREATE DATABASE {name}")))?;
        runtime.block_on(admin.batch_execute("CHECKPOINT"))?;
        let url = format!("{address}/{name}?sslmode=disable");
        let client = connect(&runtime, &url)?;
        let row = runtime.block_on(client.query_one("SELECT pg_backend_pid()", &[]))?;
        let postmaster = process::parent(u32::try_from(row.get::<_, i32>(0))?)?;
        Ok(Self { url, name, runtime, admin, client, postmaster })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn cpu(&self) -> anyhow::Result<Duration> {
        process::family_cpu(self.postmaster)
    }

    pub fn run(&self, statements: &str) -> anyhow::Result<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(statements))?)
    }

    pub fn number(&self, query: &str) -> anyhow::Result<i64> {
        Ok(self.runtime.block_on(self.client.query_one(query, &[]))?.try_get("number")?)
    }

    pub fn pairs(&self, query: &str) -> anyhow::Result<Vec<(i64, i64)>> {
        let rows = self.runtime.block_on(self.client.query(query, &[]))?;
        rows.iter().map(|row| Ok((row.try_get("first")?, row.try_get("second")?))).collect()
    }

    pub fn deliveries(
        &self,
        query: &str,
        mut each: impl FnMut(i64, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let rows = self.client.query_raw(query, [0_i32; 0]).await?;
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await? {
                each(row.try_get(0)?, row.try_get(1)?)?;
            }
            Ok(())
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // The whole server goes when the run ends: nothing is lost where this fails.
        let _ = self.runtime.block_on(self.admin.batch_execute(&statement));
    }
}

fn connect(runtime: &Runtime, url: &str) -> anyhow::Result<Client> {
    let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
    runtime.spawn(connection);
    Ok(client)
}
