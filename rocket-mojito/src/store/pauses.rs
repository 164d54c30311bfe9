use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mojito_schema::{PauseKind, PauseRow};
use tokio::sync::{Mutex, RwLock, RwLockReadGuard};

use crate::Error;

/// The paused endpoints and handlers of this process, by the settings and by the table of pauses.
#[derive(Clone)]
pub(crate) struct Pauses(Arc<Switches>);

struct Switches {
    endpoints: BTreeMap<String, Switch>,
    handlers: BTreeMap<String, Switch>,
    /// Held from the read of the table until the switches are set, so that no older read comes after a newer one.
    turn: Mutex<()>,
    /// Held by each claim from its look at the switches until its commit.
    claims: RwLock<()>,
}

/// Leave to claim for a handler, for as long as it is held.
pub(crate) struct LeaveToClaim<'p>(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'p, ()>);

/// Whether a handler was paused, and whether one was resumed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub is_paused: bool,
    pub is_resumed: bool,
}

struct Switch {
    by_settings: bool,
    by_operator: AtomicBool,
}

impl Switch {
    fn is_on(&self) -> bool {
        self.by_settings || self.by_operator.load(Ordering::Relaxed)
    }
}

impl Pauses {
    /// A switch for each name; the flag says whether the settings pause it.
    pub fn new(
        endpoints: impl IntoIterator<Item = (String, bool)>,
        handlers: impl IntoIterator<Item = (String, bool)>,
    ) -> Self {
        let switch = |(name, by_settings)| (name, Switch { by_settings, by_operator: false.into() });
        let endpoints = endpoints.into_iter().map(switch).collect();
        let handlers = handlers.into_iter().map(switch).collect();
        Self(Arc::new(Switches { endpoints, handlers, turn: Mutex::default(), claims: RwLock::default() }))
    }

    pub fn has_endpoint(&self, name: &str) -> bool {
        self.0.endpoints.get(name).is_some_and(Switch::is_on)
    }

    pub fn has_handler(&self, name: &str) -> bool {
        self.0.handlers.get(name).is_some_and(Switch::is_on)
    }

    /// Leave to claim for a handler. `None` if it is paused.
    pub async fn leave_to_claim(&self, handler: &str) -> Option<LeaveToClaim<'_>> {
        let leave = self.0.claims.read().await;
        (!self.has_handler(handler)).then_some(LeaveToClaim(leave))
    }

    /// Sets the switches by the table, which `read` reads. Returns whether a handler was resumed.
    ///
    /// If a handler was paused, every claim that has not seen it has ended. Such a claim may wait for the database, and
    /// would claim what is recorded meanwhile.
    pub async fn refresh<E>(&self, read: impl Future<Output = Result<Vec<PauseRow>, E>>) -> Result<bool, E> {
        let _turn = self.0.turn.lock().await;
        let Changed { is_paused, is_resumed } = self.set(&read.await?);
        if is_paused {
            drop(self.0.claims.write().await);
        }
        Ok(is_resumed)
    }

    /// Sets the switches by the rows of the table.
    pub fn set(&self, rows: &[PauseRow]) -> Changed {
        let mut changed = Changed::default();
        for kind in PauseKind::ALL.iter().copied() {
            for (name, switch) in self.switches(kind) {
                let is_paused = rows.iter().any(|row| row.kind == kind && row.name == *name);
                let was_paused = switch.by_operator.swap(is_paused, Ordering::Relaxed);
                if kind == PauseKind::Handler && was_paused != is_paused {
                    changed.is_paused |= is_paused;
                    changed.is_resumed |= was_paused;
                }
            }
        }
        changed
    }

    /// The setting that pauses a name, if one does.
    pub fn setting(&self, kind: PauseKind, name: &str) -> Option<String> {
        self.switches(kind).get(name).filter(|switch| switch.by_settings).map(|_| setting(kind, name))
    }

    /// The names that the settings pause, each with its setting.
    pub fn by_settings(&self) -> impl Iterator<Item = (PauseKind, &str, String)> {
        PauseKind::ALL.iter().flat_map(|kind| {
            let paused = self.switches(*kind).iter().filter(|(_, switch)| switch.by_settings);
            paused.map(|(name, _)| (*kind, name.as_str(), setting(*kind, name)))
        })
    }

    /// Makes sure that a handler of this name exists.
    pub fn check_handler(&self, name: &str) -> Result<(), Error> {
        self.check(PauseKind::Handler, name)
    }

    /// Makes sure that an endpoint of this name exists.
    pub fn check_endpoint(&self, name: &str) -> Result<(), Error> {
        self.check(PauseKind::Endpoint, name)
    }

    fn check(&self, kind: PauseKind, name: &str) -> Result<(), Error> {
        let switches = self.switches(kind);
        if switches.contains_key(name) {
            return Ok(());
        }
        let known: Vec<&str> = switches.keys().map(String::as_str).collect();
        // A command that stands alone knows none.
        let known = if known.is_empty() { String::new() } else { format!(": there is `{}`", known.join("`, `")) };
        Err(Error::config(format!("there is no {kind} `{name}`{known}")))
    }

    fn switches(&self, kind: PauseKind) -> &BTreeMap<String, Switch> {
        match kind {
            PauseKind::Endpoint => &self.0.endpoints,
            PauseKind::Handler => &self.0.handlers,
        }
    }
}

