use std::time::Duration;

use diesel::prelude::*;

use crate::backend::Rescue;
use crate::tables::work::{held, lapsed};
use crate::{State, Ticket, Utc, failpoint, work};

/// What the operator reads where the last attempt never came back.
const LOST: &str = "the lease lapsed: the process died, hung or was cut off during the last attempt";

/// What the operator reads where that happened before the last attempt, and not for the first time.
const SUSPECT: &str = "the lease lapsed: the process died, hung or was cut off during more than one attempt";

pub(super) fn renew_and_rescue(
    connection: &mut SqliteConnection,
    held_tickets: Vec<Ticket>,
    lease: Duration,
    now: Utc,
) -> QueryResult<Rescue> {
    let mut rescue = Rescue::default();
    for ticket in held_tickets {
        let renewed = diesel::update(held(ticket.delivery_id, &ticket.handler, ticket.epoch))
            .set(work::lease_until.eq(now.after(lease)))
            .execute(connection)?;
        if renewed == 0 {
            rescue.stale.push(ticket);
        }
    }
    failpoint::reach("lease.renewed");
    rescue.discarded = diesel::update(lapsed(&now).filter(work::attempt.ge(work::max_attempts)))
        .set((
            work::state.eq(State::Discarded),
            work::lease_until.eq(None::<Utc>),
            work::finished_at.eq(now),
            work::last_error.eq(LOST),
        ))
        .execute(connection)?;
    let is_first_loss = work::attempt.lt(2).and(work::attempt.lt(work::max_attempts - 1));
    rescue.rescued = diesel::update(lapsed(&now).filter(is_first_loss))
        .set((work::state.eq(State::Retryable), work::lease_until.eq(None::<Utc>), work::due_at.eq(now)))
        .execute(connection)?;
    rescue.rescued += rescue_suspect(connection, lease, now)?;
    Ok(rescue)
}

/// Rescues one of those that were lost before, or whose next attempt is the last, unless one has its turn already.
///
/// It may be what kills the process, or it may only have been beside that. One at a time, it is alone in dying: its
/// neighbours are not discarded for it. Whoever was lost longest ago comes first, so the guilty one comes last.
fn rescue_suspect(connection: &mut SqliteConnection, lease: Duration, now: Utc) -> QueryResult<usize> {
    let longest_lost = lapsed(&now).order((work::lease_until, work::delivery_id));
    let suspect: Option<(i64, String)> =
        longest_lost.select((work::delivery_id, work::handler)).first(connection).optional()?;
    let Some((delivery_id, handler)) = suspect else { return Ok(0) };
    // It runs, or is about to: where nobody claims it, because its handler is paused or gone, it holds nobody up.
    let has_turn = work::lease_until.ge(now).or(work::due_at.gt(now.before(lease)));
    let turns: i64 =
        work::table.filter(work::last_error.eq(SUSPECT)).filter(has_turn).count().get_result(connection)?;
    if turns > 0 {
        return Ok(0);
    }
    diesel::update(work::table.find((delivery_id, handler)))
        .set((
            work::state.eq(State::Retryable),
            work::lease_until.eq(None::<Utc>),
            work::due_at.eq(now),
            work::last_error.eq(SUSPECT),
        ))
        .execute(connection)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;

    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    /// Work that a dead process held: its delivery and its attempts so far.
    fn lost(attempts: &[(i64, i32)]) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        connection.batch_execute(include_str!("../../migrations/sqlite/0001_create_tables/up.sql")).unwrap();
        // Its deliveries do not matter here.
        connection.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
        for (delivery, attempt) in attempts {
            let insert = format!(
                "INSERT INTO mojito_work (delivery_id, handler, endpoint, result_id, state, attempt, max_attempts, lease_until)
                 VALUES ({delivery}, 'h', 'e', 'r-{delivery}', 'running', {attempt}, 5, '2001-01-01 00:00:00.000000')"
            );
            connection.batch_execute(&insert).unwrap();
        }
        connection
    }

    fn waiting(connection: &mut SqliteConnection) -> Vec<i64> {
        let waiting = work::table.filter(work::due_at.is_not_null()).order(work::delivery_id);
        waiting.select(work::delivery_id).load(connection).unwrap()
    }

    fn rescue(connection: &mut SqliteConnection, now: Utc) -> Rescue {
        renew_and_rescue(connection, Vec::new(), LEASE, now).unwrap()
    }

    #[test]
    fn what_was_lost_once_waits_again_at_once_and_what_was_lost_more_often_one_at_a_time() {
        let mut connection = lost(&[(1, 2), (2, 1), (3, 3), (4, 1), (5, 5)]);
        let now = Utc::now();

        let first = rescue(&mut connection, now);
        let second = rescue(&mut connection, now);

        assert_eq!((first.rescued, first.discarded), (3, 1));
        assert_eq!((second.rescued, second.discarded), (0, 0));
        assert_eq!(waiting(&mut connection), [1, 2, 4]);
    }

    #[test]
    fn the_next_has_its_turn_when_the_one_before_ended() {
        let mut connection = lost(&[(1, 2), (2, 2)]);
        let now = Utc::now();
        rescue(&mut connection, now);

        let ends = "UPDATE mojito_work SET state = 'completed', due_at = NULL, finished_at = '2001-01-01' WHERE delivery_id = 1";
        connection.batch_execute(ends).unwrap();

        assert_eq!(rescue(&mut connection, now).rescued, 1);
        assert_eq!(waiting(&mut connection), [2]);
    }

    #[test]
    fn a_turn_that_nobody_takes_holds_nobody_up_for_longer_than_a_lease() {
        let mut connection = lost(&[(1, 2), (2, 2)]);
        let now = Utc::now();
        rescue(&mut connection, now);

        let soon = rescue(&mut connection, now.after(LEASE / 2));
        let later = rescue(&mut connection, now.after(LEASE));

        assert_eq!((soon.rescued, later.rescued), (0, 1));
    }
}
