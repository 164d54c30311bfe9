use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The maximum number of waiting claims, beside those for free slots.
const MAX_PREFETCH: usize = 64;

/// Prefetch needs an attempt that ends, and a next claim, within this time.
const MAX_CLAIM_INTERVAL: Duration = Duration::from_millis(100);

/// The longest wait of a prefetched claim. Then it is handed back, since another process may have a free slot.
const PREFETCH_TIMEOUT: Duration = Duration::from_secs(1);

/// Claims that were made before their slots were free.
///
/// A claim is a transaction, and waits for the disk on Postgres. With a backlog and a quick handler, one claim brings
/// more work than there are slots. Its surplus is up to twice as large as that of the claim before. The next claim is
/// made once no more than half of the surplus waits. A slow handler gets no prefetch, nor does a handler that has not
/// yet proved to be quick. Without it half as much of a backlog was handled: `tests/BENCHMARKS.md`.
pub(super) struct Prefetch<W> {
    waiting: VecDeque<(Instant, W)>,
    surplus: usize,
    claimed_at: Instant,
    /// Whether an attempt has ended since that claim.
    has_ended: bool,
}

impl<W> Prefetch<W> {
    pub fn new() -> Self {
        Self { waiting: VecDeque::new(), surplus: 0, claimed_at: Instant::now(), has_ended: false }
    }

    /// Notes that an attempt has ended.
    pub fn ended(&mut self) {
        self.has_ended = true;
    }

    /// The number of deliveries to claim for so many free slots: 0 if enough claims wait.
    pub fn wanted(&self, free: usize) -> usize {
        match self.waiting.len() {
            waiting if waiting > self.surplus / 2 => 0,
            waiting => free + self.surplus - waiting,
        }
    }

    /// Adds the claims. `is_cut` tells that the claim stopped at a limit, so that there may be more work.
    pub fn add(&mut self, claims: Vec<W>, is_cut: bool) {
        let now = Instant::now();
        let is_quick = std::mem::take(&mut self.has_ended) && now - self.claimed_at < MAX_CLAIM_INTERVAL;
        self.surplus = if is_cut && is_quick { (self.surplus * 2).clamp(1, MAX_PREFETCH) } else { 0 };
        self.claimed_at = now;
        self.waiting.extend(claims.into_iter().map(|claim| (now, claim)));
    }

    /// The claim that has waited longest.
    pub fn next(&mut self) -> Option<W> {
        self.waiting.pop_front().map(|(_, claim)| claim)
    }

    /// Every waiting claim, to be handed back. After that there is no prefetch until claims are quick again.
    pub fn give_up(&mut self) -> impl Iterator<Item = W> + use<W> {
        self.surplus = 0;
        std::mem::take(&mut self.waiting).into_iter().map(|(_, claim)| claim)
    }

    /// Whether a claim has waited for too long.
    pub fn is_overdue(&self) -> bool {
        self.waiting.front().is_some_and(|(since, _)| since.elapsed() >= PREFETCH_TIMEOUT)
    }

    /// The time at which a claim will have waited for too long.
    pub fn overdue_at(&self) -> Option<Instant> {
        self.waiting.front().map(|(since, _)| *since + PREFETCH_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of successive claims for four slots, if every attempt ends after `pause`.
    async fn claimed(pause: Duration, backlog: usize) -> Vec<usize> {
        let mut prefetch = Prefetch::new();
        let mut claimed = Vec::new();
        while claimed.len() < 8 {
            tokio::time::advance(pause).await;
            let mut free = 4;
            prefetch.ended();
            let mut start = |prefetch: &mut Prefetch<()>| {
                while free > 0 && prefetch.next().is_some() {
                    free -= 1;
                }
                free
            };
            let free = start(&mut prefetch);
            let wanted = prefetch.wanted(free);
            if wanted > 0 {
                prefetch.add(vec![(); wanted.min(backlog)], wanted <= backlog);
                claimed.push(wanted);
                start(&mut prefetch);
            }
        }
        claimed
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_handler_with_a_backlog_is_claimed_for_ahead() {
        assert_eq!(claimed(Duration::from_millis(5), 100).await, [4, 5, 5, 6, 8, 12, 20, 36]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_handler_or_a_short_backlog_is_not() {
        assert_eq!(claimed(MAX_CLAIM_INTERVAL, 100).await, [4; 8]);
        assert_eq!(claimed(Duration::from_millis(5), 3).await, [4; 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_has_ended_nothing_is_not() {
        let mut prefetch = Prefetch::new();
        prefetch.add(vec![()], true);
        prefetch.next();
        assert_eq!(prefetch.wanted(0), 0);

        prefetch.ended();
        prefetch.add(vec![()], true);
        prefetch.next();
        assert_eq!(prefetch.wanted(0), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_overdue_after_a_while() {
        let mut prefetch = Prefetch::new();
        prefetch.add(vec![()], true);

        assert!(!prefetch.is_overdue());
        tokio::time::sleep_until(prefetch.overdue_at().unwrap()).await;
        assert!(prefetch.is_overdue());
        prefetch.next();
        assert!(!prefetch.is_overdue());
    }
}
