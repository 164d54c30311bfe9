use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::notices::{Notice, Notices, Scope};
use crate::store::Store;

/// How often it looks.
const WATCH_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// How often the same is said again for as long as it lasts.
const REMINDER_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// How long a delivery waits behind one that fails before it is said.
const HELD_UP_TIMEOUT: Duration = Duration::from_secs(3600);

/// Looks for what stands still without anything happening: lines that a failing first holds up, and endpoints that hear
/// nothing. Handlers that nobody has attached are the [`Roster`](super::roster::Roster)'s to name.
pub(crate) struct Watcher {
    pub store: Arc<dyn Store>,
    pub notices: Notices,
    pub endpoints: Vec<String>,
    /// After how long an endpoint that hears nothing is named.
    pub silence_alert: Option<Duration>,
}

impl Watcher {
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
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

    /// Says in one line what former processes have left for somebody. A failure is logged where it happens.
    async fn sum_up(&self) {
        let Ok(backlog) = self.store.backlog().await else { return };
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        let (discarded, quarantined) = (count(backlog.discarded), count(backlog.quarantined));
        let unattached = count(backlog.unattached);
        if discarded + quarantined + unattached > 0 {
            self.notices.say(Notice::LeftOver { discarded, quarantined, unattached });
        }
    }

    async fn name_held_up(&self) {
        for waiting in self.store.held_up(HELD_UP_TIMEOUT).await.unwrap_or_default() {
            let (handler, count, delivery) = (waiting.handler, waiting.count, waiting.delivery_id);
            self.notices.say(Notice::HeldUp { handler, count, delivery });
        }
    }

    async fn listen<'w>(&'w self, endpoint: &'w str, silent: &mut HashMap<&'w str, Instant>) {
        let Some(silence) = self.silence_alert else { return };
        match self.store.has_received(endpoint.to_owned(), silence).await {
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
