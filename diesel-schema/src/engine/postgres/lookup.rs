//! Queries over any number of keys, which travel as one array per column. The server looks up the keys row by row.
//! `ANY(…)` over two columns, or a join, may become a scan of a whole index while the planner takes the table for
//! small. Such a plan is kept while the table grows. The settings of the transaction forbid scans of tables, not those.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use diesel::dsl::{AsSelect, SqlTypeOf, auto_type};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

use crate::engine::insert::commas;
use crate::rules::delivery::ResultKey;
use crate::{EventKind, ResultRow, Standing, UtcTimestamp, deliveries, results};

/// The results with these keys that nobody else has locked. The query locks them, in the order of the keys.
///
/// Not `FOR UPDATE`: it would wait for a host's row with a foreign key to the result, and such a row would wait for it.
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
        out.push_sql("SELECT head.* FROM (SELECT unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.endpoint)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.id)?;
        out.push_sql(")) AS asked (endpoint, id), LATERAL (SELECT ");
        self.row.walk_ast(out.reborrow())?;
        out.push_sql(
            " FROM mojito_results WHERE mojito_results.endpoint = asked.endpoint AND mojito_results.id = asked.id \
             FOR NO KEY UPDATE SKIP LOCKED) AS head",
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

/// The lines, among these, that have unfinished work or a first.
#[derive(Default)]
pub(super) struct OpenLines<'a> {
    first_delivery_id: Vec<i64>,
    handler: Vec<&'a str>,
}

impl<'a> FromIterator<(i64, &'a str)> for OpenLines<'a> {
    fn from_iter<I: IntoIterator<Item = (i64, &'a str)>>(lines: I) -> Self {
        let (first_delivery_id, handler) = lines.into_iter().unzip();
        Self { first_delivery_id, handler }
    }
}

impl QueryFragment<Pg> for OpenLines<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT asked.id, asked.handler FROM (SELECT unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.first_delivery_id)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.handler)?;
        // Each subquery uses an index of its own.
        out.push_sql(
            ")) AS asked (id, handler), LATERAL (\
             (SELECT 1 FROM mojito_work AS w WHERE w.first_delivery_id = asked.id AND w.handler = asked.handler \
             AND w.is_first LIMIT 1) UNION ALL \
             (SELECT 1 FROM mojito_work AS w WHERE w.first_delivery_id = asked.id AND w.handler = asked.handler \
             AND w.finished_at IS NULL AND NOT w.is_first LIMIT 1) LIMIT 1) AS open",
        );
        Ok(())
    }
}

impl QueryId for OpenLines<'_> {
    type QueryId = OpenLines<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for OpenLines<'_> {
    type SqlType = (BigInt, Text);
}

