use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::line::{Key, Line};
use super::notice::Scope;

/// Lets one line of each kind through in an interval, and counts the others.
///
/// A line stands for its own notice, and `left_out` for the notices without a line. Together they count every notice.
/// The caller passes the time, which is monotonic.
pub(super) struct Throttle {
    interval: Duration,
    said: HashMap<Key, Said>,
    troubles: HashMap<Scope, Trouble>,
}

/// The state of one kind of line.
struct Said {
    again_at: Instant,
    left_out: u64,
    /// The last line that was left out.
    sample: Option<Line>,
    scope: Option<Scope>,
}

/// A failing scope, until it works again.
#[derive(Default)]
struct Trouble {
    is_over: bool,
    /// The time before which `recovered` is not written again.
    again_at: Option<Instant>,
    /// Whether the scope works again and that is not written yet.
    is_unsaid: bool,
}

impl Throttle {
    pub fn new(interval: Duration) -> Self {
        Self { interval, said: HashMap::new(), troubles: HashMap::new() }
    }

    /// Returns the line if one of its kind may be written now. Otherwise it is counted.
    pub fn admit(&mut self, mut line: Line, scope: Option<Scope>, now: Instant) -> Option<Line> {
        if let Some(scope) = &scope {
            self.begin(scope.clone());
        }
        let again_at = now + self.interval;
        let Some(said) = self.said.get_mut(&line.key()) else {
            self.said.insert(line.key(), Said { again_at, left_out: 0, sample: None, scope });
            return Some(line);
        };
        if now < said.again_at {
            said.left_out += 1;
            said.sample = Some(line);
            return None;
        }
        line.left_out = std::mem::take(&mut said.left_out);
        (said.again_at, said.sample) = (again_at, None);
        Some(line)
    }

    /// Notes that a scope fails.
    pub fn begin(&mut self, scope: Scope) {
        let trouble = self.troubles.entry(scope).or_default();
        (trouble.is_over, trouble.is_unsaid) = (false, false);
    }

    /// Notes that a scope works again. Returns the line for that, with the count of lines left out meanwhile, if it may
    /// be written now.
    pub fn end(&mut self, scope: &Scope, now: Instant) -> Option<Line> {
        let trouble = self.troubles.get_mut(scope).filter(|trouble| !trouble.is_over)?;
        (trouble.is_over, trouble.is_unsaid) = (true, true);
        if trouble.again_at.is_some_and(|again_at| now < again_at) {
            return None;
        }
        Some(self.recovered(scope, now))
    }

    /// The number of failing scopes.
    pub fn troubles(&self) -> usize {
        self.troubles.values().filter(|trouble| !trouble.is_over).count()
    }

    /// The lines that were left out and may be written now. Forgets kinds and scopes that are quiet.
    pub fn due(&mut self, now: Instant) -> Vec<Line> {
        let interval = self.interval;
        let mut due = Vec::new();
        self.said.retain(|_, said| {
            if now < said.again_at {
                return true;
            }
            said.again_at = now + interval;
            let sample = said.take();
            let is_kept = sample.is_some();
            due.extend(sample);
            is_kept
        });
        due.extend(self.recoveries(now));
        self.troubles.retain(|_, trouble| !trouble.is_over || trouble.again_at.is_some_and(|again_at| now < again_at));
        due
    }

    /// Every line that was left out and is still to be written.
    pub fn rest(&mut self, now: Instant) -> Vec<Line> {
        let mut rest: Vec<Line> = self.said.values_mut().filter_map(Said::take).collect();
        for trouble in self.troubles.values_mut() {
            trouble.again_at = trouble.again_at.map(|_| now);
        }
        rest.extend(self.recoveries(now));
        rest
    }

    /// The next time at which a line may be due.
    pub fn next_due(&self) -> Option<Instant> {
        let said = self.said.values().map(|said| said.again_at);
        let over = self.troubles.values().filter(|trouble| trouble.is_over).filter_map(|trouble| trouble.again_at);
        said.chain(over).min()
    }

    fn recoveries(&mut self, now: Instant) -> Vec<Line> {
        let is_due = |trouble: &Trouble| trouble.is_unsaid && trouble.again_at.is_none_or(|again_at| now >= again_at);
        let due = self.troubles.iter().filter(|(_, trouble)| is_due(trouble)).map(|(scope, _)| scope.clone());
        due.collect::<Vec<_>>().iter().map(|scope| self.recovered(scope, now)).collect()
    }

    fn recovered(&mut self, scope: &Scope, now: Instant) -> Line {
        if let Some(trouble) = self.troubles.get_mut(scope) {
            (trouble.again_at, trouble.is_unsaid) = (Some(now + self.interval), false);
        }
        let mut line = scope.recovered();
        for said in self.said.values_mut().filter(|said| said.scope.as_ref() == Some(scope)) {
            said.sample = None;
            line.left_out += std::mem::take(&mut said.left_out);
        }
        line
    }
}

