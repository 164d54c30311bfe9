//! The HTTP contract, row by row, over real sockets.

mod acknowledged;
mod authentication;
mod body;
mod last_use;
mod logging;
mod order;
mod paths;
mod refusal;
mod reload;
mod rocket_first;
mod size;
mod stopping;
mod unavailable;

pub(crate) use self::paths::SPELLINGS;
pub(crate) use self::refusal::{assert_refusal_headers, assert_refused};
