use mojito_schema::Fingerprint;
use mojito_simulator::{Event, Mark, Receiver, Stored};

use crate::{Error, EventKind, Inbox, Listed};

/// The rows of an endpoint, as a simulation asks for them.
pub(super) struct StoredRows<'i> {
    pub inbox: &'i Inbox,
    pub endpoint: &'i str,
}

impl Receiver for StoredRows<'_> {
    type Error = Error;

    /// The fingerprint of its row: no body is read.
    fn mark(&self, event: Event, body: &[u8]) -> Mark {
        let kind = EventKind::from_text(event.as_str()).unwrap_or(EventKind::Unknown);
        mark(Fingerprint::new(self.endpoint, kind, body).as_bytes())
    }

    async fn stored(&self, result_id: &str) -> Result<Stored, Error> {
        let mut listed = self.inbox.history(None, result_id).await?;
        listed.retain(|row| row.endpoint == self.endpoint);
        let newest = listed.iter().max_by_key(|row| row.version).filter(|row| row.version.is_some());
        let mark = |row: &Listed| mark(&row.fingerprint);
        Ok(Stored { newest: newest.map(mark), deliveries: listed.iter().map(mark).collect() })
    }
}

fn mark(fingerprint: &[u8]) -> Mark {
    let bytes = fingerprint.try_into().unwrap_or_default();
    Mark::new(bytes)
}
