use std::sync::{Arc, OnceLock};

use diesel_async::AsyncConnection as _;
use mojito_schema::QueryResult;
use rocket::fairing::AdHoc;
use rocket_db_pools::{Database as _, Pool as _};
use rocket_mojito::{Context, Event, Field, HandlerResult, MojitoHandler, Standing, Timestamp};

use crate::database::{Db, DbConnection, DbPool, HiringDb};
use crate::notice::Notice;
use crate::stage::Stage;
use crate::tables::applications::Application;
use crate::tables::events::NewEntry;
use crate::tables::{deliveries, events, notices};

/// Files every delivery: writes an entry in the timeline, and the present stage of the application.
///
/// Everything is written through the transaction of the delivery, so each delivery is filed exactly once. Nothing here
/// calls another service, and nothing decides about a person.
#[derive(Default)]
pub struct HiringDesk {
    /// The pool for the hook `discarded`, which runs without a transaction. It is set once the desk's database is open.
    database: Arc<OnceLock<DbPool>>,
}

impl HiringDesk {
    /// Gives the handler the desk's database at launch. Attach it after [`HiringDb`].
    pub fn open(&self) -> AdHoc {
        let database = Arc::clone(&self.database);
        AdHoc::on_ignite("Database of the desk's handler", move |rocket| async move {
            if let Some(pool) = HiringDb::fetch(&rocket) {
                let _ = database.set((**pool).clone());
            }
            rocket
        })
    }
}

#[rocket::async_trait]
impl MojitoHandler<Db> for HiringDesk {
    // Work is stored under this name: it must outlive the name of the type.
    fn name(&self) -> String {
        "HiringDesk".to_owned()
    }

    async fn interview_collected(&self, event: &Event, cx: &mut Context<'_, Db>) -> HandlerResult {
        let tx = cx.transaction().await?;
        file(tx, event, Stage::AnswersIn).await?;
        Ok(())
    }

    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Db>) -> HandlerResult {
        let stage = Stage::of_result(event.payload().recruiter_go_next_round);
        let tx = cx.transaction().await?;
        file(tx, event, stage).await?;
        Ok(())
    }

    async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, Db>) -> HandlerResult {
        let tx = cx.transaction().await?;
        let stage = Stage::of_failure(deliveries::had_result(tx, event).await?);
        file(tx, event, stage).await?;
        Ok(())
    }

    /// Notes that the delivery is not filed, and will not be before an operator replays it. The hook may be called
    /// twice.
    async fn discarded(&self, event: &Event, _: &str) -> HandlerResult {
        let database = self.database.get().ok_or("the desk's database is not open")?;
        let mut connection = database.get().await?;
        connection.transaction(async |c| notices::note_not_filed(c, event, Timestamp::now()).await).await?;
        Ok(())
    }

    async fn erased(&self, endpoint: &str, result_id: &str, tx: &mut DbConnection) -> HandlerResult {
        let others = deliveries::of_other_endpoints(tx, endpoint, result_id).await?;
        events::erase(tx, result_id, &others).await?;
        notices::erase(tx, endpoint, result_id).await?;
        Application::erase(tx, endpoint, result_id).await?;
        Ok(())
    }
}

/// Writes the timeline, and moves the application to `stage` unless a later version has moved it.
async fn file(tx: &mut DbConnection, event: &Event, stage: Stage) -> QueryResult<()> {
    let now = Timestamp::now();
    NewEntry::new(event, now).append(tx).await?;
    // A later version speaks for the present: it has moved the application, or will in a moment.
    if event.is_superseded() || event.standing() != Standing::Current {
        return Ok(());
    }
    let Some(version) = event.version() else { return Ok(()) };
    let (endpoint, result_id) = (event.endpoint(), event.payload().id.as_str());
    let former = Application::find(tx, endpoint, result_id).await?;
    // A version that was handled before is replayed: its notices are written already.
    if former.as_ref().is_none_or(|former| former.version < version) {
        let noticed = noticed(event, former.as_ref().map(|former| former.stage), stage);
        notices::append(tx, event, &noticed, now).await?;
    }
    let application =
        Application { endpoint: endpoint.to_owned(), result_id: result_id.to_owned(), stage, version, updated_at: now };
    if former.is_none() { application.insert(tx).await } else { application.replace(tx).await }
}

/// The notices about a new version.
fn noticed(event: &Event, former: Option<Stage>, stage: Stage) -> Vec<Notice> {
    let payload = event.payload();
    let has_new_report = event.changed(Field::PdfExportUrl) && payload.pdf_export_url.is_some();
    let had_score = event.previous().is_some_and(|previous| previous.score.is_some());
    let has_other_score = event.changed(Field::Score) && had_score && payload.score.is_some();
    [
        Notice::of_move(former, stage),
        has_new_report.then_some(Notice::ReportAvailable),
        has_other_score.then_some(Notice::ScoreChanged),
    ]
    .into_iter()
    .flatten()
    .collect()
}

