//! The way of a delivery once it is recorded.

mod clock;
mod fence;
mod history;
mod latest;
mod order;
mod outcomes;
mod told;
mod wake;

use std::sync::Arc;

use mojito_schema::{State, WorkRow};
use rocket_mojito::{Event, MojitoConfig};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::harness::{Database, Host, HostBuilder, ObservedAttempt, ScriptedAction, ScriptedHandler};

/// A host with one scripted handler.
async fn host(
    decide: impl Fn(&Event, i32) -> ScriptedAction + Send + Sync + 'static,
) -> (Host, UnboundedReceiver<ObservedAttempt>) {
    let (script, seen) = ScriptedHandler::new(decide);
    (builder().handler(script).start().await, seen)
}

/// The same with other settings.
async fn host_with(
    change: impl FnOnce(MojitoConfig) -> MojitoConfig,
    decide: impl Fn(&Event, i32) -> ScriptedAction + Send + Sync + 'static,
) -> (Host, UnboundedReceiver<ObservedAttempt>) {
    let (script, seen) = ScriptedHandler::new(decide);
    (builder().config(change).handler(script).start().await, seen)
}

fn builder() -> HostBuilder {
    Host::builder().database(&Arc::new(Database::with_effects()))
}

/// The work of the only handler on a delivery.
fn work_on(host: &Host, delivery: i64) -> WorkRow {
    let mut work = host.database.work();
    work.retain(|row| row.delivery_id == delivery);
    assert_eq!(work.len(), 1, "one handler has one piece of work on a delivery");
    work.remove(0)
}

fn is_in(host: &Host, delivery: i64, state: State) -> bool {
    work_on(host, delivery).state == state
}
