//! The connection is cut over a commit: nobody knows whether it was done.

use std::net::SocketAddr;

use fastrand::Rng;
use mojito_schema::Standing;

use super::cluster::{addresses, host, post, post_again, settled, start};
use crate::harness::{Ledger, Loss, Process, Proxy, Rig, Try, eventually, rounds, seed};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_commit_is_unknown_is_answered_503_and_is_one_version_after_the_retry() {
    let mut random = Rng::with_seed(seed());
    let Far { rig, proxy, hosts, address } = Far::host().await;
    let ledger = Ledger::default();

    let cuts = rounds(20, 200);
    let mut kept = 0;
    for number in 0..cuts {
        let loss = if random.bool() { Loss::Reply } else { Loss::Commit };
        proxy.cut_commit(loss, &format!("mark-{number}\""));
        let id = format!("r-{}", number / 2);
        let outcome = post(address, &ledger, &id, &format!("mark-{number}")).await;
        assert_eq!(outcome, Try::Refused(503), "nobody knows, and nobody says yes, after {loss:?}");
        let entry = ledger.sent().len() - 1;
        let stored = rig.number("SELECT count(*) FROM mojito_deliveries").await;
        kept += usize::from(stored > i64::from(number));
        assert_eq!(stored > i64::from(number), loss == Loss::Reply, "what was lost was lost");

        let body = ledger.sent()[entry].body.clone();
        let again = post_again(address, &ledger, entry, &body).await;

        assert!(matches!(again, Try::Acknowledged(_)), "{again:?}");
        assert_eq!(rig.number("SELECT count(*) FROM mojito_deliveries").await, i64::from(number) + 1);
    }
    drop(hosts);
    let hosts = start(&host(&rig).handlers("effects:plain"), 1).await;

    let aftermath = settled(&rig, &ledger, &["effects"]).await;
    assert!(aftermath.deliveries.iter().all(|row| row.standing == Standing::Current));
    assert_eq!((aftermath.deliveries.len(), aftermath.effects.len()), (cuts as usize, cuts as usize));
    assert!(kept > 0 && kept < cuts as usize, "both kinds of loss happened: {kept} of {cuts}");
    ledger.tally().report("F25 cut at COMMIT of a record", proxy.fired());
    drop(hosts);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_deliveries_of_one_result_in_a_batch_whose_commit_is_unknown_are_each_one_version() {
    let mut random = Rng::with_seed(seed());
    let Far { rig, proxy, hosts: _hosts, address } = Far::host().await;
    let ledger = Ledger::default();

    for round in 0..rounds(30, 300) {
        if round % 3 == 0 {
            proxy.cut_commit(Loss::Reply, &format!("mark-{round}-{}", random.u8(1..8)));
        }
        post_eight(address, &ledger, round).await;
    }

    settled(&rig, &ledger, &["effects"]).await;
    ledger.tally().report("F25 cut at COMMIT of a batch", proxy.fired());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_writing_and_commit_were_never_answered_is_stored_once() {
    let Far { rig, proxy, hosts: _hosts, address } = Far::host().await;
    let ledger = Ledger::default();

    for round in 0..rounds(30, 300) {
        // What is sent has to be prepared: each connection that is cut is followed by one that knows nothing.
        if round % 6 == 5 {
            proxy.cut_commit(Loss::Replies, &format!("mark-{round}-{}", round % 7 + 1));
        }
        post_eight(address, &ledger, round).await;
    }

    settled(&rig, &ledger, &["effects"]).await;
    assert!(proxy.fired() > 0, "something was lost");
    ledger.tally().report("F25 cut at COMMIT, with all that came before", proxy.fired());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_commit_is_unknown_is_there_once() {
    let mut random = Rng::with_seed(seed());
    let Far { rig, proxy, hosts: _hosts, address } = Far::host().await;
    let ledger = Ledger::default();

    // The first effect on a connection has to be prepared, and names its table: this commit is a handler's.
    for (hits, loss) in (1..).zip([Loss::Commit, Loss::Reply]) {
        proxy.cut_commit(loss, "INTO \"effects\"");
        assert!(matches!(post(address, &ledger, "first", &format!("first-{hits}")).await, Try::Acknowledged(_)));
        rig.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;
        eventually("the commit of a handler is cut", || proxy.fired() == hits).await;
    }
    for number in 0..rounds(60, 400) {
        // Whose commit it hits is left to chance: the recorder's, a claim's, the handler's, the keeper's.
        if random.u8(0..3) == 0 {
            proxy.cut_commit(if random.bool() { Loss::Reply } else { Loss::Commit }, "");
        }
        let id = format!("r-{}", number % 7);
        let mut outcome = post(address, &ledger, &id, &format!("mark-{number}")).await;
        let (entry, body) = (ledger.sent().len() - 1, ledger.sent().pop().unwrap().body);
        while !matches!(outcome, Try::Acknowledged(_)) {
            outcome = post_again(address, &ledger, entry, &body).await;
        }
    }
    rig.run("UPDATE mojito_work SET due_at = now() WHERE due_at IS NOT NULL").await;

    let aftermath = settled(&rig, &ledger, &["effects"]).await;
    assert_eq!(aftermath.discarded().len(), 0);
    ledger.tally().report("F25 cut at COMMIT of anything", proxy.fired());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_does_not_wait_for_the_answer_to_what_it_commits() {
    let Far { rig, proxy, hosts: _hosts, address } = Far::host().await;
    let ledger = Ledger::default();
    // The first prepares what is sent.
    assert!(matches!(post(address, &ledger, "r-0", "mark-0").await, Try::Acknowledged(_)));

    proxy.answer_at_commit("mark-1");
    let outcome = post(address, &ledger, "r-1", "mark-1").await;

    assert!(matches!(outcome, Try::Acknowledged(_)), "it was on its way: {outcome:?}");
    assert_eq!(proxy.fired(), 1);
    settled(&rig, &ledger, &["effects"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_before_anything_is_prepared_is_within_its_transaction() {
    let Far { rig, proxy: _proxy, hosts: _hosts, address } = Far::host().await;
    let ledger = Ledger::default();
    rig.run(
        "CREATE FUNCTION within() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            ASSERT current_setting('mojito.transaction', true) <> '', 'outside of a transaction';
            RETURN NEW;
        END $$;
        CREATE TRIGGER within BEFORE INSERT ON mojito_deliveries FOR EACH ROW EXECUTE FUNCTION within()",
    )
    .await;

    let outcome = post(address, &ledger, "r-0", "mark-0").await;

    assert!(matches!(outcome, Try::Acknowledged(_)), "its commit did not overtake it: {outcome:?}");
    settled(&rig, &ledger, &["effects"]).await;
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
struct Far {
    rig: Rig,
    proxy: Proxy,
    hosts: Vec<Process>,
    address: SocketAddr,
}

impl Far {
    async fn host() -> Self {
        let rig = Rig::shared().await;
        let proxy = Proxy::to(rig.server()).await;
        let mut hosts = start(&host(&rig).url(rig.url_at(proxy.address())).handlers("effects:plain"), 1).await;
        let address = addresses(&mut hosts).await[0];
        Self { rig, proxy, hosts, address }
    }
}
