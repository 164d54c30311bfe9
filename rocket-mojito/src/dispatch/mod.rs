//! Everything after the store: claims due work, runs the host's handlers, settles the outcomes.
//!
//! ```text
//! executor: claim ── attempt: handler ── commit | retry | discard | release
//! heartbeat:    renew leases, rescue lapsed ones
//! rehearser:    run a handler without effect, at an operator's request
//! hooks:        call `discarded` for work that failed for good
//! roster:       note which handlers are attached, and log which are not
//! pruner:       remove rows and bodies that are too old
//! checkpointer: keep the WAL short
//! notifier:     notify other processes of work, and listen for theirs
//! last uses:    note when each secret was last used
//! secret files: read the secrets again after a change
//! watcher:      log lines and endpoints that stand still
//! ```

mod attempt;
mod backoff;
mod checkpointer;
mod claim_loop;
mod context;
mod discarded;
mod dispatcher;
mod ending;
mod executor;
mod handler;
mod heartbeat;
mod hook;
mod last_uses;
mod leases;
mod notifier;
#[cfg(feature = "testing")]
mod performed;
mod prefetch;
mod pruner;
mod rehearser;
mod relay;
mod roster;
mod running;
mod runtime;
mod secret_files;
mod slots;
#[cfg(feature = "testing")]
mod stepper;
mod supervisor;
mod transaction;
mod watcher;

pub use self::context::Context;
pub(crate) use self::dispatcher::Dispatcher;
pub(crate) use self::handler::has_erased_hook;
pub use self::handler::{HandlerError, HandlerResult, MojitoHandler};
pub(crate) use self::hook::Hook;
#[cfg(feature = "testing")]
pub use self::performed::Performed;
pub(crate) use self::pruner::Pruner;
pub(crate) use self::rehearser::Rehearser;
pub(crate) use self::runtime::HandlerRuntime;
pub(crate) use self::secret_files::SecretFiles;
#[cfg(feature = "testing")]
pub(crate) use self::stepper::{Stepper, Steps};
pub(crate) use self::watcher::Watcher;
