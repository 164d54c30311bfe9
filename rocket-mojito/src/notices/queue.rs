use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Level;

use super::line::Line;
use super::notice::Scope;
use super::throttle::Throttle;

/// The maximum number of queued lines. Further lines are dropped, and counted.
const MAX_QUEUED_LINES: usize = 1024;

/// Lines on their way to the writing thread. No caller waits to add one.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// The number of failing scopes. While it is 0, a scope that works needs no lock.
    troubles: AtomicUsize,
}

struct State {
    throttle: Throttle,
    lines: VecDeque<Line>,
    dropped: u64,
    /// Notified once every line is written.
    flushes: Vec<oneshot::Sender<()>>,
    is_closed: bool,
}

impl Queue {
    pub fn new(interval: Duration) -> Self {
        let state = State {
            throttle: Throttle::new(interval),
            lines: VecDeque::new(),
            dropped: 0,
            flushes: Vec::new(),
            is_closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), troubles: AtomicUsize::new(0) }
    }

    /// Adds the line if it may be written now, or counts it.
    pub fn push(&self, line: Line, scope: Option<Scope>) {
        let mut state = self.lock();
        let line = match line.level {
            // Only these levels can come often enough to flood the log.
            Level::WARN | Level::ERROR => state.throttle.admit(line, scope, Instant::now()),
            _ => Some(line),
        };
        self.put(state, line);
    }

    pub fn begin(&self, scope: Scope) {
        let mut state = self.lock();
        state.throttle.begin(scope);
        self.put(state, None);
    }

    pub fn end(&self, scope: impl FnOnce() -> Scope) {
        if self.troubles.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut state = self.lock();
        let line = state.throttle.end(&scope(), Instant::now());
        self.put(state, line);
    }

    /// Resolves once every line so far is written, including counts.
    pub fn flush(&self) -> oneshot::Receiver<()> {
        let (done, flushed) = oneshot::channel();
        self.lock().flushes.push(done);
        self.changed.notify_one();
        flushed
    }

    /// Closes the queue: no further line comes.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for the next line. `None` once the queue is closed and empty.
    pub fn next(&self) -> Option<Line> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.lines.is_empty() {
                let due = state.throttle.due(now);
                state.lines.extend(due);
            }
            if let Some(line) = state.lines.pop_front() {
                return Some(line);
            }
            if state.dropped > 0 {
                let mut line =
                    Line::new(Level::WARN, "lines were dropped: the log is not written as fast as it is told");
                line.count = Some(std::mem::take(&mut state.dropped));
                return Some(line);
            }
            if !state.flushes.is_empty() || state.is_closed {
                let rest = state.throttle.rest(now);
                state.lines.extend(rest);
                if !state.lines.is_empty() {
                    continue;
                }
                for flush in state.flushes.drain(..) {
                    // The waiting task may have given up.
                    let _ = flush.send(());
                }
                if state.is_closed {
                    return None;
                }
            }
            state = match state.throttle.next_due() {
                Some(at) => {
                    let waited = self.changed.wait_timeout(state, at.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn put(&self, mut state: MutexGuard<'_, State>, line: Option<Line>) {
        self.troubles.store(state.throttle.troubles(), Ordering::Release);
        let is_full = state.lines.len() >= MAX_QUEUED_LINES;
        match line {
            Some(_) if state.is_closed => {}
            Some(_) if is_full => state.dropped += 1,
            Some(line) => state.lines.push_back(line),
            None => {}
        }
        drop(state);
        // A line that was left out sets a time at which it is due.
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_queue_has_no_room_for_is_counted() {
        let queue = Queue::new(Duration::from_secs(60));
        for _ in 0..MAX_QUEUED_LINES + 7 {
            queue.push(Line::new(Level::DEBUG, "detail"), None);
        }
        queue.close();

        let lines: Vec<Line> = std::iter::from_fn(|| queue.next()).collect();

        assert_eq!(lines.len(), MAX_QUEUED_LINES + 1);
        assert_eq!(lines.last().unwrap().count, Some(7));
    }

    #[test]
    fn a_closed_queue_takes_no_line() {
        let queue = Queue::new(Duration::from_secs(60));
        queue.push(Line::new(Level::DEBUG, "before"), None);
        queue.close();
        queue.push(Line::new(Level::DEBUG, "after"), None);

        assert_eq!(std::iter::from_fn(|| queue.next()).count(), 1);
    }
}
