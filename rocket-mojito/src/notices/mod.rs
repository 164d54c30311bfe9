//! What needs a person, said in one line of the log: at most once a minute for each kind and endpoint or handler.
//!
//! Whoever has something to say never waits: a thread of its own writes the lines, since a pipe that nobody reads holds up
//! whoever writes to it.

mod line;
mod notice;
#[expect(clippy::module_inception, reason = "the noun of this folder")]
mod notices;
mod queue;
mod throttle;
mod writer;

pub(crate) use self::notice::{Notice, Scope};
pub(crate) use self::notices::Notices;
