//! A handler with its tests: one attempt, a host with a retry, and every disturbance that a handler has to bear.
use rocket_mojito::diesel::{sql_query, sql_types::Text};
use rocket_mojito::diesel_async::RunQueryDsl as _;
use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Sqlite};

struct HiringDesk;

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for HiringDesk {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        if event.payload().recruiter_go_next_round != Some(true) {
            return Ok(());
        }
        // The key makes it idempotent: a replay finds the offer that is there.
        let offer = sql_query("INSERT INTO offers (result_id) VALUES (?) ON CONFLICT DO NOTHING");
        offer.bind::<Text, _>(&event.payload().id).execute(cx.transaction().await?).await?;
        Ok(())
    }
}

// The tests are the example: `cargo test -p rocket-mojito --features testing --example testing_a_handler`.
fn main() {
    let _handler = HiringDesk;
}

#[cfg(test)]
mod tests {
    use rocket_mojito::diesel_async::SimpleAsyncConnection as _;
    use rocket_mojito::testing::{TestDatabase, TestInbox, check, perform};
    use rocket_mojito::{EventKind, MojitoConfig, MojitoFairing, SecretConfig};

    use super::*;

    const OFFERS: &str = "CREATE TABLE offers (result_id TEXT PRIMARY KEY, score DOUBLE)";
    type Failure = Box<dyn std::error::Error + Send + Sync>;
    async fn database() -> Result<TestDatabase<Sqlite>, Failure> {
        let database = TestDatabase::in_memory().await?;
        database.connection().await?.batch_execute(OFFERS).await?;
        Ok(database)
    }

    #[rocket::async_test]
    async fn a_decision_makes_an_offer_exactly_once() -> Result<(), Failure> {
        let event = Event::example(EventKind::InterviewResult).recruiter_go_next_round(true).build();
        perform(&HiringDesk, &event, &mut database().await?).await?.assert_completed();
        Ok(check(&HiringDesk, database).await?)
    }

    #[rocket::async_test]
    async fn a_desk_without_its_table_is_tried_again() -> Result<(), Failure> {
        let secret = SecretConfig::header("test", "X-Mojito-Secret", "7hQ2mZ0pVx9sLr4TkWc8bN1f");
        let config = MojitoConfig::new().secret("default", secret).allow_ephemeral(true);
        let figment = rocket::Config::figment().merge(("databases.mojito.url", ":memory:"));
        let host = rocket::custom(figment).attach(MojitoFairing::new(config).handler(HiringDesk));
        let inbox = TestInbox::try_new(host).await?;
        inbox.post(&Event::example(EventKind::InterviewResult).recruiter_go_next_round(true)).await?;
        assert!(inbox.drain().await?[0].retry_in().is_some());
        Ok(())
    }
}
