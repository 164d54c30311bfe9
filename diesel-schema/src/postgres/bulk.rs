//! Statements over any number of rows: each column travels as one array. So the text is the same for one row and for a
//! thousand, and the server prepares it once.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Integer, Nullable, Text};

use crate::plan::{DeliveryInsert, ResultKey, ResultWrite, WorkInsert};
use crate::{EventKind, ResultRow, Snapshot, Standing, State, Utc, UtcTimestamp};

/// Defines a statement that takes rows as one array a column: `INSERT INTO … SELECT * FROM unnest(…)`.
macro_rules! bulk_insert {
    (
        $(#[$meta:meta])*
        $name:ident<$life:lifetime>: $row:ty as $r:ident into $table:literal, on conflict $conflict:expr, {
            $($column:ident: $rust:ty as $sql:ty = $value:expr,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $name<$life> {
            $($column: Vec<$rust>,)+
        }

        impl<$life> FromIterator<$row> for $name<$life> {
            fn from_iter<I: IntoIterator<Item = $row>>(rows: I) -> Self {
                let mut columns = Self::default();
                for $r in rows {
                    $(columns.$column.push($value);)+
                }
                columns
            }
        }

        impl QueryFragment<Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql(concat!("INSERT INTO ", $table, " ("));
                out.push_sql([$(stringify!($column)),+].join(", ").as_str());
                out.push_sql(") SELECT * FROM unnest(");
                let mut separators = ["", ", "].into_iter();
                $(
                    out.push_sql(separators.next().unwrap_or(", "));
                    out.push_bind_param::<Array<$sql>, _>(&self.$column)?;
                )+
                out.push_sql(")");
                let conflict: Option<(&str, &str)> = $conflict;
                if let Some((key, condition)) = conflict {
                    let set = [$(concat!(stringify!($column), " = excluded.", stringify!($column))),+];
                    out.push_sql(&format!(" ON CONFLICT {key} DO UPDATE SET {} WHERE {condition}", set.join(", ")));
                }
                Ok(())
            }
        }

        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }
    };
}

bulk_insert! {
    /// Rows for `mojito_deliveries`.
    Deliveries<'a>: &'a DeliveryInsert<'a> as row into "mojito_deliveries", on conflict None, {
        id: i64 as BigInt = row.id,
        endpoint: &'a str as Text = row.endpoint,
        event: EventKind as Text = row.event,
        result_id: Option<&'a str> as Nullable<Text> = row.result_id,
        first_delivery_id: Option<i64> as Nullable<BigInt> = row.first_delivery_id,
        version: Option<i64> as Nullable<BigInt> = row.version,
        standing: Standing as Text = row.standing,
        fingerprint: &'a [u8] as Binary = row.fingerprint,
        secret_id: &'a str as Text = row.secret_id,
        received_at: Utc as UtcTimestamp = row.received_at,
        body: &'a [u8] as Binary = row.body,
        changes: &'a str as Text = &row.changes,
        findings: &'a str as Text = &row.findings,
        message_id: Option<&'a str> as Nullable<Text> = row.message_id,
    }
}

