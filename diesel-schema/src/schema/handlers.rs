use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::{Timestamp, Versions};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// The handlers that have been attached, by any process.
    #[sql_name = "mojito_handlers"]
    handlers (name) {
        /// The stable name.
        name -> Text,
        /// Whether late deliveries make work for it: as the last attach said.
        takes_late -> Bool,
        /// The [`Versions`](crate::Versions) that it wants: as the last attach said.
        wants -> Text,
        /// The number of attempts after which its work is discarded: as the last attach said.
        max_attempts -> Integer,
        /// Whether it has the hook `erased`, through which the host's tables forget a person.
        has_erased_hook -> Bool,
        /// When it was attached for the first time.
        first_seen -> UtcTimestamp,
        /// When a process that has it attached last confirmed that, by the database's clock: at most once a minute.
        last_seen -> UtcTimestamp,
        /// When it was retired: since then no delivery makes work for it.
        retired_at -> Nullable<UtcTimestamp>,
        /// While it is retired: the last delivery that made work for it, or that came before it was retired.
        recorded_up_to -> Nullable<BigInt>,
    }
}

/// A handler that has been attached, by any process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownHandler {
    /// Its stable name.
    pub name: String,
    /// Whether late deliveries make work for it.
    pub takes_late: bool,
    /// The versions that it wants.
    pub wants: Versions,
    /// The number of attempts after which its work is discarded.
    pub max_attempts: i32,
    /// Whether it has the hook `erased`: an erasure without the hook has to name the handler.
    pub has_erased_hook: bool,
    /// When it was attached for the first time.
    pub first_seen: Timestamp,
    /// When a process that has it attached last confirmed that: at most once a minute.
    pub last_seen: Timestamp,
    /// Whether a process that has it attached has confirmed that within three minutes.
    pub is_attached: bool,
    /// When it was retired: since then no delivery makes work for it.
    pub retired_at: Option<Timestamp>,
    /// The number of its rows of work that wait for a first or next attempt.
    pub waiting: i64,
    /// The number of its rows of work that run.
    pub running: i64,
    /// The number of its rows of work that were given up.
    pub discarded: i64,
    /// Since when its work that is due for longest has been due; none where nothing is due.
    pub oldest_due: Option<Timestamp>,
}

/// The columns of a [`HandlerSpec`](crate::HandlerSpec).
pub(crate) const SPEC: (
    handlers::name,
    handlers::takes_late,
    handlers::wants,
    handlers::max_attempts,
    handlers::has_erased_hook,
) = (handlers::name, handlers::takes_late, handlers::wants, handlers::max_attempts, handlers::has_erased_hook);

/// The handlers that deliveries make work for.
#[auto_type(no_type_alias)]
pub(crate) fn active() -> _ {
    handlers::table.filter(handlers::retired_at.is_null())
}
