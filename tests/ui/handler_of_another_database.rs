use rocket_mojito::{MojitoConfig, MojitoFairing, MojitoHandler, Postgres, Sqlite};

struct HiringDesk;

#[rocket::async_trait]
impl MojitoHandler<Sqlite> for HiringDesk {}

fn main() {
    let _ = MojitoFairing::<Postgres>::new(MojitoConfig::new()).handler(HiringDesk);
}
