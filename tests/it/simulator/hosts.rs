use std::collections::BTreeSet;
use std::convert::Infallible;

use mojito_simulator::{
    Encoding as SentEncoding, Event, Lives, Mark, Plan, Receiver, Report, Signer, Simulation, Stored,
};
use rocket_mojito::{Encoding, Field, MojitoConfig, MojitoFairing, SecretConfig, Sqlite};
use tokio::sync::Mutex;

use super::{plan, target};
use crate::harness::{BASE, Store, TestBackend, TestServer, config, on_each_backend, rounds, seed};

on_each_backend!(
    a_host_agrees_with_everything_that_was_acknowledged_through_every_accident,
    in_order_and_without_accidents_every_result_ends_where_the_vendor_does,
    a_row_with_another_body_is_named_by_the_report,
);

/// The rows of a host, with their bodies.
struct Rows<B: TestBackend>(Mutex<Store<B>>);

impl<B: TestBackend> Receiver for Rows<B> {
    type Error = Infallible;

    async fn stored(&self, result_id: &str) -> Result<Stored, Infallible> {
        let rows = self.0.lock().await.deliveries_of(result_id).await;
        let mark = |row: &mojito_schema::DeliveryRow| {
            Mark::of_body(Event::from_text(row.event.as_str()).unwrap(), row.body.as_deref().unwrap())
        };
        let newest = rows.iter().filter(|row| row.version.is_some()).max_by_key(|row| row.version);
        Ok(Stored { newest: newest.map(mark), deliveries: rows.iter().map(mark).collect() })
    }
}

/// Sends the plan's deliveries to a host of its own.
async fn simulated<B: TestBackend>(plan: Plan) -> (Simulation, Rows<B>) {
    let store = Store::<B>::open().await;
    let host = TestServer::on(store.url(), MojitoFairing::<B>::new(config())).await;
    let simulation = Simulation::new(plan, target(host.address));
    simulation.run().await;
    host.stop().await;
    (simulation, Rows(Mutex::new(store)))
}

// Shows O27.
async fn a_host_agrees_with_everything_that_was_acknowledged_through_every_accident<B: TestBackend>() {
    let candidates = rounds(40, 2_000);

    let (simulation, rows) = simulated::<B>(plan(seed()).candidates(candidates.into())).await;
    let report = Report::check(&simulation.ledger(), &rows).await.unwrap();

    assert!(report.agrees(), "{report:?}");
    let tally = report.tally;
    assert_eq!(
        (report.given_up, report.candidates, simulation.lives_done()),
        (0, candidates.into(), candidates.into())
    );
    assert!(tally.lost > 0 && tally.cut > 0 && tally.acknowledged > u64::from(candidates), "{tally:?}");
}

async fn in_order_and_without_accidents_every_result_ends_where_the_vendor_does<B: TestBackend>() {
    let plan = Plan::new(seed()).candidates(30);

    let (simulation, rows) = simulated::<B>(plan.clone()).await;
    let report = Report::check(&simulation.ledger(), &rows).await.unwrap();

    let sent: u64 = plan.lives().map(|life| life.deliveries().len() as u64).sum();
    assert!(report.agrees() && report.behind == 0, "{report:?}");
    assert_eq!((report.tally.posts, report.tally.acknowledged), (sent, sent));
    let quarantined = "SELECT CAST(count(*) AS TEXT) AS value FROM mojito_deliveries WHERE standing <> 'current'";
    assert_eq!(rows.0.lock().await.texts(quarantined).await, ["0"], "each body is understood");
}

async fn a_row_with_another_body_is_named_by_the_report<B: TestBackend>() {
    let (simulation, rows) = simulated::<B>(Plan::new(7).candidates(12)).await;
    let last = "SELECT max(id) FROM mojito_deliveries WHERE version > 1";
    let foreign = "SELECT other.body FROM mojito_deliveries other WHERE other.result_id <> mojito_deliveries.result_id
        ORDER BY other.id LIMIT 1";

    let statement = format!("UPDATE mojito_deliveries SET body = ({foreign}) WHERE id = ({last})");
    rows.0.lock().await.run(&statement).await;
    let report = Report::check(&simulation.ledger(), &rows).await.unwrap();

    let kinds: BTreeSet<&str> = report.faults.iter().map(|fault| fault.kind.as_str()).collect();
    let results: BTreeSet<&str> = report.faults.iter().map(|fault| fault.result_id.as_str()).collect();
    assert!(kinds.contains("foreign") && kinds.contains("outdated") && results.len() == 1, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scheme_is_signed_as_a_host_verifies_it() {
    const KEY: &str = "a-signing-key-0123456789abcdef";
    const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let cases = [
        (SecretConfig::header("a", "X-Secret", KEY), Signer::header("X-Secret", KEY)),
        (SecretConfig::standard_webhooks("a", STANDARD), Signer::try_standard_webhooks(STANDARD).unwrap()),
        (
            SecretConfig::standard_webhooks("a", STANDARD).header_prefix("svix"),
            Signer::try_standard_webhooks(STANDARD).unwrap().header_prefix("svix"),
        ),
        (SecretConfig::github("a", KEY), Signer::github(KEY)),
        (SecretConfig::stripe("a", KEY), Signer::stripe(KEY)),
        (SecretConfig::hmac("a", "X-Signature", KEY), Signer::hmac("X-Signature", KEY)),
        (
            SecretConfig::hmac("a", "X-Signature", KEY)
                .prefix("v0=")
                .encoding(Encoding::Base64)
                .timestamp_header("X-Time"),
            Signer::hmac("X-Signature", KEY).prefix("v0=").encoding(SentEncoding::Base64).timestamp_header("X-Time"),
        ),
    ];

    for (secret, signer) in cases {
        let store = Store::<Sqlite>::open().await;
        let config = MojitoConfig::new().secret("default", secret);
        let host = TestServer::on(store.url(), MojitoFairing::<Sqlite>::new(config)).await;
        let url = format!("http://{}{BASE}", host.address);
        let target = mojito_simulator::Target::try_new(&url).unwrap().signed_by(signer.clone());
        let simulation = Simulation::new(plan(11).candidates(5), target);

        simulation.run().await;

        let report = Report::check(&simulation.ledger(), &Rows(Mutex::new(store))).await.unwrap();
        assert!(report.agrees() && report.given_up == 0, "{signer:?}: {report:?}");
        assert_eq!(report.tally.refused, 0, "{signer:?}");
        host.stop().await;
    }
}

#[test]
fn bodies_of_the_current_form_have_every_field_of_the_vendors_document() {
    let documented: BTreeSet<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
    let current = Lives::new(seed()).iter().take(100);
    let current = current.filter(|life| !["Former", "Enveloped"].contains(&format!("{:?}", life.course).as_str()));

    for life in current {
        for delivery in life.deliveries() {
            let body: serde_json::Value = serde_json::from_slice(delivery.body()).unwrap();
            let fields: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(fields, documented);
        }
    }
}
