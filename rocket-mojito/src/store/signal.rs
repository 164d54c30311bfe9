use tokio::sync::watch;

/// Tells whoever listens that something was recorded. An optimisation over their poll: it may be missed without harm.
#[derive(Clone)]
pub(crate) struct Signal(watch::Sender<()>);

impl Signal {
    pub fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Wakes every listener, also those that are not waiting yet.
    pub fn notify(&self) {
        self.0.send_replace(());
    }

    pub fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
