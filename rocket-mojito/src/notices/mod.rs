//! Notices for a person, each in one line of the log: at most one line a minute for each kind and endpoint or handler.
//!
//! A caller never waits. A thread of its own writes the lines, since a pipe without a reader blocks its writer.

mod line;
mod notice;
#[expect(clippy::module_inception, reason = "the noun of this folder")]
mod notices;
mod queue;
mod throttle;
mod writer;

pub(crate) use self::notice::{Notice, Scope};
pub(crate) use self::notices::Notices;
