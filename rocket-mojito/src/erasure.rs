use std::collections::BTreeSet;
use std::fmt;

use mojito_schema::{ErasedRows, Person, Undone};

/// An erasure: the person, and the number of results that it may take.
///
/// A [`Person`] alone is enough if no more than twenty results name the person. More have to be confirmed. A value that
/// many people share, such as an id that was never filled in, would take all of their results.
///
/// ```
/// # use rocket_mojito::{Erasure, Person};
/// let erasure = Erasure::new(Person::Email("ann@example.com".to_owned())).confirm(42);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub(crate) person: Person,
    confirmed: Option<u64>,
    without: BTreeSet<String>,
}

/// The number of results that an erasure takes without confirmation.
const UNCONFIRMED: u64 = 20;

impl Erasure {
    /// The erasure of a person.
    pub fn new(person: Person) -> Self {
        Self { person, confirmed: None, without: BTreeSet::new() }
    }

    /// Confirms the number of results, as counted by [`Inbox::count_erasure`](crate::Inbox::count_erasure). If there
    /// are more or fewer by then, nothing is erased.
    pub fn confirm(mut self, results: u64) -> Self {
        self.confirmed = Some(results);
        self
    }

    /// Goes without the hook `erased` of a handler that is not attached. The host's tables keep the rows that the hook
    /// would delete, and the receipt names the handler.
    pub fn without_handler(mut self, name: impl Into<String>) -> Self {
        self.without.insert(name.into());
        self
    }

    /// The handlers whose hook cannot be called: those that have one and are not attached.
    ///
    /// # Errors
    ///
    /// The reason for a refusal: one of these was not named, or another handler was.
    pub(crate) fn missing(
        &self,
        hooked: &BTreeSet<String>,
        attached: &BTreeSet<String>,
    ) -> Result<Vec<String>, String> {
        let missing: BTreeSet<&String> = hooked.difference(attached).collect();
        if let Some(name) = missing.iter().find(|name| !self.without.contains(**name)) {
            return Err(format!(
                "the handler `{name}` forgets with the plugin, and is not attached here: erase where it is, or go without \
                 it by `Erasure::without_handler`"
            ));
        }
        if let Some(name) = self.without.iter().find(|name| !missing.contains(name)) {
            return Err(format!("no handler `{name}` is missing: erase without naming it"));
        }
        Ok(missing.into_iter().cloned().collect())
    }

    /// The reason for a refusal of an erasure that takes so many results.
    pub(crate) fn refusal(&self, results: u64) -> Option<String> {
        match self.confirmed {
            Some(confirmed) if confirmed != results => {
                Some(format!("{results} results name this person, and {confirmed} were confirmed: look at them again"))
            }
            None if results > UNCONFIRMED => Some(format!(
                "{results} results name this person: more than {UNCONFIRMED} are erased after \
                 `Erasure::new(person).confirm({results})`"
            )),
            _ => None,
        }
    }
}

impl From<Person> for Erasure {
    fn from(person: Person) -> Self {
        Self::new(person)
    }
}

/// The receipt of an erasure: counts of the removed rows and texts, and the data that was left.
///
/// It counts rows, and names no person. Keep it, but for [`kept`](Self::kept), which names results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// Results that were emptied. Each leaves a tombstone, so that a late retry brings nothing back.
    pub results: u64,
    /// Bodies that were removed.
    pub bodies: u64,
    /// Work that was given up.
    pub work: u64,
    /// Error texts that were removed.
    pub errors: u64,
    /// Handlers that are not attached, whose [`erased`](crate::MojitoHandler::erased) was left out on request.
    pub without: Vec<String>,
    /// Deliveries that were left, and may be about the person all the same.
    pub elsewhere: Elsewhere,
    /// Results that were not erased, because a handler's hook failed, or a transaction held them. Erase again once that
    /// is over.
    pub kept: Vec<Kept>,
    /// Steps on the files of the database that failed.
    pub undone: Vec<Undone>,
}

impl Erased {
    pub(crate) fn add(&mut self, rows: ErasedRows) {
        self.results += rows.results;
        self.bodies += rows.bodies;
        self.work += rows.work;
        self.errors += rows.errors;
    }

    /// The number of rows that the erasure changed.
    pub(crate) fn affected(&self) -> u64 {
        self.results + self.bodies + self.work + self.errors
    }
}

/// Bodies that an erasure left, because they hold an id outside of its field, or a mail address within a longer text.
///
/// A score may be 42 as well as an id. A human has to decide whether such a body is about the person. If it is, erase
/// it by the id of its result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elsewhere {
    /// The number of deliveries with such a body, or whose state is such.
    pub count: u64,
    /// The ids of the first hundred.
    pub deliveries: Vec<i64>,
}

impl Elsewhere {
    /// The maximum number of named deliveries.
    const NAMED: usize = 100;

    pub(crate) fn new(deliveries: impl IntoIterator<Item = i64>) -> Self {
        let mut elsewhere = Self::default();
        for delivery in deliveries {
            elsewhere.count += 1;
            if elsewhere.deliveries.len() < Self::NAMED {
                elsewhere.deliveries.push(delivery);
            }
        }
        elsewhere
    }
}

/// A result that was not erased, not even in part. `Debug` does not name the result.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// The handler that prevented the erasure, if it is known.
    pub handler: Option<String>,
    /// The endpoint of the result.
    pub endpoint: String,
    /// The vendor's id of the result.
    pub result_id: String,
    /// The cause.
    pub cause: KeptBecause,
}

/// The cause for which a result was not erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeptBecause {
    /// The handler's [`erased`](crate::MojitoHandler::erased) answered with an error.
    Failed,
    /// The hook panicked.
    Panicked,
    /// The hook took more than five seconds.
    TimedOut,
    /// The hook's writes could not be committed, or the hook ended the transaction itself.
    NotCommitted,
    /// On Postgres: a running handler, or another transaction, held a row of the result for ten seconds.
    Locked,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("handler", &self.handler).field("cause", &self.cause).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_twenty_results_want_their_exact_number() {
        let erasure = || Erasure::new(Person::ExternalId("42".to_owned()));

        assert_eq!(erasure().refusal(20), None);
        assert!(erasure().refusal(21).is_some_and(|refusal| refusal.contains("confirm(21)")));
        assert_eq!(erasure().confirm(21).refusal(21), None);
        assert!(erasure().confirm(21).refusal(22).is_some());
        assert!(erasure().confirm(21).refusal(3).is_some(), "what is confirmed always counts");
    }

    #[test]
    fn a_handler_that_is_not_attached_has_to_be_named_and_no_other() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        let erasure = || Erasure::new(Person::ExternalId("42".to_owned()));
        let (hooked, attached) = (names(&["Desk", "Ledger"]), names(&["Desk", "Mails"]));

        assert_eq!(erasure().missing(&names(&["Desk"]), &attached), Ok(vec![]));
        assert!(erasure().missing(&hooked, &attached).is_err_and(|refusal| refusal.contains("`Ledger`")));
        assert_eq!(erasure().without_handler("Ledger").missing(&hooked, &attached), Ok(vec!["Ledger".to_owned()]));
        for other in ["Desk", "Mails", "Legder"] {
            let erasure = erasure().without_handler("Ledger").without_handler(other);
            assert!(erasure.missing(&hooked, &attached).is_err_and(|refusal| refusal.contains(other)), "{other}");
        }
    }

    #[test]
    fn a_hundred_are_named_and_all_are_counted() {
        let elsewhere = Elsewhere::new(1..=300);

        assert_eq!((elsewhere.count, elsewhere.deliveries), (300, (1..=100).collect()));
    }
}
