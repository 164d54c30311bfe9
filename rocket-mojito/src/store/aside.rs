use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::batch_queue::Entry;

/// The first pause before deliveries that were set aside are tried again. Each pause is twice the one before, up to the
/// longest.
const MIN_RETRY_INTERVAL: Duration = Duration::from_millis(5);
const MAX_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The least ratio of a pause to the try before it: so a writer has most of its time for other deliveries. If the
/// sender would not wait for the next try, a last try comes earlier.
const REST_FACTOR: u32 = 4;

/// The weight of a delivery beside its body.
const ENTRY_WEIGHT: usize = 1024;

/// Deliveries that wait for others of their result in flight, or for rows that another transaction has locked.
///
/// No delivery overtakes another of its result. Locked deliveries are tried again until their sender has been told to
/// send again.
pub(super) struct Aside {
    results: HashMap<u64, Waiting>,
    /// The weight of all waiting deliveries, and the limit on that weight for deliveries of locked results.
    weight: usize,
    most: usize,
}

/// The waiting deliveries of one result, while others of it are in flight or locked.
#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// When the result is tried again, where it is locked.
    due: Option<Instant>,
    pause: Duration,
}

impl Waiting {
    /// The pause after a try that took so long. A next try that takes twice as long still ends before the earliest
    /// deadline.
    fn rest(&self, took: Duration, now: Instant) -> Duration {
        let rest = self.pause.max(took * REST_FACTOR);
        let awaited_until = self.entries.iter().filter_map(|entry| entry.delivery.awaited_until).min();
        let Some(awaited_until) = awaited_until else { return rest };
        let last = awaited_until.saturating_duration_since(now.into_std()).saturating_sub(took * 2);
        rest.min(last.max(self.pause))
    }
}

/// The fate of a new delivery.
pub(super) enum Admission {
    /// No other delivery of its result holds it up.
    Free(Entry),
    Waits,
    /// Too many deliveries wait for locked results already.
    Refused(Entry),
}

impl Aside {
    /// Deliveries of locked results may weigh up to `most`. More are refused, so that there is room for others.
    pub fn new(most: usize) -> Self {
        Self { results: HashMap::new(), weight: 0, most }
    }

    pub fn is_empty(&self) -> bool {
        self.weight == 0
    }

    /// Keeps a delivery that has to wait for others of its result.
    pub fn admit(&mut self, entry: Entry) -> Admission {
        let Some(waiting) = entry.key.and_then(|key| self.results.get_mut(&key)) else { return Admission::Free(entry) };
        let weight = weight(&entry);
        if waiting.due.is_some() && self.weight + weight > self.most {
            return Admission::Refused(entry);
        }
        self.weight += weight;
        waiting.entries.push(entry);
        Admission::Waits
    }

    /// Notes that a batch is in flight.
    pub fn send(&mut self, batch: &[Entry]) {
        for key in batch.iter().filter_map(|entry| entry.key) {
            self.results.entry(key).or_default().due = None;
        }
    }

    /// Notes that a batch of results with these keys, each once, has ended, and keeps its deliveries that were set
    /// aside. Returns the deliveries that waited for the others and can go now.
    pub fn end(&mut self, keys: Vec<u64>, set_aside: Vec<Entry>, took: Duration) -> Vec<Entry> {
        let now = Instant::now();
        let mut locked: HashMap<u64, Vec<Entry>> = HashMap::new();
        for entry in set_aside {
            self.weight += weight(&entry);
            // A delivery without a key is never set aside.
            locked.entry(entry.key.unwrap_or_default()).or_default().push(entry);
        }
        let mut free = Vec::new();
        for key in keys {
            match (self.results.get_mut(&key), locked.remove(&key)) {
                (Some(waiting), Some(mut entries)) => {
                    entries.append(&mut waiting.entries);
                    waiting.entries = entries;
                    waiting.pause = (waiting.pause * 2).clamp(MIN_RETRY_INTERVAL, MAX_RETRY_INTERVAL);
                    waiting.due = Some(now + waiting.rest(took, now));
                }
                (Some(_), None) => free.extend(self.take(key)),
                (None, _) => {}
            }
        }
        free
    }

