use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// The recorded deliveries that are known to be on the disk. Commits reach the disk in their order.
///
/// A gap in this knowledge costs one more fsync, and no promise.
#[derive(Default)]
pub(crate) struct Durability {
    durable_up_to: AtomicI64,
    /// The number of batches that are committed, and wait for their fsync.
    waiting: AtomicUsize,
}

/// A committed batch that waits for its fsync.
pub(crate) struct Unsynced<'d> {
    durability: &'d Durability,
    newest: i64,
}

impl Durability {
    /// Notes that a batch is committed, whose newest delivery this is, and that its fsync is about to begin.
    pub fn unsynced(&self, newest: i64) -> Unsynced<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Unsynced { durability: self, newest }
    }

    /// Notes that a delivery is on the disk, and so are all deliveries stored before it.
    pub fn note_durable(&self, delivery_id: i64) {
        self.durable_up_to.fetch_max(delivery_id, Ordering::Relaxed);
    }

    /// Whether a delivery is known to be on the disk.
    pub fn is_durable(&self, delivery_id: i64) -> bool {
        delivery_id <= self.durable_up_to.load(Ordering::Relaxed)
    }

    /// The last delivery that is worth a claim: while an fsync is on its way, later ones are worth none. They would need an
    /// fsync of their own, and the end of that on its way wakes up whoever claims.
    pub fn claimable_up_to(&self) -> i64 {
        // The other order would miss a batch that arrives in between, and wait for a wake-up that was.
        let durable_up_to = self.durable_up_to.load(Ordering::Relaxed);
        if self.waiting.load(Ordering::Relaxed) > 0 { durable_up_to } else { i64::MAX }
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
        self.durability.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_an_fsync_is_on_its_way_only_what_is_on_the_disk_is_worth_a_claim() {
        let durability = Durability::default();
        durability.note_durable(3);
        assert_eq!(durability.claimable_up_to(), i64::MAX);

        let (first, second) = (durability.unsynced(5), durability.unsynced(9));
        assert_eq!(durability.claimable_up_to(), 3);
        first.synced();
        assert_eq!(durability.claimable_up_to(), 5);
        second.synced();

        assert_eq!(durability.claimable_up_to(), i64::MAX);
        assert!(durability.is_durable(9) && !durability.is_durable(10));
    }

    #[test]
    fn an_fsync_that_fails_leaves_its_deliveries_to_those_who_claim() {
        let durability = Durability::default();

        drop(durability.unsynced(5));

        assert_eq!(durability.claimable_up_to(), i64::MAX);
        assert!(!durability.is_durable(5));
    }
}
