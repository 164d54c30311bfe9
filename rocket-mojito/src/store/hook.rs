use mojito_schema::Backend;

/// A handler's hook `erased`, as the store sees it: it forgets a result together with the store.
#[rocket::async_trait]
pub(crate) trait ErasedHook<B: Backend>: Send + Sync {
    /// The handler's name.
    fn name(&self) -> String;

    /// Forgets a result, in the transaction that erases it. `false` where the hook failed.
    ///
    /// # Cancellation
    ///
    /// The connection is only fit to be closed.
    async fn erased(&self, endpoint: &str, result_id: &str, tx: &mut B::Connection) -> bool;
}
