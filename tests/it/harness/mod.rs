//! What every test stands on. Each test has its own database and its own port, both chosen at run time.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `MOJITO_TEST_SCALE` | `full` lets randomised and fault tests go round as often as a nightly run should |
//! | `MOJITO_TEST_SEED` | the seed of the randomised tests; each prints the one that it used |

mod aftermath;
mod bodies;
mod cage;
mod client;
mod database;
mod disk;
mod example;
mod ground;
mod handler;
mod host;
mod journal;
mod ledger;
mod lifted;
mod load;
mod log;
mod memory;
mod messages;
mod private_server;
mod process;
mod program;
mod proxy;
mod rig;
mod scale;
mod server;
mod signed;
mod store;
mod tracer;
mod wait;
mod weakened;

pub(crate) use self::aftermath::{Aftermath, drained, lost, overlaps};
pub(crate) use self::bodies::Body;
pub(crate) use self::cage::Cage;
pub(crate) use self::client::{Answer, Connection, chunked, head, in_time, post, request};
pub(crate) use self::database::Database;
pub(crate) use self::disk::{Bound, Disk, as_root, run};
pub(crate) use self::example::Example;
pub(crate) use self::ground::Ground;
pub(crate) use self::handler::{Act, Script, Seen};
pub(crate) use self::host::{AUTH, BASE, Host, HostBuilder, SECRET};
pub(crate) use self::journal::{Note, What};
pub(crate) use self::ledger::{Ledger, Sent, Try};
pub(crate) use self::lifted::Lifted;
pub(crate) use self::load::{Load, SENDERS, post_at_once, try_post, try_send};
pub(crate) use self::log::Log;
pub(crate) use self::memory::Memory;
pub(crate) use self::private_server::PrivateServer;
pub(crate) use self::process::{Process, ProcessBuilder};
pub(crate) use self::program::Program;
pub(crate) use self::proxy::{Loss, Proxy, Way, Weather};
pub(crate) use self::rig::Rig;
pub(crate) use self::scale::{rounds, seed};
pub(crate) use self::server::{PROXY, PgDatabase};
pub(crate) use self::signed::{Headers, Signer, base64, hex};
pub(crate) use self::store::{Store, Subject, attach_all, on_each_backend, record_all};
pub(crate) use self::tracer::Tracer;
pub(crate) use self::wait::{PATIENCE, eventually, found, next};
pub(crate) use self::weakened::weakened;
