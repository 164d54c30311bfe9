use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The recorded deliveries that are known to be on the disk, and those whose fsync is on its way. Commits reach the disk in
/// their order.
///
/// A gap in this knowledge costs one more fsync, and no promise.
#[derive(Default)]
pub(crate) struct Durability {
    durable_up_to: AtomicI64,
    /// The first new delivery of each batch that is committed, and waits for its fsync.
    unsynced: Mutex<Vec<i64>>,
}

/// A committed batch that waits for its fsync: its first new delivery, and its newest.
pub(crate) struct Unsynced<'d> {
    durability: &'d Durability,
    first: i64,
    newest: i64,
}

impl Durability {
    /// Notes that a batch with these new deliveries is committed, and that its fsync is about to begin.
    pub fn unsynced(&self, ids: impl Iterator<Item = i64> + Clone) -> Unsynced<'_> {
        let (first, newest) = (ids.clone().min().unwrap_or(i64::MAX), ids.max().unwrap_or(0));
        self.lock().push(first);
        Unsynced { durability: self, first, newest }
    }

    /// Notes that a delivery is on the disk, and so are all deliveries stored before it.
    pub fn note_durable(&self, delivery_id: i64) {
        self.durable_up_to.fetch_max(delivery_id, Ordering::Relaxed);
    }

    /// Whether a delivery is known to be on the disk.
    pub fn is_durable(&self, delivery_id: i64) -> bool {
        delivery_id <= self.durable_up_to.load(Ordering::Relaxed)
    }

    /// The last delivery before those whose fsync is on its way. A claim of these would need an fsync of its own, and the end
    /// of that on its way wakes up whoever claims.
    pub fn claimable_up_to(&self) -> i64 {
        self.lock().iter().min().map_or(i64::MAX, |first| first.saturating_sub(1))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<i64>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsynced<'_> {
    /// Notes that the batch is on the disk.
    pub fn synced(self) {
        self.durability.note_durable(self.newest);
    }
}

impl Drop for Unsynced<'_> {
    fn drop(&mut self) {
        let mut unsynced = self.durability.lock();
        if let Some(at) = unsynced.iter().position(|first| *first == self.first) {
            unsynced.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_fsync_on_its_way_will_bring_is_not_worth_a_claim() {
        let durability = Durability::default();
        assert_eq!(durability.claimable_up_to(), i64::MAX);

        let (first, second) = (durability.unsynced([5, 4].into_iter()), durability.unsynced([6, 9].into_iter()));
        assert_eq!(durability.claimable_up_to(), 3);
        first.synced();
        assert_eq!(durability.claimable_up_to(), 5);
        second.synced();

        assert_eq!(durability.claimable_up_to(), i64::MAX);
        assert!(durability.is_durable(9) && !durability.is_durable(10));
    }

    #[test]
    fn a_batch_of_repeats_holds_up_nothing() {
        let durability = Durability::default();

        let repeats = durability.unsynced(std::iter::empty());

        assert!(durability.claimable_up_to() >= i64::MAX - 1);
        repeats.synced();
        assert!(!durability.is_durable(1));
    }

    #[test]
    fn an_fsync_that_fails_leaves_its_deliveries_to_those_who_claim() {
        let durability = Durability::default();

        drop(durability.unsynced([5].into_iter()));

        assert_eq!(durability.claimable_up_to(), i64::MAX);
        assert!(!durability.is_durable(5));
    }
}
