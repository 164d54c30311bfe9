use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use rocket_mojito::{Event, Timestamp};

use super::candidates;
use crate::database::DbConnection;
use crate::notice::Notice;

diesel::table! {
    use diesel::sql_types::*;
    use mojito_schema::UtcTimestamp;

    /// The changes that a recruiter at the desk should notice.
    application_notices (id) {
        /// Rises with the order in which they were written.
        id -> BigInt,
        /// The endpoint of the result.
        endpoint -> Text,
        /// The vendor's id of the result.
        result_id -> Text,
        /// The delivery that gave rise to it.
        delivery_id -> BigInt,
        /// A [`Notice`](crate::notice::Notice).
        notice -> Text,
        /// When it was written.
        created_at -> UtcTimestamp,
    }
}

/// A new notice.
#[derive(Insertable)]
#[diesel(table_name = application_notices, treat_none_as_default_value = false)]
struct NewNotice<'a> {
    endpoint: &'a str,
    result_id: &'a str,
    delivery_id: i64,
    notice: Notice,
    created_at: Timestamp,
}

/// Writes the notices that an event gives rise to.
pub async fn append(c: &mut DbConnection, event: &Event, notices: &[Notice], now: Timestamp) -> QueryResult<()> {
    for notice in notices {
        let row = NewNotice {
            endpoint: event.endpoint(),
            result_id: &event.payload().id,
            delivery_id: event.delivery_id(),
            notice: *notice,
            created_at: now,
        };
        diesel::insert_into(application_notices::table).values(row).execute(c).await?;
    }
    Ok(())
}

/// Notes that a delivery could not be filed, once. Nothing is kept of a result that was erased meanwhile.
pub async fn note_not_filed(c: &mut DbConnection, event: &Event, now: Timestamp) -> QueryResult<()> {
    let (endpoint, result_id) = (event.endpoint(), event.payload().id.as_str());
    let notice = Notice::NotFiled;
    let row = NewNotice { endpoint, result_id, delivery_id: event.delivery_id(), notice, created_at: now };
    // The insert comes before any read: SQLite gives the write lock to the transaction that asks for it first.
    diesel::insert_into(application_notices::table).values(row).on_conflict_do_nothing().execute(c).await?;
    if candidates::find(c, endpoint, result_id).await?.is_none() {
        erase(c, endpoint, result_id).await?;
    }
    Ok(())
}

/// Forgets the notices of a result.
pub async fn erase(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<()> {
    let rows = application_notices::table
        .filter(application_notices::endpoint.eq(endpoint))
        .filter(application_notices::result_id.eq(result_id));
    diesel::delete(rows).execute(c).await.map(drop)
}

/// A stored notice.
#[derive(Queryable, Selectable)]
#[diesel(table_name = application_notices, treat_none_as_default_value = false)]
pub struct NoticeRow {
    /// The endpoint of the result.
    pub endpoint: String,
    /// The vendor's id of the result.
    pub result_id: String,
    /// The kind of notice.
    pub notice: Notice,
    /// When it was written.
    pub created_at: Timestamp,
}

impl NoticeRow {
    /// The key of its result: endpoint and id.
    pub fn key(&self) -> (&str, &str) {
        (&self.endpoint, &self.result_id)
    }
}

/// The newest notices, newest first. Notices about erased results are left out.
pub async fn newest(c: &mut DbConnection, limit: i64) -> QueryResult<Vec<NoticeRow>> {
    let is_there = sql::<Bool>(
        "EXISTS (SELECT 1 FROM mojito_results WHERE mojito_results.endpoint = application_notices.endpoint \
         AND mojito_results.id = application_notices.result_id AND mojito_results.erased_at IS NULL)",
    );
    let rows = application_notices::table.filter(is_there).order(application_notices::id.desc()).limit(limit);
    rows.select(NoticeRow::as_select()).load(c).await
}

/// The notices of one result, in the order in which they were written: (delivery, notice).
pub async fn of_result(c: &mut DbConnection, endpoint: &str, result_id: &str) -> QueryResult<Vec<(i64, Notice)>> {
    application_notices::table
        .filter(application_notices::endpoint.eq(endpoint))
        .filter(application_notices::result_id.eq(result_id))
        .order(application_notices::id)
        .select((application_notices::delivery_id, application_notices::notice))
        .load(c)
        .await
}
