use std::borrow::Cow;

use crate::schema::deliveries::StoredCopy;
use crate::{Content, EventKind, Field, NewDelivery, ResultRow, Snapshot, Standing, Timestamp};

/// The state of a result, as far as the next delivery's standing depends on it.
#[derive(Debug, Clone)]
pub(crate) struct ResultState<'a> {
    /// Whether its row is in the table.
    pub is_stored: bool,
    pub event: EventKind,
    pub version: i64,
    pub snapshot: Cow<'a, Snapshot>,
    pub first_delivery_id: i64,
    pub delivery_id: i64,
    pub late_delivery_id: Option<i64>,
    pub first_received_at: Timestamp,
    pub erased: bool,
}

impl From<ResultRow> for ResultState<'_> {
    fn from(row: ResultRow) -> Self {
        Self {
            is_stored: true,
            event: row.event,
            version: row.version,
            snapshot: Cow::Owned(row.snapshot),
            first_delivery_id: row.first_delivery_id,
            delivery_id: row.delivery_id,
            late_delivery_id: row.late_delivery_id,
            first_received_at: row.first_received_at,
            erased: row.erased_at.is_some(),
        }
    }
}

/// The decision about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Count it at the delivery that it repeats.
    Repeat { of: i64 },
    /// Make it the state of its result.
    Current { version: i64, changes: Vec<Field>, is_recurrence: bool },
    /// Keep it; the state stays.
    Late,
    /// Keep it; no handler gets work.
    Quarantine,
}

/// Decides the standing of a delivery: the whole rule, and nothing but the rule.
///
/// `head` is the state of its result, read under the result's lock. `known` holds every delivery with the same
/// fingerprint that is about the same result or in quarantine. A known body is a repeat only where repeating changes
/// nothing. A body that was replaced and comes back is a change like any other. With a gateway's signed id, the rule
/// need not guess. The same message is a repeat whatever came since, and another message is news even with a known
/// body.
///
/// The sender of an overdue delivery was told to send it again. If another writer has recorded that copy first,
/// deliveries recorded since may be newer than both.
pub(crate) fn judge(
    head: Option<&ResultState<'_>>,
    known: &[StoredCopy],
    delivery: &NewDelivery,
    is_overdue: bool,
) -> Verdict {
    let has_id = delivery.message_id.is_some();
    let copy = known.iter().find(|known| {
        if has_id { known.message_id == delivery.message_id } else { known.standing == Standing::Quarantined }
    });
    if let Some(copy) = copy {
        return Verdict::Repeat { of: copy.id };
    }
    // A tombstone swallows every delivery of its result, so that a late retry does not bring an erased person back.
    if let Some(tombstone) = head.filter(|head| head.erased) {
        return Verdict::Repeat { of: tombstone.delivery_id };
    }
    let newest_copy = known.iter().map(|known| known.id).max();
    if let Some(copy) = newest_copy.filter(|_| is_overdue && !has_id) {
        return Verdict::Repeat { of: copy };
    }
    let Content::Usable { snapshot, .. } = &delivery.content else {
        return Verdict::Quarantine;
    };
    let Some(head) = head else {
        return Verdict::Current {
            version: 1,
            changes: snapshot.changes_since(&Snapshot::empty()),
            is_recurrence: !known.is_empty(),
        };
    };
    let holds = |id| known.iter().any(|known| known.id == id);
    let repeats = |id| holds(id) && !has_id;
    if repeats(head.delivery_id) {
        return Verdict::Repeat { of: head.delivery_id };
    }
    if head.event == EventKind::InterviewResult && delivery.event == EventKind::InterviewCollected {
        return match head.late_delivery_id.filter(|id| repeats(*id)) {
            Some(newest_late) => Verdict::Repeat { of: newest_late },
            None => Verdict::Late,
        };
    }
    Verdict::Current {
        version: head.version + 1,
        changes: snapshot.changes_since(&head.snapshot),
        is_recurrence: !known.is_empty() && !holds(head.delivery_id),
    }
}
