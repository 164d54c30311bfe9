use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mojito_schema::{NewDelivery, SecretUse};
use tokio::sync::Notify;

/// The interval between two notes of one secret.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);

/// The uses of secrets that are to be noted in the database: of each secret of an endpoint one a minute. The request that
/// uses it waits for nothing.
#[derive(Default)]
pub(crate) struct SecretUses {
    uses: Mutex<Uses>,
    is_due: Notify,
}

#[derive(Default)]
struct Uses {
    /// When a use was last handed out, by endpoint and secret.
    noted: HashMap<String, HashMap<String, Instant>>,
    due: Vec<SecretUse>,
}

impl SecretUses {
    /// Takes notice of the secrets that authenticated these deliveries.
    pub fn add<'d>(&self, deliveries: impl Iterator<Item = &'d NewDelivery>, now: Instant) {
        let (mut uses, mut last) = (self.lock(), None);
        for delivery in deliveries {
            let secret = (delivery.endpoint(), delivery.secret_id.as_str());
            // The deliveries of a batch mostly come by one secret.
            if last.replace(secret) != Some(secret) && uses.is_due(secret, now) {
                uses.add(secret, delivery, now);
                self.is_due.notify_one();
            }
        }
    }

    /// Waits until a use is to be noted.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn due(&self) -> Vec<SecretUse> {
        loop {
            let due = std::mem::take(&mut self.lock().due);
            if !due.is_empty() {
                return due;
            }
            self.is_due.notified().await;
        }
    }

    /// Forgets that uses were handed out: the next use of these secrets is due at once.
    pub fn forget(&self) {
        self.lock().noted.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Uses {
    fn is_due(&self, (endpoint, secret): (&str, &str), now: Instant) -> bool {
        let noted = self.noted.get(endpoint).and_then(|noted| noted.get(secret));
        noted.is_none_or(|noted| now.duration_since(*noted) >= NOTE_INTERVAL)
    }

    fn add(&mut self, (endpoint, secret): (&str, &str), delivery: &NewDelivery, now: Instant) {
        self.noted.entry(endpoint.to_owned()).or_default().insert(secret.to_owned(), now);
        let (endpoint, secret_id) = (endpoint.to_owned(), secret.to_owned());
        self.due.push(SecretUse { endpoint, secret_id, last_used_at: delivery.received_at });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use mojito_schema::{Content, EventKind, Timestamp};

    use super::*;

    fn by(secret: &str) -> NewDelivery {
        let (event, content) = (EventKind::Unknown, Content::Unusable { result_id: None });
        let (endpoint, secret) = ("default".to_owned(), secret.to_owned());
        NewDelivery::new(endpoint, secret, event, Timestamp::now(), b"?".to_vec(), content)
    }

    #[test]
    fn each_secret_is_noted_once_a_minute() {
        let (uses, began) = (SecretUses::default(), Instant::now());
        let noted = |secrets: &[&str], seconds| {
            let deliveries: Vec<_> = secrets.iter().map(|secret| by(secret)).collect();
            uses.add(deliveries.iter(), began + Duration::from_secs(seconds));
            let due = uses.due().now_or_never().unwrap_or_default();
            due.into_iter().map(|one| one.secret_id).collect::<Vec<_>>()
        };

        assert_eq!(noted(&["new", "new", "old", "new"], 0), ["new", "old"]);
        assert_eq!(noted(&["new", "old"], 59), [""; 0]);
        assert_eq!(noted(&["new"], 60), ["new"]);
        assert_eq!(noted(&["new", "old"], 61), ["old"]);
        uses.forget();
        assert_eq!(noted(&["new"], 62), ["new"]);
    }
}
