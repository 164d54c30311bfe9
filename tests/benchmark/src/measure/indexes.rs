use std::time::Duration;

use super::WARM_UP;
use crate::bench::Bench;
use crate::client::Load;
use crate::database::Database;
use crate::process;
use crate::server::Server;
use crate::system::{Backend, System};

/// How many connections post.
const CONNECTIONS: usize = 64;

/// The indexes that nothing but an operator's lists, counts and actions read.
const OF_OPERATORS: [&str; 4] =
    ["mojito_work_undismissed", "mojito_work_failed", "mojito_deliveries_undismissed", "mojito_audit_running"];

/// What the example records and handles, with the operators' indexes or without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indexes {
    /// Acknowledged in a second.
    pub recorded: f64,
    /// CPU seconds of application and database for 1,000 that were recorded, and mostly handled.
    pub cpu: f64,
}

impl Indexes {
    pub fn measure(backend: Backend, bench: &Bench, are_there: bool, length: Duration) -> anyhow::Result<Self> {
        let mut database = Database::create(backend)?;
        // Makes the tables.
        Server::start(System::Example, &database, "{}")?.kill()?;
        if !are_there {
            database.run(&OF_OPERATORS.map(|index| format!("DROP INDEX {index};")).concat())?;
        }

        let server = Server::start(System::Example, &database, "{}")?;
        let load = Load { warm_up: WARM_UP, ..Load::new(server.address, &bench.bodies, CONNECTIONS, length) };
        let mut marks = Vec::new();
        let loaded = load.run(|| {
            marks.push(process::cpu(server.id())? + database.cpu()?);
            Ok(())
        })?;
        server.kill()?;

        let [began, ended] = marks.as_slice() else { unreachable!("marked twice") };
        let count = loaded.latencies.len() as f64;
        Ok(Self {
            recorded: count / loaded.length.as_secs_f64(),
            cpu: (*ended - *began).as_secs_f64() / count * 1000.0,
        })
    }
}
