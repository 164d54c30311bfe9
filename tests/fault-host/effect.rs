use diesel::{ExpressionMethods as _, QueryDsl as _, QueryResult};
use diesel_async::RunQueryDsl;
use rocket_mojito::Backend;

diesel::table! {
    /// The effects of handlers. The test creates it, without a constraint that would hide what happened twice.
    effects {
        id -> BigInt,
        delivery_id -> BigInt,
        result_id -> Text,
        version -> Nullable<BigInt>,
        handler -> Text,
        attempt -> Integer,
        process -> BigInt,
    }
}

diesel::table! {
    /// Rows that many handlers write to. A test that wants them creates them.
    counters {
        id -> BigInt,
        count -> BigInt,
    }
}

/// The effect of one attempt.
#[derive(diesel::Insertable)]
#[diesel(table_name = effects)]
pub(crate) struct Effect<'a> {
    pub delivery_id: i64,
    pub result_id: &'a str,
    pub version: Option<i64>,
    pub handler: &'a str,
    pub attempt: i32,
    pub process: i64,
}

/// A database that effects can be written to.
pub(crate) trait Effects: Backend {
    /// Writes an effect.
    fn write(connection: &mut Self::Connection, effect: Effect<'_>) -> impl Future<Output = QueryResult<()>> + Send;

    /// Adds one to a counter.
    fn add_one(connection: &mut Self::Connection, counter: i64) -> impl Future<Output = QueryResult<()>> + Send;
}

/// The same statements for each, on its own connection.
macro_rules! effects_in {
    ($($feature:literal $backend:ident),+) => {
        $(#[cfg(feature = $feature)]
        impl Effects for rocket_mojito::$backend {
            async fn write(connection: &mut Self::Connection, effect: Effect<'_>) -> QueryResult<()> {
                diesel::insert_into(effects::table).values(effect).execute(connection).await.map(drop)
            }

            async fn add_one(connection: &mut Self::Connection, counter: i64) -> QueryResult<()> {
                let row = diesel::update(counters::table.find(counter));
                row.set(counters::count.eq(counters::count + 1)).execute(connection).await.map(drop)
            }
        })+
    };
}

effects_in!("postgres" Postgres, "sqlite" Sqlite);
