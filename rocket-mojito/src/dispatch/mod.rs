//! Everything after the store: claims what is due, runs the host's handlers, settles what came of it.
//!
//! ```text
//! executor: claim ── attempt: handler ── commit | retry | discard | release
//! keeper:   renew leases, rescue lapsed ones
//! hooks:    call `discarded` for what failed for good
//! roster:   say which handlers are attached, and which are not
//! pruner:   remove what is too old
//! trimmer:  shorten the database's log
//! wire:     tell other processes of work, and hear of theirs
//! ```

mod attempt;
mod backoff;
mod checkpointer;
mod context;
mod discarded;
mod dispatcher;
mod ending;
mod executor;
mod handler;
mod heartbeat;
mod hook;
mod leases;
mod notifier;
mod prefetch;
mod pruner;
mod roster;
mod running;
mod runtime;
mod supervisor;
mod transaction;
mod watcher;

pub use self::context::Context;
pub(crate) use self::dispatcher::Dispatcher;
pub(crate) use self::handler::has_erased_hook;
pub use self::handler::{HandlerError, HandlerResult, MojitoHandler};
pub(crate) use self::hook::Hook;
pub(crate) use self::pruner::Pruner;
pub(crate) use self::runtime::HandlerRuntime;
pub(crate) use self::watcher::Watcher;
