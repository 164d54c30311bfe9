use mojito_schema::Selection;

use super::Inbox;
use crate::Error;
use crate::event::{Drift, DriftCount};

impl Inbox {
    /// Compares the stored bodies of the newest `deliveries` with the payloads that this version knows. So it tells what
    /// the vendor sends by now and has not documented. Bodies that are pruned or erased are not there any more.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops it: it writes nothing.
    pub async fn drift(&self, deliveries: u32) -> Result<Drift, Error> {
        let newest = self.list(&Selection::all(), None, 1).await?.deliveries.pop();
        let Some(newest) = newest.map(|listed| listed.delivery_id) else { return Ok(Drift::default()) };
        let (mut after, mut count) = (newest.saturating_sub(deliveries.into()), DriftCount::default());
        loop {
            let bodies = self.operations.run(async move |operations| operations.bodies(after).await).await;
            let bodies = bodies.map_err(|_| Error::unavailable("the bodies"))?;
            let Some((last_id, _)) = bodies.last() else { return Ok(count.end()) };
            after = *last_id;
            bodies.iter().for_each(|(_, body)| count.add_body(body));
        }
    }
}
