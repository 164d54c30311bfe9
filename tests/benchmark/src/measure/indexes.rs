use std::time::Duration;

use super::under_load;
use crate::bench::Bench;
use crate::database::Database;
use crate::server::Server;
use crate::system::{Backend, System};

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
        let (recorded, cpu) = under_load(&server, &database, bench, length)?;
        server.kill()?;
        Ok(Self { recorded, cpu })
    }
}
