//! Tables, migrations and queries of `rocket-mojito`.

mod backend;
mod delivery;
mod error;
#[doc(hidden)]
pub mod failpoint;
mod fault;
mod finding;
mod fingerprint;
mod operation;
mod plan;
mod selection;
mod snapshot;
#[cfg(feature = "sqlite")]
mod sqlite;
mod standing;
mod tables;
mod utc;
mod words;

pub use diesel::QueryResult;

pub use self::backend::{Backend, Open, Rescue};
pub use self::delivery::{Content, HandlerSpec, NewDelivery, Recorded};
pub use self::error::OpenError;
pub use self::fault::fault;
pub use self::finding::{Finding, FindingCode};
pub use self::fingerprint::Fingerprint;
pub use self::operation::{Erased, NewAudit, Pace, Person, Requeued, Step};
pub use self::selection::Selection;
pub use self::snapshot::Snapshot;
#[cfg(feature = "sqlite")]
pub use self::sqlite::Sqlite;
pub use self::tables::audit::{AuditRow, audit};
pub use self::tables::deliveries::{DeliveryRow, deliveries};
pub use self::tables::results::{ResultRow, results};
pub use self::tables::work::{Backlog, Claim, Settlement, Ticket, WorkRow, work};
pub use self::utc::{Utc, UtcTimestamp};
pub use self::words::{Action, EventKind, Field, Standing, State};
