//! The connection is cut over a commit: nobody knows whether it was done.

use std::net::SocketAddr;

use fastrand::Rng;
use mojito_schema::Standing;

use super::cluster::{addresses, host, post, post_again, settled, start};
use crate::harness::{Ledger, LostMessage, PostOutcome, PostgresDatabase, Process, Proxy, eventually, rounds, seed};

// Shows F25.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_commit_is_unknown_is_answered_503_and_is_one_version_after_the_retry() {
    let mut random = Rng::with_seed(seed());
    let ProxiedHost { database, proxy, hosts, address } = ProxiedHost::host().await;
    let ledger = Ledger::default();

    let cuts = rounds(20, 200);
    let mut kept = 0;
    for number in 0..cuts {
        let loss = if random.bool() { LostMessage::Reply } else { LostMessage::Commit };
        proxy.cut_commit(loss, &format!("mark-{number}\""));
        let id = format!("r-{}", number / 2);
        let outcome = post(address, &ledger, &id, &format!("mark-{number}")).await;
        assert_eq!(outcome, PostOutcome::Refused(503), "nobody knows, and nobody says yes, after {loss:?}");
        let entry = ledger.sent().len() - 1;
        let stored = database.number("SELECT count(*) FROM mojito_deliveries").await;
        kept += usize::from(stored > i64::from(number));
        assert_eq!(stored > i64::from(number), loss == LostMessage::Reply, "what was lost was lost");

        let body = ledger.sent()[entry].body.clone();
        let again = post_again(address, &ledger, entry, &body).await;

        assert!(again.is_acknowledged(), "{again:?}");
        assert_eq!(database.number("SELECT count(*) FROM mojito_deliveries").await, i64::from(number) + 1);
    }
    drop(hosts);
    let hosts = start(&host(&database).handlers("effects:plain"), 1).await;

    let final_state = settled(&database, &ledger, &["effects"]).await;
    assert!(final_state.deliveries.iter().all(|row| row.standing == Standing::Current));
    assert_eq!((final_state.deliveries.len(), final_state.effects.len()), (cuts as usize, cuts as usize));
    assert!(kept > 0 && kept < cuts as usize, "both kinds of loss happened: {kept} of {cuts}");
    ledger.tally().report("F25 cut at COMMIT of a record", proxy.fired());
    drop(hosts);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_deliveries_of_one_result_in_a_batch_whose_commit_is_unknown_are_each_one_version() {
    let mut random = Rng::with_seed(seed());
    let ProxiedHost { database, proxy, hosts: _hosts, address } = ProxiedHost::host().await;
    let ledger = Ledger::default();

    for round in 0..rounds(30, 300) {
        if round % 3 == 0 {
            proxy.cut_commit(LostMessage::Reply, &format!("mark-{round}-{}", random.u8(1..8)));
        }
        post_eight(address, &ledger, round).await;
    }

    settled(&database, &ledger, &["effects"]).await;
    ledger.tally().report("F25 cut at COMMIT of a batch", proxy.fired());
}

// Shows F25.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_writing_and_commit_were_never_answered_is_stored_once() {
    let ProxiedHost { database, proxy, hosts: _hosts, address } = ProxiedHost::host().await;
    let ledger = Ledger::default();

    for round in 0..rounds(30, 300) {
        // Statements have to be prepared: each connection that is cut is followed by one that knows none.
        if round % 6 == 5 {
            proxy.cut_commit(LostMessage::Replies, &format!("mark-{round}-{}", round % 7 + 1));
        }
        post_eight(address, &ledger, round).await;
    }

    settled(&database, &ledger, &["effects"]).await;
    assert!(proxy.fired() > 0, "something was lost");
    ledger.tally().report("F25 cut at COMMIT, with all that came before", proxy.fired());
}

