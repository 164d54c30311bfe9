use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mojito_schema::{Backend, HandlerSpec, OpenError, Timestamp};

/// The time after which the launch logs that work is still made for a formerly retired handler.
const SLOW_ATTACH: Duration = Duration::from_secs(10);

/// The time after which the launch logs that migrations still run.
const SLOW_MIGRATION: Duration = Duration::from_secs(10);

/// Enters the handlers before this process records, so that every recorder knows them. A formerly retired handler gets
/// work for every delivery recorded since, which may take a while.
pub(super) async fn attach<B: Backend>(
    connection: &mut B::Connection,
    specs: Arc<Vec<HandlerSpec>>,
) -> Result<(), OpenError> {
    let mut said = Instant::now();
    loop {
        match B::attach(connection, Arc::clone(&specs), Timestamp::now()).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return Err(OpenError::not_attached(error)),
        }
        if said.elapsed() >= SLOW_ATTACH {
            tracing::warn!("work is still made for a handler that was retired: it gets all that was recorded since");
            said = Instant::now();
        }
    }
}

/// Runs the migrations, and logs at intervals that they still run.
pub(super) async fn migrate<B: Backend>(connection: &mut B::Connection) -> Result<(), OpenError> {
    let mut migrating = pin!(B::migrate(connection));
    loop {
        match tokio::time::timeout(SLOW_MIGRATION, migrating.as_mut()).await {
            Ok(migrated) => return migrated,
            Err(_) => tracing::warn!("the migrations still run, or wait for somebody who uses the tables"),
        }
    }
}
