use std::fmt;
use std::sync::Arc;

use super::MojitoConfig;

type Change = Arc<dyn Fn(&mut MojitoConfig) + Send + Sync>;

/// Where settings come from, and the changes that code has made to them since.
///
/// Settings of the environment are read again at launch, from the Rocket that the fairing is attached to: its
/// configuration may be another one. The changes are then made again.
#[derive(Clone, Default)]
pub(super) struct Origin {
    is_environment: bool,
    changes: Vec<Change>,
}

impl Origin {
    pub fn environment() -> Self {
        Self { is_environment: true, changes: Vec::new() }
    }

    /// Whether the settings of the attached Rocket take their place.
    pub fn is_environment(&self) -> bool {
        self.is_environment
    }

    /// Keeps a change, where it may have to be made again.
    pub fn keep(&mut self, change: impl Fn(&mut MojitoConfig) + Send + Sync + 'static) {
        if self.is_environment {
            self.changes.push(Arc::new(change));
        }
    }

    /// Makes the changes to other settings.
    pub fn change(&self, settings: &mut MojitoConfig) {
        for change in &self.changes {
            change(settings);
        }
    }
}

// The changes are functions, and may hold secrets.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("is_environment", &self.is_environment).finish_non_exhaustive()
    }
}
