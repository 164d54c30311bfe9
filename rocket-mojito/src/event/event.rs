use std::fmt;
use std::sync::OnceLock;

use mojito_schema::Claim;

use super::changes::changes_of;
use super::{ParsedBody, Payload};
use crate::{EventKind, Field, Finding, Standing, Timestamp};

/// One delivery, as a handler sees it.
///
/// `Debug` shows ids, counts and names of fields, nothing of the candidate.
pub struct Event {
    pub(crate) kind: EventKind,
    pub(crate) payload: Payload,
    pub(crate) body: Vec<u8>,
    pub(crate) endpoint: String,
    pub(crate) delivery_id: i64,
    pub(crate) standing: Standing,
    pub(crate) version: Option<i64>,
    pub(crate) changes: Vec<Field>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) received_at: Timestamp,
    pub(crate) is_superseded: bool,
    pub(crate) former_body: Option<Vec<u8>>,
    pub(crate) previous: OnceLock<Option<Box<Payload>>>,
}

impl Event {
    /// The event kind of the delivery.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The body, field by field.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The raw bytes, as they were sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The endpoint that received the delivery.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The id of the row in `mojito_deliveries`.
    pub fn delivery_id(&self) -> i64 {
        self.delivery_id
    }

    /// `current`, or `late` for handlers that opted in.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The version of this snapshot of its result, from 1, without gaps. `None` for a late delivery.
    pub fn version(&self) -> Option<i64> {
        self.version
    }

    /// The time at which the last byte had arrived.
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// Whether the result has a later version by now, as when an old delivery is replayed. Effects that show the
    /// present state belong to the later version, which has been or will be handled itself.
    pub fn is_superseded(&self) -> bool {
        self.is_superseded
    }

    /// The fields that differ from the newest version before this one that this handler has completed; from an empty
    /// one, if it has completed none. So no version that was skipped, discarded or recorded before the handler was
    /// attached hides a change. Empty for a late delivery.
    ///
    /// `id`, `reason` and unknown keys are never among them.
    ///
    /// Versions that the handler has not completed may lie between the two. The bodies of the two are compared then. If
    /// the former body is pruned or cannot be read any more, the fields are all those that changed in any version since.
    /// A field that was changed and changed back is then among them.
    ///
    /// A replay sets the work back, so a replayed version is not completed until its attempt ends well.
    pub fn changes(&self) -> &[Field] {
        &self.changes
    }

    /// Whether a field is among the [`changes`](Self::changes).
    pub fn changed(&self, field: Field) -> bool {
        self.changes.contains(&field)
    }

    /// The findings of the delivery.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The newest version before this one that this handler has completed. `None` if there is none, for a late delivery,
    /// and if the body is not kept any more.
    pub fn previous(&self) -> Option<&Payload> {
        let read = || match ParsedBody::parse(self.former_body.as_deref()?) {
            ParsedBody::Usable { payload, .. } => Some(payload),
            ParsedBody::Unusable { .. } => None,
        };
        self.previous.get_or_init(read).as_deref()
    }

    /// The event of a claimed delivery. `None` if its body is gone, or is not understood.
    pub(crate) fn from_claim(claim: Claim) -> Option<Self> {
        let ParsedBody::Usable { payload, .. } = ParsedBody::parse(claim.delivery.body.as_deref()?) else {
            return None;
        };
        let changes = changes_of(&claim, &payload);
        let delivery = claim.delivery;
        Some(Self {
            kind: delivery.event,
            payload: *payload,
            body: delivery.body.unwrap_or_default(),
            endpoint: delivery.endpoint,
            delivery_id: delivery.id,
            standing: delivery.standing,
            version: delivery.version,
            changes,
            findings: delivery.findings.0,
            received_at: delivery.received_at,
            is_superseded: claim.is_superseded,
            former_body: claim.former_body,
            previous: OnceLock::new(),
        })
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("endpoint", &self.endpoint)
            .field("delivery_id", &self.delivery_id)
            .field("standing", &self.standing)
            .field("version", &self.version)
            .field("changes", &self.changes)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(id: &str) -> Payload {
        let body = format!(r#"{{"id":"{id}","status":"active"}}"#);
        let ParsedBody::Usable { payload, .. } = ParsedBody::parse(body.as_bytes()) else { panic!("usable") };
        *payload
    }

    fn event() -> Event {
        Event {
            kind: EventKind::InterviewFailed,
            payload: payload("r"),
            body: b"body".to_vec(),
            endpoint: "staging".to_owned(),
            delivery_id: 7,
            standing: Standing::Late,
            version: Some(3),
            changes: vec![Field::Status, Field::Score],
            findings: vec![Finding::new(crate::FindingCode::IdReused)],
            received_at: Timestamp::MAX,
            is_superseded: true,
            former_body: Some(br#"{"id":"q","status":"active"}"#.to_vec()),
            previous: OnceLock::new(),
        }
    }

    #[test]
    fn an_event_tells_what_it_was_made_of() {
        let event = event();

        assert_eq!((event.kind(), event.standing()), (EventKind::InterviewFailed, Standing::Late));
        assert_eq!((event.payload().id.as_str(), event.body()), ("r", &b"body"[..]));
        assert_eq!((event.endpoint(), event.delivery_id(), event.version()), ("staging", 7, Some(3)));
        assert_eq!((event.received_at(), event.is_superseded()), (Timestamp::MAX, true));
        assert_eq!(event.changes(), [Field::Status, Field::Score]);
        assert!(event.changed(Field::Score) && !event.changed(Field::CandidateName));
        assert_eq!(event.findings(), [Finding::new(crate::FindingCode::IdReused)]);
        assert!(!Event { is_superseded: false, ..event }.is_superseded());
    }

    #[test]
    fn the_former_version_is_read_from_its_body_where_that_is_kept_and_understood() {
        let with = |former_body: Option<&[u8]>| Event { former_body: former_body.map(<[u8]>::to_vec), ..event() };

        assert_eq!(event().previous().map(|payload| payload.id.as_str()), Some("q"));
        assert_eq!(with(None).previous(), None);
        assert_eq!(with(Some(b"[]")).previous(), None);
    }
}
