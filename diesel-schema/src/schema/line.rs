use diesel::dsl::{auto_type, not};
use diesel::prelude::*;

use super::work::work;

/// The deliveries of one result for one handler, in stored order: they run one at a time, the first one first.
///
/// One row of a line may be claimed: its first. A verb that ends the first, or makes a row unfinished again, also
/// promotes. Then the earliest unfinished row is the first, unless another row of the line runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Queryable)]
pub struct Line {
    /// The first delivery about the result.
    pub first_delivery_id: i64,
    /// The handler's stable name.
    pub handler: String,
}

diesel::alias!(work as firsts: Firsts);

/// The unfinished rows of lines without a first. There are none, unless a program broke the rule.
#[auto_type(no_type_alias)]
pub(crate) fn without_first() -> _ {
    let first = firsts
        .filter(firsts.field(work::first_delivery_id).eq(work::first_delivery_id))
        .filter(firsts.field(work::handler).eq(work::handler))
        .filter(firsts.field(work::is_first));
    work::table.filter(work::finished_at.is_null()).filter(not(work::is_first)).filter(not(diesel::dsl::exists(first)))
}

/// The firsts that are finished: the next row of their line is still to be promoted.
#[auto_type(no_type_alias)]
pub(crate) fn finished_firsts() -> _ {
    work::table.filter(work::is_first).filter(work::finished_at.is_not_null())
}
