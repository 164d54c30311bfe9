use futures_util::FutureExt;
use mojito_schema::{Backend, Content, EventKind, NewDelivery, Snapshot, Timestamp};

use super::operations::Operations;
use super::{Committed, Unavailable};

impl<B: Backend> Operations<B> {
    /// Records a made-up delivery and rolls it back. Success tells that the last refused delivery was itself to blame
    /// for its refusal.
    pub(super) async fn try_record(&self, endpoint: String) -> Result<(), Unavailable> {
        let delivery = trial(endpoint);
        let mut dedicated = self.reader.lock().await;
        let tried = dedicated
            .commit("the database takes no delivery", |c| B::try_record(c, delivery, Timestamp::now()).boxed());
        tried.await.map(Committed::outcome)?;
        self.database.health().take();
        Ok(())
    }
}

/// A delivery about a result that does not exist: its id is random.
fn trial(endpoint: String) -> NewDelivery {
    let (event, body) = (EventKind::InterviewResult, b"{}".to_vec());
    let result_id = format!("trial {:016x}", fastrand::u64(..));
    let content = Content::Usable { result_id, snapshot: Box::new(Snapshot::empty()) };
    NewDelivery::new(endpoint, "none".to_owned(), event, Timestamp::now(), body, content)
}
