//! Two tenants of one host, each with two secrets, `blue` and `green`. Both are valid at once.
//!
//! ```toml
//! [default.databases.hiring]
//! url = "hiring.db"
//!
//! [default.mojito.endpoints.acme]
//! secrets = [
//!   { id = "blue", header = "X-Mojito-Secret", file = "/run/secrets/acme-blue" },
//!   { id = "green", header = "X-Mojito-Secret", file = "/run/secrets/acme-green" },
//! ]
//!
//! [default.mojito.endpoints.globex]
//! secrets = [
//!   { id = "blue", header = "X-Mojito-Secret", file = "/run/secrets/globex-blue" },
//!   { id = "green", header = "X-Mojito-Secret", file = "/run/secrets/globex-green" },
//! ]
//! ```
//!
//! A rotation needs no restart. JobMojito sends acme's `blue`. Write a new secret to `acme-green`: it is read again once
//! the file has stood still for 2 s. Set it at JobMojito. `GET /acme` tells when deliveries name `green`. From then on
//! `blue` may be written anew: that ends the former secret.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use rocket::figment::Figment;
use rocket::{Config, get, routes};
use rocket_db_pools::{Connection, Database as _};
use rocket_mojito::pool::SqlitePool;
use rocket_mojito::schema::{deliveries, results};
use rocket_mojito::{MojitoConfig, MojitoFairing, Sqlite};

#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(SqlitePool);

/// The results of a tenant, each with the secret of its newest delivery. Results of two tenants never meet.
#[get("/<tenant>")]
async fn of_tenant(mut db: Connection<HostDb>, tenant: &str) -> Option<String> {
    let of_tenant = results::table.inner_join(deliveries::table).filter(results::endpoint.eq(tenant));
    let of_tenant = of_tenant.order(results::id).select((results::id, deliveries::secret_id));
    let rows: Vec<(String, String)> = of_tenant.load(&mut **db).await.ok()?;
    Some(rows.iter().map(|(result, secret)| format!("{result} by {secret}\n")).collect())
}

pub(crate) fn host(figment: Figment) -> rocket::Rocket<rocket::Build> {
    let config = MojitoConfig::from_figment(&figment).expect("the settings below `mojito` are sound");
    let fairing = MojitoFairing::<Sqlite>::new(config).database::<HostDb>();
    rocket::custom(figment).attach(HostDb::init()).attach(fairing).mount("/", routes![of_tenant])
}

#[rocket::launch]
fn rocket() -> _ {
    host(Config::figment())
}
