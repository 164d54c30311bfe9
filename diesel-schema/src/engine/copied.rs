use diesel::connection::DefaultLoadingMode;
use diesel::dsl::sql;
use diesel::prelude::{Insertable, OptionalExtension, QueryDsl, QueryResult, Queryable, Selectable, SelectableHelper};
use diesel::sql_types::Integer;
use diesel::{RunQueryDsl, SqliteConnection};
use diesel_async::{AsyncPgConnection, RunQueryDsl as AsyncRunQueryDsl};

use crate::schema::pauses::pauses;
use crate::schema::seen::seen;
use crate::{Timestamp, attempts, audit, clock_readings, deliveries, handlers, results, work};

/// The most rows of a step. A row has up to 31 columns, and a statement takes 65,535 values.
const STEP_ROWS: usize = 500;

/// The size at which a step is full. Its last row may exceed it.
const STEP_BYTES: usize = 1 << 20;

/// Declares the rows of every table, each with every column. A table comes after the tables that it refers to.
///
/// Words stay texts: a word of a later version is copied too.
macro_rules! copied {
    ($($table:ident as $row:ident { $($column:ident: $kind:ty,)+ })+) => {
        $(
            #[derive(Queryable, Selectable, Insertable)]
            #[diesel(table_name = $table, treat_none_as_default_value = false)]
            pub(crate) struct $row { $($column: $kind,)+ }

            impl Weight for $row {
                fn weight(&self) -> usize {
                    0 $(+ self.$column.weight())+
                }
            }
        )+

        /// Some rows of one table.
        pub(crate) enum Rows { $($row(Vec<$row>),)+ }

        impl Rows {
            /// The table's name.
            pub fn table(&self) -> &'static str {
                match self { $(Self::$row(_) => name!($table),)+ }
            }

            /// Reads every row of the file, step by step, until `step` answers `false`.
            pub fn read_all(
                connection: &mut SqliteConnection,
                mut step: impl FnMut(Self) -> bool,
            ) -> QueryResult<()> {
                $({
                    let query = $table::table.select($row::as_select());
                    let rows = RunQueryDsl::load_iter::<$row, DefaultLoadingMode>(query, connection)?;
                    if !in_steps(rows, |rows| step(Self::$row(rows)))? {
                        return Ok(());
                    }
                })+
                Ok(())
            }

            /// Adds the rows. Gives back their number, as the server counts them.
            pub async fn add(self, connection: &mut AsyncPgConnection) -> QueryResult<usize> {
                match self {
                    $(Self::$row(rows) => {
                        let insert = diesel::insert_into($table::table).values(rows);
                        AsyncRunQueryDsl::execute(insert, connection).await
                    })+
                }
            }
        }

        /// The number of rows in each table of the file.
        pub(crate) fn count_all(connection: &mut SqliteConnection) -> QueryResult<Vec<(&'static str, u64)>> {
            let mut counts = Vec::new();
            $({
                let count: i64 = RunQueryDsl::get_result($table::table.count(), connection)?;
                counts.push((name!($table), count.unsigned_abs()));
            })+
            Ok(counts)
        }

        /// A table of the server that has rows.
        pub(crate) async fn first_filled(connection: &mut AsyncPgConnection) -> QueryResult<Option<&'static str>> {
            $({
                let row = $table::table.select(sql::<Integer>("1")).limit(1);
                let row: Option<i32> = AsyncRunQueryDsl::get_result(row, connection).await.optional()?;
                if row.is_some() {
                    return Ok(Some(name!($table)));
                }
            })+
            Ok(None)
        }

        /// Keeps every other session from writing to the tables, until the transaction ends.
        pub(crate) const LOCK: &str = copied!(@lock $($table)+);
    };
    (@lock $first:ident $($table:ident)+) => {
        concat!("LOCK TABLE ", name!($first), $(", ", name!($table),)+ " IN EXCLUSIVE MODE")
    };
}

/// The name of a table in the databases.
macro_rules! name {
    ($table:ident) => {
        concat!("mojito_", stringify!($table))
    };
}

