use super::text_enum::text_enum;

text_enum! {
    /// An operator's action.
    Action {
        /// Deliveries were handed to handlers again.
        Replay = "replay",
        /// A person was removed.
        Erase = "erase",
        /// Bodies and deliveries that were too old were removed.
        Prune = "prune",
        /// Work was given up.
        Discard = "discard",
        /// Dead work and deliveries in quarantine were dismissed: they stand in no backlog any more.
        Dismiss = "dismiss",
        /// An endpoint or a handler was paused, for every process.
        Pause = "pause",
        /// An endpoint or a handler was resumed.
        Resume = "resume",
        /// A handler was retired: no delivery makes work for it any more.
        Retire = "retire",
        /// Personal data was shown.
        Reveal = "reveal",
        /// A handler was run without effect.
        Rehearse = "rehearse",
        /// The rows of another database were copied into this one.
        Import = "import",
    }
}

text_enum! {
    /// How far an operator's action has come.
    ActionState {
        /// A process executes it, step by step, or will take it over from a process that died.
        Running = "running",
        /// It came to its end.
        Done = "done",
        /// An operator ended it between two steps.
        Cancelled = "cancelled",
        /// Its process died, and no other process can go on with it.
        Interrupted = "interrupted",
        /// The database ended it.
        Failed = "failed",
    }
}
