use std::time::Duration;

use anyhow::ensure;

use super::under_load;
use crate::bench::Bench;
use crate::database::Database;
use crate::server::Server;
use crate::system::{Backend, System};

/// The example's handler.
const HANDLER: &str = "HiringDesk";

/// What the example records and handles in a database with many lines that cannot go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocked {
    /// How many deliveries were there before.
    pub deliveries: u64,
    /// Acknowledged in a second.
    pub recorded: f64,
    /// CPU seconds of application and database for 1,000 that were recorded, and mostly handled.
    pub cpu: f64,
}

impl Blocked {
    /// Other results come meanwhile, and are handled. The first of each line has failed, or all have been handled.
    pub fn measure(
        backend: Backend,
        bench: &Bench,
        results: u64,
        is_blocked: bool,
        length: Duration,
    ) -> anyhow::Result<Self> {
        let mut database = Database::create(backend)?;
        // Makes the tables.
        Server::start(System::Example, &database, "{}")?.kill()?;
        let deliveries = database.fill_lines(&bench.bodies, HANDLER, results, is_blocked)?;
        let open = database.number(OPEN)?;

        let server = Server::start(System::Example, &database, "{}")?;
        let (recorded, cpu) = under_load(&server, &database, bench, length)?;
        server.kill()?;
        let handled = database.number("SELECT count(*) AS number FROM application_events")?;
        ensure!(handled > 0, "nothing was handled meanwhile");
        let blocked = database.number(BLOCKED)?;
        ensure!(blocked == open, "{blocked} of {open} still wait behind what has failed");
        Ok(Self { deliveries, recorded, cpu })
    }
}

const OPEN: &str = "SELECT count(*) AS number FROM mojito_work WHERE finished_at IS NULL";

/// Of what was there before: everything else is the first and only one of its line.
const BLOCKED: &str = "SELECT count(*) AS number FROM mojito_work WHERE finished_at IS NULL AND (first_delivery_id
    IN (SELECT first_delivery_id FROM mojito_work WHERE state = 'retryable'))";
