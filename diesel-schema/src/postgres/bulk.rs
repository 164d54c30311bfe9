//! Statements over any number of rows: each column travels as one array. So the text is the same for one row and for a
//! thousand, and the server prepares it once.

use std::iter::{once, repeat};

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Integer, Nullable, Text};

use crate::plan::{DeliveryInsert, ResultWrite, WorkInsert};
use crate::{EventKind, Snapshot, Standing, State, Utc, UtcTimestamp};

/// What stands before each of several: nothing before the first.
pub(super) fn commas() -> impl Iterator<Item = &'static str> {
    once("").chain(repeat(", "))
}

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
                let mut commas = commas();
                $(
                    out.push_sql(commas.next().unwrap_or_default());
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
