use std::fmt;
use std::time::Instant;

use diesel::Queryable;

use crate::{EventKind, Finding, Fingerprint, Snapshot, Standing, Timestamp, Versions};

/// The key of a result: endpoint and the vendor's id.
pub(crate) type ResultKey<'a> = (&'a str, &'a str);

/// The key of a gateway's message: endpoint and the gateway's id.
pub(crate) type MessageKey<'a> = (&'a str, &'a str);

/// An authentic, complete delivery that is not recorded yet. `Debug` shows neither its body nor its result.
#[derive(Clone)]
pub struct NewDelivery {
    /// The endpoint that it came to.
    pub(crate) endpoint: String,
    /// The id of the endpoint's secret that matched.
    pub secret_id: String,
    /// The kind of event that it reports.
    pub(crate) event: EventKind,
    /// The digest of endpoint, event and body.
    pub(crate) fingerprint: Fingerprint,
    /// When its last byte had arrived.
    pub received_at: Timestamp,
    /// The raw bytes.
    pub(crate) body: Vec<u8>,
    /// The meaning of the bytes.
    pub content: Content,
    /// The findings about the bytes.
    pub findings: Vec<Finding>,
    /// The id that a gateway gave to the message and signed. Where there is one, a repeat needs the same id, not the
    /// same body alone.
    pub message_id: Option<String>,
    /// The moment until which its sender waits for the answer. Afterwards the sender is told to send the delivery
    /// again: a later commit may be overtaken by that copy. `None` where no sender waits.
    pub awaited_until: Option<Instant>,
}

/// The meaning of a delivery's bytes. `Debug` shows nothing of it.
#[derive(Clone)]
pub enum Content {
    /// A snapshot of a result.
    Usable {
        /// The vendor's id of the result.
        result_id: String,
        /// The fields of the payload.
        snapshot: Box<Snapshot>,
    },
    /// A body that cannot be applied: the delivery is quarantined.
    Unusable {
        /// The vendor's id of the result, where at least the id can be told.
        result_id: Option<String>,
    },
}

impl NewDelivery {
    /// A delivery without findings that nobody waits for, and whose message has no id. Its fingerprint is of this endpoint,
    /// this event and these bytes.
    pub fn new(
        endpoint: String,
        secret_id: String,
        event: EventKind,
        received_at: Timestamp,
        body: Vec<u8>,
        content: Content,
    ) -> Self {
        Self {
            fingerprint: Fingerprint::new(&endpoint, event, &body),
            endpoint,
            secret_id,
            event,
            received_at,
            body,
            content,
            findings: Vec::new(),
            message_id: None,
            awaited_until: None,
        }
    }

    /// The endpoint that it came to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its event, as far as path and body tell.
    pub fn event(&self) -> EventKind {
        self.event
    }

    /// The digest of endpoint, event and body.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The raw bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The vendor's id of the result, where it is known.
    pub fn result_id(&self) -> Option<&str> {
        match &self.content {
            Content::Usable { result_id, .. } => Some(result_id),
            Content::Unusable { result_id } => result_id.as_deref(),
        }
    }

    /// The most bytes that it holds: a snapshot is never longer than the body that it was read from.
    pub fn size(&self) -> usize {
        match self.content {
            Content::Usable { .. } => self.body.len().saturating_mul(2),
            Content::Unusable { .. } => self.body.len(),
        }
    }

    /// Whether its sender has been told to send it again.
    pub(crate) fn is_overdue(&self) -> bool {
        self.awaited_until.is_some_and(|until| Instant::now() >= until)
    }

    /// The key of its result, where the id is known.
    pub(crate) fn result_key(&self) -> Option<ResultKey<'_>> {
        self.result_id().map(|id| (self.endpoint.as_str(), id))
    }

    /// The key of its message, where the gateway numbers its messages.
    pub(crate) fn message_key(&self) -> Option<MessageKey<'_>> {
        self.message_id.as_deref().map(|id| (self.endpoint.as_str(), id))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable { snapshot, .. } => {
                f.debug_struct("Usable").field("snapshot", snapshot).finish_non_exhaustive()
            }
            Self::Unusable { .. } => f.debug_struct("Unusable").finish_non_exhaustive(),
        }
    }
}

impl fmt::Debug for NewDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDelivery")
            .field("endpoint", &self.endpoint)
            .field("event", &self.event)
            .field("fingerprint", &self.fingerprint)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

/// The outcome of recording a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The stored delivery: its own row, or for a repeat the row that it repeats.
    pub delivery_id: i64,
    /// The delivery's standing.
    pub standing: Standing,
    /// The version of the result that the delivery became; none unless it is current.
    pub version: Option<i64>,
}

/// The facts of a handler that recording needs, as the last process that attached it stated them.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct HandlerSpec {
    /// Its stable name.
    pub name: String,
    /// Whether it wants late deliveries too.
    pub takes_late: bool,
    /// The versions that it wants.
    pub wants: Versions,
    /// The number of attempts after which its work is discarded.
    pub max_attempts: i32,
    /// Whether it has the hook `erased`.
    pub has_erased_hook: bool,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn delivery(content: Content) -> NewDelivery {
        let (endpoint, secret) = ("default".to_owned(), "first".to_owned());
        NewDelivery::new(endpoint, secret, EventKind::InterviewFailed, Timestamp::MIN, vec![b'x'; 100], content)
    }

    fn usable() -> NewDelivery {
        delivery(Content::Usable { result_id: "r".to_owned(), snapshot: Box::new(Snapshot::empty()) })
    }

    fn unusable(result_id: Option<&str>) -> NewDelivery {
        delivery(Content::Unusable { result_id: result_id.map(str::to_owned) })
    }

    #[test]
    fn a_delivery_is_counted_with_the_snapshot_that_it_may_have() {
        assert_eq!(unusable(None).size(), 100);
        assert_eq!(usable().size(), 200);
    }

    #[test]
    fn a_delivery_tells_what_it_was_made_of() {
        let named = NewDelivery { message_id: Some("m".to_owned()), ..usable() };

        assert_eq!((named.endpoint(), named.event()), ("default", EventKind::InterviewFailed));
        assert_eq!(named.body(), vec![b'x'; 100]);
        let fingerprint = Fingerprint::new("default", EventKind::InterviewFailed, named.body());
        assert_eq!(named.fingerprint(), &fingerprint);
        assert_eq!(
            (named.result_id(), unusable(Some("q")).result_id(), unusable(None).result_id()),
            (Some("r"), Some("q"), None)
        );
        assert_eq!((named.result_key(), unusable(None).result_key()), (Some(("default", "r")), None));
        assert_eq!((named.message_key(), usable().message_key()), (Some(("default", "m")), None));
    }

    #[test]
    fn a_delivery_is_overdue_from_the_moment_on_until_which_its_sender_waits() {
        let awaited_until = |moment| NewDelivery { awaited_until: Some(moment), ..usable() };

        assert!(!usable().is_overdue());
        assert!(awaited_until(Instant::now()).is_overdue());
        assert!(!awaited_until(Instant::now() + Duration::from_secs(3600)).is_overdue());
    }
}
