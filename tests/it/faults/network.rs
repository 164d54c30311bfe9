//! The network between the hosts and the server falls silent, or is slow.

use std::time::{Duration, Instant};

use fastrand::Rng;
use mojito_schema::Postgres;

use super::cluster::{HANDLERS, addresses, host, post, settled, start};
use crate::harness::{
    Direction, Ledger, Load, NetworkCondition, PostOutcome, PostgresDatabase, Proxy, SENDERS, Store, TestBackend,
    TestDatabase, overlaps, rounds, seed,
};

/// The longest that a dead connection may be held for alive.
const BAR: Duration = Duration::from_secs(30);

/// Every connection of one host falls silent while it works; new ones are well.
async fn assert_replaced(way: Direction) {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let proxy = Proxy::to(database.server()).await;
    let through = host(&database).url(database.url_at(proxy.address())).setting("ack_deadline", 2);
    let mut hosts = start(&through.handlers("effects:slow:5,external:external"), 1).await;
    let address = addresses(&mut hosts).await[0];
    let load = Load::start(&mut random, Duration::from_millis(100));
    load.post_to(&[address]);
    database.wait_until("it works", "SELECT count(*) FROM effects", 20).await;

    let silenced = proxy.silence(way);
    let (began, handled) = (Instant::now(), database.number("SELECT count(*) FROM effects").await);
    let acknowledged = load.ledger.tally().acknowledged;
    let (mut recorded_after, mut handled_after) = (None, None);
    while recorded_after.is_none() || handled_after.is_none() {
        assert!(
            began.elapsed() < BAR,
            "recorded again after {recorded_after:?}, handled again after {handled_after:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        if load.ledger.tally().acknowledged > acknowledged + 10 {
            recorded_after.get_or_insert(began.elapsed());
        }
        // Attempts in flight may still be done.
        if database.number("SELECT count(*) FROM effects").await > handled + 10 {
            handled_after.get_or_insert(began.elapsed());
        }
    }
    let refused: usize = load.ledger.tally().refused.values().sum();
    // For as long as it took, whoever posted was told to come again; now they are heard.
    load.acknowledged(acknowledged + refused).await;
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(final_state.discarded().len(), 0);
    let open = proxy.open();
    assert!(open <= silenced + 8, "{open} connections are open: the silent ones were not closed");
    assert!(refused > 0, "the deadline was kept while nothing came back");
    ledger.tally().assert_answers(Duration::from_secs(2));
    let (recorded, handled) = (recorded_after.unwrap(), handled_after.unwrap());
    println!("F26 {way:?}: recorded again after {recorded:?}, handled again after {handled:?}");
    ledger.tally().report(&format!("F26 black hole {way:?}"), silenced);
}

// Shows F26.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fall_silent_both_ways_are_replaced_in_time() {
    assert_replaced(Direction::Both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_carry_nothing_to_the_server_are_replaced_in_time() {
    assert_replaced(Direction::ToServer).await;
}

// Shows F26.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_carry_nothing_back_are_replaced_in_time() {
    assert_replaced(Direction::ToClient).await;
}

/// The server waits for the rest of a statement, within a transaction that has locked a result. It counts that neither
/// as a pause nor as a long statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_half_way_through_a_statement_gives_back_what_it_has_locked() {
    let database = PostgresDatabase::shared().await;
    let proxy = Proxy::to(database.server()).await;
    let through = host(&database).url(database.url_at(proxy.address())).setting("ack_deadline", 2);
    let (mut silent, mut sound) = (start(&through, 1).await, start(&host(&database), 1).await);
    let (silent, sound) = (addresses(&mut silent).await[0], addresses(&mut sound).await[0]);
    let ledger = Ledger::default();
    assert!(post(sound, &ledger, "r", "first").await.is_acknowledged());

    proxy.silence_over("FOR NO KEY UPDATE SKIP LOCKED) AS head");
    let began = Instant::now();
    assert_eq!((post(silent, &ledger, "r", "second").await, proxy.fired()), (PostOutcome::Refused(503), 1));
    while !post(sound, &ledger, "r", &format!("{:?}", began.elapsed())).await.is_acknowledged() {
        assert!(began.elapsed() < BAR, "the result is locked");
    }
    println!("F26 half a statement: recorded again after {:?}", began.elapsed());

    assert!(post(silent, &ledger, "r", "third").await.is_acknowledged());
    settled(&database, &ledger, &HANDLERS).await;
}

