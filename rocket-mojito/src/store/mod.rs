//! The store, where ingress and dispatch meet: a delivery that is recorded here is durable before it is acknowledged.

mod actions;
mod aside;
mod batch_queue;
mod change;
mod connection;
mod database;
mod durability;
mod erasure;
#[cfg(feature = "testing")]
mod failures;
mod health;
mod hook;
mod matcher;
mod operation_tasks;
mod operations;
mod pauses;
mod prune;
mod recorder;
mod rehearsal;
mod rehearsed_handler;
mod replay;
mod requests;
mod secret_uses;
mod tokens;
mod trial;
mod unavailable;
mod wakeup;

pub(crate) use self::actions::{Changed, Unfinished};
pub(crate) use self::change::Change;
pub(crate) use self::connection::{Committed, DedicatedConnection};
pub(crate) use self::database::{Database, TransactionTurn, WriteTurn};
pub(crate) use self::durability::Durability;
pub(crate) use self::erasure::NotErased;
#[cfg(feature = "testing")]
pub(crate) use self::failures::{CommitFailure, Failures};
pub(crate) use self::health::Health;
pub(crate) use self::hook::ErasedHook;
pub(crate) use self::operation_tasks::{OperationTasks, Started};
pub(crate) use self::operations::Operations;
pub(crate) use self::pauses::Pauses;
pub(crate) use self::recorder::{Recorder, RecorderHandle};
pub(crate) use self::rehearsed_handler::{CalledHandlers, RehearsedHandler};
pub(crate) use self::requests::Requests;
pub(crate) use self::secret_uses::SecretUses;
pub(crate) use self::unavailable::Unavailable;
pub(crate) use self::wakeup::Wakeup;