    /// When the next locked result is to be tried again.
    pub fn next_due(&self) -> Option<Instant> {
        self.results.values().filter_map(|waiting| waiting.due).min()
    }

    /// Takes up to `most` deliveries that are to be tried again, which are in flight from then on. Returns also the
    /// deliveries whose sender does not wait any more.
    pub fn take_due(&mut self, most: usize) -> (Vec<Entry>, Vec<Entry>) {
        let now = Instant::now();
        let due = self.results.iter().filter_map(|(key, waiting)| Some((waiting.due.filter(|due| *due <= now)?, *key)));
        let mut due: Vec<(Instant, u64)> = due.collect();
        due.sort_unstable();
        let (mut again, mut over) = (Vec::new(), Vec::new());
        for (_, key) in due {
            if again.len() >= most {
                break;
            }
            let pause = self.results.get(&key).map(|waiting| waiting.pause);
            let is_over = |entry: &Entry| entry.delivery.awaited_until.is_none_or(|until| until <= now.into_std());
            let (ended, mut open): (Vec<_>, Vec<_>) = self.take(key).into_iter().partition(is_over);
            over.extend(ended);
            if !open.is_empty() {
                let entries = open.split_off(open.len().min(most - again.len()));
                self.weight += entries.iter().map(weight).sum::<usize>();
                self.results.insert(key, Waiting { entries, due: None, pause: pause.unwrap_or_default() });
                again.extend(open);
            }
        }
        (again, over)
    }

    fn take(&mut self, key: u64) -> Vec<Entry> {
        let entries = self.results.remove(&key).map_or_else(Vec::new, |waiting| waiting.entries);
        self.weight -= entries.iter().map(weight).sum::<usize>();
        entries
    }
}

