use mojito_schema::QueryResult;
use rocket_mojito::{Context, Event, Field, HandlerResult, MojitoHandler, Standing, Utc};

use crate::database::{Db, DbConnection};
use crate::notice::Notice;
use crate::stage::Stage;
use crate::tables::applications::Application;
use crate::tables::events::NewEntry;
use crate::tables::{deliveries, notices};

/// Files every delivery: an entry in the timeline, and where the application stands now.
///
/// Everything is written through the transaction of the delivery, so each is filed exactly once. Nothing here
/// calls another service, and nothing decides about a person.
pub struct HiringDesk;

#[rocket::async_trait]
impl MojitoHandler<Db> for HiringDesk {
    // Work is stored under it: it must outlive the name of the type.
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
}

/// Writes the timeline, and moves the application to `stage` if that is still where it stands.
async fn file(tx: &mut DbConnection, event: &Event, stage: Stage) -> QueryResult<()> {
    let now = Utc::now();
    NewEntry::new(event, now).append(tx).await?;
    // A later version speaks for the present: it has moved the application, or will in a moment.
    if event.is_superseded() || event.standing() != Standing::Current {
        return Ok(());
    }
    let Some(version) = event.version() else { return Ok(()) };
    let (endpoint, result_id) = (event.endpoint(), event.payload().id.as_str());
    let former = Application::find(tx, endpoint, result_id).await?;
    // A version that was handled before is replayed: everybody has noticed.
    if former.as_ref().is_none_or(|former| former.version < version) {
        let noticed = noticed(event, former.map(|former| former.stage), stage);
        notices::append(tx, event, &noticed, now).await?;
    }
    let application =
        Application { endpoint: endpoint.to_owned(), result_id: result_id.to_owned(), stage, version, updated_at: now };
    application.put(tx).await
}

/// What the desk should notice about a new version.
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
