use mojito_schema::{Changes, Claim, Snapshot};

use super::{ParsedBody, Payload};
use crate::Field;

/// The fields in which a claimed delivery differs from the version that its handler completed last.
///
/// The stored changes are those of the version just before. If the handler has completed that one, nothing needs to be
/// compared.
pub(super) fn changes_of(claim: &Claim, payload: &Payload) -> Vec<Field> {
    let (stored, former) = (&claim.delivery.changes.0, claim.former_version);
    match claim.delivery.version {
        Some(version) if former.unwrap_or_default() + 1 < version => {}
        _ => return stored.clone(),
    }
    let snapshot = |payload: Payload| payload.into_state().1;
    let former = match (former, claim.former_body.as_deref().map(ParsedBody::parse)) {
        (None, _) => Snapshot::empty(),
        (Some(_), Some(ParsedBody::Usable { payload, .. })) => snapshot(*payload),
        (Some(_), _) => return changes_in(&claim.changes_since),
    };
    snapshot(payload.clone()).changes_since(&former)
}

/// The fields that are in any of these stored lists, in the vendor's order.
fn changes_in(lists: &[Changes]) -> Vec<Field> {
    let has_changed = |field: &Field| lists.iter().any(|list| list.0.contains(field));
    Field::ALL.iter().copied().filter(has_changed).collect()
}