fn weight(entry: &Entry) -> usize {
    entry.room.num_permits() + ENTRY_WEIGHT
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mojito_schema::{Content, EventKind, NewDelivery, Timestamp};
    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn entry(key: u64, body: &str) -> Entry {
        let (endpoint, secret, content) =
            ("default".to_owned(), "only".to_owned(), Content::Unusable { result_id: None });
        let body = body.as_bytes().to_vec();
        let mut delivery = NewDelivery::new(endpoint, secret, EventKind::Unknown, Timestamp::now(), body, content);
        delivery.awaited_until = Some((Instant::now() + WAIT).into_std());
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("there is room");
        Entry { delivery, answer: oneshot::channel().0, room, key: Some(key) }
    }

    fn bodies(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| std::str::from_utf8(entry.delivery.body()).expect("our text")).collect()
    }

    /// One delivery that was set aside, and another behind it.
    fn two() -> Aside {
        let mut aside = Aside::new(usize::MAX);
        let first = vec![entry(1, "a")];
        aside.send(&first);
        assert!(matches!(aside.admit(entry(1, "b")), Admission::Waits));
        assert!(aside.end(vec![1], first, Duration::ZERO).is_empty());
        aside
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_locked_is_tried_again_in_the_order_in_which_it_came() {
        let mut aside = two();
        assert!(matches!(aside.admit(entry(1, "c")), Admission::Waits));
        let early = aside.take_due(10).0.len();

        tokio::time::sleep_until(aside.next_due().expect("it is tried again")).await;
        let (again, over) = aside.take_due(10);

        assert_eq!((early, bodies(&again), over.len()), (0, vec!["a", "b", "c"], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_for_a_result_goes_when_the_others_are_recorded() {
        let mut aside = Aside::new(usize::MAX);
        aside.send(&[entry(1, "a"), entry(2, "x")]);
        assert!(matches!(aside.admit(entry(1, "b")), Admission::Waits));
        assert!(matches!(aside.admit(entry(3, "y")), Admission::Free(_)));

        let free = aside.end(vec![1, 2], Vec::new(), Duration::ZERO);

        assert_eq!((bodies(&free), aside.is_empty()), (vec!["b"], true));
        assert!(matches!(aside.admit(entry(1, "c")), Admission::Free(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_any_more_is_not_tried_again() {
        let mut aside = two();
        tokio::time::sleep(WAIT).await;

        let (again, over) = aside.take_due(10);

        assert_eq!((again.len(), bodies(&over), aside.is_empty()), (0, vec!["a", "b"], true));
        assert!(matches!(aside.admit(entry(1, "c")), Admission::Free(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_locked_has_its_share_of_the_room_and_no_more() {
        let mut aside = two();
        aside.most = 3 * (1 + ENTRY_WEIGHT);

        let third = aside.admit(entry(1, "c"));
        let more = aside.admit(entry(1, "d"));

        assert!(matches!((third, more), (Admission::Waits, Admission::Refused(_))));
        assert!(matches!(aside.admit(entry(2, "x")), Admission::Free(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn tries_take_a_fifth_of_the_time_at_most() {
        let mut aside = two();
        tokio::time::sleep_until(aside.next_due().expect("it is tried again")).await;
        let (again, _) = aside.take_due(1);
        let took = Duration::from_millis(250);

        aside.end(vec![1], again, took);

        assert_eq!(aside.next_due(), Some(Instant::now() + 4 * took));
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_took_long_is_followed_by_another_before_the_sender_gives_up() {
        let mut aside = two();
        tokio::time::sleep_until(aside.next_due().expect("it is tried again")).await;
        let (again, _) = aside.take_due(10);
        let awaited_until = again.iter().filter_map(|entry| entry.delivery.awaited_until).min().expect("they wait");
        let took = Duration::from_secs(2);
        tokio::time::sleep(took).await;

        aside.end(vec![1], again, took);

        let due = aside.next_due().expect("it is tried again");
        assert!(due.into_std() + took <= awaited_until, "{due:?}");
    }

    /// The pauses before each try of a result that stays locked, where tries take no time.
    #[tokio::test(start_paused = true)]
    async fn each_pause_is_twice_the_one_before_up_to_the_longest() {
        let (mut aside, mut pauses) = (two(), Vec::new());

        for _ in 0..7 {
            let due = aside.next_due().expect("it is tried again");
            pauses.push(due - Instant::now());
            tokio::time::sleep_until(due).await;
            let (again, _) = aside.take_due(10);
            assert_eq!(aside.next_due(), None, "it is in flight");
            aside.end(vec![1], again, Duration::ZERO);
        }

        assert_eq!(pauses, [5, 10, 20, 40, 80, 100, 100].map(Duration::from_millis));
    }

    /// Three results with two deliveries each.
    #[tokio::test(start_paused = true)]
    async fn what_is_tried_at_once_has_a_limit_and_the_rest_of_a_result_waits_for_it() {
        let mut aside = Aside::new(usize::MAX);
        for (key, bodies) in [(1, ["a", "b"]), (2, ["c", "d"]), (3, ["e", "f"])] {
            let batch: Vec<Entry> = bodies.map(|body| entry(key, body)).into();
            aside.send(&batch);
            assert!(aside.end(vec![key], batch, Duration::ZERO).is_empty());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(MAX_RETRY_INTERVAL).await;

        let (first, over) = aside.take_due(3);
        assert_eq!((bodies(&first), over.len()), (vec!["a", "b", "c"], 0));
        let behind = aside.end(vec![1, 2], Vec::new(), Duration::ZERO);
        assert_eq!(bodies(&behind), ["d"], "it waited for the other of its result");
        let (second, _) = aside.take_due(3);
        assert_eq!(bodies(&second), ["e", "f"]);
        assert!(aside.end(vec![3], Vec::new(), Duration::ZERO).is_empty());
        assert_eq!((aside.weight, aside.is_empty()), (0, true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_weighs_its_room_and_what_is_kept_beside_its_body() {
        let aside = two();

        assert_eq!((aside.weight, aside.is_empty()), (2 * (1 + ENTRY_WEIGHT), false));
    }
}