impl Said {
    /// The last line left out, with the count of the others.
    fn take(&mut self) -> Option<Line> {
        let mut line = self.sample.take()?;
        line.left_out = std::mem::take(&mut self.left_out) - 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::Notice;

    const MINUTE: Duration = Duration::from_secs(60);

    fn failed(handler: &str, delivery: i64) -> (Line, Option<Scope>) {
        Notice::Failed { handler: handler.to_owned(), delivery, attempt: 1, outcome: "failed" }.into_line()
    }

    fn said(line: &Line) -> (Option<i64>, u64) {
        (line.delivery, line.left_out)
    }

    #[test]
    fn one_of_a_kind_is_said_in_a_minute_and_the_others_are_counted_by_the_next_one() {
        let (mut throttle, began) = (Throttle::new(MINUTE), Instant::now());
        let mut admit = |handler, delivery, seconds| {
            let (line, scope) = failed(handler, delivery);
            throttle.admit(line, scope, began + Duration::from_secs(seconds)).map(|line| said(&line))
        };

        assert_eq!(admit("a", 1, 0), Some((Some(1), 0)));
        assert_eq!(admit("a", 2, 1), None);
        assert_eq!(admit("b", 3, 2), Some((Some(3), 0)), "another handler's");
        assert_eq!(admit("a", 4, 59), None);
        assert_eq!(admit("a", 5, 60), Some((Some(5), 2)));
        assert_eq!(admit("a", 6, 61), None);
    }

    #[test]
    fn the_last_count_is_said_though_nothing_more_comes() {
        let (mut throttle, began) = (Throttle::new(MINUTE), Instant::now());
        for delivery in 1..=4 {
            let (line, scope) = failed("a", delivery);
            throttle.admit(line, scope, began);
        }

        let early = throttle.due(began + MINUTE - Duration::from_secs(1));
        let due = throttle.due(began + MINUTE);
        let later = throttle.due(began + 2 * MINUTE);

        assert_eq!(early, []);
        assert_eq!(due.iter().map(said).collect::<Vec<_>>(), [(Some(4), 2)], "itself and two more");
        assert_eq!(later, []);
        assert_eq!(throttle.next_due(), None, "nothing is kept of what is quiet");
    }

    #[test]
    fn what_was_left_out_is_said_at_the_end() {
        let (mut throttle, now) = (Throttle::new(MINUTE), Instant::now());
        for delivery in 1..=3 {
            let (line, scope) = failed("a", delivery);
            throttle.admit(line, scope, now);
        }

        assert_eq!(throttle.rest(now).iter().map(said).collect::<Vec<_>>(), [(Some(3), 1)]);
        assert_eq!(throttle.rest(now), []);
    }

    #[test]
    fn a_recovery_is_said_once_with_what_was_left_out() {
        let (mut throttle, now) = (Throttle::new(MINUTE), Instant::now());
        let handler = Scope::Handler("a".to_owned());
        for delivery in 1..=4 {
            let (line, scope) = failed("a", delivery);
            throttle.admit(line, scope, now);
        }

        let recovered = throttle.end(&handler, now).unwrap();

        assert!(recovered.text.starts_with("recovered"), "{recovered:?}");
        assert_eq!((recovered.handler.as_deref(), recovered.left_out), (Some("a"), 3));
        assert_eq!(throttle.end(&handler, now), None, "it works");
        assert_eq!(throttle.end(&Scope::Handler("b".to_owned()), now), None, "it never failed");
        assert_eq!(throttle.due(now + MINUTE), []);
    }

    #[test]
    fn a_handler_that_fails_now_and_then_is_said_to_recover_once_a_minute() {
        let (mut throttle, began) = (Throttle::new(MINUTE), Instant::now());
        let handler = Scope::Handler("a".to_owned());
        let mut lines = Vec::new();
        for second in 0..180 {
            let now = began + Duration::from_secs(second);
            let (line, scope) = failed("a", 1);
            lines.extend(throttle.admit(line, scope, now));
            lines.extend(throttle.end(&handler, now));
            lines.extend(throttle.due(now));
        }
        lines.extend(throttle.rest(began + 3 * MINUTE));

        let failures = lines.iter().filter(|line| line.outcome.is_some());
        let said = failures.clone().count();
        let left_out: u64 = lines.iter().map(|line| line.left_out).sum();
        assert_eq!(said, 4, "one in each minute, and one at the end: {lines:#?}");
        assert_eq!(said as u64 + left_out, 180, "each failure is said or counted");
        assert!(lines.last().unwrap().text.starts_with("recovered"), "the last line says how it is");
        assert_eq!(throttle.troubles(), 0);
    }
}
