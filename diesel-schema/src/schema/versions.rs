use diesel::dsl::{auto_type, exists};
use diesel::prelude::*;

use super::deliveries::deliveries;
use super::text_enum::text_enum;
use super::work::work;
use crate::State;

text_enum! {
    /// The versions of a result that a handler wants.
    ///
    /// | | `Every` | `Latest` |
    /// | --- | --- | --- |
    /// | a newer version is recorded while an older one waits | the newer one waits behind it | the older one is [`Skipped`](crate::State::Skipped), whether it waits for its first or its next attempt |
    /// | … while an older one runs | the newer one waits behind it | the same; if that attempt fails, or the handler gives up, the work is `Skipped` |
    /// | an older version fails for hours | holds up the newer ones | holds up nothing |
    ///
    /// With `Latest` an attempt that is running is never cut off, and two versions never run at once. A late delivery has
    /// no version: it is not skipped, and skips nothing. An operator's replay of an old version gets its attempt, even if
    /// a newer one is recorded meanwhile. Where that attempt fails, the work is `Skipped` again.
    ///
    /// No change is lost by it: `Event::changes` of the plugin compares with the newest version that the handler has
    /// completed.
    #[derive(Default)]
    #[non_exhaustive]
    Versions {
        /// Each version, one after the other.
        #[default]
        Every = "every",
        /// The newest version: the handler wants a state, and not how it came about.
        Latest = "latest",
    }
}

/// The versions of a result that a handler has work of, the newest first.
#[cfg(feature = "sqlite")]
#[auto_type(no_type_alias)]
pub(crate) fn versions<'a>(first_delivery_id: i64, handler: &'a str) -> _ {
    let of_handler = work::table.filter(work::delivery_id.eq(deliveries::id)).filter(work::handler.eq(handler));
    deliveries::table
        .filter(deliveries::first_delivery_id.eq(first_delivery_id))
        .filter(deliveries::version.is_not_null())
        .filter(exists(of_handler))
        .order(deliveries::version.desc())
        .select(deliveries::id)
}

/// The versions of a result before one that a handler has completed, the newest first: number and body.
#[auto_type(no_type_alias)]
pub(crate) fn completed_before<'a>(first_delivery_id: i64, version: i64, handler: &'a str) -> _ {
    let completed: State = State::Completed;
    let of_handler = work::table.filter(work::delivery_id.eq(deliveries::id)).filter(work::handler.eq(handler));
    deliveries::table
        .filter(deliveries::first_delivery_id.eq(first_delivery_id))
        .filter(deliveries::version.lt(version))
        .filter(exists(of_handler.filter(work::state.eq(completed))))
        .order(deliveries::version.desc())
        .select((deliveries::version.assume_not_null(), deliveries::body))
}

/// The stored changes of the versions behind one, up to another.
#[auto_type(no_type_alias)]
pub(crate) fn changes_between(first_delivery_id: i64, former: i64, version: i64) -> _ {
    deliveries::table
        .filter(deliveries::first_delivery_id.eq(first_delivery_id))
        .filter(deliveries::version.gt(former))
        .filter(deliveries::version.le(version))
        .order(deliveries::version)
        .select(deliveries::changes)
}
