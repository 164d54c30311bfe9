diesel::table! {
    /// Which migrations have run: a list of our own, so that the host's `diesel migration` commands never meet it.
    #[sql_name = "mojito_migrations"]
    migrations (name) {
        /// The migration's folder.
        name -> Text,
    }
}
