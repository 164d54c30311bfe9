//! What is measured: each file one question.

mod backlog;
mod blocked;
mod delay;
mod growth;
mod indexes;
mod memory;
mod speed;

use std::time::Duration;

pub(crate) use self::backlog::Backlog;
pub(crate) use self::blocked::Blocked;
pub(crate) use self::delay::Delay;
pub(crate) use self::growth::Growth;
pub(crate) use self::indexes::Indexes;
pub(crate) use self::memory::Footprint;
pub(crate) use self::speed::{Case, Speed};

/// How long a system runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);
