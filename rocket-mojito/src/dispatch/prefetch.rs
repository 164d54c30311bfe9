use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::AbortRegistration;
use mojito_schema::Claim;
use tokio::time::Instant;

use super::leases::InFlightGuard;

/// How many claims wait at most, beside those for free slots.
const MAX_PREFETCH: usize = 64;

/// An attempt has to end, and the next claim to be made, within this time, or nothing is claimed ahead.
const MAX_CLAIM_INTERVAL: Duration = Duration::from_millis(100);

/// How long a claim may wait. Then it is handed back: another process may have time.
const PREFETCH_TIMEOUT: Duration = Duration::from_secs(1);

/// A claim that waits for a free slot. It is held, so its lease is renewed.
pub(super) struct Prefetched {
    pub claim: Claim,
    pub guard: InFlightGuard,
    pub registration: AbortRegistration,
}

/// Claims that were made ahead of the slots that they will run in.
///
/// A claim is a transaction, and waits for the disk on Postgres. Where there is a backlog, and a handler that is quick, one
/// claim brings more than there are slots, up to twice as much as the one before, and the next is made while half of that still waits. A handler that
/// takes its time, or has not shown yet that it does not, is never claimed for ahead.
pub(super) struct Prefetch<W> {
    waiting: VecDeque<(Instant, W)>,
    surplus: usize,
    claimed_at: Instant,
    /// Whether an attempt has ended since.
    has_ended: bool,
}

impl<W> Prefetch<W> {
    pub fn new() -> Self {
        Self { waiting: VecDeque::new(), surplus: 0, claimed_at: Instant::now(), has_ended: false }
    }

    /// Takes note of an attempt that has ended.
    pub fn ended(&mut self) {
        self.has_ended = true;
    }

    /// How much to claim for so many free slots: nothing, where enough waits.
    pub fn wanted(&self, free: usize) -> usize {
        match self.waiting.len() {
            waiting if waiting > self.surplus / 2 => 0,
            waiting => free + self.surplus - waiting,
        }
    }

    /// Takes in what was claimed, and whether the claim stopped at a limit: then there may be more.
    pub fn add(&mut self, claims: Vec<W>, is_cut: bool) {
        let now = Instant::now();
        let is_quick = std::mem::take(&mut self.has_ended) && now - self.claimed_at < MAX_CLAIM_INTERVAL;
        self.surplus = if is_cut && is_quick { (self.surplus * 2).clamp(1, MAX_PREFETCH) } else { 0 };
        self.claimed_at = now;
        self.waiting.extend(claims.into_iter().map(|claim| (now, claim)));
    }

    /// The one that has waited longest.
    pub fn next(&mut self) -> Option<W> {
        self.waiting.pop_front().map(|(_, claim)| claim)
    }

    /// Everything that waits, to be handed back. Nothing is claimed ahead after that, until claims are quick again.
    pub fn give_up(&mut self) -> impl Iterator<Item = W> + use<W> {
        self.surplus = 0;
        std::mem::take(&mut self.waiting).into_iter().map(|(_, claim)| claim)
    }

    /// Whether something has waited for too long.
    pub fn is_overdue(&self) -> bool {
        self.waiting.front().is_some_and(|(since, _)| since.elapsed() >= PREFETCH_TIMEOUT)
    }

    /// When something will have waited for too long.
    pub fn overdue_at(&self) -> Option<Instant> {
        self.waiting.front().map(|(since, _)| *since + PREFETCH_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is claimed for four slots, one time after the other, where whatever runs ends after `pause`.
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