bulk_insert! {
    /// The states of results, new ones and newer ones. A row that another process was first to write is left alone, and
    /// not counted.
    Results<'a>: (&'a ResultWrite<'a>, &'a Snapshot) as row into "mojito_results",
    on conflict Some(("(endpoint, id)", "mojito_results.first_delivery_id = excluded.first_delivery_id")), {
        endpoint: &'a str as Text = row.0.endpoint,
        id: &'a str as Text = row.0.id,
        event: EventKind as Text = row.0.event,
        version: i64 as BigInt = row.0.version,
        interview_id: Option<&'a str> as Nullable<Text> = row.1.interview_id.as_deref(),
        question_set_id: Option<&'a str> as Nullable<Text> = row.1.question_set_id.as_deref(),
        status: Option<&'a str> as Nullable<Text> = row.1.status.as_deref(),
        interview_status: Option<&'a str> as Nullable<Text> = row.1.interview_status.as_deref(),
        processing_status: Option<&'a str> as Nullable<Text> = row.1.processing_status.as_deref(),
        profile_interview_id: Option<&'a str> as Nullable<Text> = row.1.profile_interview_id.as_deref(),
        profile_id: Option<&'a str> as Nullable<Text> = row.1.profile_id.as_deref(),
        candidate_external_id: Option<&'a str> as Nullable<Text> = row.1.candidate_external_id.as_deref(),
        candidate_name: Option<&'a str> as Nullable<Text> = row.1.candidate_name.as_deref(),
        candidate_email: Option<&'a str> as Nullable<Text> = row.1.candidate_email.as_deref(),
        candidate_phone_number: Option<&'a str> as Nullable<Text> = row.1.candidate_phone_number.as_deref(),
        score: Option<f64> as Nullable<Double> = row.1.score,
        ai_analysis_recruiter_score: Option<f64> as Nullable<Double> = row.1.ai_analysis_recruiter_score,
        ai_analysis: Option<&'a str> as Nullable<Text> = row.1.ai_analysis.as_deref(),
        ai_analysis_recruiter: Option<&'a str> as Nullable<Text> = row.1.ai_analysis_recruiter.as_deref(),
        ai_analysis_recruiter_why_hire: Option<&'a str> as Nullable<Text>
            = row.1.ai_analysis_recruiter_why_hire.as_deref(),
        ai_analysis_recruiter_why_not_hire: Option<&'a str> as Nullable<Text>
            = row.1.ai_analysis_recruiter_why_not_hire.as_deref(),
        recruiter_go_next_round: Option<bool> as Nullable<Bool> = row.1.recruiter_go_next_round,
        pdf_export_url: Option<&'a str> as Nullable<Text> = row.1.pdf_export_url.as_deref(),
        reason: Option<&'a str> as Nullable<Text> = row.1.reason.as_deref(),
        extra: &'a str as Text = &row.1.extra,
        first_delivery_id: i64 as BigInt = row.0.first_delivery_id,
        delivery_id: i64 as BigInt = row.0.delivery_id,
        late_delivery_id: Option<i64> as Nullable<BigInt> = row.0.late_delivery_id,
        first_received_at: Utc as UtcTimestamp = row.0.first_received_at,
        updated_at: Utc as UtcTimestamp = row.0.updated_at,
    }
}

bulk_insert! {
    /// Rows for `mojito_work`.
    Work<'a>: &'a WorkInsert<'a> as row into "mojito_work", on conflict None, {
        delivery_id: i64 as BigInt = row.delivery_id,
        handler: &'a str as Text = row.handler,
        first_delivery_id: i64 as BigInt = row.first_delivery_id,
        state: State as Text = row.state,
        max_attempts: i32 as Integer = row.max_attempts,
        due_at: Utc as UtcTimestamp = row.due_at,
    }
}

/// How many repeats came of which deliveries, and when the last did.
#[derive(Default)]
pub(super) struct Repeats {
    id: Vec<i64>,
    times: Vec<i64>,
    last: Vec<Utc>,
}

impl<'a> FromIterator<(&'a i64, &'a (i64, Utc))> for Repeats {
    fn from_iter<I: IntoIterator<Item = (&'a i64, &'a (i64, Utc))>>(rows: I) -> Self {
        let mut columns = Self::default();
        for (id, (times, last)) in rows {
            columns.id.push(*id);
            columns.times.push(*times);
            columns.last.push(*last);
        }
        columns
    }
}

impl QueryFragment<Pg> for Repeats {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE mojito_deliveries SET repeat_count = repeat_count + came.times, last_repeat_at = came.last \
             FROM unnest(",
        );
        out.push_bind_param::<Array<BigInt>, _>(&self.id)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<UtcTimestamp>, _>(&self.last)?;
        out.push_sql(") AS came (id, times, last) WHERE mojito_deliveries.id = came.id");
        Ok(())
    }
}

impl QueryId for Repeats {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// The results with these keys, locked in their order.
///
/// Asked for one by one, as all lookups here: `key = ANY(…)` over two columns, or a join, may become a scan of a whole index
/// while the server takes the table for small, and that plan is kept while it grows.
pub(super) struct Heads<'a> {
    endpoint: Vec<&'a str>,
    id: Vec<&'a str>,
    row: AsSelect<ResultRow, Pg>,
}

