use clap::Args;
use rocket::serde::Serialize;

use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::progress::watched;
use super::target::Target;
use crate::Actor;

#[derive(Args)]
pub(super) struct Prune {
    #[command(flatten)]
    consent: Consent,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Plan {
    bodies: u64,
    deliveries: u64,
    body_retention_days: u32,
    retention_days: u32,
}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Done {
    bodies: u64,
    deliveries: u64,
    work: u64,
}

impl Prune {
    pub(super) async fn run(self, target: &Target, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let Some(settings) = &target.settings else {
            return Err(Failure::Usage(
                "the retention is not known: run this in the host, or beside a Rocket.toml with `[default.mojito]`"
                    .to_owned(),
            ));
        };
        let (facts, bodies) = (settings.retention_days, settings.body_retention_days);
        let planned = target.inbox.count_prunable().await?;
        let sentence = format!(
            "removal, for good, of {} bodies older than {bodies} days and {} deliveries older than {facts} days, and of \
             the work of handlers that are gone",
            planned.bodies, planned.deliveries
        );
        let rows = planned.bodies + planned.deliveries;
        let plan = Plan {
            bodies: planned.bodies,
            deliveries: planned.deliveries,
            body_retention_days: bodies,
            retention_days: facts,
        };
        if let Some(exit) = self.consent.ask(output, &PlanDocument { action: "prune", plan }, &sentence, false)? {
            return Ok(exit);
        }
        let action = async { Ok(target.inbox.start_pruning(actor).await) };
        let pruned = match watched(&target.inbox, output, rows, action).await? {
            Ok(pruned) => pruned,
            Err(exit) => return Ok(exit),
        };
        let done = Done { bodies: pruned.bodies, deliveries: pruned.deliveries, work: pruned.work };
        output.answer(&DoneDocument { action: "prune", done: &done }, || {
            let Done { bodies, deliveries, work } = done;
            vec![format!("done: {bodies} bodies and {deliveries} deliveries were removed, {work} works discarded")]
        })?;
        Ok(Exit::Done)
    }
}
