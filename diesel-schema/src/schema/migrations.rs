diesel::table! {
    /// The migrations that have run. The table is the plugin's own, so that the host's `diesel migration` commands
    /// never meet it.
    #[sql_name = "mojito_migrations"]
    migrations (name) {
        /// The migration's folder.
        name -> Text,
    }
}