impl<'a> FromIterator<ResultKey<'a>> for Heads<'a> {
    fn from_iter<I: IntoIterator<Item = ResultKey<'a>>>(keys: I) -> Self {
        let (endpoint, id) = keys.into_iter().collect::<BTreeSet<_>>().into_iter().unzip();
        Self { endpoint, id, row: ResultRow::as_select() }
    }
}

impl QueryFragment<Pg> for Heads<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT head.* FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.endpoint)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.id)?;
        out.push_sql(") AS asked (endpoint, id), LATERAL (SELECT ");
        self.row.walk_ast(out.reborrow())?;
        out.push_sql(
            " FROM mojito_results WHERE mojito_results.endpoint = asked.endpoint AND mojito_results.id = asked.id \
             FOR UPDATE) AS head",
        );
        Ok(())
    }
}

impl QueryId for Heads<'_> {
    type QueryId = Heads<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Heads<'_> {
    type SqlType = SqlTypeOf<AsSelect<ResultRow, Pg>>;
}

/// Defines a query for stored deliveries, one for each row that is asked for.
macro_rules! lookup {
    (
        $(#[$meta:meta])*
        $name:ident<$life:lifetime>: ($($column:ident: $rust:ty as $sql:ty),+),
        $answer:literal as $answer_type:ty, where $condition:literal
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $name<$life> {
            $($column: Vec<$rust>,)+
            asked: PhantomData<&$life ()>,
        }

        impl<$life> FromIterator<($($rust,)+)> for $name<$life> {
            fn from_iter<I: IntoIterator<Item = ($($rust,)+)>>(rows: I) -> Self {
                let mut columns = Self::default();
                for ($($column,)+) in rows {
                    $(columns.$column.push($column);)+
                }
                columns
            }
        }

        impl QueryFragment<Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql("SELECT known.* FROM unnest(");
                let mut separators = ["", ", "].into_iter();
                $(
                    out.push_sql(separators.next().unwrap_or(", "));
                    out.push_bind_param::<Array<$sql>, _>(&self.$column)?;
                )+
                out.push_sql(") AS asked (");
                out.push_sql([$(stringify!($column)),+].join(", ").as_str());
                // `OFFSET 0`: asked row by row, and never made a join.
                out.push_sql(concat!(
                    "), LATERAL (SELECT ", $answer, " FROM mojito_deliveries AS d WHERE ", $condition, " OFFSET 0) AS known",
                ));
                Ok(())
            }
        }

        impl QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl Query for $name<'_> {
            type SqlType = $answer_type;
        }
    };
}

lookup! {
    /// The deliveries of these results with these fingerprints: fingerprint, id, standing, message id.
    KnownBy<'a>: (first_delivery_id: i64 as BigInt, fingerprint: &'a [u8] as Binary),
    "d.fingerprint, d.id, d.standing, d.message_id" as (Binary, BigInt, Text, Nullable<Text>),
    where "d.first_delivery_id = asked.first_delivery_id AND d.fingerprint = asked.fingerprint"
}

lookup! {
    /// What waits in quarantine with these fingerprints: fingerprint, id, standing, message id.
    Waiting<'a>: (fingerprint: &'a [u8] as Binary),
    "d.fingerprint, d.id, d.standing, d.message_id" as (Binary, BigInt, Text, Nullable<Text>),
    where "d.first_delivery_id IS NULL AND d.fingerprint = asked.fingerprint"
}

lookup! {
    /// The stored deliveries with these ids of these endpoints' gateways: endpoint, message id.
    Messages<'a>: (endpoint: &'a str as Text, message_id: &'a str as Text),
    "d.endpoint, d.message_id" as (Text, Nullable<Text>),
    where "d.endpoint = asked.endpoint AND d.message_id = asked.message_id"
}

/// As many ids for deliveries that nobody has had.
pub(super) struct FreeIds(pub i32);

impl QueryFragment<Pg> for FreeIds {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT nextval(pg_get_serial_sequence('mojito_deliveries', 'id')) FROM generate_series(1, ");
        out.push_bind_param::<Integer, _>(&self.0)?;
        out.push_sql(")");
        Ok(())
    }
}

impl QueryId for FreeIds {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for FreeIds {
    type SqlType = BigInt;
}
