use std::time::Duration;

use rocket_mojito::{EndpointConfig, EndpointState, Inbox, SecretConfig};

use crate::harness::{BASE, Body, Host, in_time};

const NEW: &str = "new-0123456789-0123456789";
const OLD: &str = "old-0123456789-0123456789";

/// The only endpoint, once this holds of it.
async fn endpoint(inbox: &Inbox, holds: impl Fn(&EndpointState) -> bool) -> EndpointState {
    in_time(async {
        loop {
            let mut endpoints = inbox.endpoints().await.unwrap();
            assert_eq!(endpoints.len(), 1);
            if holds(&endpoints[0]) {
                return endpoints.remove(0);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

// Shows O20.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_of_each_secret_is_told_and_what_was_refused_is_no_use() {
    let secret = |id: &str, value: &str| SecretConfig::header(id, "X-Secret", value);
    let host = Host::builder()
        .config(|config| config.endpoint("default", EndpointConfig::new()))
        .config(|config| config.secret("default", secret("new", NEW)).secret("default", secret("old", OLD)))
        .start()
        .await;
    let inbox = host.inbox.clone();
    let post = |secret: &'static str, body: Vec<u8>| {
        let host = &host;
        async move { host.post_with(BASE, &[("X-Secret", secret)], &body).await.status }
    };

    let unused = inbox.endpoints().await.unwrap().remove(0);
    let statuses = [post(NEW, Body::result("r").bytes()).await, post(OLD, Vec::new()).await];
    let used = endpoint(&inbox, |endpoint| endpoint.last_received.is_some()).await;

    let told = |endpoint: &EndpointState| {
        let told = endpoint.secrets.iter().map(|one| (one.id.clone(), one.last_used_at.is_some(), one.is_configured));
        told.collect::<Vec<_>>()
    };
    assert_eq!(statuses, [200, 400]);
    assert_eq!(told(&unused), [("new".to_owned(), false, Some(true)), ("old".to_owned(), false, Some(true))]);
    assert_eq!(unused.last_received, None);
    let noted = endpoint(&inbox, |endpoint| endpoint.secrets[0].last_used_at.is_some()).await;
    assert_eq!(told(&noted), [("new".to_owned(), true, Some(true)), ("old".to_owned(), false, Some(true))]);
    assert_eq!(used.name, "default");
    host.stop().await;
}
