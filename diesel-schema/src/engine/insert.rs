//! How rows are inserted, with each column stated once: SQLite takes them one by one, Postgres all at once.
//!
//! Diesel would build the same statements from nested tuples, and walk the tuples again and again for each row. That
//! was a quarter of the work of recording a delivery.

use std::iter::{once, repeat};

use diesel::backend::Backend;
#[cfg(feature = "postgres")]
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
#[cfg(feature = "postgres")]
use diesel::sql_types::Array;
use diesel::sql_types::{BigInt, Binary, Bool, Double, HasSqlType, Integer, Nullable, Text};

use crate::schema::deliveries::DeliveryInsert;
use crate::schema::results::ResultInsert;
use crate::schema::work::WorkInsert;
use crate::{Changes, EventKind, Findings, Standing, State, Timestamp, UtcTimestamp};

/// Inserts a row: the statement's text is always the same, and prepared once.
pub(crate) struct Insert<'a, R>(pub &'a R);

/// The separators of a list: nothing before the first item.
pub(crate) fn commas() -> impl Iterator<Item = &'static str> {
    once("").chain(repeat(", "))
}

fn push_names<DB: Backend>(out: &mut AstPass<'_, '_, DB>, names: &'static [&'static str]) {
    for (comma, name) in commas().zip(names) {
        out.push_sql(comma);
        out.push_sql(name);
    }
}

/// Defines how one row is inserted, and how any number of rows is on Postgres: each column travels as one array. So the
/// statement's text is the same for one row and for a thousand.
macro_rules! insertable {
    (
        $(#[$meta:meta])*
        $rows:ident<$life:lifetime>: $row:ident as $r:ident into $table:literal,
        $($part:expr => { $($column:ident: $rust:ty as $sql:ty,)+ })+
    ) => {
        impl Insert<'_, $row<'_>> {
            pub const COLUMNS: &'static [&'static str] = &[$($(stringify!($column)),+),+];
        }

        impl<$life, DB> QueryFragment<DB> for Insert<'_, $row<$life>>
        where
            DB: Backend $($(+ HasSqlType<$sql>)+)+,
            $($($rust: ToSql<$sql, DB>,)+)+
        {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                let Self($r) = self;
                out.push_sql(concat!("INSERT INTO ", $table, " ("));
                push_names(&mut out, Self::COLUMNS);
                out.push_sql(") VALUES (");
                let mut commas = commas();
                $($(
                    out.push_sql(commas.next().unwrap_or_default());
                    out.push_bind_param::<$sql, _>(&$part.$column)?;
                )+)+
                out.push_sql(")");
                Ok(())
            }
        }

        impl QueryId for Insert<'_, $row<'_>> {
            type QueryId = Insert<'static, $row<'static>>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        $(#[$meta])*
        #[cfg(feature = "postgres")]
        #[derive(Default)]
        pub(crate) struct $rows<$life> {
            $($($column: Vec<&$life $rust>,)+)+
        }

        #[cfg(feature = "postgres")]
        impl<$life> FromIterator<&$life $row<$life>> for $rows<$life> {
            fn from_iter<I: IntoIterator<Item = &$life $row<$life>>>(rows: I) -> Self {
                let mut columns = Self::default();
                for $r in rows {
                    $($(columns.$column.push(&$part.$column);)+)+
                }
                columns
            }
        }

        #[cfg(feature = "postgres")]
        impl QueryFragment<Pg> for $rows<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql(concat!("INSERT INTO ", $table, " ("));
                push_names(&mut out, Insert::<$row<'_>>::COLUMNS);
                // Not `FROM unnest(…)`: the server would first make a table of each array, which took longer than the
                // insertion.
                out.push_sql(") SELECT ");
                let mut commas = commas();
                $($(
                    out.push_sql(commas.next().unwrap_or_default());
                    out.push_sql("unnest(");
                    out.push_bind_param::<Array<$sql>, _>(&self.$column)?;
                    out.push_sql(")");
                )+)+
                Ok(())
            }
        }

        #[cfg(feature = "postgres")]
        impl QueryId for $rows<'_> {
            type QueryId = $rows<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }
    };
}

