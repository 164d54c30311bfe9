use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;

/// The pause switches of this process's endpoints and handlers.
#[derive(Clone)]
pub(crate) struct Pauses(Arc<Switches>);

struct Switches {
    endpoints: BTreeMap<String, AtomicBool>,
    handlers: BTreeMap<String, AtomicBool>,
}

impl Pauses {
    /// A switch for each name; the flag says whether it is paused from the start.
    pub fn new(
        endpoints: impl IntoIterator<Item = (String, bool)>,
        handlers: impl IntoIterator<Item = (String, bool)>,
    ) -> Self {
        let endpoints = endpoints.into_iter().map(|(name, is_paused)| (name, is_paused.into())).collect();
        let handlers = handlers.into_iter().map(|(name, is_paused)| (name, is_paused.into())).collect();
        Self(Arc::new(Switches { endpoints, handlers }))
    }

    pub fn has_endpoint(&self, name: &str) -> bool {
        self.0.endpoints.get(name).is_some_and(|switch| switch.load(Ordering::Relaxed))
    }

    pub fn has_handler(&self, name: &str) -> bool {
        self.0.handlers.get(name).is_some_and(|switch| switch.load(Ordering::Relaxed))
    }

    pub fn set_endpoint(&self, name: &str, is_paused: bool) -> Result<(), Error> {
        set(&self.0.endpoints, "endpoint", name, is_paused)
    }

    pub fn set_handler(&self, name: &str, is_paused: bool) -> Result<(), Error> {
        set(&self.0.handlers, "handler", name, is_paused)
    }

    /// Makes sure that a handler of this name exists.
    pub fn check_handler(&self, name: &str) -> Result<(), Error> {
        find(&self.0.handlers, "handler", name).map(drop)
    }

    /// Makes sure that an endpoint of this name exists.
    pub fn check_endpoint(&self, name: &str) -> Result<(), Error> {
        find(&self.0.endpoints, "endpoint", name).map(drop)
    }
}

fn set(switches: &BTreeMap<String, AtomicBool>, what: &str, name: &str, is_paused: bool) -> Result<(), Error> {
    find(switches, what, name).map(|switch| switch.store(is_paused, Ordering::Relaxed))
}

fn find<'s>(switches: &'s BTreeMap<String, AtomicBool>, what: &str, name: &str) -> Result<&'s AtomicBool, Error> {
    switches.get(name).ok_or_else(|| {
        let known: Vec<&str> = switches.keys().map(String::as_str).collect();
        // A command that stands alone knows none.
        let known = if known.is_empty() { String::new() } else { format!(": there is `{}`", known.join("`, `")) };
        Error::config(format!("there is no {what} `{name}`{known}"))
    })
}
