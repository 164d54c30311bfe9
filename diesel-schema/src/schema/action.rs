use super::text_enum::text_enum;

text_enum! {
    /// What an operator did.
    Action {
        /// Deliveries were handed to handlers again.
        Replay = "replay",
        /// A person was removed.
        Erase = "erase",
        /// What was too old was removed.
        Prune = "prune",
        /// Work was given up.
        Discard = "discard",
        /// Nothing makes work for a handler any more.
        Retire = "retire",
    }
}
