//! What every test stands on. Each test has its own database and its own port, both chosen at run time.

mod bodies;
mod client;
mod database;
mod handler;
mod host;
mod scale;
mod server;
mod store;
mod wait;

pub(crate) use self::bodies::Body;
pub(crate) use self::client::{Answer, Connection, post, request};
pub(crate) use self::database::Database;
pub(crate) use self::handler::{Act, Script, Seen};
pub(crate) use self::host::{Host, HostBuilder, SECRET};
pub(crate) use self::scale::{rounds, seed};
pub(crate) use self::server::PgDatabase;
pub(crate) use self::store::{Store, Subject, on_each_backend};
pub(crate) use self::wait::{eventually, next};
