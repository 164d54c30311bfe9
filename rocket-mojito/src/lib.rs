//! Receives the webhooks of JobMojito inside a Rocket application, and never loses one.
//!
//! Attach a [`MojitoFairing`] with a [`MojitoHandler`]. Deliveries are authenticated, recorded in your database,
//! acknowledged, and then handed to the handler, outside the request, until the handler reports success.
//!
//! ```no_run
//! # // It would open a database and listen on a port.
//! use rocket_mojito::{Context, Event, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, Sqlite};
//!
//! struct HiringDesk;
//!
//! #[rocket::async_trait]
//! impl MojitoHandler<Sqlite> for HiringDesk {
//!     async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
//!         // No transaction is open yet: call other services here, with `cx.key()` as the idempotency key.
//!         let tx = cx.transaction().await?;
//!         // What is written through `tx` is committed together with the "done" mark, once.
//! #       let _ = (event, tx);
//!         Ok(())
//!     }
//! }
//!
//! #[rocket::launch]
//! fn rocket() -> _ {
//!     let config = MojitoConfig::from_env().expect("the settings below `mojito` are sound");
//!     rocket::build().attach(MojitoFairing::new(config).handler(HiringDesk))
//! }
//! ```
//!
//! # Where to look
//!
//! | for | see |
//! | --- | --- |
//! | how to do it, chapter by chapter | [`guide`] |
//! | every setting, and the faults that stop a launch | [`MojitoConfig`] |
//! | the answers of a handler, and the fate of each | [`MojitoHandler`] |
//! | the transaction in which an effect happens exactly once, and the key for effects elsewhere | [`Context`] |
//! | the content of a delivery, and its change to the result | [`Event`], [`Payload`] |
//! | every status of an answer to a refused request | [`Rejection`] |
//! | routes of your own | [`MojitoEvent`], [`Inbox::record`], [`MojitoFairing::without_routes`] |
//! | the backlog, lists, history, replay, rehearsal, discard, erasure, pauses | [`Inbox`] |
//! | a Diesel 2.3 pool for `rocket_db_pools` | [`pool`] |
//!
//! The tables are yours to read with Diesel: the crate `mojito-schema` declares them. `ARCHITECTURE.md`, beside this
//! crate's manifest, describes the whole path from the socket to the handler's commit.
//!
//! # Features
//!
//! A feature adds and never takes away. One database feature is needed.
//!
//! | feature | adds |
//! | --- | --- |
//! | `sqlite` (default) | the store in a SQLite file, `Sqlite`; SQLite itself is built in |
//! | `postgres` | the store in PostgreSQL, `Postgres`, for many processes; a driver in pure Rust, TLS by rustls |
//! | `testing` | tests of a host and its handlers: examples of events, single attempts, a host step by step, in the module of that name |
//! | `cli` | the command line for operators: inside the host, and as the program `rocket-mojito` |

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("enable a database feature: `sqlite` or `postgres`");

#[cfg(feature = "cli")]
pub mod cli;
mod config;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod copy;
mod dispatch;
mod erasure;
mod error;
mod event;
mod fairing;
pub mod guide;
mod inbox;
mod ingress;
#[cfg(mojito_internals)]
#[doc(hidden)]
pub mod internals;
mod notices;
mod operation;
pub mod pool;
mod rehearsal;
mod routes;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "postgres")]
pub use mojito_schema::Postgres;
#[cfg(feature = "sqlite")]
pub use mojito_schema::Sqlite;
pub use mojito_schema::{
    Action, ActionState, AttemptOutcome, AttemptRow, AuditRow, Backend, Backlog, Dismissed, ErrorGroup, ErrorGroups,
    EventKind, Field, Finding, FindingCode, KnownHandler, Listed, Listing, Overview, PauseKind, Person, Selection,
    Standing, State, TableChange, Timestamp, Undone, Versions, WorkRow,
};
/// The crates whose versions a host has to share with the plugin.
pub use {diesel, diesel_async, mojito_schema as schema};

pub use self::config::{Encoding, EndpointConfig, MojitoConfig, SecretConfig};
#[cfg(all(feature = "postgres", feature = "sqlite"))]
pub use self::copy::{CopiedTable, InboxCopy};
pub use self::dispatch::{Context, HandlerError, HandlerResult, MojitoHandler};
pub use self::erasure::{Elsewhere, Erased, Erasure, Kept, KeptBecause};
pub use self::error::Error;
pub use self::event::{
    Difference, Drift, DriftKind, Event, Extra, InterviewStatus, Number, Payload, Presence, ProcessingStatus, Reasons,
    ResultStatus,
};
pub use self::fairing::MojitoFairing;
pub use self::inbox::{Check, EndpointState, Inbox, SecretState, Verdict};
pub use self::ingress::{MojitoEvent, Receipt, Rejection};
pub use self::operation::{Actor, Discard, Dismissal, Pause, Planned, Pruned, Replay, Replayed};
pub use self::rehearsal::{Answer, Rehearsal, Rehearsed, RehearsedDelivery, Unrehearsed};
