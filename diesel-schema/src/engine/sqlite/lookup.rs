//! Queries that look up stored rows one by one: a call within the process costs no round trip.

use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::{deliveries, results};

/// The deliveries of one result with this fingerprint.
#[auto_type(no_type_alias)]
pub(super) fn known(first_delivery_id: i64, fingerprint: &[u8]) -> _ {
    deliveries::table
        .filter(deliveries::first_delivery_id.eq(first_delivery_id))
        .filter(deliveries::fingerprint.eq(fingerprint))
        .select((deliveries::id, deliveries::standing, deliveries::message_id))
}

/// The quarantined deliveries.
#[auto_type(no_type_alias)]
pub(super) fn quarantined() -> _ {
    deliveries::table.filter(deliveries::first_delivery_id.is_null())
}

/// The quarantined deliveries with this fingerprint.
#[auto_type(no_type_alias)]
pub(super) fn waiting(fingerprint: &[u8]) -> _ {
    deliveries::table
        .filter(deliveries::fingerprint.eq(fingerprint))
        .filter(deliveries::first_delivery_id.is_null())
        .select((deliveries::id, deliveries::standing, deliveries::message_id))
}

/// Every stored delivery that its gateway gave this id.
#[auto_type(no_type_alias)]
pub(super) fn of_message<'a>(endpoint: &'a str, message_id: &'a str) -> _ {
    deliveries::table.filter(deliveries::endpoint.eq(endpoint)).filter(deliveries::message_id.eq(message_id))
}

/// The delivery that is the state of a result.
#[auto_type(no_type_alias)]
pub(super) fn current_delivery<'a>(endpoint: &'a str, id: &'a str) -> _ {
    results::table.find((endpoint, id)).select(results::delivery_id)
}