insertable! {
    /// Rows for `mojito_deliveries`.
    Deliveries<'a>: DeliveryInsert as row into "mojito_deliveries",
    row => {
        id: i64 as BigInt,
        endpoint: &'a str as Text,
        event: EventKind as Text,
        result_id: Option<&'a str> as Nullable<Text>,
        first_delivery_id: Option<i64> as Nullable<BigInt>,
        version: Option<i64> as Nullable<BigInt>,
        standing: Standing as Text,
        fingerprint: &'a [u8] as Binary,
        secret_id: &'a str as Text,
        received_at: Timestamp as UtcTimestamp,
        body: &'a [u8] as Binary,
        changes: Changes as Text,
        findings: Findings as Text,
        message_id: Option<&'a str> as Nullable<Text>,
    }
}

insertable! {
    /// The states of results.
    Results<'a>: ResultInsert as row into "mojito_results",
    row.state => {
        endpoint: &'a str as Text,
        id: &'a str as Text,
        event: EventKind as Text,
        version: i64 as BigInt,
        first_delivery_id: i64 as BigInt,
        delivery_id: i64 as BigInt,
        late_delivery_id: Option<i64> as Nullable<BigInt>,
        first_received_at: Timestamp as UtcTimestamp,
        updated_at: Timestamp as UtcTimestamp,
    }
    row.snapshot => {
        interview_id: Option<String> as Nullable<Text>,
        question_set_id: Option<String> as Nullable<Text>,
        status: Option<String> as Nullable<Text>,
        interview_status: Option<String> as Nullable<Text>,
        processing_status: Option<String> as Nullable<Text>,
        profile_interview_id: Option<String> as Nullable<Text>,
        profile_id: Option<String> as Nullable<Text>,
        candidate_external_id: Option<String> as Nullable<Text>,
        candidate_name: Option<String> as Nullable<Text>,
        candidate_email: Option<String> as Nullable<Text>,
        candidate_phone_number: Option<String> as Nullable<Text>,
        score: Option<f64> as Nullable<Double>,
        ai_analysis_recruiter_score: Option<f64> as Nullable<Double>,
        ai_analysis: Option<String> as Nullable<Text>,
        ai_analysis_recruiter: Option<String> as Nullable<Text>,
        ai_analysis_recruiter_why_hire: Option<String> as Nullable<Text>,
        ai_analysis_recruiter_why_not_hire: Option<String> as Nullable<Text>,
        recruiter_go_next_round: Option<bool> as Nullable<Bool>,
        pdf_export_url: Option<String> as Nullable<Text>,
        reason: Option<String> as Nullable<Text>,
        extra: String as Text,
    }
}

insertable! {
    /// Rows for `mojito_work`.
    Work<'a>: WorkInsert as row into "mojito_work",
    row => {
        delivery_id: i64 as BigInt,
        handler: &'a str as Text,
        first_delivery_id: i64 as BigInt,
        state: State as Text,
        max_attempts: i32 as Integer,
        is_first: bool as Bool,
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::sql_query;

    use super::*;
    use crate::engine::sqlite::migrations::MIGRATIONS;

    #[derive(QueryableByName)]
    struct Column {
        #[diesel(sql_type = Text)]
        name: String,
    }

    /// The columns of a table, as the migrations make it, that are not among `columns`.
    fn left_out(table: &str, columns: &[&str]) -> QueryResult<Vec<String>> {
        let mut connection = SqliteConnection::establish(":memory:").expect("memory is there");
        MIGRATIONS.iter().try_for_each(|migration| connection.batch_execute(migration.up))?;
        let query = sql_query(format!("SELECT name FROM pragma_table_info('{table}')"));
        let all: Vec<Column> = query.load(&mut connection)?;
        Ok(all.into_iter().map(|column| column.name).filter(|name| !columns.contains(&name.as_str())).collect())
    }

    #[test]
    fn no_column_is_forgotten() {
        let deliveries = left_out("mojito_deliveries", Insert::<DeliveryInsert<'_>>::COLUMNS).unwrap();
        let results = left_out("mojito_results", Insert::<ResultInsert<'_>>::COLUMNS).unwrap();
        let work = left_out("mojito_work", Insert::<WorkInsert<'_>>::COLUMNS).unwrap();

        assert_eq!(deliveries, ["repeat_count", "last_repeat_at", "dismissed_at"]);
        assert_eq!(results, ["erased_at"]);
        assert_eq!(
            work,
            [
                "attempt",
                "due_at",
                "lease_until",
                "epoch",
                "last_error",
                "finished_at",
                "measured_from",
                "hook_due_at",
                "was_promoted",
                "started_at",
                "has_attempts",
                "dismissed_at",
                "error_group",
                "is_replayed",
            ]
        );
    }
}
