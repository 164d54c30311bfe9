//! The verbs that every backend carries out with the same statements. Each backend has this module as its own, with its
//! own connection. A database within the process answers at once: there an `await` here never waits.

mod attempts;
mod audit;
mod backlog;
mod changes;
mod clock;
mod erase;
mod handlers;
mod hook;
mod list;
mod overview;
mod prove;
mod prune;
pub(crate) mod record;
mod replay;
mod rescue;
mod select;
mod settle;
mod sweep;
mod waits;
mod watch;

pub(crate) use self::attempts::{add_attempt, attempts};
pub(crate) use self::audit::{audit, begin_audit, finish_audit};
pub(crate) use self::backlog::backlog;
pub(crate) use self::changes::add_changes;
pub(crate) use self::clock::read_clock;
pub(crate) use self::erase::{bodies, count_erasure, erase_body, erase_result, states};
pub(crate) use self::handlers::{
    active_handlers, attach, catch_up, discard_unattended, is_attached, known_handlers, note_attached, retire,
};
pub(crate) use self::hook::{settle_hook, take_hook};
pub(crate) use self::list::list;
pub(crate) use self::overview::overview;
pub(crate) use self::prove::prove;
pub(crate) use self::prune::{count_prunable, prune_bodies, prune_deliveries};
pub(crate) use self::record::admit;
pub(crate) use self::replay::{delivery, discard, requeue};
pub(crate) use self::rescue::{LAPSED, rescue};
pub(crate) use self::select::{is_known, page};
pub(crate) use self::settle::settle;
pub(crate) use self::sweep::{lines_without_first, promote_lines};
pub(crate) use self::waits::{cut_waits, overlong_waits};
pub(crate) use self::watch::{has_received, held_up, unattached};
use super::{Connection, Db, RunQueryDsl, keep_delivery, lock_idle, lock_wait, promote, skip_overtaken};
