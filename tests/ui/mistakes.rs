//! Mistakes of a host's author, each behind a cfg of its own: see `main.rs` beside this file. Without any this compiles.

#![expect(unexpected_cfgs, reason = "one test sets them, for this file alone")]

#[cfg(mistake = "no_async_trait")]
mod no_async_trait {
    use rocket_mojito::{Context, Event, HandlerResult, MojitoHandler, Sqlite};

    struct HiringDesk;

    impl MojitoHandler<Sqlite> for HiringDesk {
        async fn interview_result(&self, _: &Event, _: &mut Context<'_, Sqlite>) -> HandlerResult {
            Ok(())
        }
    }
}

#[cfg(mistake = "another_database")]
mod another_database {
    use rocket_mojito::{MojitoConfig, MojitoFairing, MojitoHandler, Postgres, Sqlite};

    struct HiringDesk;

    #[rocket::async_trait]
    impl MojitoHandler<Sqlite> for HiringDesk {}

    fn attach() {
        let _ = MojitoFairing::<Postgres>::new(MojitoConfig::new()).handler(HiringDesk);
    }
}

#[cfg(mistake = "no_database")]
mod no_database {
    use rocket_mojito::{MojitoConfig, MojitoFairing};

    struct HiringDb;

    fn attach() {
        let _ = MojitoFairing::<HiringDb>::new(MojitoConfig::new());
    }
}

#[cfg(mistake = "another_pool")]
mod another_pool {
    use rocket_mojito::pool::PgPool;
    use rocket_mojito::{MojitoConfig, MojitoFairing, Sqlite};

    #[derive(rocket_db_pools::Database)]
    #[database("hiring")]
    struct HostDb(PgPool);

    fn attach() {
        let _ = MojitoFairing::<Sqlite>::new(MojitoConfig::new()).database::<HostDb>();
    }
}

#[cfg(mistake = "guard_without_data")]
mod guard_without_data {
    use rocket_mojito::MojitoEvent;

    #[rocket::post("/hook")]
    fn hook(event: MojitoEvent) -> String {
        event.kind().to_string()
    }
}

fn main() {}