copied! {
    deliveries as Delivery {
        id: i64,
        endpoint: String,
        event: String,
        result_id: Option<String>,
        first_delivery_id: Option<i64>,
        version: Option<i64>,
        standing: String,
        fingerprint: Vec<u8>,
        secret_id: String,
        received_at: Timestamp,
        body: Option<Vec<u8>>,
        repeat_count: i64,
        last_repeat_at: Option<Timestamp>,
        changes: String,
        findings: String,
        message_id: Option<String>,
        dismissed_at: Option<Timestamp>,
    }
    results as InterviewResult {
        endpoint: String,
        id: String,
        event: String,
        version: i64,
        interview_id: Option<String>,
        question_set_id: Option<String>,
        status: Option<String>,
        interview_status: Option<String>,
        processing_status: Option<String>,
        profile_interview_id: Option<String>,
        profile_id: Option<String>,
        candidate_external_id: Option<String>,
        candidate_name: Option<String>,
        candidate_email: Option<String>,
        candidate_phone_number: Option<String>,
        score: Option<f64>,
        ai_analysis_recruiter_score: Option<f64>,
        ai_analysis: Option<String>,
        ai_analysis_recruiter: Option<String>,
        ai_analysis_recruiter_why_hire: Option<String>,
        ai_analysis_recruiter_why_not_hire: Option<String>,
        recruiter_go_next_round: Option<bool>,
        pdf_export_url: Option<String>,
        reason: Option<String>,
        extra: String,
        first_delivery_id: i64,
        delivery_id: i64,
        late_delivery_id: Option<i64>,
        first_received_at: Timestamp,
        updated_at: Timestamp,
        erased_at: Option<Timestamp>,
    }
    work as Work {
        delivery_id: i64,
        handler: String,
        first_delivery_id: i64,
        state: String,
        attempt: i32,
        max_attempts: i32,
        due_at: Option<Timestamp>,
        lease_until: Option<Timestamp>,
        epoch: i64,
        last_error: Option<String>,
        finished_at: Option<Timestamp>,
        is_first: bool,
        measured_from: Option<Timestamp>,
        hook_due_at: Option<Timestamp>,
        started_at: Option<Timestamp>,
        has_attempts: bool,
        dismissed_at: Option<Timestamp>,
        error_group: Option<String>,
        is_replayed: bool,
    }
    attempts as Attempt {
        id: i64,
        delivery_id: i64,
        handler: String,
        attempt: i32,
        started_at: Option<Timestamp>,
        ended_at: Timestamp,
        outcome: String,
        error: Option<String>,
    }
    handlers as Handler {
        name: String,
        takes_late: bool,
        wants: String,
        max_attempts: i32,
        has_erased_hook: bool,
        first_seen: Timestamp,
        last_seen: Timestamp,
        retired_at: Option<Timestamp>,
        recorded_up_to: Option<i64>,
    }
    seen as Seen {
        endpoint: String,
        secret_id: String,
        last_used_at: Timestamp,
    }
    pauses as Pause {
        kind: String,
        name: String,
        since: Timestamp,
        actor: String,
        reason: Option<String>,
    }
    clock_readings as ClockReading {
        number: i64,
        at: Timestamp,
        last_delivery_id: i64,
    }
    audit as Action {
        id: i64,
        at: Timestamp,
        actor: String,
        action: String,
        target: String,
        reason: Option<String>,
        affected: i64,
        state: String,
        meant: Option<i64>,
        cursor: Option<i64>,
        epoch: Option<i64>,
        lease_until: Option<Timestamp>,
    }
}

impl Rows {
    /// Ends every lease at this moment: the processes that had them have ended.
    pub(crate) fn lapse(&mut self, now: Timestamp) {
        match self {
            Self::Work(rows) => rows.iter_mut().for_each(|row| row.lease_until = row.lease_until.map(|_| now)),
            Self::Action(rows) => rows.iter_mut().for_each(|row| row.lease_until = row.lease_until.map(|_| now)),
            _ => {}
        }
    }
}

/// Parts rows into steps. Gives back whether every step was taken.
fn in_steps<R: Weight>(
    rows: impl Iterator<Item = QueryResult<R>>,
    mut step: impl FnMut(Vec<R>) -> bool,
) -> QueryResult<bool> {
    let (mut held, mut weight) = (Vec::new(), 0);
    for row in rows {
        let row = row?;
        weight += row.weight();
        held.push(row);
        if held.len() == STEP_ROWS || weight >= STEP_BYTES {
            if !step(std::mem::take(&mut held)) {
                return Ok(false);
            }
            weight = 0;
        }
    }
    Ok(held.is_empty() || step(held))
}

/// The bytes that a value needs, roughly.
trait Weight {
    fn weight(&self) -> usize;
}

/// The weight of values of a fixed size.
macro_rules! light {
    ($($kind:ty),+) => {
        $(impl Weight for $kind {
            fn weight(&self) -> usize {
                size_of::<Self>()
            }
        })+
    };
}

light!(bool, f64, i32, i64, Timestamp);

impl Weight for String {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Weight for Vec<u8> {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl<T: Weight> Weight for Option<T> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, T::weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the steps of rows with these sizes.
    fn steps(sizes: Vec<usize>, most: usize) -> (Vec<usize>, bool) {
        let mut steps = Vec::new();
        let rows = sizes.into_iter().map(|size| Ok(vec![0_u8; size]));
        let is_whole = in_steps(rows, |rows| {
            steps.push(rows.len());
            steps.len() < most
        });
        (steps, is_whole.unwrap())
    }

    #[test]
    fn a_step_holds_a_bounded_number_of_rows_and_of_bytes() {
        assert_eq!(steps(vec![1; 2 * STEP_ROWS + 1], 9), (vec![STEP_ROWS, STEP_ROWS, 1], true));
        assert_eq!(steps(vec![STEP_BYTES / 2, STEP_BYTES, 1], 9), (vec![2, 1], true));
        assert_eq!(steps(vec![], 9), (vec![], true));
    }

    #[test]
    fn reading_ends_with_the_first_step_that_is_not_taken() {
        assert_eq!(steps(vec![1; 3 * STEP_ROWS], 2), (vec![STEP_ROWS, STEP_ROWS], false));
    }
}
