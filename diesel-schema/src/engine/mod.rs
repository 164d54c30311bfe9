//! Everything that speaks to a database: the trait `Backend`, each backend with its best SQL, and the verbs that both
//! share.
//!
//! Hosts need none of it by name. `rocket-mojito` and its tests do.

pub(crate) mod backend;
pub(crate) mod blocking;
pub(crate) mod claim;
pub(crate) mod commit;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub(crate) mod copied;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub(crate) mod copy;
pub(crate) mod db_error;
#[doc(hidden)]
pub mod failpoint;
pub(crate) mod files;
pub(crate) mod files_changed;
pub(crate) mod host_migrations;
pub(crate) mod insert;
pub(crate) mod migration;
pub(crate) mod notify;
pub(crate) mod open;
pub(crate) mod open_error;
pub(crate) mod opening;
pub(crate) mod operations;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod prune;
pub(crate) mod recording;
pub(crate) mod rehearsing;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
#[cfg(feature = "sqlite")]
mod sync;
pub(crate) mod testing;
pub(crate) mod update;
pub(crate) mod work_queue;
