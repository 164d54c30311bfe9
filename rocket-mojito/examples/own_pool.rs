//! A host with its own pool and migrations. Its handler calls a service with the key, then writes two tables at once.
//! `letters = "http://127.0.0.1:9000/letters"` in `Rocket.toml` names the service.
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rocket::{Config, figment::Figment, get, routes};
use rocket_db_pools::{Connection, Database as _};
use rocket_mojito::{Context, Event, Field, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, Sqlite, pool};

use self::schema::{letters, timeline};

mod schema {
    diesel::table! { letters (result_id) { result_id -> Text } }
    diesel::table! { timeline (id) { id -> Integer, result_id -> Text, entry -> Text } }
}
const TABLES: EmbeddedMigrations = embed_migrations!("../rocket-mojito/examples/own_pool");

#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(pool::SqlitePool);
struct Letters(String);

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for Letters {
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
        let result = event.payload();
        if !event.changed(Field::RecruiterGoNextRound) || result.recruiter_go_next_round != Some(true) {
            return Ok(());
        }
        // No transaction is open yet, so the call may take its time. A second attempt has the same key.
        let request = hyper::Request::post(&self.0).header("Idempotency-Key", cx.key()).body(result.id.clone())?;
        let status = Client::builder(TokioExecutor::new()).build_http().request(request).await?.status();
        if !status.is_success() {
            return Err(format!("the service for letters answers {status}").into());
        }
        let tx = cx.transaction().await?;
        let letter = diesel::insert_into(letters::table).values(letters::result_id.eq(&result.id));
        letter.on_conflict_do_nothing().execute(tx).await?;
        let entry = (timeline::result_id.eq(&result.id), timeline::entry.eq("a letter was sent"));
        diesel::insert_into(timeline::table).values(entry).execute(tx).await?;
        Ok(())
    }
}

#[get("/letters")]
async fn sent(mut db: Connection<HostDb>) -> Option<String> {
    Some(letters::table.select(letters::result_id).load::<String>(&mut **db).await.ok()?.join("\n"))
}

pub(crate) fn host(figment: Figment) -> rocket::Rocket<rocket::Build> {
    let handler = Letters(figment.extract_inner("letters").expect("`letters` is the URL of the service"));
    let config = MojitoConfig::from_figment(&figment).expect("the settings below `mojito` are sound");
    let fairing = MojitoFairing::new(config).database::<HostDb>().migrations(TABLES).handler(handler);
    rocket::custom(figment).attach(HostDb::init()).attach(fairing).mount("/", routes![sent])
}
#[rocket::launch]
fn rocket() -> _ {
    host(Config::figment())
}
