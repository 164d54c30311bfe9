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

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::client::Acknowledged;
    use crate::latency::Latencies;
    use crate::system::Backend;

    const STORED: u64 = 3;

    /// A database in which the hand-written system has stored what was acknowledged, and then something happened to it.
    fn audit_after(misfortune: &str) -> Result<(), String> {
        let bodies = Bodies::new(7);
        let mut database = Database::create(Backend::Sqlite).unwrap();
        let mut statements = "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, body BLOB);
                              CREATE TABLE results (id INTEGER);"
            .to_owned();
        let mut loaded = Loaded {
            began: SystemTime::now(),
            acknowledged: Vec::new(),
            bodies: STORED,
            latencies: Latencies::default(),
            length: Duration::ZERO,
            cpu: Duration::ZERO,
        };
        for number in 0..STORED {
            let mut body = Vec::new();
            bodies.append(number, &mut body);
            let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
            let delivery = i64::try_from(number).unwrap() + 1;
            statements += &format!(
                "INSERT INTO deliveries VALUES ({delivery}, X'{hex}'); INSERT INTO results VALUES ({delivery});"
            );
            loaded.acknowledged.push(Acknowledged { number, delivery, due: Duration::ZERO });
        }
        let Database::Sqlite(sqlite) = &database else { unreachable!("asked for") };
        sqlite.run(&(statements + misfortune)).unwrap();
        audit(System::HandWritten, &mut database, &bodies, &loaded).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_stored_as_it_was_acknowledged_is_sound() {
        assert_eq!(audit_after(""), Ok(()));
    }

    #[test]
    fn whatever_differs_is_found() {
        let cases = [
            ("DELETE FROM deliveries WHERE id = 2", "1 acknowledged deliveries are lost"),
            ("UPDATE deliveries SET body = X'7b7d' WHERE id = 2", "delivery 2 is not what was sent"),
            ("INSERT INTO deliveries VALUES (9, X'7b7d')", "delivery 9 is stored, and was never acknowledged"),
            ("DELETE FROM results WHERE id = 2", "2 results are stored, 3 were sent"),
        ];

        for (misfortune, finding) in cases {
            assert_eq!(audit_after(misfortune), Err(finding.to_owned()));
        }
    }
}
