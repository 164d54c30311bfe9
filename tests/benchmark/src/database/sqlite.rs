use anyhow::Context as _;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Binary};
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};
use tempfile::TempDir;

/// A file in a folder of its own.
pub(crate) struct Sqlite {
    url: String,
    _folder: TempDir,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    second: i64,
}

#[derive(QueryableByName)]
struct Delivery {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

impl Sqlite {
    pub fn create() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("measured.db");
        let url = path.to_str().context("a folder whose name is no text")?.to_owned();
        Ok(Self { url, _folder: folder })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn run(&self, statements: &str) -> anyhow::Result<()> {
        Ok(self.connection()?.batch_execute(&format!("BEGIN IMMEDIATE; {statements}; COMMIT"))?)
    }

    pub fn number(&self, query: &str) -> anyhow::Result<i64> {
        Ok(diesel::sql_query(query).get_result::<Number>(&mut self.connection()?)?.number)
    }

    pub fn pairs(&self, query: &str) -> anyhow::Result<Vec<(i64, i64)>> {
        let pairs = diesel::sql_query(query).load::<Pair>(&mut self.connection()?)?;
        Ok(pairs.into_iter().map(|pair| (pair.first, pair.second)).collect())
    }

    pub fn deliveries(
        &self,
        query: &str,
        mut each: impl FnMut(i64, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut connection = self.connection()?;
        let mut step = |query: String| {
            let deliveries = diesel::sql_query(query).load::<Delivery>(&mut connection)?;
            for delivery in &deliveries {
                each(delivery.id, &delivery.body)?;
            }
            anyhow::Ok(deliveries.last().map(|last| last.id))
        };
        let mut last = Some(0);
        while let Some(after) = last {
            last = step(format!("{query} WHERE id > {after} ORDER BY id LIMIT 1000"))?;
        }
        Ok(())
    }

    fn connection(&self) -> anyhow::Result<SqliteConnection> {
        let mut connection = SqliteConnection::establish(&self.url)?;
        connection.batch_execute("PRAGMA busy_timeout = 5000")?;
        Ok(connection)
    }
}
