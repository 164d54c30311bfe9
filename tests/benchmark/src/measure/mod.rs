//! What is measured: each file one question.

mod backlog;
mod blocked;
mod delay;
mod growth;
mod indexes;
mod memory;
mod speed;

use std::time::Duration;

use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::process;
use crate::server::Server;

pub(crate) use self::backlog::Backlog;
pub(crate) use self::blocked::Blocked;
pub(crate) use self::delay::Delay;
pub(crate) use self::growth::Growth;
pub(crate) use self::indexes::Indexes;
pub(crate) use self::memory::Footprint;
pub(crate) use self::speed::{Case, Speed};

/// How long a system runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// How many connections post where one load alone is measured.
const CONNECTIONS: usize = 64;

/// Loads a server. Gives back how many deliveries it acknowledges in a second, and the CPU seconds of application and
/// database for 1,000.
fn under_load(server: &Server, database: &Database, bench: &Bench, length: Duration) -> anyhow::Result<(f64, f64)> {
    let load = Load { warm_up: WARM_UP, ..Load::new(server.address, &bench.bodies, CONNECTIONS, length) };
    let mut marks = Vec::new();
    let loaded = load.run(|| {
        marks.push(process::cpu(server.id())? + database.cpu()?);
        Ok(())
    })?;
    let [began, ended] = marks.as_slice() else { unreachable!("marked twice") };
    let count = loaded.latencies.len() as f64;
    Ok((count / loaded.length.as_secs_f64(), (*ended - *began).as_secs_f64() / count * 1000.0))
}
