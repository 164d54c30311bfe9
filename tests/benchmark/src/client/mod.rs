//! The load client: one thread and one poll, since it shares the machine with what it measures.

mod answer;
mod connection;
mod load;

use self::answer::Answer;
use self::connection::Connection;
#[cfg(test)]
pub(crate) use self::load::Acknowledged;
pub(crate) use self::load::{Load, Loaded};
