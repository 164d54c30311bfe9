use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use super::Connection;
use crate::{Facts, Timestamp};

/// `now` is the server's clock.
pub(super) async fn facts(connection: &mut Connection, now: Timestamp) -> QueryResult<Facts> {
    let version: String =
        diesel::select(sql::<Text>("current_setting('server_version')")).get_result(connection).await?;
    let standbys: String =
        diesel::select(sql::<Text>("current_setting('synchronous_standby_names')")).get_result(connection).await?;
    let has_standby = Some(!standbys.trim().is_empty());
    Ok(Facts { version: format!("PostgreSQL {version}"), has_standby, now: Some(now) })
}
