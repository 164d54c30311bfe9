use rocket_mojito::{MojitoFairing, Postgres};

use super::canary::{body, shows};
use crate::harness::{Log, Store, TestServer, config};

/// Postgres puts values into its messages, and whole rows into their details.
#[tokio::test]
async fn what_postgres_says_of_a_row_that_it_refuses_stays_with_it() {
    let log = Log::capture();
    let mut store = Store::<Postgres>::open().await;
    let host = TestServer::on(store.url(), MojitoFairing::<Postgres>::new(config())).await;
    let refusals = [
        ("ADD CONSTRAINT refuse CHECK (result_id = 'another')", "check violation"),
        ("ADD COLUMN canary TEXT NOT NULL", "not-null violation"),
        ("ADD COLUMN canary INTEGER GENERATED ALWAYS AS (CAST(result_id AS INTEGER)) STORED", "database error"),
    ];

    for (change, fault) in refusals {
        store.run(&format!("BEGIN; ALTER TABLE mojito_deliveries {change}; COMMIT")).await;
        let answer = host.post(body(fault).bytes()).await;
        store.run("ALTER TABLE mojito_deliveries DROP CONSTRAINT IF EXISTS refuse, DROP COLUMN IF EXISTS canary").await;

        assert_eq!(answer.status, 503, "{change}");
        assert!(!shows(&answer.body));
    }
    store
        .run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'canary %', NEW.result_id USING DETAIL = 'canary', HINT = 'canary'; END $$;
               CREATE TRIGGER refuse BEFORE INSERT ON mojito_deliveries FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    let answer = host.post(body("raised").bytes()).await;

    assert_eq!(answer.status, 503);
    host.stop().await;
    for said in refusals.iter().map(|(_, fault)| *fault).chain(["a delivery was refused"]) {
        assert!(log.lines().iter().any(|line| line.contains(said)), "{said}: {:?}", log.lines());
    }
    assert_eq!(log.lines().iter().filter(|line| shows(line)).collect::<Vec<_>>(), [""; 0]);
}

/// A launch that cannot reach its database says where to look, and nothing that stands in the URL.
#[tokio::test]
async fn a_launch_that_fails_does_not_show_the_url() {
    let log = Log::capture();
    let urls = [
        "postgres://canary:canary@127.0.0.1:1/canary",
        "postgres://canary:canary@127.0.0.1:1/canary?connect_timeout=canary",
        "postgres://canary:canary@127.0.0.1:1/canary?sslmode=canary",
        "postgres://canary:canary%zz@127.0.0.1:canary/canary",
        "mysql://canary:canary@127.0.0.1:1/canary",
    ];

    for url in urls {
        let figment = TestServer::figment().merge(("databases.mojito.url", url));
        let launch = rocket::custom(figment).attach(MojitoFairing::<Postgres>::new(config())).ignite().await;
        let error = launch.map(drop).unwrap_err();

        assert!(!shows(&format!("{error} {error:?}")), "{url}");
        assert!(!log.lines().is_empty());
    }
    assert_eq!(log.lines().iter().filter(|line| shows(line)).collect::<Vec<_>>(), [""; 0]);
}
