use tokio::sync::watch;

/// Tells its listeners that there may be work. It only shortens their poll: a missed wakeup does no harm.
#[derive(Clone)]
pub(crate) struct Wakeup {
    all: watch::Sender<()>,
    own: watch::Sender<()>,
}

impl Wakeup {
    pub fn new() -> Self {
        Self { all: watch::Sender::new(()), own: watch::Sender::new(()) }
    }

    /// Says that this process made work. Wakes every listener, also those that are not waiting yet.
    pub fn notify(&self) {
        self.all.send_replace(());
        self.own.send_replace(());
    }

    /// Says that another process made work.
    pub fn notify_of_others(&self) {
        self.all.send_replace(());
    }

    pub fn listen(&self) -> watch::Receiver<()> {
        self.all.subscribe()
    }

    /// Listens only for work that this process made.
    pub fn listen_for_own(&self) -> watch::Receiver<()> {
        self.own.subscribe()
    }
}
