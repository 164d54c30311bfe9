//! The store, where ingress and dispatch meet: a delivery that is recorded here is durable before it is acknowledged.

mod actions;
mod aside;
mod batch_queue;
mod change;
mod connection;
mod database;
mod erasure;
mod health;
mod hook;
mod matcher;
mod operation_tasks;
mod operations;
mod pauses;
mod prune;
mod recorder;
mod rehearsal;
mod replay;
mod tokens;
mod unavailable;
mod wakeup;

pub(crate) use self::actions::Unfinished;
pub(crate) use self::connection::{Committed, DedicatedConnection};
pub(crate) use self::database::{Database, TransactionTurn, WriteTurn};
pub(crate) use self::erasure::NotErased;
pub(crate) use self::health::Health;
pub(crate) use self::hook::ErasedHook;
pub(crate) use self::operation_tasks::{OperationTasks, Started};
pub(crate) use self::operations::{Operations, Requests};
pub(crate) use self::pauses::Pauses;
pub(crate) use self::recorder::{Recorder, RecorderHandle};
pub(crate) use self::unavailable::Unavailable;
pub(crate) use self::wakeup::Wakeup;
