//! The harness of all tests. Each test has its own database and its own port, both chosen at run time.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `MOJITO_TEST_SCALE` | `full` lets randomised and fault tests go round as often as a nightly run should |
//! | `MOJITO_TEST_SEED` | the seed of the randomised tests; each prints the one that it used |

mod browser;
mod cgroup;
mod checker;
mod client;
mod copies;
mod database;
pub(crate) mod deliveries;
mod disk;
mod example;
mod final_state;
mod host;
mod journal;
mod ledger;
mod load;
mod log;
mod memory;
mod patched_host;
mod postgres_database;
mod postgres_protocol;
mod private_server;
mod process;
mod program;
mod proxy;
mod sample;
mod scale;
mod scratch_database;
mod scripted_handler;
mod signed;
mod store;
mod test_database;
mod test_server;
mod tracer;
mod wait;

/// The bodies of the tests are those of the simulator.
pub(crate) use mojito_simulator::Body;

pub(crate) use self::browser::Browser;
pub(crate) use self::cgroup::Cgroup;
pub(crate) use self::checker::overlaps;
pub(crate) use self::client::{Answer, Connection, chunked, head, post, request};
pub(crate) use self::copies::{assert_copies_are_one_version, assert_versions_have_no_gap};
pub(crate) use self::database::{Database, Effect};
pub(crate) use self::disk::{BindMount, Disk, as_root, run};
pub(crate) use self::example::Example;
pub(crate) use self::final_state::{FinalState, lost, settled};
pub(crate) use self::host::{AUTH, BASE, Host, HostBuilder, SECRET, config};
pub(crate) use self::journal::{EntryKind, JournalEntry};
pub(crate) use self::ledger::{Ledger, PostOutcome, Sent};
pub(crate) use self::load::{Load, SENDERS, post_at_once, post_to_endpoint, try_post, try_send};
pub(crate) use self::log::Log;
pub(crate) use self::memory::Memory;
pub(crate) use self::patched_host::patched_host;
pub(crate) use self::postgres_database::PostgresDatabase;
pub(crate) use self::private_server::PrivateServer;
pub(crate) use self::process::{Process, ProcessBuilder};
pub(crate) use self::program::Program;
pub(crate) use self::proxy::{Direction, LostMessage, NetworkCondition, Proxy};
pub(crate) use self::sample::Sample;
pub(crate) use self::scale::{SCALE, is_full, rounds, seed};
pub(crate) use self::scratch_database::{PROXY, ScratchDatabase};
pub(crate) use self::scripted_handler::{ObservedAttempt, ScriptedAction, ScriptedHandler};
pub(crate) use self::signed::{Headers, Signer, base64, hex};
pub(crate) use self::store::{Store, TestBackend, attach_all, on_each_backend, record_all};
pub(crate) use self::test_database::TestDatabase;
pub(crate) use self::test_server::TestServer;
pub(crate) use self::tracer::Tracer;
pub(crate) use self::wait::{PATIENCE, drained, eventually, found, in_time, next, until};
