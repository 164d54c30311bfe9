use mojito_schema::Backend;

/// Whoever forgets a result together with the store: a handler's hook, as the store sees it.
#[rocket::async_trait]
pub(crate) trait ErasedHook<B: Backend>: Send + Sync {
    /// The handler's name.
    fn name(&self) -> String;

    /// Forgets a result, in the transaction that erases it. `false` where that failed.
    ///
    /// # Cancellation
    ///
    /// The connection is fit to be closed.
    async fn erased(&self, endpoint: &str, result_id: &str, tx: &mut B::Connection) -> bool;
}
