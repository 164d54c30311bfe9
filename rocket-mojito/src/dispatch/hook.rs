use std::sync::Arc;

use mojito_schema::Backend;

use super::MojitoHandler;
use crate::store::ErasedHook;

/// The adapter through which an erasure calls a handler.
pub(crate) struct Hook<B: Backend>(pub Arc<dyn MojitoHandler<B>>);

#[rocket::async_trait]
impl<B: Backend> ErasedHook<B> for Hook<B> {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn erased(&self, endpoint: &str, result_id: &str, tx: &mut B::Connection) -> bool {
        // The error's text comes from the host, and may quote the candidate.
        self.0.erased(endpoint, result_id, tx).await.is_ok()
    }
}
