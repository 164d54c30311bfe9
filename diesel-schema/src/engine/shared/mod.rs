//! The verbs that every backend carries out with the same statements. Each backend has this module as its own, with its
//! own connection. A database within the process answers at once: there an `await` here never waits.

mod attempts;
mod audit;
mod backlog;
mod changes;
mod claim;
mod clock;
mod dismiss;
mod endpoints;
mod erase;
mod failed;
mod handlers;
mod hook;
mod list;
mod overview;
mod pauses;
mod prove;
mod prune;
pub(crate) mod record;
mod rehearsal;
mod replay;
mod rescue;
mod seen;
mod select;
mod settle;
mod sweep;
mod testing;
mod waits;
mod watch;

pub(crate) use self::attempts::{add_attempt, attempts};
pub(crate) use self::audit::{
    action, advance, audit, begin_action, begin_audit, cancel, end_action, finish_audit, has_lapsed, take_over,
};
pub(crate) use self::backlog::backlog;
pub(crate) use self::changes::add_changes;
pub(crate) use self::claim::claim_of;
pub(crate) use self::clock::read_clock;
pub(crate) use self::dismiss::dismiss;
pub(crate) use self::endpoints::endpoints;
pub(crate) use self::erase::{bodies, count_erasure, erase_body, erase_result, states};
pub(crate) use self::failed::errors;
pub(crate) use self::handlers::{
    active_handlers, attach, catch_up, discard_unattended, is_attached, known_handlers, note_attached, retire,
};
pub(crate) use self::hook::{settle_hook, take_hook};
pub(crate) use self::list::list;
pub(crate) use self::overview::overview;
pub(crate) use self::pauses::{pause, paused, resume};
pub(crate) use self::prove::prove;
pub(crate) use self::prune::{count_prunable, prune_bodies, prune_deliveries};
pub(crate) use self::record::admit;
pub(crate) use self::rehearsal::{ChangeCounts, is_leased, preview};
pub(crate) use self::replay::{delivery, discard, requeue};
pub(crate) use self::rescue::{LAPSED, rescue};
pub(crate) use self::seen::note_uses;
pub(crate) use self::select::{is_known, page, undismissed};
pub(crate) use self::settle::settle;
pub(crate) use self::sweep::{lines_without_first, promote_lines, skip_overtaken_in};
pub(crate) use self::testing::{make_claimable, state_of};
pub(crate) use self::waits::{cut_waits, overlong_waits};
pub(crate) use self::watch::{has_received, held_up, unattached};
use super::{
    Connection, Db, RunQueryDsl, keep_delivery, lock_deliveries, lock_idle, lock_wait, promote, skip_overtaken,
};
