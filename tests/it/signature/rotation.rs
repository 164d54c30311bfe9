use std::sync::Arc;

use rocket_mojito::{EndpointConfig, SecretConfig};
use tokio::task::JoinSet;

use crate::harness::{BASE, Body, Database, Headers, Host, Signer, rounds};

const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// How many deliveries are on their way at once.
const LOAD: u32 = 20;

async fn host(database: &Arc<Database>, keys: &[(&str, &str)]) -> Arc<Host> {
    let keys = keys.iter().map(|(id, key)| SecretConfig::standard_webhooks(*id, *key));
    let endpoint = keys.fold(EndpointConfig::new(), EndpointConfig::secret);
    let host = Host::builder().database(database).config(|config| config.endpoint("default", endpoint));
    Arc::new(host.start().await)
}

/// Signed with both keys, as Standard Webhooks asks of a gateway whose key is being changed.
fn signed_with_both(id: &str, body: &[u8]) -> Headers {
    let (old, new) = (Signer::now(OLD), Signer::now(NEW));
    let second = new.standard_webhooks(id, body);
    let first = old.standard_webhooks(id, body);
    let both = format!("{} {}", first.value("webhook-signature"), second.value("webhook-signature"));
    let headers = first.with("webhook-signature", both);
    headers.with("webhook-timestamp", old.sent_at.to_string())
}

/// The answers to many deliveries at once.
async fn post_many(hosts: &[&Arc<Host>], batch: &str, sign: fn(&str, &[u8]) -> Headers) -> Vec<u16> {
    let mut posts = JoinSet::new();
    for number in 0..LOAD {
        let host = Arc::clone(hosts[number as usize % hosts.len()]);
        let id = format!("{batch}-{number}");
        posts.spawn(async move {
            let body = Body::result(&id).bytes();
            host.post_with(BASE, &sign(&id, &body).as_pairs(), &body).await.status
        });
    }
    posts.join_all().await
}

// Shows F73.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_under_load_without_one_valid_request_refused() {
    let old = |id: &str, body: &[u8]| Signer::now(OLD).standard_webhooks(id, body);
    let new = |id: &str, body: &[u8]| Signer::now(NEW).standard_webhooks(id, body);
    let (taken, refused) = (vec![200; LOAD as usize], vec![401; LOAD as usize]);
    for round in 0..rounds(1, 10) {
        let database = Arc::new(Database::new());
        let before = host(&database, &[("old", OLD)]).await;
        let between = host(&database, &[("old", OLD), ("new", NEW)]).await;
        let after = host(&database, &[("new", NEW)]).await;

        assert_eq!(post_many(&[&before], &format!("{round}-a"), old).await, taken);
        assert_eq!(post_many(&[&before, &between], &format!("{round}-b"), old).await, taken);
        assert_eq!(post_many(&[&before, &between, &after], &format!("{round}-c"), signed_with_both).await, taken);
        assert_eq!(post_many(&[&between, &after], &format!("{round}-d"), new).await, taken);
        assert_eq!(post_many(&[&after], &format!("{round}-e"), old).await, refused);
        assert_eq!(post_many(&[&before], &format!("{round}-f"), new).await, refused);

        let kept = database.deliveries();
        assert_eq!(kept.len(), 4 * LOAD as usize);
        assert!(kept.iter().any(|row| row.secret_id == "old") && kept.iter().any(|row| row.secret_id == "new"));
    }
}
