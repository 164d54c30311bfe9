use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::harness::{
    Body, EntryKind, FinalState, JournalEntry, Ledger, PostOutcome, PostgresDatabase, Process, ProcessBuilder,
    TestDatabase, try_post,
};

/// The two handlers that most of these tests have: one writes its effect in its transaction, one calls elsewhere.
pub(super) const HANDLERS: [&str; 2] = ["effects", "external"];

/// Hosts on Postgres with a short lease.
pub(super) fn host(database: &impl TestDatabase) -> ProcessBuilder {
    Process::builder(database).setting("lease", 2).handlers("effects:plain,external:external")
}

/// Starts so many at once, and waits until all listen.
pub(super) async fn start(host: &ProcessBuilder, count: usize) -> Vec<Process> {
    let mut hosts: Vec<Process> = (0..count).map(|_| host.spawn()).collect();
    for host in &mut hosts {
        assert!(host.ready().await.is_some(), "the host ended before it listened");
    }
    hosts
}

/// Where they listen.
pub(super) async fn addresses(hosts: &mut [Process]) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for host in hosts {
        addresses.push(host.ready().await.expect("it listens"));
    }
    addresses
}

/// Posts a result with a marker of its own, and enters it.
pub(super) async fn post(host: SocketAddr, ledger: &Ledger, id: &str, marker: &str) -> PostOutcome {
    let body = Body::result(id).with("candidate_external_id", marker).bytes();
    let entry = ledger.enter("interview_result", body.clone());
    post_again(host, ledger, entry, &body).await
}

/// Posts what has been entered before.
pub(super) async fn post_again(host: SocketAddr, ledger: &Ledger, entry: usize, body: &[u8]) -> PostOutcome {
    ledger.begin(entry);
    let outcome = PostOutcome::from(try_post(host, "interview_result", body).await);
    ledger.end(entry, outcome);
    outcome
}

/// Waits until all is done, and checks all that can be checked whatever went wrong.
pub(super) async fn settled(database: &PostgresDatabase, ledger: &Ledger, handlers: &[&str]) -> FinalState {
    database.drained().await;
    let final_state = FinalState::read_postgres(database, ledger).await;
    final_state.check(handlers);
    final_state
}

/// Without what has no end: an attempt that failed, or whose connection was ended.
pub(super) fn ended(entries: &[JournalEntry]) -> Vec<JournalEntry> {
    let (mut started, mut whole) = (HashMap::new(), HashSet::new());
    for (index, entry) in entries.iter().enumerate() {
        let key = (entry.handler.clone(), entry.delivery, entry.attempt);
        match entry.kind {
            EntryKind::Start => drop(started.insert(key, vec![index])),
            EntryKind::End => whole.extend(started.remove(&key).into_iter().flatten().chain([index])),
            _ => started.entry(key).or_default().push(index),
        }
    }
    let all = entries.iter().enumerate().filter(|(index, _)| whole.contains(index));
    all.map(|(_, entry)| entry.clone()).collect()
}