/// Defines a query for those of some numbers that could be locked. The locks last until the transaction ends.
macro_rules! locks {
    ($(#[$meta:meta])* $name:ident, $before:literal, $after:literal) => {
        $(#[$meta])*
        pub(super) struct $name(Vec<i64>);

        impl FromIterator<i64> for $name {
            fn from_iter<I: IntoIterator<Item = i64>>(numbers: I) -> Self {
                Self(numbers.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
            }
        }

        impl QueryFragment<Pg> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
                out.push_sql($before);
                out.push_bind_param::<Array<BigInt>, _>(&self.0)?;
                out.push_sql($after);
                Ok(())
            }
        }

        impl QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl Query for $name {
            type SqlType = BigInt;
        }
    };
}

locks! {
    /// Advisory locks under these numbers, for nothing that is stored.
    Numbers,
    "SELECT asked.key FROM (SELECT unnest(", ") OFFSET 0) AS asked (key) WHERE pg_try_advisory_xact_lock(asked.key)"
}

locks! {
    /// The locks of results' lines, under the first deliveries about them. A transaction that ends work in a line does
    /// not see recordings behind it, nor does the recorder see the end. See `mojito_promote`.
    Lines,
    "SELECT asked.id FROM (SELECT unnest(",
    ") OFFSET 0) AS asked (id) WHERE pg_try_advisory_xact_lock(557025119, hashint8(asked.id))"
}

locks! {
    /// Deliveries, locked so that their repeats can be counted.
    Originals,
    "SELECT known.id FROM (SELECT unnest(",
    ")) AS asked (id), LATERAL (SELECT d.id FROM mojito_deliveries AS d WHERE d.id = asked.id \
     FOR NO KEY UPDATE SKIP LOCKED) AS known"
}

/// Defines a query for stored rows, any number of them for each key.
macro_rules! lookup {
    (
        $(#[$meta:meta])*
        $name:ident<$life:lifetime>: ($($column:ident: $rust:ty as $sql:ty),+),
        $answer:literal as $answer_type:ty, from $table:literal where $condition:literal
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
                out.push_sql("SELECT known.* FROM (SELECT ");
                let mut commas = commas();
                $(
                    out.push_sql(commas.next().unwrap_or_default());
                    out.push_sql("unnest(");
                    out.push_bind_param::<Array<$sql>, _>(&self.$column)?;
                    out.push_sql(")");
                )+
                out.push_sql(") AS asked (");
                out.push_sql([$(stringify!($column)),+].join(", ").as_str());
                // `OFFSET 0` keeps the planner from making it a join.
                out.push_sql(concat!(
                    "), LATERAL (SELECT ", $answer, " FROM ", $table, " WHERE ", $condition, " OFFSET 0) AS known",
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
    from "mojito_deliveries AS d" where "d.first_delivery_id = asked.first_delivery_id AND d.fingerprint = asked.fingerprint"
}

lookup! {
    /// The stored deliveries with these ids of these endpoints' gateways: endpoint, message id.
    Messages<'a>: (endpoint: &'a str as Text, message_id: &'a str as Text),
    "d.endpoint, d.message_id" as (Text, Nullable<Text>),
    from "mojito_deliveries AS d" where "d.endpoint = asked.endpoint AND d.message_id = asked.message_id"
}

lookup! {
    /// The keys, among these, that a stored result has, even if the result is locked: endpoint, id.
    Stored<'a>: (endpoint: &'a str as Text, id: &'a str as Text),
    "r.endpoint, r.id" as (Text, Text),
    from "mojito_results AS r" where "r.endpoint = asked.endpoint AND r.id = asked.id"
}

/// One row for each delivery with one of these fingerprints: the transaction's time, a fresh id, and a quarantined
/// copy, if any. A copy is fingerprint, id, standing, message id. Several copies yield surplus ids.
#[derive(Default)]
pub(super) struct BatchInputs<'a>(Vec<&'a [u8]>);

impl<'a> FromIterator<&'a [u8]> for BatchInputs<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(fingerprints: I) -> Self {
        Self(fingerprints.into_iter().collect())
    }
}

impl QueryFragment<Pg> for BatchInputs<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "SELECT transaction_timestamp(), \
             nextval((SELECT pg_get_serial_sequence('mojito_deliveries', 'id')::regclass)), known.* \
             FROM (SELECT unnest(",
        );
        out.push_bind_param::<Array<Binary>, _>(&self.0)?;
        out.push_sql(
            ")) AS asked (fingerprint) LEFT JOIN LATERAL (SELECT d.fingerprint, d.id, d.standing, d.message_id \
             FROM mojito_deliveries AS d WHERE d.first_delivery_id IS NULL AND d.fingerprint = asked.fingerprint \
             OFFSET 0) AS known ON true",
        );
        Ok(())
    }
}

impl QueryId for BatchInputs<'_> {
    type QueryId = BatchInputs<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for BatchInputs<'_> {
    type SqlType = (UtcTimestamp, BigInt, Nullable<(Binary, BigInt, Text, Nullable<Text>)>);
}

/// The deliveries whose event and standing are known words. A later version of the program, which runs beside this one,
/// may write other words.
#[auto_type(no_type_alias)]
pub(super) fn understood() -> _ {
    let (events, standings): (&'static [EventKind], &'static [Standing]) = (EventKind::ALL, Standing::ALL);
    deliveries::table.filter(deliveries::event.eq_any(events)).filter(deliveries::standing.eq_any(standings))
}

/// The delivery that is the state of a delivery's result.
#[auto_type(no_type_alias)]
pub(super) fn current_of_delivery() -> _ {
    results::table
        .filter(results::endpoint.eq(deliveries::endpoint))
        .filter(results::id.nullable().eq(deliveries::result_id))
        .select(results::delivery_id)
}
