use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::{EventKind, FindingCode, Selection, Standing, State, Timestamp};

/// The conditions on deliveries and their work. All that are given count.
#[derive(Args)]
pub(super) struct Filters {
    /// Of this endpoint
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// With work of this handler
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// With work in this state
    #[arg(long, value_parser = words(State::ALL.iter().map(|state| state.as_str())))]
    state: Option<String>,
    /// Of this standing
    #[arg(long, value_parser = words(Standing::ALL.iter().map(|standing| standing.as_str())))]
    standing: Option<String>,
    /// Of this kind of event
    #[arg(long, value_parser = words(EventKind::ALL.iter().map(|event| event.as_str())))]
    event: Option<String>,
    /// With a finding of this code
    #[arg(long, value_name = "CODE", value_parser = words(FindingCode::ALL.iter().map(|code| code.as_str())))]
    finding: Option<String>,
    /// With work that fails with such an error, or has died of one: a text that `errors` prints, or any text of the group
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// About the result with this id
    #[arg(long, value_name = "ID")]
    result: Option<String>,
    /// Received since then: an age such as 30m, 3h or 2d, or a moment such as 2026-11-23T10:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Received before then
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
    /// This delivery alone
    #[arg(long, value_name = "ID")]
    delivery: Option<i64>,
}

/// The page of a list.
#[derive(Args)]
pub(super) struct Paging {
    /// The most rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Before this id, as the former page says
    #[arg(long, value_name = "ID")]
    pub before: Option<i64>,
}

impl Filters {
    pub(super) fn selection(&self) -> Selection {
        match &self.handler {
            Some(handler) => self.without_handler().handler(handler),
            None => self.without_handler(),
        }
    }

    /// The handler, where one is given.
    pub(super) fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// The selection by all other conditions.
    pub(super) fn without_handler(&self) -> Selection {
        let mut selection = self.delivery.map_or_else(Selection::all, Selection::delivery);
        if let Some(endpoint) = &self.endpoint {
            selection = selection.endpoint(endpoint);
        }
        if let Some(state) = self.state() {
            selection = selection.state(state);
        }
        if let Some(standing) = self.standing.as_deref().and_then(Standing::from_text) {
            selection = selection.standing(standing);
        }
        if let Some(event) = self.event.as_deref().and_then(EventKind::from_text) {
            selection = selection.event(event);
        }
        if let Some(code) = self.finding.as_deref().and_then(FindingCode::from_text) {
            selection = selection.finding(code);
        }
        if let Some(error) = &self.error {
            selection = selection.error(error);
        }
        if let Some(result) = &self.result {
            selection = selection.result_id(result);
        }
        if let Some(since) = self.since {
            selection = selection.received_from(since);
        }
        if let Some(until) = self.until {
            selection = selection.received_until(until);
        }
        selection
    }

    /// The state, where one is given.
    pub(super) fn state(&self) -> Option<State> {
        self.state.as_deref().and_then(State::from_text)
    }

    /// Whether no condition is given: then the selection is everything.
    pub(super) fn is_empty(&self) -> bool {
        self.selection() == Selection::all()
    }
}

fn words(words: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    PossibleValuesParser::new(words.collect::<Vec<_>>())
}

/// A moment, or an age before now.
fn moment(text: &str) -> Result<Timestamp, String> {
    let age = || {
        let unit = text.chars().last()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        let number: u64 = text[..text.len() - 1].parse().ok()?;
        Some(Timestamp::now().before(Duration::from_secs(number.checked_mul(seconds)?)))
    };
    let moment = Timestamp::from_rfc3339(text).or_else(age);
    moment.ok_or_else(|| {
        "write an age such as `30m`, `3h` or `2d`, or a moment such as `2026-11-23T10:00:00Z`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_age_or_a_point_in_time() {
        for text in ["90s", "30m", "3h", "2d", "2026-11-23T10:00:00Z"] {
            assert!(moment(text).is_ok_and(|moment| moment <= Timestamp::now()), "{text}");
        }
        for text in ["", "h", "3", "3w", "-3h", "yesterday", "99999999999999999999h", "3€"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
