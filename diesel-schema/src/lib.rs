//! Tables, migrations and queries of `rocket-mojito`, for Diesel.
//!
//! The tables live in your database, beside your own; every name starts with `mojito_`.
//!
//! | table | one row per |
//! | --- | --- |
//! | [`deliveries`](deliveries::table) | delivery that is not a repeat: its bytes and what they meant; facts, only ever added |
//! | [`results`](results::table) | interview result: its current state under the vendor's own names |
//! | [`work`](work::table) | handler and delivery: what is to be done, runs, or was done |
//! | [`handlers`](handlers::table) | handler that has been attached: work is made for each that is not retired |
//! | [`audit`](audit::table) | thing that an operator did |
//!
//! [`results`](results::table) is made for your queries. Read it, join it with your own tables, and leave the writing to the plugin:
//!
//! ```
//! use diesel::prelude::*;
//! use mojito_schema::{ResultRow, results};
//!
//! /// Whom a recruiter has let through, newest first.
//! fn let_through(connection: &mut SqliteConnection) -> QueryResult<Vec<ResultRow>> {
//!     results::table
//!         .filter(results::recruiter_go_next_round.eq(true))
//!         .order(results::updated_at.desc())
//!         .select(ResultRow::as_select())
//!         .load(connection)
//! }
//! ```
//!
//! Rows hold a candidate's data. Their `Debug` shows ids, counts and names of fields, and nothing of the candidate.
//!
//! All SQL is here, behind [`Backend`]: the verbs of the domain (`record`, `claim`, `settle` …), each with the best SQL
//! of its database. What a delivery means is decided by plain functions without a database; a backend loads what they
//! need, under its locks, and writes what they say. The rest of the way is told in `rocket-mojito/ARCHITECTURE.md`.
//!
//! # Features
//!
//! A feature adds and never takes away. One database feature is needed.
//!
//! | feature | adds |
//! | --- | --- |
//! | `sqlite` (default) | `Sqlite`, with SQLite itself built in |
//! | `postgres` | `Postgres`, 13 or later, for many processes: a driver in pure Rust, TLS by rustls |
//! | `testing` | fail points and doors for tests: an environment variable ends the process at a named place. Never in production |

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("enable a database feature: `sqlite` or `postgres`");

mod adrift;
mod backend;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod bench;
mod claim;
mod clock;
mod commit;
mod delivery;
mod erasure;
mod error;
#[doc(hidden)]
pub mod failpoint;
mod fault;
mod finding;
mod fingerprint;
mod insert;
mod listing;
mod migration;
mod open;
mod operation;
mod operations;
mod owed;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod prune;
mod selection;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod standing;
mod tables;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod update;
mod utc;
mod waiting;
mod words;

pub use diesel::QueryResult;

pub use self::adrift::Adrift;
pub use self::backend::{Backend, Open};
pub use self::clock::{Clock, Expiry};
pub use self::commit::{Left, NotCommitted};
pub use self::delivery::{Content, HandlerSpec, NewDelivery, Recorded};
pub use self::erasure::{Bodies, ErasedRows, Person, StoredBody, StoredState, Undone};
pub use self::error::OpenError;
pub use self::fault::{Trouble, fault, is_conflict, is_read_only, is_unknown, trouble};
pub use self::finding::{Finding, FindingCode};
pub use self::fingerprint::Fingerprint;
pub use self::listing::{Listed, Listing};
pub use self::operation::{Name, NewAudit, Page, PruneStep, Requeue, Requeued, Rescue, Selected};
pub use self::operations::Operations;
pub use self::owed::OwedHook;
#[cfg(feature = "postgres")]
pub use self::postgres::Postgres;
pub use self::prune::prune;
pub use self::selection::Selection;
pub use self::snapshot::Snapshot;
#[cfg(feature = "sqlite")]
pub use self::sqlite::Sqlite;
pub use self::tables::audit::{AuditRow, audit};
pub(crate) use self::tables::clock_readings::clock_readings;
pub use self::tables::deliveries::{DeliveryRow, deliveries};
pub use self::tables::handlers::{KnownHandler, handlers};
pub use self::tables::line::Line;
pub use self::tables::results::{ResultRow, results};
pub use self::tables::work::{Backlog, Claim, ClaimRequest, Claimed, Settlement, Ticket, WorkRow, work};
pub use self::utc::{Utc, UtcTimestamp};
pub use self::waiting::Waiting;
pub use self::words::{Action, EventKind, Field, Standing, State};
