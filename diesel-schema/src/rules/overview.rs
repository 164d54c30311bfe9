use crate::{SecretUse, Timestamp};

/// The two moments that tell at a glance whether deliveries come and are handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overview {
    /// Since when the work that is due for longest has been due; none where nothing is due.
    pub oldest_due: Option<Timestamp>,
    /// When the newest delivery came, on any endpoint. A repeat is not a new delivery.
    pub last_received: Option<Timestamp>,
}

/// The backlog of an endpoint and the uses of its secrets, as the database knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointFacts {
    /// The endpoint.
    pub name: String,
    /// The deliveries with waiting work.
    pub waiting: u64,
    /// When the oldest of them came.
    pub oldest_waiting: Option<Timestamp>,
    /// The deliveries in quarantine.
    pub quarantined: u64,
    /// Whether more wait, or are in quarantine, than were counted.
    pub is_cut: bool,
    /// When a delivery was last recorded, or counted as a repeat.
    pub last_received: Option<Timestamp>,
    /// The last use of each secret that was used.
    pub uses: Vec<SecretUse>,
}

/// The facts about a database on which promises rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The version of the database.
    pub version: String,
    /// Whether a server waits for a synchronous standby; none where the database is a file.
    pub has_standby: Option<bool>,
    /// The server's clock; none where the database has no clock of its own.
    pub now: Option<Timestamp>,
}
