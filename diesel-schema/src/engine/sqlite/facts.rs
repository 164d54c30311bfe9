use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::RunQueryDsl;
use super::session::Session;
use crate::Facts;

pub(super) async fn facts(connection: &mut Session) -> QueryResult<Facts> {
    let version: String = diesel::select(sql::<Text>("sqlite_version()")).get_result(connection).await?;
    Ok(Facts { version: format!("SQLite {version}"), has_standby: None, now: None })
}
