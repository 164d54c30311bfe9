use std::sync::{Arc, OnceLock};

use crate::config::MojitoConfig;
use crate::dispatch::Steps;

/// The mark in Rocket's state by which the fairing knows that a test runs the host step by step. It takes the steps.
#[derive(Clone, Default)]
pub(crate) struct Testing(Arc<OnceLock<Host>>);

/// The parts of a launched host that a test needs.
pub(crate) struct Host {
    pub steps: Box<dyn Steps>,
    pub config: MojitoConfig,
}

impl Testing {
    /// Keeps the launched host's parts.
    pub fn set(&self, steps: Box<dyn Steps>, config: MojitoConfig) {
        // A host is launched once.
        let _ = self.0.set(Host { steps, config });
    }

    /// The launched host's parts. `None` if no fairing is attached.
    pub fn host(&self) -> Option<&Host> {
        self.0.get()
    }
}
