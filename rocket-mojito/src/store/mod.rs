//! The store, where ingress and dispatch meet: a delivery that is recorded here is durable before it is acknowledged.

mod aside;
mod batch_queue;
mod connection;
mod database;
mod erasure;
mod health;
mod hook;
mod matcher;
mod operator;
mod recorder;
#[expect(clippy::module_inception, reason = "the noun of this folder")]
mod store;
mod tokens;
mod wakeup;

pub(crate) use self::connection::{Committed, DedicatedConnection};
pub(crate) use self::database::{Database, TransactionTurn, WriteTurn};
pub(crate) use self::erasure::NotErased;
pub(crate) use self::health::Health;
pub(crate) use self::hook::ErasedHook;
pub(crate) use self::recorder::{Recorder, RecorderHandle};
pub(crate) use self::store::{DieselStore, Store, Unavailable};
pub(crate) use self::wakeup::Wakeup;
