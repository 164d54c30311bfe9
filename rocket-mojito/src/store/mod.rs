//! Where ingress and dispatch meet: what is recorded here is durable before it is acknowledged.

mod aside;
mod database;
mod erasure;
mod health;
mod hook;
mod link;
mod matcher;
mod operator;
mod queue;
mod recorder;
mod signal;
#[expect(clippy::module_inception, reason = "the noun of this folder")]
mod store;
mod tokens;

pub(crate) use self::database::{Database, TransactionTurn, WriteTurn};
pub(crate) use self::erasure::NotErased;
pub(crate) use self::health::Health;
pub(crate) use self::hook::ErasedHook;
pub(crate) use self::link::{Committed, Link};
pub(crate) use self::recorder::{Recorder, Recording};
pub(crate) use self::signal::Signal;
pub(crate) use self::store::{DieselStore, Store, Unavailable};
