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

#[cfg(test)]
mod tests {
    use super::*;

    /// A delivery about the result r.
    fn delivery(event: EventKind, message_id: Option<&str>) -> NewDelivery {
        let snapshot = Box::new(Snapshot { status: Some("closed".into()), ..Snapshot::empty() });
        let content = Content::Usable { result_id: "r".to_owned(), snapshot };
        let new = NewDelivery::new("e".to_owned(), "s".to_owned(), event, Timestamp::MIN, Vec::new(), content);
        NewDelivery { message_id: message_id.map(str::to_owned), ..new }
    }

    /// The state of r: version 3, by delivery 5; the newest late one is 4.
    fn head(event: EventKind) -> ResultState<'static> {
        ResultState {
            is_stored: true,
            event,
            version: 3,
            snapshot: Cow::Owned(Snapshot::empty()),
            first_delivery_id: 2,
            delivery_id: 5,
            late_delivery_id: Some(4),
            first_received_at: Timestamp::MIN,
            erased: false,
        }
    }

    fn copy(id: i64, standing: Standing, message_id: Option<&str>) -> StoredCopy {
        StoredCopy { id, standing, message_id: message_id.map(str::to_owned) }
    }

    fn current(version: i64, is_recurrence: bool) -> Verdict {
        Verdict::Current { version, changes: vec![Field::Status], is_recurrence }
    }

    const RESULT: EventKind = EventKind::InterviewResult;
    const COLLECTED: EventKind = EventKind::InterviewCollected;
    const FAILED: EventKind = EventKind::InterviewFailed;

    #[test]
    fn a_body_is_a_repeat_only_where_repeating_changes_nothing() {
        let (head, current_copy) = (head(RESULT), Standing::Current);
        let is = |known: &[StoredCopy]| judge(Some(&head), known, &delivery(RESULT, None), false);

        assert_eq!(is(&[]), current(4, false));
        assert_eq!(is(&[copy(5, current_copy, None)]), Verdict::Repeat { of: 5 });
        assert_eq!(is(&[copy(3, current_copy, None)]), current(4, true));
        assert_eq!(is(&[copy(3, current_copy, None), copy(5, current_copy, None)]), Verdict::Repeat { of: 5 });
        assert_eq!(is(&[copy(7, Standing::Quarantined, None)]), Verdict::Repeat { of: 7 });
    }

    #[test]
    fn without_a_state_a_known_body_is_a_recurrence() {
        let is = |known: &[StoredCopy]| judge(None, known, &delivery(RESULT, None), false);

        assert_eq!(is(&[]), current(1, false));
        assert_eq!(is(&[copy(3, Standing::Current, None)]), current(1, true));
    }

    #[test]
    fn a_message_is_a_repeat_by_its_id_alone() {
        let (head, standing) = (head(RESULT), Standing::Current);
        let is = |known: &[StoredCopy], overdue| judge(Some(&head), known, &delivery(RESULT, Some("m")), overdue);

        assert_eq!(is(&[copy(3, standing, Some("m")), copy(5, standing, Some("n"))], false), Verdict::Repeat { of: 3 });
        assert_eq!(is(&[copy(3, standing, Some("n"))], true), current(4, true));
        // The state has this body, and another message brought it.
        assert_eq!(is(&[copy(5, standing, Some("n"))], false), current(4, false));
        assert_eq!(is(&[copy(7, Standing::Quarantined, Some("n"))], false), current(4, true));
    }

    #[test]
    fn what_is_recorded_after_its_sender_gave_up_is_a_repeat_of_the_newest_copy() {
        let (head, known) = (head(RESULT), [copy(3, Standing::Current, None), copy(2, Standing::Current, None)]);

        assert_eq!(judge(Some(&head), &known, &delivery(RESULT, None), true), Verdict::Repeat { of: 3 });
        assert_eq!(judge(Some(&head), &[], &delivery(RESULT, None), true), current(4, false));
    }

    #[test]
    fn only_what_was_collected_is_late_and_only_behind_a_result() {
        let standings = |head_event, event| match judge(Some(&head(head_event)), &[], &delivery(event, None), false) {
            Verdict::Late => Standing::Late,
            Verdict::Current { .. } => Standing::Current,
            other => panic!("{other:?}"),
        };

        assert_eq!(standings(RESULT, COLLECTED), Standing::Late);
        for (head_event, event) in [(RESULT, FAILED), (COLLECTED, COLLECTED), (COLLECTED, RESULT), (FAILED, COLLECTED)]
        {
            assert_eq!(standings(head_event, event), Standing::Current, "{event:?} behind {head_event:?}");
        }
    }

    #[test]
    fn a_late_body_repeats_the_newest_late_delivery_alone() {
        let head = head(RESULT);
        let is = |id, message_id| {
            judge(Some(&head), &[copy(id, Standing::Late, None)], &delivery(COLLECTED, message_id), false)
        };

        assert_eq!(is(4, None), Verdict::Repeat { of: 4 });
        assert_eq!(is(3, None), Verdict::Late);
        assert_eq!(is(4, Some("m")), Verdict::Late);
    }

    #[test]
    fn a_tombstone_swallows_whatever_comes() {
        let tombstone = ResultState { erased: true, ..head(RESULT) };
        let is = |known: &[StoredCopy], new: &NewDelivery| judge(Some(&tombstone), known, new, true);

        assert_eq!(is(&[], &delivery(RESULT, None)), Verdict::Repeat { of: 5 });
        assert_eq!(is(&[copy(9, Standing::Current, None)], &delivery(COLLECTED, Some("m"))), Verdict::Repeat { of: 5 });
    }

    #[test]
    fn what_cannot_be_applied_is_quarantined_once() {
        let unusable = NewDelivery { content: Content::Unusable { result_id: None }, ..delivery(RESULT, None) };

        assert_eq!(judge(None, &[], &unusable, false), Verdict::Quarantine);
        assert_eq!(judge(Some(&head(RESULT)), &[], &unusable, false), Verdict::Quarantine);
        assert_eq!(judge(None, &[copy(7, Standing::Quarantined, None)], &unusable, false), Verdict::Repeat { of: 7 });
    }
}
