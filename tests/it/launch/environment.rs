use rocket::figment::Figment;
use rocket_mojito::{MojitoConfig, MojitoFairing, Sqlite};

use super::{assert_stops, secret};
use crate::harness::{AUTH, Body, Database, SECRET, TestServer, post};

/// A configuration of the host's own, with a secret and a place of its own.
fn figment(database: &Database) -> Figment {
    let secrets = rocket::figment::util::map! { "id" => "test", "header" => AUTH.0, "value" => SECRET };
    TestServer::figment()
        .merge(("databases.mojito.url", database.path().to_str().unwrap()))
        .merge(("mojito.mount", "/of-the-figment"))
        .merge(("mojito.body_limit", "1 KiB"))
        .merge(("mojito.endpoints.default.secrets", vec![secrets]))
}

async fn statuses(config: MojitoConfig, paths: [&str; 2], length: usize) -> [u16; 2] {
    let database = Database::new();
    let rocket = rocket::custom(figment(&database)).attach(MojitoFairing::<Sqlite>::new(config));
    let host = TestServer::launch(rocket).await;
    let body = Body::result("r").with("note", "x".repeat(length)).bytes();
    let mut statuses = [0; 2];
    for (path, status) in paths.into_iter().zip(&mut statuses) {
        *status = post(host.address, &format!("{path}/interview_result"), &[AUTH], &body).await.status;
    }
    host.stop().await;
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_environment_are_those_of_the_rocket_that_is_launched() {
    let config = MojitoConfig::from_env().unwrap();

    assert_eq!(statuses(config.clone(), ["/of-the-figment", "/webhooks/jobmojito"], 1).await, [200, 404]);
    assert_eq!(statuses(config, ["/of-the-figment", "/of-the-figment"], 2_000).await, [413, 413]);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_has_the_last_word_on_settings_of_the_environment() {
    let config = MojitoConfig::from_env().unwrap().mount("/of-the-code");

    assert_eq!(statuses(config, ["/of-the-code", "/of-the-figment"], 1).await, [200, 404]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_figment_or_of_code_alone_are_left_as_they_are() {
    let database = Database::new();
    let of_another = MojitoConfig::from_figment(&Figment::new()).unwrap();

    for config in [of_another.clone(), MojitoConfig::new()] {
        let rocket = rocket::custom(figment(&database)).attach(MojitoFairing::<Sqlite>::new(config));
        assert_stops(rocket, &["no endpoint is configured"]).await;
    }
    let of_code = of_another.secret("default", secret("a")).mount("/of-the-code");
    assert_eq!(statuses(of_code, ["/of-the-code", "/of-the-figment"], 1).await, [401, 404]);
}