// Shows P3, F25.
#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_commit_is_unknown_is_there_once() {
    let mut random = Rng::with_seed(seed());
    let ProxiedHost { database, proxy, hosts: _hosts, address } = ProxiedHost::host().await;
    let ledger = Ledger::default();

    // The first effect on a connection has to be prepared, and names its table: this commit is a handler's.
    for (hits, loss) in (1..).zip([LostMessage::Commit, LostMessage::Reply]) {
        proxy.cut_commit(loss, "INTO \"effects\"");
        assert!(post(address, &ledger, "first", &format!("first-{hits}")).await.is_acknowledged());
        database.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;
        eventually("the commit of a handler is cut", || proxy.fired() == hits).await;
    }
    for number in 0..rounds(24, 400) {
        // Chance decides whose commit it hits: the recorder's, a claim's, the handler's, the heartbeat's.
        if random.u8(0..3) == 0 {
            proxy.cut_commit(if random.bool() { LostMessage::Reply } else { LostMessage::Commit }, "");
        }
        let id = format!("r-{}", number % 7);
        let mut outcome = post(address, &ledger, &id, &format!("mark-{number}")).await;
        let (entry, body) = (ledger.sent().len() - 1, ledger.sent().pop().unwrap().body);
        while !outcome.is_acknowledged() {
            outcome = post_again(address, &ledger, entry, &body).await;
        }
    }
    database.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;

    let final_state = settled(&database, &ledger, &["effects"]).await;
    assert_eq!(final_state.discarded().len(), 0);
    ledger.tally().report("F25 cut at COMMIT of anything", proxy.fired());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_does_not_wait_for_the_answer_to_what_it_commits() {
    let ProxiedHost { database, proxy, hosts: _hosts, address } = ProxiedHost::host().await;
    let ledger = Ledger::default();
    // The first prepares what is sent.
    assert!(post(address, &ledger, "r-0", "mark-0").await.is_acknowledged());

    proxy.answer_at_commit("mark-1");
    let outcome = post(address, &ledger, "r-1", "mark-1").await;

    assert!(outcome.is_acknowledged(), "it was on its way: {outcome:?}");
    assert_eq!(proxy.fired(), 1);
    settled(&database, &ledger, &["effects"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_before_anything_is_prepared_is_within_its_transaction() {
    let ProxiedHost { database, proxy: _proxy, hosts: _hosts, address } = ProxiedHost::host().await;
    let ledger = Ledger::default();
    database
        .run(
            "CREATE FUNCTION within() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            ASSERT current_setting('mojito.transaction', true) <> '', 'outside of a transaction';
            RETURN NEW;
        END $$;
        CREATE TRIGGER within BEFORE INSERT ON mojito_deliveries FOR EACH ROW EXECUTE FUNCTION within()",
        )
        .await;

    let outcome = post(address, &ledger, "r-0", "mark-0").await;

    assert!(outcome.is_acknowledged(), "its commit did not overtake it: {outcome:?}");
    settled(&database, &ledger, &["effects"]).await;
}

/// Posts eight deliveries about one result at once: the first is recorded by itself, and those that come meanwhile are a
/// batch.
async fn post_eight(address: SocketAddr, ledger: &Ledger, round: u32) {
    let mut posts = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (ledger, id, marker) = (ledger.clone(), format!("r-{round}"), format!("mark-{round}-{number}"));
        posts.spawn(async move { post(address, &ledger, &id, &marker).await });
    }
    posts.join_all().await;
}

/// A host whose way to its server leads through a proxy.
struct ProxiedHost {
    database: PostgresDatabase,
    proxy: Proxy,
    hosts: Vec<Process>,
    address: SocketAddr,
}

impl ProxiedHost {
    async fn host() -> Self {
        let database = PostgresDatabase::shared().await;
        let proxy = Proxy::to(database.server()).await;
        let mut hosts =
            start(&host(&database).url(database.url_at(proxy.address())).handlers("effects:plain"), 1).await;
        let address = addresses(&mut hosts).await[0];
        Self { database, proxy, hosts, address }
    }
}
