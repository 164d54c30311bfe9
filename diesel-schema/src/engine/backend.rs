use diesel_async::AsyncConnection;
use diesel_async::pooled_connection::PoolableConnection;

use self::sealed::Engine;

/// A database that keeps deliveries: `Sqlite` or `Postgres`, and no other.
///
/// Code of yours for both takes it as a bound: `impl<B: Backend> MojitoHandler<B> for HiringDesk`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no database of the plugin",
    label = "this is neither `Sqlite` nor `Postgres`",
    note = "write `Sqlite`, or `Postgres` with the feature `postgres`; a pool of yours goes to `.database::<…>()`"
)]
// The supertrait takes the connection as a parameter, since a supertrait cannot name an associated type of this trait.
pub trait Backend: Engine<<Self as Backend>::Connection> {
    /// An asynchronous Diesel connection to this database.
    type Connection: AsyncConnection + PoolableConnection + Send + 'static;

    /// The database's name in messages.
    const NAME: &'static str;
}

/// No other crate can name the supertrait, so none can have a backend of its own.
pub(crate) mod sealed {
    use crate::{Opening, Operations, Recording, Rehearsing, Testing, WorkQueue};

    /// The domain's verbs, each with the database's best SQL, by concern. `C` is the backend's connection. One suite of
    /// tests holds the behaviour of the verbs, and both backends pass it.
    ///
    /// # Errors
    ///
    /// The database's errors, unless a verb says otherwise.
    ///
    /// # Time
    ///
    /// Verbs that depend on the time take `now`, the caller's clock. A backend with a clock of its own ignores it.
    ///
    /// # Cancellation
    ///
    /// Do not drop a verb's future half-way: a statement that has begun goes on, and the connection is only fit to be
    /// closed. Give the verb a task of its own and time out the wait.
    pub trait Engine<C>:
        Opening<C>
        + Recording<C>
        + WorkQueue<C>
        + Rehearsing<C>
        + Operations<C>
        + Testing<C>
        + Send
        + Sync
        + Sized
        + 'static
    {
    }

    #[cfg(feature = "sqlite")]
    impl Engine<<crate::Sqlite as crate::Backend>::Connection> for crate::Sqlite {}

    #[cfg(feature = "postgres")]
    impl Engine<<crate::Postgres as crate::Backend>::Connection> for crate::Postgres {}
}
