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
    }
}
