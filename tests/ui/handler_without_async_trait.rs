use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Sqlite};

struct HiringDesk;

impl MojitoHandler<Sqlite> for HiringDesk {
    async fn interview_result(&self, _: &Event, _: &mut Context<'_, Sqlite>) -> HandlerResult {
        Ok(())
    }
}

fn main() {}