// The tests make SQLite databases in memory. The desk on Postgres is tested from outside.
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use diesel::SqliteConnection;
    use diesel::sql_types::Text;
    use diesel_async::RunQueryDsl;
    use diesel_migrations::MigrationHarness as _;
    use rocket::figment::{Figment, util::map};
    use rocket_db_pools::{Database as _, Pool as _};
    use rocket_mojito::testing::{Disturbance, TestDatabase, TestInbox, check};
    use rocket_mojito::{Actor, EventKind, Person};

    use super::*;
    use crate::database::MIGRATIONS;
    use crate::environment::Environment;

    const SECRET: &str = "default-secret-0123456789";
    const OTHER_SECRET: &str = "other-secret-0123456789abc";

    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        value: String,
    }

    /// A desk in memory with the endpoints `default` and `other`.
    async fn desk() -> TestInbox {
        let header = "X-Mojito-Secret";
        let secret = |id: &str, value: &str| {
            [map!["id" => id.to_owned(), "header" => header.to_owned(), "value" => value.to_owned()]]
        };
        let figment = Figment::from(rocket::Config::debug_default())
            .merge(("databases.mojito.url", ":memory:"))
            .merge(("mojito.allow_ephemeral", true))
            .merge(("mojito.endpoints.other.secrets", secret("other", OTHER_SECRET)));
        let environment = Environment { mojito_secret: Some(SECRET.to_owned()), ..Environment::default() };
        TestInbox::try_new(crate::rocket(figment, environment).unwrap()).await.unwrap()
    }

    async fn post(desk: &TestInbox, endpoint: &str, result_id: &str, mail: &str, score: f64) {
        let event = Event::example(EventKind::InterviewResult).recruiter_go_next_round(true);
        let event = event.endpoint(endpoint).id(result_id).candidate_email(mail).score(score);
        assert_eq!(desk.post(&event).await.unwrap().status(), 200);
    }

    async fn texts(desk: &TestInbox, query: &str) -> Vec<String> {
        let mut connection = HiringDb::fetch(desk.client().rocket()).unwrap().get().await.unwrap();
        let rows: Vec<Row> = diesel::sql_query(query).load(&mut connection).await.unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    #[rocket::async_test]
    async fn the_desk_files_each_delivery_exactly_once_and_its_timeline_tells_of_replays() {
        let fresh = async || {
            let database = TestDatabase::<Db>::in_memory().await?;
            let migrate = |c: &mut SqliteConnection| c.run_pending_migrations(MIGRATIONS).map(|_| ());
            database.connection().await?.spawn_blocking(move |c| Ok(migrate(c))).await??;
            Ok(database)
        };

        let outcome = check(&HiringDesk::default(), fresh).await.unwrap_err();

        let named: Vec<_> = outcome.violations().iter().map(|v| (v.table.as_str(), v.disturbance)).collect();
        assert_eq!(named, [("application_events", Disturbance::Twice)]);
    }

    #[rocket::async_test]
    async fn the_desk_forgets_who_is_erased_and_nobody_else() {
        let told = "SELECT 'application of ' || endpoint || '/' || result_id AS value FROM applications
            UNION SELECT 'notices of ' || endpoint || '/' || result_id FROM application_notices
            UNION SELECT 'timeline of ' || coalesce(endpoint, 'pruned') || '/' || e.result_id FROM application_events AS e
                LEFT JOIN mojito_deliveries AS d ON d.id = e.delivery_id
            ORDER BY 1";
        let desk = desk().await;
        post(&desk, "default", "r", "ann@example.com", 5.0).await;
        post(&desk, "default", "r", "ann@example.com", 7.0).await;
        post(&desk, "default", "s", "bob@example.com", 5.0).await;
        post(&desk, "other", "r", "bob@example.com", 5.0).await;
        desk.drain().await.unwrap();
        // The timeline outlives pruned deliveries.
        texts(&desk, "UPDATE application_events SET delivery_id = -1 WHERE delivery_id = 1 RETURNING '' AS value")
            .await;
        let before = texts(&desk, told).await;

        let person = Person::Email("ann@example.com".to_owned());
        let erased = desk.inbox().erase(person, Actor::new("anna").because("asked to")).await.unwrap();

        let of =
            |result: &str| ["application of ", "notices of ", "timeline of "].map(|what| format!("{what}{result}"));
        let mut others = [of("default/s"), of("other/r")].concat();
        others.sort();
        assert_eq!(before.len(), 10, "{before:?}");
        assert_eq!((erased.results, erased.kept.len()), (1, 0));
        assert_eq!(texts(&desk, told).await, others);
        desk.stop().await;
    }
}
