use std::fmt;
use std::sync::OnceLock;

use mojito_schema::Claim;

use super::{ParsedBody, Payload};
use crate::{EventKind, Field, Finding, Standing, Timestamp};

/// What a handler is told about one delivery.
///
/// `Debug` shows ids, counts and names of fields, nothing of the candidate.
pub struct Event {
    kind: EventKind,
    payload: Payload,
    endpoint: String,
    delivery_id: i64,
    standing: Standing,
    version: Option<i64>,
    changes: Vec<Field>,
    findings: Vec<Finding>,
    received_at: Timestamp,
    is_superseded: bool,
    former_body: Option<Vec<u8>>,
    previous: OnceLock<Option<Box<Payload>>>,
}

impl Event {
    /// What the delivery says.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The body, field by field.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The endpoint that it came to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The row in `mojito_deliveries`.
    pub fn delivery_id(&self) -> i64 {
        self.delivery_id
    }

    /// `current`, or `late` for handlers that opted in.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Which snapshot of its result this is, from 1, without gaps. None for a late delivery.
    pub fn version(&self) -> Option<i64> {
        self.version
    }

    /// When its last byte had arrived.
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// Whether the result has come to a later version since. So it is when an old delivery is replayed: effects
    /// that show the present state belong to the later version, which has been or will be handled itself.
    pub fn is_superseded(&self) -> bool {
        self.is_superseded
    }

    /// The fields that differ from the version before, or for a first version from an empty one.
    ///
    /// `id`, `reason` and unknown keys are never among them.
    pub fn changes(&self) -> &[Field] {
        &self.changes
    }

    /// Whether a field differs from the version before.
    pub fn changed(&self, field: Field) -> bool {
        self.changes.contains(&field)
    }

    /// What was noteworthy about the delivery.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The version before this one. None for a first version, a late delivery, and where the body is not kept any more.
    pub fn previous(&self) -> Option<&Payload> {
        let read = || match ParsedBody::parse(self.former_body.as_deref()?) {
            ParsedBody::Usable { payload, .. } => Some(payload),
            ParsedBody::Unusable { .. } => None,
        };
        self.previous.get_or_init(read).as_deref()
    }

    /// The event of a claimed delivery. None where its body is gone, or is not understood.
    pub(crate) fn from_claim(claim: Claim) -> Option<Self> {
        let delivery = claim.delivery;
        let ParsedBody::Usable { payload, .. } = ParsedBody::parse(delivery.body.as_deref()?) else {
            return None;
        };
        Some(Self {
            kind: delivery.event,
            payload: *payload,
            endpoint: delivery.endpoint,
            delivery_id: delivery.id,
            standing: delivery.standing,
            version: delivery.version,
            changes: Field::list_from_json(&delivery.changes),
            findings: Finding::from_json(&delivery.findings),
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
