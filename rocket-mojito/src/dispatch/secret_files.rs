use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::supervisor::Service;
use crate::config::LiveEndpoints;
use crate::notices::{Notice, Notices};

/// The interval between two looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The time for which a changed file has to stand still before it is read, since its author may still write.
const STANDSTILL: Duration = Duration::from_secs(2);

/// Reads the secrets again after one of their files has changed.
pub(crate) struct SecretFiles {
    pub endpoints: LiveEndpoints,
    pub notices: Notices,
}

impl Service for SecretFiles {
    const NAME: &'static str = "secret files";

    fn notices(&self) -> &Notices {
        &self.notices
    }

    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut changed = None;
        while self.endpoints.has_files() && !*stop.borrow_and_update() {
            let endpoints = self.endpoints.clone();
            // A file may be on a network that does not answer.
            let states = tokio::task::spawn_blocking(move || endpoints.changed_files()).await.unwrap_or_default();
            changed = match (states, changed) {
                (None, _) => None,
                (Some(now), Some((then, since))) if now == then => Some((now, since)),
                (Some(now), _) => Some((now, Instant::now())),
            };
            if changed.as_ref().is_some_and(|(_, since)| since.elapsed() >= STANDSTILL) {
                self.reload().await;
                changed = None;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = sleep(LOOK_INTERVAL) => {}
            }
        }
    }
}

impl SecretFiles {
    async fn reload(&self) {
        let endpoints = self.endpoints.clone();
        match tokio::task::spawn_blocking(move || endpoints.reload()).await {
            Ok(Ok(())) => self.notices.say(Notice::SecretsReloaded),
            // Its sentence names the secret and the remedy, and never the value.
            Ok(Err(error)) => self.notices.say(Notice::SecretsNotReloaded { fault: error.to_string() }),
            // The runtime is being shut down.
            Err(_) => {}
        }
    }
}
