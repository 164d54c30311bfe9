//! One file per table: the table, its rows, and every query on it.
//!
//! Tables of the plugin are not joined with the desk's own: with Diesel's Postgres support switched on,
//! `allow_tables_to_appear_in_same_query!` takes only tables of one crate. They are matched by their keys instead.
//!
//! The caller opens a transaction, for a single query too. So the desk may stand behind a proxy that hands each
//! transaction to another session of Postgres.

pub(crate) mod applications;
pub(crate) mod candidates;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod notices;
pub(crate) mod place;
pub(crate) mod search;
