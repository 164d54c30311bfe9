use std::collections::BTreeMap;
use std::fmt;

use crate::Timestamp;

/// The work of one handler that fails, or is dead, for the same reason.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// The handler.
    pub handler: String,
    /// The first line of the errors, with `#` in place of all that looks like a value.
    /// [`Selection::error`](crate::Selection::error) selects the work.
    pub error: String,
    /// How much work: each counts once, by its last error.
    pub count: u64,
    /// When the oldest of its deliveries came.
    pub first_received_at: Timestamp,
    /// When the newest of its deliveries came.
    pub last_received_at: Timestamp,
    /// The newest of its deliveries.
    pub sample: i64,
}

/// Errors in groups, the largest group first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorGroups {
    /// The groups of the work that was read.
    pub groups: Vec<ErrorGroup>,
    /// The delivery before which the next page begins: the search has come back to there. None at the end. A page reads
    /// ten thousand rows at most.
    pub next_before: Option<i64>,
}

impl ErrorGroups {
    /// Adds the next page, which has older work: groups that both have become one.
    pub fn extend(&mut self, older: Self) {
        let mut groups: BTreeMap<(String, String), ErrorGroup> = BTreeMap::new();
        for group in self.groups.drain(..).chain(older.groups) {
            let key = (group.handler.clone(), group.error.clone());
            groups.entry(key).and_modify(|known| known.add(&group)).or_insert(group);
        }
        self.groups = groups.into_values().collect();
        // The sort is stable: groups of one size stay in the order of their handlers and errors.
        self.groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        self.next_before = older.next_before;
    }
}

impl ErrorGroup {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.first_received_at = self.first_received_at.min(other.first_received_at);
        self.last_received_at = self.last_received_at.max(other.last_received_at);
        self.sample = self.sample.max(other.sample);
    }
}

impl fmt::Debug for ErrorGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorGroup")
            .field("handler", &self.handler)
            // It is made of a handler's words.
            .field("count", &self.count)
            .field("first_received_at", &self.first_received_at)
            .field("last_received_at", &self.last_received_at)
            .field("sample", &self.sample)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(error: &str, count: u64, first: &str, last: &str, sample: i64) -> ErrorGroup {
        let at = |text| Timestamp::from_rfc3339(text).unwrap();
        let (first_received_at, last_received_at) = (at(first), at(last));
        let (handler, error) = ("Desk".to_owned(), error.to_owned());
        ErrorGroup { handler, error, count, first_received_at, last_received_at, sample }
    }

    #[test]
    fn pages_of_groups_become_one_with_the_largest_first() {
        let (one, two, three) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
        let mut groups = ErrorGroups::default();

        groups.extend(ErrorGroups { groups: vec![group("no ink", 1, three, three, 9)], next_before: Some(9) });
        let older = vec![group("no ink", 2, one, two, 4), group("no desk", 4, two, two, 7)];
        groups.extend(ErrorGroups { groups: older, next_before: None });

        let expected = vec![group("no desk", 4, two, two, 7), group("no ink", 3, one, three, 9)];
        assert_eq!(groups, ErrorGroups { groups: expected, next_before: None });
    }
}
