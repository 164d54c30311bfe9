use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::AbortRegistration;
use mojito_schema::Claim;
use tokio::time::Instant;

use super::held::Hold;

/// How many claims wait at most, beside those for free slots.
const MOST: usize = 64;

/// An attempt has to end, and the next claim to be made, within this time, or nothing is claimed ahead.
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
/// A claim is a transaction, and waits for the disk on Postgres. Where there is a backlog, and a handler that is quick, one
/// claim brings more than there are slots, up to twice as much as the one before, and the next is made while half of that still waits. A handler that
/// takes its time, or has not shown yet that it does not, is never claimed for ahead.
pub(super) struct Ahead<W> {
    waiting: VecDeque<(Instant, W)>,
    surplus: usize,
    claimed_at: Instant,
    /// Whether an attempt has ended since.
    has_ended: bool,
}

impl<W> Ahead<W> {
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
        let is_quick = std::mem::take(&mut self.has_ended) && now - self.claimed_at < QUICK;
        self.surplus = if is_cut && is_quick { (self.surplus * 2).clamp(1, MOST) } else { 0 };
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
        self.waiting.front().is_some_and(|(since, _)| since.elapsed() >= PATIENCE)
    }

    /// When something will have waited for too long.
    pub fn overdue_at(&self) -> Option<Instant> {
        self.waiting.front().map(|(since, _)| *since + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is claimed for four slots, one time after the other, where whatever runs ends after `pause`.
    async fn claimed(pause: Duration, backlog: usize) -> Vec<usize> {
        let mut ahead = Ahead::new();
        let mut claimed = Vec::new();
        while claimed.len() < 8 {
            tokio::time::advance(pause).await;
            let mut free = 4;
            ahead.ended();
            let mut start = |ahead: &mut Ahead<()>| {
                while free > 0 && ahead.next().is_some() {
                    free -= 1;
                }
                free
            };
            let free = start(&mut ahead);
            let wanted = ahead.wanted(free);
            if wanted > 0 {
                ahead.add(vec![(); wanted.min(backlog)], wanted <= backlog);
                claimed.push(wanted);
                start(&mut ahead);
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
        assert_eq!(claimed(QUICK, 100).await, [4; 8]);
        assert_eq!(claimed(Duration::from_millis(5), 3).await, [4; 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_has_ended_nothing_is_not() {
        let mut ahead = Ahead::new();
        ahead.add(vec![()], true);
        ahead.next();
        assert_eq!(ahead.wanted(0), 0);

        ahead.ended();
        ahead.add(vec![()], true);
        ahead.next();
        assert_eq!(ahead.wanted(0), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_overdue_after_a_while() {
        let mut ahead = Ahead::new();
        ahead.add(vec![()], true);

        assert!(!ahead.is_overdue());
        tokio::time::sleep_until(ahead.overdue_at().unwrap()).await;
        assert!(ahead.is_overdue());
        ahead.next();
        assert!(!ahead.is_overdue());
    }
}
