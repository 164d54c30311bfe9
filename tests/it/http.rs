//! The HTTP contract, row by row, over real sockets.

mod acknowledged;
mod authentication;
mod body;
mod logging;
mod media_type;
mod methods;
mod order;
mod paths;
mod refusal;
mod size;
mod stopping;
mod unavailable;
