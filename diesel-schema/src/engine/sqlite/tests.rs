//! Tests of the heartbeat on leases that lapsed.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::migrations::MIGRATIONS;
use super::{at_once, rescue};
use crate::{Rescue, Timestamp, work};

const LEASE: Duration = Duration::from_secs(15);

/// Work that a dead process held: its delivery and its attempts so far.
fn lost(attempts: &[(i64, i32)]) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    for migration in MIGRATIONS {
        connection.batch_execute(migration.up).unwrap();
    }
    // The deliveries of the work do not matter here.
    connection.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    for (delivery, attempt) in attempts {
        let insert = format!(
            "INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, state, attempt, max_attempts, lease_until)
             VALUES ({delivery}, 'h', {delivery}, 'running', {attempt}, 5, '2001-01-01 00:00:00.000000')"
        );
        connection.batch_execute(&insert).unwrap();
    }
    connection
}

fn waiting(connection: &mut SqliteConnection) -> Vec<i64> {
    let waiting = work::table.filter(work::due_at.is_not_null()).order(work::delivery_id);
    waiting.select(work::delivery_id).load(connection).unwrap()
}

fn look(connection: &mut SqliteConnection, now: Timestamp) -> Rescue {
    at_once(rescue::renew_and_rescue(connection, Vec::new(), LEASE, now)).unwrap()
}

#[test]
fn what_was_lost_once_waits_again_at_once_and_what_was_lost_more_often_one_at_a_time() {
    let mut connection = lost(&[(1, 2), (2, 1), (3, 3), (4, 1), (5, 5)]);
    let now = Timestamp::now();

    let first = look(&mut connection, now);
    let second = look(&mut connection, now);

    assert_eq!((first.rescued, first.discarded), (3, 1));
    assert_eq!((second.rescued, second.discarded), (0, 0));
    assert_eq!(waiting(&mut connection), [1, 2, 4]);
}

#[test]
fn the_next_has_its_turn_when_the_one_before_ended() {
    let mut connection = lost(&[(1, 2), (2, 2)]);
    let now = Timestamp::now();
    look(&mut connection, now);

    let ends =
        "UPDATE mojito_work SET state = 'completed', due_at = NULL, finished_at = '2001-01-01' WHERE delivery_id = 1";
    connection.batch_execute(ends).unwrap();

    assert_eq!(look(&mut connection, now).rescued, 1);
    assert_eq!(waiting(&mut connection), [2]);
}

#[test]
fn a_turn_that_nobody_takes_holds_nobody_up_for_longer_than_a_lease() {
    let mut connection = lost(&[(1, 2), (2, 2)]);
    let now = Timestamp::now();
    look(&mut connection, now);

    let soon = look(&mut connection, now.after(LEASE / 2));
    let later = look(&mut connection, now.after(LEASE));

    assert_eq!((soon.rescued, later.rescued), (0, 1));
}
