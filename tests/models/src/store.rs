//! The store, as far as it waits.

#[path = "../../../rocket-mojito/src/store/aside.rs"]
mod aside;
#[path = "../../../rocket-mojito/src/store/batch_queue.rs"]
mod batch_queue;
pub mod recorder;
#[path = "../../../rocket-mojito/src/store/wakeup.rs"]
mod wakeup;

pub(crate) use self::wakeup::Wakeup;
use crate::NewDelivery;

/// The reason why a delivery is not recorded.
#[derive(Debug)]
pub(crate) enum Unavailable {
    Deadline,
    QueueFull,
}

/// The product counts refusals in it.
struct Health;

impl Health {
    fn refuse(&self, delivery: &NewDelivery) {
        panic!("delivery {} was refused, and its sender waits", delivery.number);
    }
}
