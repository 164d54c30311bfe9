use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use diesel::ExpressionMethods as _;
use diesel_async::RunQueryDsl as _;
use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Postgres, Sqlite};

/// What the handler writes to, on both databases.
pub(crate) const TABLE: &str = "CREATE TABLE IF NOT EXISTS desk_events (
    delivery_id BIGINT NOT NULL PRIMARY KEY,
    result_id TEXT NOT NULL,
    candidate_name TEXT,
    score DOUBLE PRECISION,
    started_at BIGINT NOT NULL
)";

diesel::table! {
    /// The timeline of a host's desk, with the time at which the handler was started, in microseconds since 1970.
    desk_events (delivery_id) {
        delivery_id -> BigInt,
        result_id -> Text,
        candidate_name -> Nullable<Text>,
        score -> Nullable<Double>,
        started_at -> BigInt,
    }
}

/// A handler as hosts write it: one row of its own, in the transaction that it is handed.
#[derive(Default, Clone)]
pub(crate) struct Desk {
    /// How often it has ended.
    pub handled: Arc<AtomicU64>,
}

macro_rules! handles {
    ($backend:ty) => {
        #[rocket::async_trait]
        impl MojitoHandler<$backend> for Desk {
            fn name(&self) -> String {
                "desk".to_owned()
            }

            async fn interview_result(&self, event: &Event, cx: &mut Context<'_, $backend>) -> HandlerResult {
                let started_at = now();
                let result = event.payload();
                let row = (
                    desk_events::delivery_id.eq(event.delivery_id()),
                    desk_events::result_id.eq(&result.id),
                    desk_events::candidate_name.eq(&result.candidate_name),
                    desk_events::score.eq(result.score.as_ref().map(|score| score.as_f64())),
                    desk_events::started_at.eq(started_at),
                );
                diesel::insert_into(desk_events::table).values(row).execute(cx.transaction().await?).await?;
                self.handled.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    };
}

handles!(Sqlite);
handles!(Postgres);

/// By the wall clock: the load client is another process.
fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    i64::try_from(since.as_micros()).expect("a clock before the year 200,000")
}
