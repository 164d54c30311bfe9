use diesel::QueryResult;

use super::{Connection, RunQueryDsl};

pub(crate) async fn prove(connection: &mut Connection) -> QueryResult<()> {
    // The row is written, whether or not its value changes.
    diesel::sql_query("UPDATE mojito_migrations SET run_at = run_at").execute(connection).await.map(drop)
}
