//! Models of the hand-written wake-ups: the product's own files, on primitives whose order of steps a scheduler chooses.
//!
//! A model has no clock. A short sleep ends after any number of steps, and a long one never: no poll and no probe makes up
//! for a wake-up that is lost. A task that waits for ever is a failed test.

// The product's files name these crates, and find the stand-ins below.
extern crate self as diesel;
extern crate self as mojito_schema;
extern crate self as tokio;

mod dispatch;
mod engine;
mod select;
mod steps;
mod store;

pub mod sync;
pub mod time;

pub use self::dispatch::{executor, notifier};
pub use self::engine::callers;
pub use self::engine::notify::Notify;
pub use self::steps::{chance, run, step};
pub use self::store::recorder;

/// A connection is gone.
#[derive(Debug)]
pub struct Lost;

/// The answer of a database.
pub type QueryResult<T> = Result<T, Lost>;

/// A delivery.
pub struct NewDelivery {
    /// Its place in the order of all deliveries.
    pub number: usize,
    /// The end of its sender's patience.
    pub awaited_until: Option<std::time::Instant>,
}

/// The answer to a delivery that is recorded.
#[derive(Debug)]
pub struct Recorded;

/// Fail points, which models have none of.
pub mod failpoint {
    /// Does nothing.
    pub fn reach(_point: &str) {}
}
