use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::AbortRegistration;
use mojito_schema::Claim;
use tokio::time::Instant;

use super::held::Hold;

/// The most claims that wait.
const MOST: usize = 16;

/// What a claim brought has to be started within this time, or nothing is claimed ahead.
const QUICK: Duration = Duration::from_millis(100);

/// How long a claim may wait. Then it is handed back: another process may have time.
const PATIENCE: Duration = Duration::from_secs(1);

/// A claim that waits for a free slot. It is held, so its lease is renewed.
pub(super) struct Waiting {
    pub claim: Claim,
    pub hold: Hold,
    pub registration: AbortRegistration,
}

/// Claims that were made ahead of the slots that they will run in.
///
/// A claim waits for the disk. Where there is a backlog, and a handler that is quick, one claim brings more than there
/// are slots, up to twice as much as the one before. A handler that takes its time is never claimed for ahead.
pub(super) struct Ahead<W> {
    waiting: VecDeque<W>,
    surplus: usize,
    claimed_at: Instant,
}

impl<W> Ahead<W> {
    pub fn new() -> Self {
        Self { waiting: VecDeque::new(), surplus: 0, claimed_at: Instant::now() }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How much to claim for so many free slots.
    pub fn wanted(&self, free: usize) -> usize {
        free + self.surplus
    }

    /// Takes in what came of a claim for `wanted`. Everything that waited has been started by now.
    pub fn add(&mut self, wanted: usize, claims: Vec<W>) {
        let has_backlog = claims.len() == wanted;
        let is_quick = self.claimed_at.elapsed() < QUICK;
        self.surplus = if has_backlog && is_quick { (self.surplus * 2).clamp(1, MOST) } else { 0 };
        self.claimed_at = Instant::now();
        self.waiting.extend(claims);
    }

    /// The one that has waited longest.
    pub fn next(&mut self) -> Option<W> {
        self.waiting.pop_front()
    }

    /// Whether what waits has waited for too long.
    pub fn is_overdue(&self) -> bool {
        !self.is_empty() && self.claimed_at.elapsed() >= PATIENCE
    }

    /// Resolves when what waits has waited for too long; never where nothing waits.
    pub async fn overdue(&self) {
        match self.is_empty() {
            true => std::future::pending().await,
            false => tokio::time::sleep_until(self.claimed_at + PATIENCE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is claimed for four free slots, time after time, where all of it is started after `pause`.
    async fn wanted(pause: Duration, backlog: usize) -> Vec<usize> {
        let mut ahead = Ahead::new();
        let mut wanted = Vec::new();
        for _ in 0..7 {
            tokio::time::advance(pause).await;
            let asked = ahead.wanted(4);
            ahead.add(asked, vec![(); asked.min(backlog)]);
            while ahead.next().is_some() {}
            wanted.push(asked);
        }
        wanted
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_handler_with_a_backlog_is_claimed_for_ahead() {
        assert_eq!(wanted(Duration::from_millis(5), 100).await, [4, 5, 6, 8, 12, 20, 20]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_handler_or_a_short_backlog_is_not() {
        assert_eq!(wanted(QUICK, 100).await, [4; 7]);
        assert_eq!(wanted(Duration::from_millis(5), 3).await, [4; 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_overdue_after_a_while() {
        let mut ahead = Ahead::new();
        ahead.add(1, vec![()]);

        assert!(!ahead.is_overdue());
        ahead.overdue().await;
        assert!(ahead.is_overdue());
        ahead.next();
        assert!(!ahead.is_overdue());
    }
}
