use std::sync::Arc;

use mojito_schema::Person;

use super::{Inbox, Started};
use crate::Error;
use crate::erasure::{Erased, Erasure};
use crate::operation::Actor;
use crate::store::{NotErased, Requests};

/// The erasure of a person.
impl Inbox {
    /// Removes a person from every table, body and error text, result by result. A later delivery of an erased result
    /// is acknowledged and not kept.
    ///
    /// A result is about the person if its state or one of its bodies, former ones too, is. An id counts in a field of
    /// its name, a mail address wherever it stands as a whole text. Deliveries that only mention the id or address are
    /// left, and stand in the receipt ([`Erased::elsewhere`]). So do steps that failed ([`Erased::kept`],
    /// [`Erased::undone`]).
    ///
    /// Every stored body is read, a few at a time. On a large table that takes a while, but it blocks nobody. At the
    /// end SQLite rewrites its file, if that has 64 MiB or less: all other writers wait for a second or so. Each
    /// attached handler deletes from the host's tables by [`MojitoHandler::erased`](crate::MojitoHandler::erased), in
    /// the same transaction.
    ///
    /// A [`Person`] is enough for up to twenty results; more require [`Erasure::confirm`].
    ///
    /// # Errors
    ///
    /// [`is_refused`](Error::is_refused) if the person's value is blank, or a mail address is none, or the number of
    /// results differs from the confirmed one. The same if a handler with the hook
    /// [`erased`](crate::MojitoHandler::erased) is not attached and [`Erasure::without_handler`] does not name it. A
    /// refused erasure has changed nothing. Otherwise as [`replay`](Self::replay). The erasure can be asked for again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the erasure goes on.
    pub async fn erase(&self, erasure: impl Into<Erasure>, actor: Actor) -> Result<Erased, Error> {
        self.start_erasure(erasure.into(), actor).await.outcome().await
    }

    /// Starts an erasure, whose outcome need not be waited for.
    pub(crate) async fn start_erasure(&self, erasure: Erasure, actor: Actor) -> Started<Erased> {
        let run = async move |operations: Arc<dyn Requests>, begun| operations.erase(erasure, actor, begun).await;
        Started::new(self.operations.start(run).await, not_erased)
    }

    /// The dry run of [`erase`](Self::erase): the same counts without writes, and without the handlers. `kept` and
    /// `undone` are empty.
    ///
    /// # Errors
    ///
    /// [`is_refused`](Error::is_refused) if the person's value is blank, or a mail address is none. Otherwise when the
    /// database does not answer.
    pub async fn count_erasure(&self, person: &Person) -> Result<Erased, Error> {
        let person = person.clone();
        self.operations.run(async move |operations| operations.count_erasure(person).await).await.map_err(not_erased)
    }
}

fn not_erased(error: NotErased) -> Error {
    match error {
        NotErased::Refused(sentence) => Error::refused(sentence),
        NotErased::Stopped => Error::stopped("the erasure"),
        NotErased::Unavailable(_) => Error::unavailable("the erasure"),
    }
}
