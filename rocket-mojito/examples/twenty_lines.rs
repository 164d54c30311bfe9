//! The twenty lines of the README.

#![expect(missing_docs, clippy::redundant_closure_for_method_calls, reason = "twenty lines are for people")]

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rocket_mojito::{Context, Event, Field, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, Sqlite};

diesel::table! { offers (result_id) { result_id -> Text, score -> Nullable<Double> } }

const TABLES: EmbeddedMigrations = embed_migrations!("../rocket-mojito/examples/migrations");

struct HiringDesk;

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for HiringDesk {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        let result = event.payload();
        if !event.changed(Field::RecruiterGoNextRound) || result.recruiter_go_next_round != Some(true) {
            return Ok(());
        }
        let score = result.score.as_ref().map(|score| score.as_f64());
        let row = (offers::result_id.eq(&result.id), offers::score.eq(score));
        let offer = diesel::insert_into(offers::table).values(row).on_conflict_do_nothing();
        offer.execute(cx.transaction().await?).await?;
        Ok(())
    }
}

#[rocket::launch]
fn rocket() -> _ {
    let config = MojitoConfig::from_env().expect("the settings below `mojito` are sound");
    rocket::build().attach(MojitoFairing::new(config).migrations(TABLES).handler(HiringDesk))
}
