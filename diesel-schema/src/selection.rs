use diesel::dsl::{auto_type, exists};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::Serialize;

use crate::tables::deliveries::deliveries;
use crate::tables::work::work;
use crate::{EventKind, Standing, State, Utc};

/// Which deliveries an operator means: all that fit every condition. Without a condition, all there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "Described")]
pub struct Selection {
    first_id: i64,
    last_id: i64,
    endpoint: Option<String>,
    event: Option<EventKind>,
    standing: Option<Standing>,
    result_id: Option<String>,
    received_from: Option<Utc>,
    received_until: Option<Utc>,
    handler: Option<String>,
    state: Option<State>,
}

impl Selection {
    /// Every delivery.
    pub fn all() -> Self {
        Self {
            first_id: 0,
            last_id: i64::MAX,
            endpoint: None,
            event: None,
            standing: None,
            result_id: None,
            received_from: None,
            received_until: None,
            handler: None,
            state: None,
        }
    }

    /// One delivery.
    pub fn delivery(id: i64) -> Self {
        Self { first_id: id, last_id: id, ..Self::all() }
    }

    /// Deliveries of one endpoint.
    pub fn endpoint(mut self, name: impl Into<String>) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// Deliveries that say this.
    pub fn event(mut self, event: EventKind) -> Self {
        self.event = Some(event);
        self
    }

    /// Deliveries of this standing, such as [`Standing::Quarantined`].
    pub fn standing(mut self, standing: Standing) -> Self {
        self.standing = Some(standing);
        self
    }

    /// Deliveries about one interview result, by the vendor's id.
    pub fn result_id(mut self, id: impl Into<String>) -> Self {
        self.result_id = Some(id.into());
        self
    }

    /// Deliveries that arrived at this moment or later.
    pub fn received_from(mut self, moment: Utc) -> Self {
        self.received_from = Some(moment);
        self
    }

    /// Deliveries that arrived before this moment.
    pub fn received_until(mut self, moment: Utc) -> Self {
        self.received_until = Some(moment);
        self
    }

    /// Deliveries on which the work of some handler, or of the one named by [`handler`](Self::handler), stands so:
    /// [`State::Discarded`] selects what is dead.
    pub fn state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// With [`state`](Self::state): whose work stands so.
    pub fn handler(mut self, name: impl Into<String>) -> Self {
        self.handler = Some(name.into());
        self
    }

    /// The same without what has been walked through.
    pub fn after(&self, id: i64) -> Self {
        Self { first_id: self.first_id.max(id.saturating_add(1)), ..self.clone() }
    }
}

/// The deliveries of a selection. Each condition is `column = value OR nothing was asked for`, so that there is one
/// statement and not a thousand; the ids narrow what is looked at.
#[auto_type(no_type_alias)]
pub(crate) fn selected<'a>(selection: &'a Selection) -> _ {
    let first_id: i64 = selection.first_id;
    let last_id: i64 = selection.last_id;
    let endpoint: &'a str = selection.endpoint.as_deref().unwrap_or_default();
    let any_endpoint: bool = selection.endpoint.is_none();
    let event: EventKind = selection.event.unwrap_or(EventKind::Unknown);
    let any_event: bool = selection.event.is_none();
    let standing: Standing = selection.standing.unwrap_or(Standing::Current);
    let any_standing: bool = selection.standing.is_none();
    let result_id: &'a str = selection.result_id.as_deref().unwrap_or_default();
    let any_result: bool = selection.result_id.is_none();
    let from: Utc = selection.received_from.unwrap_or(Utc::MIN);
    let until: Utc = selection.received_until.unwrap_or(Utc::MAX);
    let handler: &'a str = selection.handler.as_deref().unwrap_or_default();
    let any_handler: bool = selection.handler.is_none();
    let state: State = selection.state.unwrap_or(State::Discarded);
    let any_state: bool = selection.state.is_none();
    let work_that_stands_so = work::table
        .filter(work::delivery_id.eq(deliveries::id))
        .filter(work::state.eq(state))
        .filter(work::handler.eq(handler).or(any_handler.into_sql::<Bool>()));
    deliveries::table
        .filter(deliveries::id.between(first_id, last_id))
        .filter(deliveries::endpoint.eq(endpoint).or(any_endpoint.into_sql::<Bool>()))
        .filter(deliveries::event.eq(event).or(any_event.into_sql::<Bool>()))
        .filter(deliveries::standing.eq(standing).or(any_standing.into_sql::<Bool>()))
        .filter(deliveries::result_id.eq(result_id).or(any_result.into_sql::<Bool>()))
        .filter(deliveries::received_at.ge(from))
        .filter(deliveries::received_at.lt(until))
        .filter(exists(work_that_stands_so).or(any_state.into_sql::<Bool>()))
}

/// A selection as the audit keeps it: what was asked for, and nothing else.
#[derive(Serialize)]
struct Described {
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<Standing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}

impl From<Selection> for Described {
    fn from(selection: Selection) -> Self {
        Self {
            delivery: (selection.first_id == selection.last_id).then_some(selection.first_id),
            endpoint: selection.endpoint,
            event: selection.event,
            standing: selection.standing,
            result_id: selection.result_id,
            received_from: selection.received_from.map(|moment| moment.to_string()),
            received_until: selection.received_until.map(|moment| moment.to_string()),
            handler: selection.handler,
            state: selection.state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_describes_what_was_asked_for() {
        let selection = Selection::all().state(State::Discarded).handler("HiringDesk");

        let described = serde_json::to_string(&selection).unwrap();

        assert_eq!(described, r#"{"handler":"HiringDesk","state":"discarded"}"#);
        assert_eq!(serde_json::to_string(&Selection::delivery(7)).unwrap(), r#"{"delivery":7}"#);
    }
}