fn setting(kind: PauseKind, name: &str) -> String {
    match kind {
        PauseKind::Endpoint => format!("mojito.endpoints.{name}.paused"),
        PauseKind::Handler => "mojito.paused_handlers".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mojito_schema::Timestamp;

    use super::*;

    fn row(kind: PauseKind, name: &str) -> PauseRow {
        PauseRow { kind, name: name.to_owned(), since: Timestamp::now(), actor: "anna".to_owned(), reason: None }
    }

    #[test]
    fn the_settings_and_the_table_pause_alike_and_the_table_alone_resumes() {
        let handlers = [("Desk".to_owned(), true), ("Ledger".to_owned(), false)];
        let pauses = Pauses::new([("default".to_owned(), false)], handlers);
        let paused = || [pauses.has_endpoint("default"), pauses.has_handler("Desk"), pauses.has_handler("Ledger")];
        let rows =
            [row(PauseKind::Endpoint, "default"), row(PauseKind::Handler, "Ledger"), row(PauseKind::Handler, "X")];

        assert_eq!(paused(), [false, true, false]);
        assert_eq!(pauses.set(&rows), Changed { is_paused: true, is_resumed: false });
        assert_eq!(paused(), [true; 3]);
        assert_eq!(pauses.set(&[]), Changed { is_paused: false, is_resumed: true });
        assert_eq!(paused(), [false, true, false]);
    }

    #[test]
    fn what_the_settings_pause_is_named_with_its_setting() {
        let endpoints = [("default".to_owned(), true), ("agency".to_owned(), false)];
        let pauses = Pauses::new(endpoints, [("Desk".to_owned(), true)]);
        // The table resumes nothing that the settings pause.
        pauses.set(&[row(PauseKind::Endpoint, "agency")]);

        let endpoint = (PauseKind::Endpoint, "default", "mojito.endpoints.default.paused".to_owned());
        let handler = (PauseKind::Handler, "Desk", "mojito.paused_handlers".to_owned());
        let named: Vec<_> = pauses.by_settings().collect();
        assert_eq!((named.len(), named.contains(&endpoint), named.contains(&handler)), (2, true, true), "{named:?}");
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_and_the_others_are_named() {
        let endpoints = [("default".to_owned(), false), ("agency".to_owned(), false)];
        let pauses = Pauses::new(endpoints, []);
        let text = |checked: Result<(), Error>| checked.expect_err("nobody has it").to_string();

        assert!(pauses.check_endpoint("agency").is_ok());
        let other = text(pauses.check_endpoint("Desk"));
        assert!(other.contains("there is no endpoint `Desk`: there is `agency`, `default`"), "{other}");
        let none = text(pauses.check_handler("default"));
        assert!(none.contains("there is no handler `default`") && !none.contains("there is `"), "{none}");
    }
}