/// Where the end of a connection does not reach the server, nothing else tells it.
#[tokio::test]
async fn the_server_is_asked_to_notice_a_network_that_is_gone() {
    const KEEPALIVES: &str =
        "SELECT name || '=' || setting AS value FROM pg_settings WHERE name LIKE 'tcp%' ORDER BY name";
    let mut store = Store::<Postgres>::open().await;

    let keepalives = Postgres::texts(&mut store.connection, KEEPALIVES).await;

    let expected =
        ["tcp_keepalives_count=3", "tcp_keepalives_idle=5", "tcp_keepalives_interval=2", "tcp_user_timeout=10000"];
    assert_eq!(keepalives, expected);
}

// Shows F28.
#[tokio::test(flavor = "multi_thread")]
async fn over_a_slow_link_no_lease_is_lost_and_nothing_collapses() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let proxy = Proxy::to(database.server()).await;
    let slow = host(&database).url(database.url_at(proxy.address())).setting("lease", 15).handlers("effects:plain");
    // A dozen round trips, and as many before them: on such a link a host allows for it.
    let mut hosts = start(&slow.setting("ack_deadline", 15), 2).await;
    proxy.set(NetworkCondition::Slow {
        latency: Duration::from_millis(50),
        jitter: Duration::from_millis(100),
        bytes_per_second: 125_000,
    });
    let load = Load::start(&mut random, Duration::from_millis(200));
    load.post_to(&addresses(&mut hosts).await);

    tokio::time::sleep(Duration::from_secs(rounds(8, 600).into())).await;
    let before = database.number("SELECT count(*) FROM effects").await;
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &["effects"]).await;
    let taken_over = final_state.work.iter().filter(|work| work.attempt > 1).count();
    assert_eq!((taken_over, final_state.discarded().len()), (0, 0), "no lease was lost");
    assert_eq!(overlaps(&final_state.journal), [""; 0]);
    assert!(before > 0, "it is handled while it comes");
    ledger.tally().assert_answers(Duration::from_secs(15));
    ledger.tally().report("F28 slow link", proxy.fired());
}

// Shows F24.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_again_and_again_cost_nothing_but_time() {
    let mut random = Rng::with_seed(seed());
    let database = PostgresDatabase::shared().await;
    let proxy = Proxy::to(database.server()).await;
    let mut hosts = start(&host(&database).url(database.url_at(proxy.address())), 2).await;
    let load = Load::start(&mut random, Duration::from_millis(60));
    load.post_to(&addresses(&mut hosts).await);

    for _ in 0..rounds(15, 300) {
        // Between two cuts as many are heard as a cut can refuse, however slow the machine is.
        load.acknowledged(load.ledger.tally().acknowledged + SENDERS).await;
        tokio::time::sleep(Duration::from_millis(random.u64(50..400))).await;
        proxy.cut();
    }
    let ledger = load.stop().await;

    let final_state = settled(&database, &ledger, &HANDLERS).await;
    assert_eq!(final_state.discarded().len(), 0);
    ledger.tally().assert_answers(Duration::from_secs(5));
    ledger.tally().report("F24 cut connections", proxy.fired());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_whose_connection_falls_silent_in_its_transaction_ends_and_its_slot_is_free_again() {
    let database = PostgresDatabase::shared().await;
    let proxy = Proxy::to(database.server()).await;
    let gate = database.folder().join("gate");
    let holding =
        host(&database).url(database.url_at(proxy.address())).handlers(format!("effects:holding:{}", gate.display()));
    // One slot: as long as it is taken, nothing is handled.
    let mut hosts = start(&holding.setting("handler_concurrency", 1).setting("lease", 15), 1).await;
    let address = addresses(&mut hosts).await[0];
    let ledger = Ledger::default();
    assert!(post(address, &ledger, "r-1", "a").await.is_acknowledged());
    let held =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    database.wait_until("the handler is in its transaction", held, 1).await;

    let silenced = proxy.silence(Direction::Both);
    let began = Instant::now();
    std::fs::write(&gate, "").unwrap();
    while !post(address, &ledger, "r-2", &format!("{:?}", began.elapsed())).await.is_acknowledged() {}
    database.wait_until("the other is handled", "SELECT count(*) FROM effects WHERE result_id = 'r-2'", 1).await;
    let took = began.elapsed();
    database.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;

    settled(&database, &ledger, &["effects"]).await;
    assert!(took < BAR + Duration::from_secs(5), "the slot was free again after {took:?}");
    println!("F26: the slot was free again after {took:?}, {silenced} connections were silenced");
}
