#[path = "../../../rocket-mojito/examples/two_tenants.rs"]
#[expect(dead_code, reason = "an example has a `main`, which is not called here")]
mod example;

use std::fs;
use std::path::Path;

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};

use crate::checkout::Checkout;
use crate::harness::{BASE, Body, TestServer, in_time, request};

const HEADER: &str = "X-Mojito-Secret";

/// The settings in the example's own words, but for their folders.
fn settings(folder: &Path) -> Figment {
    let example = Checkout::read("rocket-mojito/examples/two_tenants.rs");
    let text: Vec<&str> = example.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let text = text.join("\n");
    let toml = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = folder.to_str().unwrap();
    let toml = toml.replace("/run/secrets", folder).replace("hiring.db", &format!("{folder}/hiring.db"));
    TestServer::figment().merge(Toml::string(&toml).nested())
}

fn secret(name: &str) -> String {
    format!("secret-of-{name}-0123456789abcdef")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_has_two_secrets_and_one_of_them_is_rotated_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["acme-blue", "acme-green", "globex-blue", "globex-green"] {
        fs::write(folder.path().join(name), secret(name)).unwrap();
    }
    let host = TestServer::launch(example::host(settings(folder.path()))).await;
    let post = async |tenant: &str, secret: &str, body: Body| {
        let path = format!("{BASE}/{tenant}/interview_result");
        crate::harness::post(host.address, &path, &[(HEADER, secret)], &body.bytes()).await.status
    };
    let page = async |tenant: &str| {
        let mut connection = crate::harness::Connection::open(host.address).await;
        connection.send(&request("GET", &format!("/{tenant}"), &[], b"")).await;
        in_time(connection.answer()).await.unwrap().body
    };

    let by_blue = post("acme", &secret("acme-blue"), Body::result("r")).await;
    let of_another = post("globex", &secret("acme-blue"), Body::result("r")).await;
    let of_globex = post("globex", &secret("globex-green"), Body::result("r")).await;
    let before = (page("acme").await, page("globex").await);
    fs::write(folder.path().join("acme-green"), secret("new")).unwrap();
    in_time(async { while post("acme", &secret("new"), Body::result("r").with("score", 5)).await != 200 {} }).await;
    let former = post("acme", &secret("acme-green"), Body::result("r")).await;
    let blue_still = post("acme", &secret("acme-blue"), Body::result("s")).await;

    assert_eq!((by_blue, of_another, of_globex), (200, 401, 200));
    assert_eq!(before, ("r by blue\n".to_owned(), "r by green\n".to_owned()));
    assert_eq!((former, blue_still), (401, 200));
    assert_eq!(page("acme").await, "r by green\ns by blue\n");
    host.stop().await;
}
