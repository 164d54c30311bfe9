//! Tables, migrations and queries of `rocket-mojito`, for Diesel.
//!
//! The tables live in your database, beside your own; every name starts with `mojito_`.
//!
//! | table | one row per |
//! | --- | --- |
//! | [`deliveries`](deliveries::table) | delivery that is not a repeat: its bytes and their meaning; facts, only ever added |
//! | [`results`](results::table) | interview result: its current state under the vendor's own names |
//! | [`work`](work::table) | handler and delivery: work that is open, runs, or has ended |
//! | [`attempts`](attempts::table) | attempt that did not simply succeed at once: when, and what became of it |
//! | [`handlers`](handlers::table) | handler that has been attached: work is made for each that is not retired |
//! | [`audit`](audit::table) | action of an operator |
//!
//! [`results`](results::table) is made for your queries. Read it, join it with your own tables, and leave the writing to the plugin:
//!
//! ```
//! use diesel::prelude::*;
//! use mojito_schema::{ResultRow, results};
//!
//! /// The results that a recruiter has let through, newest first.
//! fn let_through(connection: &mut SqliteConnection) -> QueryResult<Vec<ResultRow>> {
//!     results::table
//!         .filter(results::recruiter_go_next_round.eq(true))
//!         .order(results::updated_at.desc())
//!         .select(ResultRow::as_select())
//!         .load(connection)
//! }
//! ```
//!
//! [`joinable!`] lets your own tables stand in one query with these.
//!
//! Rows hold a candidate's data. Their `Debug` shows ids, counts and names of fields, and nothing of the candidate.
//!
//! All SQL is here, behind [`Backend`]: the verbs of the domain (`record`, `claim`, `settle` …), each with the best SQL
//! of its database. Plain functions without a database decide the standing of a delivery. A backend loads their input
//! under its locks, and writes their decisions. `rocket-mojito/ARCHITECTURE.md` tells the rest of the way.
//!
//! # Features
//!
//! A feature adds and never takes away. One database feature is needed.
//!
//! | feature | adds |
//! | --- | --- |
//! | `sqlite` (default) | `Sqlite`, with SQLite itself built in |
//! | `postgres` | `Postgres`, 13 or later, for many processes: a driver in pure Rust, TLS by rustls |

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("enable a database feature: `sqlite` or `postgres`");

mod engine;
#[cfg(mojito_internals)]
#[doc(hidden)]
pub mod internals;
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
mod rules;
mod schema;

pub use diesel::QueryResult;
#[doc(hidden)]
pub use diesel::migration::MigrationSource;
#[doc(hidden)]
pub use diesel::query_source::TableNotEqual;

pub use self::engine::backend::Backend;
#[doc(hidden)]
pub use self::engine::blocking::let_thread_block;
#[doc(hidden)]
pub use self::engine::commit::{Left, NotCommitted};
#[cfg(all(feature = "postgres", feature = "sqlite"))]
#[doc(hidden)]
pub use self::engine::copy::{CopyError, copy};
#[doc(hidden)]
pub use self::engine::db_error::{Trouble, fault, is_conflict, is_read_only, is_unknown, trouble};
#[doc(hidden)]
pub use self::engine::failpoint;
#[doc(hidden)]
pub use self::engine::files_changed::FilesChanged;
#[doc(hidden)]
pub use self::engine::host_migrations::HostMigrations;
pub use self::engine::open_error::OpenError;
#[doc(hidden)]
pub use self::engine::opening::{Notify, Open, OpenFiles, Opening};
#[doc(hidden)]
pub use self::engine::operations::Operations;
#[cfg(feature = "postgres")]
pub use self::engine::postgres::Postgres;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
#[doc(hidden)]
pub use self::engine::postgres::target::CopyTarget;
#[doc(hidden)]
pub use self::engine::prune::prune;
#[doc(hidden)]
pub use self::engine::recording::Recording;
#[doc(hidden)]
pub use self::engine::rehearsing::{Rehearsing, RolledBack};
#[cfg(feature = "sqlite")]
pub use self::engine::sqlite::Sqlite;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
#[doc(hidden)]
pub use self::engine::sqlite::source::CopySource;
#[doc(hidden)]
pub use self::engine::testing::Testing;
#[doc(hidden)]
pub use self::engine::work_queue::WorkQueue;
#[doc(hidden)]
pub use self::rules::clock::{Clock, Expiry};
pub use self::rules::delivery::Recorded;
#[doc(hidden)]
pub use self::rules::delivery::{Content, HandlerSpec, NewDelivery};
#[doc(hidden)]
pub use self::rules::erasure::{Bodies, StoredBody, StoredState};
pub use self::rules::erasure::{ErasedRows, Person, Undone};
pub use self::rules::errors::{ErrorGroup, ErrorGroups};
pub use self::rules::fingerprint::Fingerprint;
pub use self::rules::listing::{Listed, Listing};
pub use self::rules::operation::Dismissed;
#[doc(hidden)]
pub use self::rules::operation::{
    Execution, Name, NewAudit, Page, Prunable, PruneStep, Requeue, Requeued, Rescue, Selected, Step, Stopped, TakenOver,
};
pub use self::rules::overview::Overview;
#[doc(hidden)]
pub use self::rules::overview::{EndpointFacts, Facts};
#[doc(hidden)]
pub use self::rules::owed::OwedHook;
#[doc(hidden)]
pub use self::rules::rehearsal::Preview;
pub use self::rules::rehearsal::TableChange;
pub use self::rules::selection::Selection;
pub use self::rules::waiting::Waiting;
pub use self::schema::action::{Action, ActionState};
pub use self::schema::attempts::{AttemptOutcome, AttemptRow, attempts};
pub use self::schema::audit::{AuditRow, audit};
#[doc(hidden)]
pub use self::schema::claim::{Claim, ClaimRequest, Claimed, Settlement, Ticket};
pub(crate) use self::schema::clock_readings::clock_readings;
pub use self::schema::deliveries::{DeliveryRow, deliveries};
pub use self::schema::event_kind::EventKind;
pub use self::schema::field::{Changes, Field};
pub use self::schema::finding::{Finding, FindingCode, Findings};
pub use self::schema::handlers::{KnownHandler, handlers};
#[doc(hidden)]
pub use self::schema::line::Line;
pub use self::schema::pauses::{PauseKind, PauseRow};
pub use self::schema::results::{ResultRow, Snapshot, results};
#[doc(hidden)]
pub use self::schema::seen::SecretUse;
pub use self::schema::standing::Standing;
pub use self::schema::state::State;
pub use self::schema::timestamp::{Timestamp, UtcTimestamp};
pub use self::schema::versions::Versions;
pub use self::schema::work::{Backlog, WorkRow, work};
