//! Functions for benchmarks that measure them alone, and for no other caller.

use std::borrow::Cow;

use crate::rules::verdict::{ResultState, Verdict, judge};
use crate::{Content, NewDelivery, Standing};

/// The standing of a delivery whose result has `former` as its state.
///
/// # Panics
///
/// When `former` is not usable.
pub fn standing_after(former: &NewDelivery, delivery: &NewDelivery) -> Standing {
    let Content::Usable { snapshot, .. } = &former.content else { panic!("the former delivery is not usable") };
    let head = ResultState {
        is_stored: true,
        event: former.event,
        version: 1,
        snapshot: Cow::Borrowed(snapshot),
        first_delivery_id: 1,
        delivery_id: 1,
        late_delivery_id: None,
        first_received_at: former.received_at,
        erased: false,
    };
    match judge(Some(&head), &[], delivery, false) {
        Verdict::Current { .. } => Standing::Current,
        Verdict::Repeat { .. } => Standing::Repeat,
        Verdict::Late => Standing::Late,
        Verdict::Quarantine => Standing::Quarantined,
    }
}
