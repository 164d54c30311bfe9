//! The dispatcher, as far as it wakes and waits.

#[path = "../../../rocket-mojito/src/dispatch/claim_loop.rs"]
mod claim_loop;
pub mod executor;
pub mod notifier;
#[path = "../../../rocket-mojito/src/dispatch/prefetch.rs"]
mod prefetch;
#[path = "../../../rocket-mojito/src/dispatch/relay.rs"]
mod relay;
#[path = "../../../rocket-mojito/src/dispatch/slots.rs"]
mod slots;
