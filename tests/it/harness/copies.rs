use std::collections::HashSet;
use std::net::SocketAddr;

use super::{Body, Ledger, TestDatabase, post_at_once};

/// Posts copies of one delivery at once, round by round. Each round is one version with its repeats, and every copy is
/// told the same.
pub(crate) async fn assert_copies_are_one_version(
    database: &impl TestDatabase,
    hosts: &[SocketAddr],
    ledger: &Ledger,
    copies: usize,
    rounds: u32,
) {
    for round in 0..rounds {
        let body = Body::result(&format!("r-{round}")).bytes();
        let entry = ledger.enter("interview_result", body.clone());
        let outcomes = post_at_once(hosts, vec![body; copies]).await;
        ledger.begin(entry);
        ledger.end(entry, outcomes[0]);

        let told: HashSet<i64> = outcomes.iter().map(|outcome| outcome.delivery()).collect();
        let stored =
            "SELECT CAST(id AS TEXT) || ' ' || CAST(version AS TEXT) || ' ' || CAST(repeat_count AS TEXT) AS value
            FROM mojito_deliveries WHERE result_id";
        let stored = database.query(&format!("{stored} = 'r-{round}'")).await;
        let expected: Vec<String> = told.iter().map(|id| format!("{id} 1 {}", copies - 1)).collect();
        assert_eq!(told.len(), 1, "every copy is told the same");
        assert_eq!(stored, expected, "id, version and repeats");
    }
}

/// Posts versions of one result at once, round by round. They are numbered in stored order without a gap, and the result
/// is at the last.
pub(crate) async fn assert_versions_have_no_gap(
    database: &impl TestDatabase,
    hosts: &[SocketAddr],
    ledger: &Ledger,
    versions: usize,
    rounds: u32,
) {
    for round in 0..rounds {
        let result = format!("r-{round}");
        let body = |n| Body::result(&result).with("candidate_external_id", format!("{round}-{n}")).bytes();
        let bodies: Vec<Vec<u8>> = (0..versions).map(body).collect();
        let entries: Vec<usize> = bodies.iter().map(|body| ledger.enter("interview_result", body.clone())).collect();
        for (entry, outcome) in entries.into_iter().zip(post_at_once(hosts, bodies).await) {
            ledger.begin(entry);
            ledger.end(entry, outcome);
            outcome.delivery();
        }

        let stored =
            "SELECT CAST(version AS TEXT) AS value FROM mojito_deliveries WHERE standing = 'current' AND result_id";
        let stored = database.query(&format!("{stored} = '{result}' ORDER BY id")).await;
        let state = "SELECT CAST(version AS TEXT) AS value FROM mojito_results WHERE id";
        let state = database.query(&format!("{state} = '{result}'")).await;
        assert_eq!(stored, (1..=versions).map(|version| version.to_string()).collect::<Vec<_>>());
        assert_eq!(state, [versions.to_string()]);
    }
}
