use mojito_schema::{EventKind, PauseKind, PauseRow, Selection, Timestamp};

/// The name and reason of an operation's author, for the audit.
///
/// ```
/// # use rocket_mojito::Actor;
/// let actor = Actor::new("anna@ops").because("the offer template is fixed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub(crate) name: String,
    pub(crate) reason: Option<String>,
}

impl Actor {
    /// An author, by the name that the audit shows. NUL in a text becomes U+FFFD.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: without_nul(name.into()), reason: None }
    }

    /// Adds the reason.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(without_nul(reason.into()));
        self
    }
}

/// A text that every database accepts.
fn without_nul(text: String) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// A replay: the selected work, and its pace.
///
/// A replay covers the selected work: handler by handler, delivery by delivery. [`Inbox::count`](crate::Inbox::count)
/// tells beforehand how many deliveries a selection covers.
///
/// ```
/// # use rocket_mojito::{Replay, Selection, State};
/// let dead = Replay::new(Selection::all().state(State::Discarded).handler("HiringDesk")).per_second(10);
/// let to_a_new_handler = Replay::new(Selection::all()).to_handler("Ledger");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub(crate) selection: Selection,
    pub(crate) handler: Option<String>,
    pub(crate) to_all_handlers: bool,
    pub(crate) as_event: Option<EventKind>,
    pub(crate) per_second: u32,
}

impl Replay {
    /// A replay of the selected work, fifty deliveries a second.
    ///
    /// Without a condition on the work, the replay covers all work of the selected deliveries. A quarantined delivery
    /// that is understood now gets work for every handler.
    pub fn new(selection: Selection) -> Self {
        Self { selection, handler: None, to_all_handlers: false, as_event: None, per_second: 50 }
    }

    /// Limits the replay to the handler of this name, whatever work the selection found. If the handler was attached
    /// after the deliveries came, the missing work is made.
    pub fn to_handler(mut self, name: impl Into<String>) -> Self {
        self.handler = Some(name.into());
        self.to_all_handlers = false;
        self
    }

    /// Extends the replay to every known handler that is not retired, even if the selection found work of one alone.
    pub fn to_all_handlers(mut self) -> Self {
        self.handler = None;
        self.to_all_handlers = true;
        self
    }

    /// Takes quarantined deliveries for events of this kind, where nobody could tell the event: neither the path nor
    /// the body. They get the finding [`EventNamed`](mojito_schema::FindingCode::EventNamed).
    ///
    /// A delivery whose body is not usable for another reason stays in quarantine, and keeps that reason. So does one
    /// whose body tells another event by now. A selected delivery whose event is known is a reason to refuse the
    /// replay: select by `Selection::event(EventKind::Unknown)`. The vendor's next copy of such a body is a quarantined
    /// delivery of its own.
    pub fn as_event(mut self, kind: EventKind) -> Self {
        self.as_event = Some(kind);
        self
    }

    /// The number of deliveries that are made to wait again in each second. At least 1.
    pub fn per_second(mut self, deliveries: u32) -> Self {
        self.per_second = deliveries.max(1);
        self
    }
}

/// A discard: the selected work that waits, and its pace.
///
/// ```
/// # use rocket_mojito::{Discard, Selection};
/// let waiting = Discard::new(Selection::all().handler("HiringDesk")).per_second(100);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discard {
    pub(crate) selection: Selection,
    pub(crate) per_second: u32,
}

impl Discard {
    /// A discard of the selected work that waits: a thousand deliveries a second.
    pub fn new(selection: Selection) -> Self {
        Self { selection, per_second: 1_000 }
    }

    /// The number of deliveries whose work is given up in each second. At least 1.
    pub fn per_second(mut self, deliveries: u32) -> Self {
        self.per_second = deliveries.max(1);
        self
    }
}

impl From<Selection> for Discard {
    fn from(selection: Selection) -> Self {
        Self::new(selection)
    }
}

/// A dismissal: the selected dead work and deliveries in quarantine, and its pace.
///
/// ```
/// # use rocket_mojito::{Dismissal, Selection};
/// let known = Dismissal::new(Selection::all().handler("HiringDesk")).per_second(100);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dismissal {
    pub(crate) selection: Selection,
    pub(crate) per_second: u32,
}

impl Dismissal {
    /// A dismissal of the selected work that is dead, and of the selected deliveries that are in quarantine: a thousand
    /// deliveries a second. A condition on the work leaves deliveries in quarantine out, since they have no work.
    pub fn new(selection: Selection) -> Self {
        Self { selection, per_second: 1_000 }
    }

    /// The number of deliveries that are dismissed in each second. At least 1.
    pub fn per_second(mut self, deliveries: u32) -> Self {
        self.per_second = deliveries.max(1);
        self
    }
}

impl From<Selection> for Dismissal {
    fn from(selection: Selection) -> Self {
        Self::new(selection)
    }
}

/// An endpoint or a handler that is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pause {
    /// The kind of thing that is paused.
    pub kind: PauseKind,
    /// The name of the endpoint or handler.
    pub name: String,
    /// When an operator paused it, for every process. None where a setting alone pauses it.
    pub since: Option<Timestamp>,
    /// The operator.
    pub actor: Option<String>,
    /// The operator's reason.
    pub reason: Option<String>,
    /// The setting that pauses it in the processes that have this setting.
    pub setting: Option<String>,
}

impl Pause {
    /// A pause by an operator.
    pub(crate) fn by_operator(row: PauseRow, setting: Option<String>) -> Self {
        let PauseRow { kind, name, since, actor, reason } = row;
        Self { kind, name, since: Some(since), actor: Some(actor), reason, setting }
    }

    /// A pause by a setting alone.
    pub(crate) fn by_setting(kind: PauseKind, name: &str, setting: String) -> Self {
        Self { kind, name: name.to_owned(), since: None, actor: None, reason: None, setting: Some(setting) }
    }
}

/// The counts of a selection: what an action on it would concern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// The selected deliveries.
    pub deliveries: u64,
    /// The selected work, counted once for each delivery and handler.
    pub work: u64,
    /// The selected deliveries that are in quarantine. They have no work yet.
    pub quarantined: u64,
}

/// The counts of a replay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replayed {
    /// Work that waits again, counted once for each delivery and handler.
    pub work: u64,
    /// Work that was left alone, since it was running or locked by another transaction.
    pub left_alone: u64,
    /// Quarantined deliveries that are understood now, and have their standing and their work.
    pub admitted: u64,
    /// Quarantined deliveries that are still not understood. They stay where they are.
    pub still_quarantined: u64,
}

/// The counts of a pruning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Bodies older than `body_retention_days`.
    pub bodies: u64,
    /// Deliveries older than `retention_days`.
    pub deliveries: u64,
    /// Work that was discarded because nobody would ever have done it. Either its handler is retired, or it is older
    /// than `body_retention_days` and no process has had its handler attached for a day.
    pub work: u64,
}
