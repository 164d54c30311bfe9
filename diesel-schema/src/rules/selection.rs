use serde::Serialize;

use super::error_group::error_group;
use crate::{EventKind, FindingCode, Standing, State, Timestamp};

/// An operator's choice of deliveries: all that fit every condition. Without a condition, all deliveries.
///
/// [`state`](Self::state), [`handler`](Self::handler) and [`error`](Self::error) are conditions on a handler's work on the
/// delivery. An action then concerns the work that fits, and no other work on the same delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "Described")]
pub struct Selection {
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    pub(crate) endpoint: Option<String>,
    pub(crate) event: Option<EventKind>,
    pub(crate) standing: Option<Standing>,
    pub(crate) finding: Option<FindingCode>,
    pub(crate) result_id: Option<String>,
    pub(crate) received_from: Option<Timestamp>,
    pub(crate) received_until: Option<Timestamp>,
    pub(crate) handler: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) error_group: Option<String>,
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
            finding: None,
            result_id: None,
            received_from: None,
            received_until: None,
            handler: None,
            state: None,
            error_group: None,
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

    /// Deliveries that report this kind of event.
    pub fn event(mut self, event: EventKind) -> Self {
        self.event = Some(event);
        self
    }

    /// Deliveries of this standing, such as [`Standing::Quarantined`].
    pub fn standing(mut self, standing: Standing) -> Self {
        self.standing = Some(standing);
        self
    }

    /// Deliveries with a finding of this kind, such as [`FindingCode::WrongType`].
    pub fn finding(mut self, code: FindingCode) -> Self {
        self.finding = Some(code);
        self
    }

    /// Deliveries about one interview result, by the vendor's id.
    pub fn result_id(mut self, id: impl Into<String>) -> Self {
        self.result_id = Some(id.into());
        self
    }

    /// Deliveries that arrived at this moment or later.
    pub fn received_from(mut self, moment: Timestamp) -> Self {
        self.received_from = Some(moment);
        self
    }

    /// Deliveries that arrived before this moment.
    pub fn received_until(mut self, moment: Timestamp) -> Self {
        self.received_until = Some(moment);
        self
    }

    /// Work in this state: [`State::Discarded`] selects dead work.
    pub fn state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// Work of this handler.
    pub fn handler(mut self, name: impl Into<String>) -> Self {
        self.handler = Some(name.into());
        self
    }

    /// Work that fails with such an error, or has died of one: the text of an [`ErrorGroup`](crate::ErrorGroup), or of any
    /// error in it. Work that has succeeded since, or was dismissed, is not selected.
    pub fn error(mut self, text: &str) -> Self {
        self.error_group = Some(error_group(text));
        self
    }

    /// Whether there is a condition on a handler's work: then the selection means the work that fits.
    pub fn names_work(&self) -> bool {
        self.state.is_some() || self.handler.is_some() || self.error_group.is_some()
    }

    /// Whether there is a condition on a delivery itself, beside the range of ids.
    pub(crate) fn names_deliveries(&self) -> bool {
        let Self { endpoint, event, standing, finding, result_id, received_from, received_until, .. } = self;
        let is_named = endpoint.is_some() || event.is_some() || standing.is_some() || finding.is_some();
        is_named || result_id.is_some() || received_from.is_some() || received_until.is_some()
    }

    /// The state of the selected work, if one was asked for.
    pub fn state_asked_for(&self) -> Option<State> {
        self.state
    }

    /// The selection that its description in the audit tells of. `None` for a condition that this version of the
    /// program does not know: without it the selection would be a larger one.
    pub fn from_described(description: &serde_json::Value) -> Option<Self> {
        let mut selection = Self::all();
        for (condition, value) in description.as_object()? {
            let word = || value.as_str();
            selection = match condition.as_str() {
                "delivery" => Self { first_id: value.as_i64()?, last_id: value.as_i64()?, ..selection },
                "endpoint" => selection.endpoint(word()?),
                "event" => selection.event(EventKind::from_text(word()?)?),
                "standing" => selection.standing(Standing::from_text(word()?)?),
                "finding" => selection.finding(FindingCode::from_text(word()?)?),
                "result_id" => selection.result_id(word()?),
                "received_from" => selection.received_from(Timestamp::from_rfc3339(word()?)?),
                "received_until" => selection.received_until(Timestamp::from_rfc3339(word()?)?),
                "handler" => selection.handler(word()?),
                "state" => selection.state(State::from_text(word()?)?),
                "error" => selection.error(word()?),
                _ => return None,
            };
        }
        Some(selection)
    }

    /// The handler whose work is selected, if one was named.
    pub fn handler_name(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// The endpoint whose deliveries are selected, if one was named.
    pub fn endpoint_name(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The same selection, from behind the delivery `id`.
    pub fn after(&self, id: i64) -> Self {
        Self { first_id: self.first_id.max(id.saturating_add(1)), ..self.clone() }
    }
}

/// A text that fits nothing: no endpoint, handler or id of a result holds a control character.
const NOWHERE: &str = "\u{1}";

/// A text for a query's comparison. No stored text holds NUL, and Postgres would refuse the whole query for it.
pub(crate) fn sought(text: &str) -> &str {
    if text.contains('\0') { NOWHERE } else { text }
}

/// A query for a selection's conditions on the columns of `mojito_deliveries`, except the range of ids. A condition
/// that was not set adds no filter.
///
/// No index serves a single statement with `column = value OR nothing was asked for`.
macro_rules! selected {
    ($selection:expr, $backend:ty) => {{
        let selection: &Selection = $selection;
        let mut query = deliveries::table.into_boxed::<$backend>();
        if let Some(endpoint) = &selection.endpoint {
            query = query.filter(deliveries::endpoint.eq(sought(endpoint)));
        }
        if let Some(event) = selection.event {
            query = query.filter(deliveries::event.eq(event));
        }
        if let Some(standing) = selection.standing {
            query = query.filter(deliveries::standing.eq(standing));
        }
        if let Some(code) = selection.finding {
            query = query.filter(deliveries::findings.like(format!("%\"code\":\"{code}\"%")));
        }
        if let Some(result_id) = &selection.result_id {
            query = query.filter(deliveries::result_id.eq(sought(result_id)));
        }
        if let Some(from) = selection.received_from {
            query = query.filter(deliveries::received_at.ge(from));
        }
        if let Some(until) = selection.received_until {
            query = query.filter(deliveries::received_at.lt(until));
        }
        query
    }};
}

pub(crate) use selected;

/// A selection as the audit keeps it: the conditions that were set, and nothing else.
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
    finding: Option<FindingCode>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Selection> for Described {
    fn from(selection: Selection) -> Self {
        Self {
            delivery: (selection.first_id == selection.last_id).then_some(selection.first_id),
            endpoint: selection.endpoint,
            event: selection.event,
            standing: selection.standing,
            finding: selection.finding,
            result_id: selection.result_id,
            received_from: selection.received_from.map(|moment| moment.to_string()),
            received_until: selection.received_until.map(|moment| moment.to_string()),
            handler: selection.handler,
            state: selection.state,
            error: selection.error_group,
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
        let of_error = Selection::all().error("no phone of \"Ann\"");
        assert_eq!(serde_json::to_string(&of_error).unwrap(), r##"{"error":"no phone of #"}"##);
    }

    #[test]
    fn each_condition_is_one_on_deliveries_or_on_work() {
        let on_deliveries = [
            Selection::all().endpoint("default"),
            Selection::all().event(EventKind::InterviewResult),
            Selection::all().standing(Standing::Current),
            Selection::all().finding(FindingCode::WrongType),
            Selection::all().result_id("r"),
            Selection::all().received_from(Timestamp::now()),
            Selection::all().received_until(Timestamp::now()),
        ];
        let on_work = [
            Selection::all().handler("HiringDesk"),
            Selection::all().state(State::Discarded),
            Selection::all().error("no printer"),
        ];

        for selection in on_deliveries {
            assert!(selection.names_deliveries() && !selection.names_work(), "{selection:?}");
        }
        for selection in on_work {
            assert!(selection.names_work() && !selection.names_deliveries(), "{selection:?}");
        }
        assert!(!Selection::delivery(7).names_deliveries() && !Selection::delivery(7).names_work());
    }

    #[test]
    fn the_rest_of_a_selection_begins_behind_a_delivery_and_never_before_its_own_first() {
        let first = |selection: Selection, id: i64| selection.after(id).first_id;

        assert_eq!(first(Selection::all(), 7), 8);
        assert_eq!(first(Selection::delivery(9), 7), 9);
        assert_eq!(first(Selection::all(), i64::MAX), i64::MAX);
    }

    #[test]
    fn a_selection_is_read_back_from_its_description_whole_or_not_at_all() {
        let whole = Selection::delivery(7)
            .endpoint("default")
            .event(EventKind::InterviewResult)
            .standing(Standing::Current)
            .finding(FindingCode::WrongType)
            .result_id("r")
            .received_from(Timestamp::now())
            .received_until(Timestamp::now())
            .handler("HiringDesk")
            .state(State::Discarded)
            .error("no printer on port 9100");
        let described = serde_json::to_value(&whole).unwrap();

        // The range of ids is one condition. Without a word of its own a condition would be lost by a takeover.
        assert_eq!(described.as_object().unwrap().len(), 11);
        assert_eq!(Selection::from_described(&described), Some(whole));
        assert_eq!(Selection::from_described(&serde_json::json!({})), Some(Selection::all()));
        for unknown in [serde_json::json!({ "planet": "Mars" }), serde_json::json!({ "state": "lost" })] {
            assert_eq!(Selection::from_described(&unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_selection_tells_whose_work_was_asked_for() {
        let selection = Selection::all().endpoint("default").handler("HiringDesk").state(State::Discarded);
        let whatever = Selection::all();

        assert_eq!((selection.endpoint_name(), selection.handler_name()), (Some("default"), Some("HiringDesk")));
        assert_eq!(selection.state_asked_for(), Some(State::Discarded));
        assert_eq!((whatever.endpoint_name(), whatever.handler_name(), whatever.state_asked_for()), (None, None, None));
    }

    #[test]
    fn a_text_that_no_column_can_hold_fits_nothing() {
        assert_eq!(sought("HiringDesk"), "HiringDesk");
        assert_eq!(sought("Hiring\0Desk"), NOWHERE);
    }
}
