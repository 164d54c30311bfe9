use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::supervisor::Service;
use crate::notices::{Notice, Notices, Scope};
use crate::store::OperationTasks;

/// The interval between two looks.
const WATCH_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// The interval between two reminders of the same condition while it lasts.
const REMINDER_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The time for which a delivery waits behind a failing one before the log says so.
const HELD_UP_TIMEOUT: Duration = Duration::from_secs(3600);

/// Looks for silent standstill: lines whose first delivery keeps failing, and endpoints without deliveries. Handlers
/// that no process has attached are the [`Roster`](super::roster::Roster)'s to name.
pub(crate) struct Watcher {
    pub operations: OperationTasks,
    pub notices: Notices,
    pub endpoints: Vec<String>,
    /// The silence after which an endpoint is named.
    pub silence_alert: Option<Duration>,
}

impl Service for Watcher {
    const NAME: &'static str = "watcher";

    fn notices(&self) -> &Notices {
        &self.notices
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut silent: HashMap<&str, Instant> = HashMap::new();
        self.sum_up().await;
        while !*stop.borrow_and_update() {
            self.name_held_up().await;
            for endpoint in &self.endpoints {
                self.listen(endpoint, &mut silent).await;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = sleep(WATCH_INTERVAL) => {}
            }
        }
    }
}

impl Watcher {
    /// Logs in one line the work that former processes left for a person. The store logs a failure.
    async fn sum_up(&self) {
        let backlog = self.operations.run(async move |operations| operations.backlog().await).await;
        let Ok(backlog) = backlog else { return };
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        let (discarded, quarantined) = (count(backlog.discarded), count(backlog.quarantined));
        let unattached = count(backlog.unattached);
        if discarded + quarantined + unattached > 0 {
            self.notices.say(Notice::LeftOver { discarded, quarantined, unattached });
        }
    }

    async fn name_held_up(&self) {
        let held_up = self.operations.run(async move |operations| operations.held_up(HELD_UP_TIMEOUT).await).await;
        for waiting in held_up.unwrap_or_default() {
            let (handler, count, delivery) = (waiting.handler, waiting.count, waiting.delivery_id);
            self.notices.say(Notice::HeldUp { handler, count, delivery });
        }
    }

    async fn listen<'w>(&'w self, endpoint: &'w str, silent: &mut HashMap<&'w str, Instant>) {
        let Some(silence) = self.silence_alert else { return };
        let name = endpoint.to_owned();
        match self.operations.run(async move |operations| operations.has_received(name, silence).await).await {
            Ok(true) => {
                silent.remove(endpoint);
                self.notices.works(|| Scope::Endpoint(endpoint.to_owned()));
            }
            Ok(false) if silent.get(endpoint).is_none_or(|since| since.elapsed() >= REMINDER_INTERVAL) => {
                silent.insert(endpoint, Instant::now());
                self.notices.say(Notice::Silent { endpoint: endpoint.to_owned(), hours: silence.as_secs() / 3600 });
            }
            _ => {}
        }
    }
}
