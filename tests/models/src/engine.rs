//! The database layer, as far as it waits.

pub mod callers;
#[path = "../../../diesel-schema/src/engine/notify.rs"]
pub mod notify;
/// The product's name for its primitives.
mod sync {
    pub use shuttle::sync::Mutex;
    pub use shuttle::sync::atomic::AtomicU64;
}
#[path = "../../../diesel-schema/src/engine/sqlite/sync_turns.rs"]
mod sync_turns;
