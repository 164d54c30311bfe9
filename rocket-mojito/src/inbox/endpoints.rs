use std::collections::BTreeMap;

use mojito_schema::{EndpointFacts, Timestamp};

use super::Inbox;
use crate::Error;

/// An endpoint with its backlog and its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointState {
    /// Its name.
    pub name: String,
    /// The deliveries with work that waits for its first or next attempt.
    pub waiting: u64,
    /// When the oldest of them came.
    pub oldest_waiting: Option<Timestamp>,
    /// The deliveries that were not understood.
    pub quarantined: u64,
    /// Whether more wait, or are in quarantine, than were counted. A count reads ten thousand rows of all endpoints.
    pub is_cut: bool,
    /// When a sender was last answered 200, to the minute. Repeats count.
    pub last_received: Option<Timestamp>,
    /// Its secrets and keys: those that this process has configured, and those that were ever used.
    pub secrets: Vec<SecretState>,
}

/// A secret or key of an endpoint, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretState {
    /// Its id.
    pub id: String,
    /// When a delivery that it authenticated was last recorded, to the minute. None where there was none since the
    /// upgrade to this version.
    pub last_used_at: Option<Timestamp>,
    /// Whether it is configured now. None where this process does not know the settings of the endpoints.
    pub is_configured: Option<bool>,
}

impl Inbox {
    /// Every endpoint, configured here or known to the database, with its backlog, its last delivery, and the last use
    /// of each of its secrets.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn endpoints(&self) -> Result<Vec<EndpointState>, Error> {
        let mut secrets = self.ingress.endpoints().secret_ids();
        let names: Vec<String> = secrets.keys().cloned().collect();
        let known = !names.is_empty();
        let found = self.operations.run(async move |operations| operations.endpoints(names).await).await;
        let found = found.map_err(|_| Error::unavailable("the endpoints"))?;
        let state = |facts: EndpointFacts| {
            let configured = known.then(|| secrets.remove(&facts.name).unwrap_or_default());
            EndpointState::new(facts, configured)
        };
        Ok(found.into_iter().map(state).collect())
    }
}

impl EndpointState {
    fn new(facts: EndpointFacts, configured: Option<Vec<String>>) -> Self {
        let EndpointFacts { name, waiting, oldest_waiting, quarantined, is_cut, last_received, uses } = facts;
        let mut secrets: BTreeMap<String, SecretState> = BTreeMap::new();
        let is_known = configured.as_ref().map(|_| false);
        for one in uses {
            let (id, last_used_at) = (one.secret_id, Some(one.last_used_at));
            secrets.insert(id.clone(), SecretState { id, last_used_at, is_configured: is_known });
        }
        for id in configured.unwrap_or_default() {
            let unused = || SecretState { id: id.clone(), last_used_at: None, is_configured: None };
            secrets.entry(id.clone()).or_insert_with(unused).is_configured = Some(true);
        }
        let secrets = secrets.into_values().collect();
        Self { name, waiting, oldest_waiting, quarantined, is_cut, last_received, secrets }
    }
}
