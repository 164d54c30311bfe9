use rocket_mojito::pool::PgPool;
use rocket_mojito::{MojitoConfig, MojitoFairing, Sqlite};

#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(PgPool);

fn main() {
    let _ = MojitoFairing::<Sqlite>::new(MojitoConfig::new()).database::<HostDb>();
}
