use std::collections::HashMap;

use anyhow::{bail, ensure};

use crate::body::Bodies;
use crate::client::Loaded;
use crate::database::Database;
use crate::system::System;

/// Checks that every acknowledged delivery is stored under the id that was answered, byte for byte, that every result
/// is there, and that nothing else is.
pub(crate) fn audit(system: System, database: &mut Database, bodies: &Bodies, loaded: &Loaded) -> anyhow::Result<()> {
    let Some((deliveries, results)) = system.tables() else { return Ok(()) };
    let mut missing = HashMap::new();
    for acknowledged in &loaded.acknowledged {
        let (delivery, number) = (acknowledged.delivery, acknowledged.number);
        if missing.insert(delivery, number).is_some_and(|other| other != number) {
            bail!("delivery {delivery} was answered for two bodies");
        }
    }
    let mut expected = Vec::new();
    database.deliveries(deliveries, |id, body| {
        let Some(number) = missing.remove(&id) else {
            bail!("delivery {id} is stored, and was never acknowledged");
        };
        expected.clear();
        bodies.append(number, &mut expected);
        ensure!(body == expected, "delivery {id} is not what was sent");
        Ok(())
    })?;
    ensure!(missing.is_empty(), "{} acknowledged deliveries are lost", missing.len());
    let stored = database.number(&format!("SELECT count(*) AS number FROM {results}"))?;
    ensure!(u64::try_from(stored)? == loaded.bodies, "{stored} results are stored, {} were sent", loaded.bodies);
    Ok(())
}
