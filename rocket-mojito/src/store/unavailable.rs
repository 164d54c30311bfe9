/// Why a verb of the store has failed, or is not known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Too many deliveries wait to be recorded already.
    QueueFull,
    /// The process stops.
    Stopping,
    /// The commit did not come in time. It may still come.
    Deadline,
    /// The database refused, or did not answer. Nothing was committed.
    Database,
    /// There is no connection to the database, or it was lost before anything was committed.
    Connection,
    /// The commit's fate is unknown: the connection was lost during the commit, or the fsync of the WAL failed.
    Unknown,
}
