use std::collections::HashMap;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::leases::Leases;
use super::supervisor::Service;
use crate::notices::{Notice, Notices};
use crate::store::Committed;

/// The interval between two attendance notes. Each handler is noted at least every minute and a half.
const ATTENDANCE_INTERVAL: Duration = Duration::from_secs(30);

/// The interval between two reminders that a handler is not attached.
const REMINDER_INTERVAL: Duration = Duration::from_secs(24 * 3600);

const FAILURE: &str = "the handlers could not be looked at";

/// Records in the database that the handlers of this process are attached. Logs the handlers that no living process
/// has.
pub(super) struct Roster<B: Backend> {
    pub leases: Leases<B>,
    pub names: Vec<String>,
}

impl<B: Backend> Service for Roster<B> {
    const NAME: &'static str = "roster";

    fn notices(&self) -> &Notices {
        self.leases.database.notices()
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut reminded = HashMap::new();
        while !*stop.borrow_and_update() {
            self.look(&mut reminded).await;
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(ATTENDANCE_INTERVAL) => {}
            }
        }
    }
}

impl<B: Backend> Roster<B> {
    async fn look(&self, reminded: &mut HashMap<String, Instant>) {
        let names = self.names.clone();
        let mut dedicated = self.leases.dedicated.lock().await;
        let noted = dedicated.commit(FAILURE, |c| B::note_attached(c, names, Timestamp::now()).boxed()).await;
        // The next look repeats a note that a power cut undid.
        let Ok(unattached) = noted.map(Committed::outcome) else { return };
        let due = due(reminded, &unattached, Instant::now());
        if due.is_empty() {
            return;
        }
        let Ok(known) = dedicated.read(FAILURE, |c| B::known_handlers(c).boxed()).await else { return };
        let attached = known.into_iter().filter(|handler| handler.is_attached).map(|handler| handler.name).collect();
        let Ok(waiting) = dedicated.read(FAILURE, |c| B::unattached(c, attached).boxed()).await else { return };
        drop(dedicated);
        for handler in due {
            let lines = waiting.iter().find(|waiting| waiting.handler == handler);
            let (count, delivery) = (lines.map_or(0, |lines| lines.count), lines.map(|lines| lines.delivery_id));
            self.leases.database.notices().say(Notice::Unattached { handler, count, delivery });
        }
    }
}

/// The handlers to log now: those that are new, or were logged a day ago.
fn due(reminded: &mut HashMap<String, Instant>, unattached: &[String], now: Instant) -> Vec<String> {
    reminded.retain(|name, _| unattached.contains(name));
    let mut due = Vec::new();
    for name in unattached {
        if reminded.get(name).is_none_or(|at| now.duration_since(*at) >= REMINDER_INTERVAL) {
            reminded.insert(name.clone(), now);
            due.push(name.clone());
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_that_is_not_attached_is_said_at_once_and_then_daily() {
        let (mut reminded, began) = (HashMap::new(), Instant::now());
        let mut said = |names: &[&str], hours: u64| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            due(&mut reminded, &names, began + Duration::from_secs(hours * 3600))
        };

        assert_eq!(said(&["Desk"], 0), ["Desk"]);
        assert_eq!(said(&["Desk", "Ledger"], 1), ["Ledger"]);
        assert_eq!(said(&["Desk", "Ledger"], 24), ["Desk"]);
        assert_eq!(said(&["Ledger"], 26), ["Ledger"]);
        assert_eq!(said(&["Desk"], 27), ["Desk"], "it was attached in between");
    }
}
